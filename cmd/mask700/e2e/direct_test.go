package e2e

import "testing"

// TestScenariosWithoutGateway plays the pairs against each other: what fails here is the scenario, not the gateway.
func TestScenariosWithoutGateway(t *testing.T) {
	need(t, "sipp")
	pairs := all()
	pairs = append(pairs,
		scenario{name: "404", play: pair("caller-not-found", "callee-not-found"), alone: true},
		scenario{name: "OPTIONS", play: pair("caller-options", "callee-options"), alone: true})
	for _, s := range pairs {
		if !s.alone {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.play.direct = true
			o := newWorld(t).play(s.play)
			if o.callerStatus != 0 || o.calleeStatus != 0 {
				t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
			}
		})
	}
}

// TestScenariosSeeALeak: with nothing masked between them, each side's check has to find what it guards against.
func TestScenariosSeeALeak(t *testing.T) {
	need(t, "sipp")
	leak := func(t *testing.T, change func(w *world, callerLine, calleeLine []string)) outcome {
		t.Parallel()
		w := newWorld(t)
		return w.play(play{caller: "caller-await-bye", callee: "callee-bye", direct: true, lines: change})
	}
	for _, word := range []string{"number", "last digits", "address", "audio port", "name of the phone"} {
		pick := func(secrets []string) string {
			i := map[string]int{"number": 0, "last digits": 1, "address": 2, "audio port": 3, "name of the phone": 4}[word]
			return guard([]string{"something else", secrets[i]})
		}
		t.Run("of the caller, "+word, func(t *testing.T) {
			o := leak(t, func(w *world, _, callee []string) { callee[2] = pick(w.secretsOfCaller()) })
			if o.calleeStatus == 0 {
				t.Error("the callee's scenario passed")
			}
		})
		t.Run("of the callee, "+word, func(t *testing.T) {
			o := leak(t, func(w *world, caller, _ []string) {
				if word == "number" || word == "last digits" {
					w.callee.number = w.x // unmasked, the callee answers as the number that was dialled
				}
				caller[2] = pick(w.secretsOfCallee())
			})
			if o.callerStatus == 0 {
				t.Error("the caller's scenario passed")
			}
		})
	}
	t.Run("another number shown", func(t *testing.T) {
		o := leak(t, func(w *world, _, callee []string) { callee[1] = w.forwarder })
		if o.calleeStatus == 0 {
			t.Error("the callee's scenario passed")
		}
	})
}
