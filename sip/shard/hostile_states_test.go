package shard_test

import (
	"fmt"
	"testing"
	"time"

	"mask700/binding"
	"mask700/sip/flow"
)

// states are where a call can stand when something comes that nobody should send.
var states = []struct {
	name string
	get  func(t *testing.T) *line
}{
	{"no answer yet", func(t *testing.T) *line { return dial(t, newProbe(t)) }},
	{"ringing", func(t *testing.T) *line {
		return dial(t, newProbe(t)).then(fromCallee, "183", func(l *line) string { return l.replies(180, "callee") })
	}},
	{"early media", func(t *testing.T) *line {
		return dial(t, newProbe(t)).then(fromCallee, "183", func(l *line) string { return l.replies(183, "callee") })
	}},
	{"a reliable response", func(t *testing.T) *line {
		return dial(t, newProbe(t)).then(fromCallee, "PRACK, 183", func(l *line) string { return l.replies(183, "callee", "Require: 100rel", "RSeq: 7") })
	}},
	{"two phones ringing", func(t *testing.T) *line {
		l := dial(t, newProbe(t)).then(fromCallee, "183", func(l *line) string { return l.replies(183, "other") })
		return l.then(fromCallee, "180", func(l *line) string { return l.replies(180, "callee") })
	}},
	{"cancelled", func(t *testing.T) *line {
		return dial(t, newProbe(t)).then(fromCaller, "200, 487", func(*line) string { return plain("CANCEL") })
	}},
	{"cancelled in ringing", func(t *testing.T) *line {
		l := dial(t, newProbe(t)).then(fromCallee, "183", func(l *line) string { return l.replies(180, "callee") })
		return l.then(fromCaller, "200, 487, CANCEL", func(*line) string { return plain("CANCEL") })
	}},
	{"refused", func(t *testing.T) *line {
		return dial(t, newProbe(t)).then(fromCallee, "ACK, 486", func(l *line) string { return l.replies(486, "callee") })
	}},
	{"answered", func(t *testing.T) *line {
		return dial(t, newProbe(t)).then(fromCallee, "ACK, 200", func(l *line) string { return l.replies(200, "callee") })
	}},
	{"talking", func(t *testing.T) *line { return talk(t, newProbe(t)) }},
	{"a re-INVITE across", func(t *testing.T) *line {
		return talk(t, newProbe(t)).then(fromCaller, "100, INVITE", func(l *line) string { return l.holds("INVITE", offer+"a=sendonly\r\n") })
	}},
	{"a re-INVITE without an offer", func(t *testing.T) *line {
		return talk(t, newProbe(t)).then(fromCallee, "100, INVITE", func(l *line) string { return l.back("INVITE") })
	}},
	{"a re-INVITE that rings", func(t *testing.T) *line {
		l := talk(t, newProbe(t)).then(fromCaller, "100, INVITE", func(l *line) string { return l.holds("INVITE", offer+"a=sendonly\r\n") })
		again := *l
		again.asked = read(t, l.across[len(l.across)-1].Bytes)
		return l.then(fromCallee, "nothing", func(*line) string { return again.replies(180, "callee") })
	}},
	{"an UPDATE across", func(t *testing.T) *line {
		return talk(t, newProbe(t)).then(fromCaller, "INVITE", func(l *line) string {
			return l.holds("UPDATE", offer+"a=sendonly\r\n", "Content-Type: application/sdp")
		})
	}},
	{"hung up by the caller", func(t *testing.T) *line {
		return talk(t, newProbe(t)).then(fromCaller, "200, BYE", func(l *line) string { return l.inside("BYE") })
	}},
	{"hung up by the callee", func(t *testing.T) *line {
		return talk(t, newProbe(t)).then(fromCallee, "200, BYE", func(l *line) string { return l.back("BYE") })
	}},
	{"being transferred", transferring},
	{"transferred", func(t *testing.T) *line {
		l := transferring(t)
		third := *l
		third.asked, third.phone = read(t, l.across[len(l.across)-1].Bytes), "192.0.2.30"
		return l.then(fromCaller, "ACK, INVITE, NOTIFY", func(*line) string { return third.replies(200, "third") })
	}},
	{"transferred and left", func(t *testing.T) *line {
		l := transferring(t)
		third := *l
		third.asked, third.phone = read(t, l.across[len(l.across)-1].Bytes), "192.0.2.30"
		l.then(fromCaller, "ACK, INVITE, NOTIFY", func(*line) string { return third.replies(200, "third") })
		return l.then(fromCallee, "200", func(l *line) string { return l.back("BYE", "CSeq: 2 BYE") })
	}},
	{"over", func(t *testing.T) *line {
		l := talk(t, newProbe(t)).then(fromCaller, "200, BYE", func(l *line) string { return l.inside("BYE") })
		l.wait(5 * time.Minute)
		return l
	}},
}

