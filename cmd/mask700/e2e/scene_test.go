package e2e

import (
	"encoding/json"
	"testing"

	"mask700/binding"
	"mask700/binding/cdr"
)

// The three scenes that most 700 numbers are bound for, whole: who is bound, calls and writes, from either side, until
// the order is over and the number is somebody else's.

// scene is a world whose two phones are whoever the scene has there at the moment.
type scene struct {
	*world
	t     *testing.T
	calls int // and texts, that have left a record
}

func newScene(t *testing.T) *scene {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	w.serve(setup{})
	return &scene{world: w, t: t}
}

// turn has the phones of the two sides change places: who was called calls.
func (s *scene) turn() {
	s.caller, s.callee = s.callee, s.caller
	s.forwarder, s.onward = s.onward, s.forwarder
	s.left, s.right = s.right, s.left
	s.hosts.Left, s.hosts.Right = s.hosts.Right, s.hosts.Left
	s.hosts.Caller, s.hosts.Callee = s.hosts.Callee, s.hosts.Caller
}

// create makes a binding and returns its id and numbers.
func (s *scene) create(args ...string) (id, x, y string) {
	s.t.Helper()
	out := s.run(append([]string{"binding", "create", "-o", "json"}, args...)...)
	var made struct{ ID, X, Y, State string }
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.State != "live" {
		s.t.Fatalf("binding create printed no live binding: %v\n%s", err, out)
	}
	return made.ID, made.X, made.Y
}

// talk has the caller call and write to a number; the callee's phone shows another.
func (s *scene) talk(dials, shows, id string) {
	s.t.Helper()
	s.x = shows // what its identity headers may have
	for _, p := range []play{pair("caller-bye", "callee-answer"), pair("caller-text", "callee-text")} {
		p.lines = func(_ *world, caller, callee []string) { caller[1], callee[1] = dials, shows }
		o := s.play(p)
		if o.callerStatus != 0 || o.calleeStatus != 0 {
			s.t.Errorf("%s over %s: the caller's SIPp ended with %d, the callee's with %d", p.caller, dials, o.callerStatus, o.calleeStatus)
		}
		s.unseen(o)
		r := s.next()
		if p.caller == "caller-bye" {
			callerHangsUp.agrees(s.t, r)
		} else if r.Kind != cdr.KindText || r.SIPStatus != 202 {
			s.t.Errorf("record of a text: kind %q, status %d", r.Kind, r.SIPStatus)
		}
		if r.Binding != id || r.CalleeIn != dials || r.CallerOut != shows || r.CallerIn != masked(s.caller.number) || r.CalleeOut != masked(s.callee.number) {
			s.t.Errorf("record: binding %s, %s dialled, shown %s", r.Binding, r.CalleeIn, r.CallerOut)
		}
	}
}

// refused has the caller call and write in vain.
func (s *scene) refused(dials string) {
	s.t.Helper()
	for _, scenario := range []string{"caller-not-found", "caller-text-not-found"} {
		if o := s.play(play{caller: scenario, dials: []string{dials}}); o.callerStatus != 0 {
			s.t.Errorf("%s to %s: the caller's SIPp ended with %d", scenario, dials, o.callerStatus)
		}
		if r := s.next(); r.SIPStatus != 404 || r.CalleeOut != "" || r.Refusal != binding.RefusalNoBinding {
			s.t.Errorf("%s: status %d, refusal %q", scenario, r.SIPStatus, r.Refusal)
		}
	}
}

// next is the record of the call or text that was last.
func (s *scene) next() cdr.View {
	s.t.Helper()
	all := s.records()
	s.calls++
	if len(all) != s.calls {
		s.t.Fatalf("%d records of %d calls and texts", len(all), s.calls)
	}
	return all[len(all)-1]
}

// TestRide: driver and rider call each other, each over a number of its own; the trip ends, and so do their calls; the
// numbers then serve another trip.
func TestRide(t *testing.T) {
	s := newScene(t)
	driver, rider := s.caller.number, s.callee.number
	id, x, y := s.create("--mode", "axyb", "--a", driver, "--b", rider, "--order", "TRIP-1", "--ttl", "2h")
	s.talk(x, y, id)
	s.turn()
	s.talk(y, x, id)
	s.run("binding", "delete", id)
	s.refused(y)
	s.turn()
	s.refused(x)

	other, passenger := "135"+digits(8), "134"+digits(8)
	next, _, _ := s.create("--mode", "axyb", "--a", other, "--b", passenger, "--x", x, "--y", y, "--order", "TRIP-2")
	s.refused(x)
	s.caller.number, s.callee.number = other, passenger
	s.talk(x, y, next)
	s.shut(driver, rider, other, passenger)
}

// TestParcel: a courier has many recipients, of whom each knows one number: some have one of their own, some share one; and a number is
// shared with another courier's.
func TestParcel(t *testing.T) {
	s := newScene(t)
	courier := s.caller.number
	recipients := []string{s.callee.number, "135" + digits(8), "134" + digits(8)}
	var ids, numbers []string
	for i, r := range recipients {
		id, x, _ := s.create("--a", courier, "--b", r, "--order", "PARCEL-"+string(rune('1'+i)))
		ids, numbers = append(ids, id), append(numbers, x)
	}
	for i, r := range recipients {
		s.callee.number = r
		s.talk(numbers[i], numbers[i], ids[i])
	}
	s.callee.number = recipients[1]
	s.turn()
	s.talk(numbers[1], numbers[1], ids[1])
	s.refused(numbers[2]) // another recipient's

	// One number for two of them: both reach the courier, who reaches the one that called last.
	round, one, _ := s.create("--mode", "gxb", "--group", recipients[0]+","+recipients[2], "--b", courier, "--back", "last-caller", "--order", "ROUND-1")
	s.caller.number = recipients[2]
	s.talk(one, one, round)
	s.turn()
	s.talk(one, one, round)

	// Another courier and recipient share the number of the first.
	second, neighbour := "133"+digits(8), "132"+digits(8)
	shared, _, _ := s.create("--a", second, "--b", neighbour, "--x", numbers[0], "--order", "PARCEL-4")
	s.caller.number, s.callee.number = second, neighbour
	s.talk(numbers[0], numbers[0], shared)
	s.caller.number, s.callee.number = courier, recipients[0]
	s.talk(numbers[0], numbers[0], ids[0])
	s.shut(append(recipients, courier, second, neighbour)...)
}

// TestFood: a shop's staff and its rider reach one customer over one number; the customer reaches whoever called last.
func TestFood(t *testing.T) {
	s := newScene(t)
	customer := s.callee.number
	staff := []string{s.caller.number, "135" + digits(8), "134" + digits(8)}
	id, x, _ := s.create("--mode", "gxb", "--group", staff[0]+","+staff[1]+","+staff[2], "--b", customer, "--back", "last-caller", "--order", "FOOD-1")
	for _, member := range []string{staff[0], staff[2]} {
		s.caller.number = member
		s.talk(x, x, id)
	}
	s.turn()
	s.talk(x, x, id) // the one who called last
	s.caller.number = "133" + digits(8)
	s.refused(x)
	s.shut(append(staff, customer)...)
}
