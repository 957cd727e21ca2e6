//go:build leaky

package shard_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"mask700/sip/call"
	"mask700/sip/canary"
	"mask700/sip/sentinel"
	"mask700/sip/shard"
)

// leaks are what the call is made to copy, one at a time: into what, where, on its way to
// whom in which flow, and the kind of the marks in it.
var leaks = map[string]struct {
	what  string
	to    call.Side
	place call.Leak
	flow  string
	actor string // who is on that side
	kind  string
}{
	"INVITE":                    {"INVITE", call.Callee, call.LeakIdentity, "basic", "callee", ofIdentity},
	"180":                       {"180", call.Caller, call.LeakIdentity, "basic", "caller", ofFlow},
	"183":                       {"183", call.Caller, call.LeakIdentity, "early-media", "caller", ofFlow},
	"200":                       {"200", call.Caller, call.LeakIdentity, "basic", "caller", ofFlow},
	"a re-INVITE":               {"INVITE", call.Caller, call.LeakIdentity, "hold-by-callee", "caller", ofFlow},
	"an UPDATE":                 {"UPDATE", call.Callee, call.LeakIdentity, "update-hold", "callee", ofIdentity},
	"PRACK":                     {"PRACK", call.Callee, call.LeakIdentity, "reliable-both", "callee", ofIdentity},
	"an INFO":                   {"INFO", call.Callee, call.LeakIdentity, "info", "callee", ofIdentity},
	"BYE":                       {"BYE", call.Callee, call.LeakIdentity, "bye-by-caller", "callee", ofIdentity},
	"a third party's":           {"INVITE", call.Third, call.LeakIdentity, "refer", "guest", ofFlow},
	"From":                      {"INVITE", call.Callee, call.LeakFrom, "basic", "callee", ofIdentity},
	"From of a BYE":             {"BYE", call.Caller, call.LeakFrom, "bye-by-callee", "caller", ofFlow},
	"From to a third party":     {"INVITE", call.Third, call.LeakFrom, "refer", "guest", ofFlow},
	"To":                        {"INVITE", call.Callee, call.LeakTo, "basic", "callee", ofIdentity},
	"To of a 200":               {"200", call.Caller, call.LeakTo, "basic", "caller", ofFlow},
	"To of an ACK":              {"ACK", call.Callee, call.LeakTo, "basic", "callee", ofIdentity},
	"Request-URI":               {"INVITE", call.Callee, call.LeakTarget, "basic", "callee", ofFlow},
	"Request-URI of a BYE":      {"BYE", call.Callee, call.LeakTarget, "bye-by-caller", "callee", ofFlow},
	"Request-URI of a third":    {"INVITE", call.Third, call.LeakTarget, "refer", "guest", ofFlow},
	"Contact":                   {"INVITE", call.Callee, call.LeakContact, "basic", "callee", ofRouting},
	"Contact of a 180":          {"180", call.Caller, call.LeakContact, "basic", "caller", ofRouting},
	"NOTIFY of a REFER":         {"NOTIFY", call.Caller, call.LeakBody, "refer", "caller", ofFlow},
	"From of its NOTIFY":        {"NOTIFY", call.Caller, call.LeakFrom, "refer", "caller", ofFlow},
	"its last NOTIFY":           {"NOTIFY", call.Third, call.LeakBody, "refer", "caller", ofFlow},
	"Contact of a REFER's 202":  {"202", call.Caller, call.LeakContact, "refer", "caller", ofRouting},
	"a text":                    {"MESSAGE", call.Callee, call.LeakIdentity, "text", "callee", ofIdentity},
	"what a text says":          {"MESSAGE", call.Callee, call.LeakBody, "text", "callee", ofIdentity},
	"the offer of who stays":    {"INVITE", call.Callee, call.LeakContact, "refer-again", "callee", ofRouting},
	"CANCEL":                    {"CANCEL", call.Callee, call.LeakIdentity, "cancel-after-ringing", "callee", ofIdentity},
	"From of a CANCEL":          {"CANCEL", call.Callee, call.LeakFrom, "cancel-after-ringing", "callee", ofIdentity},
	"CANCEL of a re-INVITE":     {"CANCEL", call.Caller, call.LeakIdentity, "reinvite-cancelled", "caller", ofFlow},
	"CANCEL of a third's":       {"CANCEL", call.Third, call.LeakIdentity, "refer-abandoned", "guest", ofFlow},
	"who was transferred away":  {"INVITE", call.Callee, call.LeakDeparted, "refer", "callee", ofFlow},
	"BYE that says who was":     {"BYE", call.Callee, call.LeakDeparted, "refer-again", "callee", ofFlow},
	"200 that says who was":     {"200", call.Caller, call.LeakDeparted, "refer", "guest", ofFlow},
	"who rang before":           {"INVITE", call.Callee, call.LeakDeparted, "turn-busy", "guest", ofFlow},
	"a header that is not read": {"INVITE", call.Callee, call.LeakNamed, "basic", "callee", ofTexts},
	"one of a 180":              {"180", call.Caller, call.LeakNamed, "basic", "caller", ofTexts},
}