// then goes on with one more message, and what comes of it.
func (l *line) then(from flow.Flow, want string, frame func(*line) string) *line {
	l.t.Helper()
	text := frame(l)
	l.from = from
	if got := l.deliver([]byte(text)); got != want && want != "" {
		l.t.Fatalf("on the way to the state a message gets %s, want %s", got, want)
	}
	return l
}

// transferring has the callee send the caller to a third, whose phone is asked.
func transferring(t *testing.T) *line {
	p := newProbe(t)
	p.refers = true
	for _, k := range p.trunks {
		k.Refer = "allow"
	}
	mate := p.rows[0]
	mate.ID, mate.X, mate.A = "mate", mustX("700100000010012"), mustNumber("13600000004")
	p.rows = append([]binding.Binding{mate}, p.rows...)
	newActor(p.world, "third", "13600000004", "192.0.2.30:5060", 0)
	return talk(t, p).then(fromCallee, "202, NOTIFY, INVITE", func(l *line) string { return l.back("REFER", "Refer-To: <tel:700100000010012>") })
}

// Whatever comes, and whenever, nothing breaks, nobody learns more than before,
// and in the end there is one record of each call and nothing else.
func TestIntrusionsInEveryState(t *testing.T) {
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			try := func(name string, from flow.Flow, frame func(*line) string) {
				l := state.get(t)
				l.fail = func(format string, args ...any) { t.Errorf(name+": "+format, args...) }
				defer func() {
					if p := recover(); p != nil {
						t.Fatalf("%s: %v", name, p)
					}
				}()
				text := frame(l)
				for range 2 {
					l.from = from
					l.deliver([]byte(text))
				}
				l.finish()
			}
			for _, c := range intrusions {
				try(c.name, c.from, c.frame)
			}
			for _, c := range wrong {
				try(c.name+", of the caller", fromCaller, func(*line) string { return c.frame })
				if c.answer != through && c.answer != "MESSAGE" { // that would be a call or a text of the other trunk's
					try(c.name+", of the callee", fromCallee, func(*line) string { return c.frame })
				}
			}
			for _, method := range []string{"BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "INVITE", "REFER", "NOTIFY", "OPTIONS"} {
				try("a CANCEL of the caller's "+method, fromCaller, func(l *line) string {
					l.then(fromCaller, "", func(l *line) string { return l.inside(method, "CSeq: 9 "+method) })
					return l.inside("CANCEL", "CSeq: 9 CANCEL")
				})
				try("a CANCEL of the callee's "+method, fromCallee, func(l *line) string {
					l.then(fromCallee, "", func(l *line) string { return l.back(method, "CSeq: 9 "+method) })
					return l.back("CANCEL", "CSeq: 9 CANCEL")
				})
			}
			for status := 100; status < 700; status += 20 {
				try(fmt.Sprint("a ", status), fromCallee, func(l *line) string { return l.replies(status, "callee") })
			}
		})
	}
}

// finish ends what is left of a call and checks what stays.
func (l *line) finish() {
	l.t.Helper()
	l.shard.HangUp(l.now, "", "hangup")
	l.perform()
	for end := l.now.Add(10 * time.Minute); l.now.Before(end); {
		l.now = l.now.Add(10 * time.Second)
		l.shard.Advance(l.now)
		l.perform()
	}
	for name, n := range l.shard.Tables() {
		if n != 0 {
			l.fail("%d %s are left when all is over", n, name)
		}
	}
	for id, c := range l.calls {
		if c.closed != 1 || !c.onDisk || c.media || c.opened > 1 {
			l.fail("call %s: %d records closed, %d opened, media %t", id, c.closed, c.opened, c.media)
		}
	}
}
