//go:build leaky

package shard_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"mask700/binding/cdr"
	"mask700/sip/call"
)

// TestALeakIsStopped plays the flows with a call that tells each party who the other is, in
// one kind of message and one place of it at a time. None of them may leave; the call of
// one ends, in order, and says why. Each flow is played with two kinds.
func TestALeakIsStopped(t *testing.T) {
	kinds := []string{"INVITE", "180", "183", "200", "ACK", "BYE", "PRACK", "UPDATE", "INFO", "NOTIFY", "MESSAGE", "202", "486 480 500 487 404", "CANCEL"}
	stopped, ended, n := make([]int, len(kinds)), make([]int, len(kinds)), 0
	var places [call.Leaks]int
	datadriven.Walk(t, "../../testdata/flows", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		n++
		play := []int{n % len(kinds), (n/len(kinds) + n + 1) % len(kinds)}
		if strings.HasPrefix(filepath.Base(path), "refer") { // the only flows with these
			play = append(play, slices.Index(kinds, "NOTIFY"), slices.Index(kinds, "202"))
		}
		if strings.HasPrefix(filepath.Base(path), "text") {
			play = append(play, slices.Index(kinds, "MESSAGE"), slices.Index(kinds, "202"))
		}
		if k := slices.IndexFunc(kinds, func(k string) bool { return strings.HasPrefix(filepath.Base(path), strings.ToLower(k)) }); k >= 0 {
			play[0] = k // a flow of that kind
		}
		for i, k := range play {
			place := call.LeakIdentity + call.Leak(n/2+i)%(call.Leaks-call.LeakIdentity)
			call.Leaky = func(is string, _ call.Side) call.Leak {
				if strings.Contains(kinds[k], is) {
					return place
				}
				return call.NoLeak
			}
			s := newScene()
			s.world.leaky = true
			s.world.fail = func(format string, args ...any) {
				for _, matters := range []string{"learns", "sees", "are left", "records closed", "opening row", "closing row", "is none", "media "} {
					if strings.Contains(format, matters) {
						t.Errorf(kinds[k]+": "+format, args...)
						return
					}
				}
			}
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				s.play(t, d)
				return d.Expected // the call goes another way
			})
			s.settle()
			stopped[k] += len(s.world.stopped)
			places[place] += len(s.world.stopped)
			for _, l := range s.world.calls {
				if l.record.End == cdr.EndLeakStopped {
					ended[k]++
				}
			}
		}
	})
	for place := call.LeakIdentity; place < call.Leaks; place++ {
		t.Logf("%s: %d messages were stopped", place, places[place])
		if places[place] == 0 {
			t.Errorf("nothing that leaks was stopped for its %s", place)
		}
	}
	for k, what := range kinds {
		t.Logf("%s: %d messages were stopped, %d calls ended for that", what, stopped[k], ended[k])
		over := what == "BYE" || what == "CANCEL" || strings.HasPrefix(what, "486") // the call has ended already
		if stopped[k] == 0 || ended[k] == 0 && !over {
			t.Errorf("nothing that leaks was stopped in %s", what)
		}
	}
}