// TestALeakIsFound has the call copy something of the other party, and expects that
// the marks in it are found on the other side: what finds nothing in TestCanaries can
// find something. With the sentinel nothing of it leaves, and it is the sentinel that
// has stopped that very message: until then the call has gone as ever.
func TestALeakIsFound(t *testing.T) {
	defer func(f func(string, call.Side) call.Leak) { call.Leaky, shard.Blind = f, false }(call.Leaky)
	for name, c := range leaks {
		for _, m := range []manner{plainly, amongParts, disguised} {
			t.Run(name+"/"+m.String(), func(t *testing.T) {
				call.Leaky = func(what string, to call.Side) call.Leak {
					if what == c.what && to == c.to {
						return c.place
					}
					return call.NoLeak
				}
				play := func(blind bool) *watch {
					shard.Blind = blind
					w := newWatch(m, &flowRow{marks: map[string]string{}})
					w.scene.world.leaky = true
					quiet := func(string, ...any) {} // the guard of the flows has seen it too
					datadriven.RunTest(t, filepath.Join("../../testdata/flows", c.flow+".txt"), func(t *testing.T, d *datadriven.TestData) string {
						w.scene.world.fail = quiet
						w.scene.play(t, d)
						return d.Expected
					})
					return w
				}
				w := play(false)
				if len(w.leaks) != 0 || len(w.scene.world.stopped) == 0 {
					t.Errorf("the sentinel stopped %d messages, and %d marks left: %s", len(w.scene.world.stopped), len(w.leaks), strings.Join(w.leaks, "\n"))
				}
				for _, a := range w.scene.world.stopped {
					if a.What != c.what || a.To != c.to {
						t.Errorf("%s to the %s was stopped", a.What, a.To)
					}
				}
				w = play(true)
				if !slices.ContainsFunc(w.leaks, func(l string) bool { return strings.HasPrefix(l, c.actor+" is sent ") }) {
					t.Errorf("nothing was found in what went to the %s, of %d leaks", c.actor, len(w.leaks))
				}
				if len(w.scene.world.stopped) != 0 {
					t.Errorf("the sentinel stopped %d messages, which was not to look", len(w.scene.world.stopped))
				}
				if !slices.ContainsFunc(w.leaked, func(mark string) bool { return w.row.marks[mark] == c.kind }) {
					t.Errorf("no mark of %s was found", c.kind)
				}
			})
		}
	}
}

// TestALeakIsFoundWhenTheCallIsOver: what releases a phone that picks up too late is made
// when the call is no more, and searched all the same.
func TestALeakIsFoundWhenTheCallIsOver(t *testing.T) {
	defer func(f func(string, call.Side) call.Leak) { call.Leaky, call.LeakyLate, shard.Blind = f, "", false }(call.Leaky)
	call.Leaky = func(string, call.Side) call.Leak { return call.NoLeak }
	call.LeakyLate = "<sip:13800000001@198.51.100.1>"
	for _, blind := range []bool{false, true} {
		shard.Blind = blind
		w := newWatch(plainly, &flowRow{marks: map[string]string{}})
		w.scene.world.leaky = true
		datadriven.RunTest(t, "../../testdata/flows/fork-after-end.txt", func(t *testing.T, d *datadriven.TestData) string {
			w.scene.world.fail = func(string, ...any) {}
			w.scene.play(t, d)
			return d.Expected
		})
		if found := slices.ContainsFunc(w.leaks, func(l string) bool { return strings.HasPrefix(l, "callee is sent 13800000001 of caller") }); found != blind {
			t.Errorf("blind %t: found %t", blind, found)
		}
		if n := len(w.scene.world.stopped); (n > 0) == blind {
			t.Errorf("blind %t: %d messages were stopped", blind, n)
		}
	}
}

// TestALeakOfADivertedNumberIsFound: a number that one party has written into a header that
// is read for nothing else, and nowhere but there, is kept from the other one.
func TestALeakOfADivertedNumberIsFound(t *testing.T) {
	defer func(f func(string, call.Side) call.Leak) { call.Leaky, shard.Blind = f, false }(call.Leaky)
	const number = "13100000077"
	for name, c := range map[string]struct {
		lines []string
		what  string
		to    call.Side
	}{
		"Diversion":    {[]string{"caller INVITE 700100000010007\nDiversion: <sip:" + number + "@192.0.2.10>;reason=user-busy\nsdp"}, "INVITE", call.Callee},
		"History-Info": {[]string{"caller INVITE 700100000010007\nHistory-Info: <sip:0086" + number + "@192.0.2.10>;index=1\nsdp"}, "INVITE", call.Callee},
		"of a 180":     {[]string{"caller INVITE 700100000010007\nsdp", "callee 180\nHistory-Info: <tel:+86-131-0000-0077>;index=1.1"}, "180", call.Caller},
	} {
		t.Run(name, func(t *testing.T) {
			call.Leaky = func(what string, to call.Side) call.Leak {
				if what == c.what && to == c.to {
					return call.LeakNamed
				}
				return call.NoLeak
			}
			for _, blind := range []bool{false, true} {
				shard.Blind = blind
				s := newScene()
				s.world.leaky = true
				s.world.fail = func(string, ...any) {} // the guard of the flows has seen it too
				finder, sent := canary.NewFinder(), 0
				finder.Add(number)
				s.world.send = func(out shard.Send) {
					if len(finder.Find(out.Bytes)) > 0 {
						sent++
					}
					s.shows(out)
				}
				for _, line := range c.lines {
					who, text, _ := strings.Cut(line, " ")
					b, err := s.actors[who].write(text)
					if err != nil {
						t.Fatal(err)
					}
					s.receive(s.actors[who], b)
				}
				stopped := s.world.stopped
				if blind != (sent > 0) || blind == (len(stopped) > 0) {
					t.Errorf("blind %t: sent in %d messages, %d were stopped", blind, sent, len(stopped))
				}
				for _, a := range stopped {
					if a.Kind != sentinel.Number || a.What != c.what || a.To != c.to {
						t.Errorf("%s to the %s was stopped for the %s", a.What, a.To, a.Kind)
					}
				}
			}
		})
	}
}
