package register

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mask700/sip/flow"
	"mask700/sip/message"
)

func TestRefusalsAreTriedAgainLater(t *testing.T) {
	for _, status := range []int{0, 302, 400, 403, 404, 408, 480, 500, 501, 503, 600, 603} {
		d := newDesk(t, nil)
		d.start()
		waits := []string{"2.5s", "5s", "10s", "20s", "40s", "1m20s", "2m30s", "2m30s", "2m30s"}
		for _, wait := range waits {
			d.answer(status)
			d.expect(fmt.Sprint(status), "wait "+wait, Waiting)
			if v := d.machine.View(d.env.Now); v.Status != status || v.Registered {
				t.Errorf("%+v", v)
			}
			d.fire()
			d.expect(fmt.Sprint(status), "REGISTER 600 via 1", Trying)
		}
		if got := d.last.Request.CSeq; int(got) != len(waits)+1 {
			t.Errorf("CSeq %d after %d requests", got, len(waits)+1)
		}
		d.grant(600)
		d.fire()
		d.answer(status)
		d.expect("after a success it begins anew", "wait 2.5s", Waiting)
	}
}

func TestPausesAreSpread(t *testing.T) {
	for random, want := range map[float64]string{0: "wait 2.5s", 0.5: "wait 3.75s", 0.99: "wait 4.975s"} {
		d := newDesk(t, nil)
		d.env.Random = random
		d.start()
		d.answer(403)
		d.expect(fmt.Sprint(random), want, Waiting)
	}
}

// A redirection is not followed: nobody but the operator says whom we tell our
// password and our address.
func TestRedirectionsAreNotFollowed(t *testing.T) {
	d := newDesk(t, nil)
	d.env.Hops = append(d.env.Hops, hop(2, flow.UDP))
	d.start()
	d.answer(302, "Contact: <sip:elsewhere.example>")
	d.expect("a 302", "wait 2.5s", Waiting)
}

func TestTheNextHopIsTriedWhereThatHelps(t *testing.T) {
	for status, next := range map[int]bool{0: true, 408: true, 500: true, 503: true, 504: true, 403: false, 404: false, 603: false, 302: false} {
		d := newDesk(t, nil)
		d.env.Hops = append(d.env.Hops, hop(2, flow.UDP), hop(3, flow.TCP))
		d.start()
		d.answer(status)
		if !next {
			d.expect(fmt.Sprint(status), "wait 2.5s", Waiting)
			continue
		}
		d.expect(fmt.Sprint(status), "REGISTER 600 via 2", Trying)
		d.answer(status)
		d.expect(fmt.Sprint(status), "REGISTER 600 via 3", Trying)
		if !strings.Contains(d.last.Request.Contact, "transport=tcp") {
			t.Errorf("on TCP the Contact is %s", d.last.Request.Contact)
		}
		d.answer(status)
		d.expect("when all have failed", "wait 2.5s", Waiting)
		d.fire()
		d.expect("and then", "REGISTER 600 via 1", Trying)
	}
}

func TestWhereItIsRegisteredItStays(t *testing.T) {
	d := newDesk(t, nil)
	d.env.Hops = append(d.env.Hops, hop(2, flow.UDP))
	d.start()
	d.answer(0)
	d.grant(600)
	d.fire()
	d.expect("renewed", "REGISTER 600 via 2", Trying)
	d.grant(600)
	d.env.Hops[1].Down = true
	d.fire()
	d.expect("when that is down", "REGISTER 600 via 1", Trying)
	d.env.Hops[0].Down = true
	d.answer(0)
	d.expect("when all are down", "REGISTER 600 via 2", Trying)
	d.answer(0)
	d.env.Hops = d.env.Hops[:1]
	d.fire()
	d.expect("when the place is no more", "REGISTER 600 via 1", Trying)
}

func TestNoWayToTheRegistrar(t *testing.T) {
	d := newDesk(t, nil)
	hops := d.env.Hops
	d.env.Hops = nil
	d.start()
	d.expect("without a hop", "wait 2.5s", Waiting)
	d.fire()
	d.expect("still", "wait 5s", Waiting)
	d.env.Hops = hops
	d.fire()
	d.expect("when there is one", "REGISTER 600 via 1", Trying)
}

func TestRetryAfterIsHeeded(t *testing.T) {
	d := newDesk(t, nil)
	d.start()
	d.answer(503, "Retry-After: 60 (busy)")
	d.expect("a 503", "wait 1m0s", Waiting)
	d.fire()
	d.answer(503, "Retry-After: 999999")
	d.expect("for days", "wait 1h0m0s", Waiting)
	d.fire()
	d.answer(404, "Retry-After: 30")
	d.expect("a 404", "wait 30s", Waiting)

	d = newDesk(t, nil)
	d.env.Hops = append(d.env.Hops, hop(2, flow.UDP))
	d.start()
	d.answer(503, "Retry-After: 60")
	d.expect("the other hop", "REGISTER 600 via 2", Trying)
	d.answer(500)
	d.expect("both", "wait 2.5s", Waiting)
	d.fire()
	d.expect("the one that did not want to rest", "REGISTER 600 via 2", Trying)
	d.answer(503, "Retry-After: 120")
	d.expect("both rest", "wait 57.5s", Waiting)
	d.fire()
	d.expect("the one that has rested", "REGISTER 600 via 1", Trying)
}

// A renewal that fails does not undo what was granted before its time is over.
func TestAFailedRenewalLeavesWhatThereIs(t *testing.T) {
	d := newDesk(t, nil)
	d.start()
	d.grant(600)
	d.fire()
	d.answer(0)
	if v := d.machine.View(d.env.Now); !v.Registered || v.State != Waiting || v.Status != 0 {
		t.Errorf("%+v", v)
	}
	if v := d.machine.View(began.Add(10 * time.Minute)); v.Registered {
		t.Errorf("after its time: %+v", v)
	}
}

func TestStopTakesBack(t *testing.T) {
	registered := func(t *testing.T) *desk {
		d := newDesk(t, nil)
		d.start()
		d.answer(401, fmt.Sprintf(challenge, "one", ""))
		d.grant(600)
		return d
	}
	gone := func(d *desk) {
		d.t.Helper()
		d.expect("in the end", "nothing", Over)
		d.take(d.machine.Fired(d.env))
		d.take(d.machine.Stop(d.env))
		d.take(d.machine.Start(d.env))
		d.expect("and ever after", "nothing", Over)
	}
	t.Run("registered", func(t *testing.T) {
		d := registered(t)
		d.stop()
		d.expect("stopped", "REGISTER 0 via 1", Leaving)
		if r := d.last.Request; !strings.Contains(r.Authorization, "nc=00000002") || r.Contact == "*" || r.CSeq != 3 {
			t.Errorf("CSeq %d, Contact %s, %s", r.CSeq, r.Contact, r.Authorization)
		}
		d.answer(401, fmt.Sprintf(challenge, "two", ", stale=true"))
		d.expect("challenged", "REGISTER 0 via 1", Leaving)
		d.answer(200)
		if d.machine.View(d.env.Now).Registered {
			t.Error("still registered")
		}
		gone(d)
	})
	for _, status := range []int{0, 401, 403, 423, 500, 503} {
		t.Run(fmt.Sprint("answered ", status), func(t *testing.T) {
			d := registered(t)
			d.env.Hops = append(d.env.Hops, hop(2, flow.UDP))
			d.stop()
			d.answer(status, "Min-Expires: 4000")
			gone(d)
		})
	}
	t.Run("never begun", func(t *testing.T) {
		d := newDesk(t, nil)
		d.stop()
		gone(d)
	})
	t.Run("waiting, with nothing to take back", func(t *testing.T) {
		d := newDesk(t, nil)
		d.start()
		d.answer(403)
		d.stop()
		gone(d)
	})
	t.Run("waiting, while the last one lasts", func(t *testing.T) {
		d := registered(t)
		d.env.Hops = append(d.env.Hops, hop(2, flow.UDP))
		d.fire()
		d.answer(0)
		d.answer(0)
		d.stop()
		d.expect("where it was granted", "REGISTER 0 via 1", Leaving)
	})
	t.Run("while a request is on its way", func(t *testing.T) {
		d := newDesk(t, nil)
		d.start()
		request := d.last
		d.stop()
		d.expect("stopped", "nothing", Trying)
		d.last = request
		d.grant(600)
		d.expect("granted after all", "REGISTER 0 via 1", Leaving)
	})
	t.Run("while a request is on its way that fails", func(t *testing.T) {
		d := newDesk(t, nil)
		d.env.Hops = append(d.env.Hops, hop(2, flow.UDP))
		d.start()
		request := d.last
		d.stop()
		d.last = request
		d.answer(503)
		gone(d)
	})
}

func TestNothingIsDoneOutOfTurn(t *testing.T) {
	d := newDesk(t, nil)
	d.take(d.machine.Answered(d.env, &message.Message{Status: 200}))
	d.take(d.machine.Fired(d.env))
	d.expect("before the start", "nothing", Idle)
	d.start()
	request := d.last
	d.take(d.machine.Start(d.env))
	d.take(d.machine.Fired(d.env))
	d.expect("while trying", "nothing", Trying)
	d.last = request
	d.grant(600)
	d.take(d.machine.Answered(d.env, &message.Message{Status: 403}))
	d.expect("a second answer", "nothing", Registered)
}

// TestAnyRegistrar plays registrars that answer anything: there is always either
// a request on its way or a timer, never one sooner than half a second after the
// last, but for the few tries of one attempt, and the tables stay small.
func TestAnyRegistrar(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 700))
		d := newDesk(t, nil)
		for i := range r.IntN(4) {
			d.env.Hops = append(d.env.Hops, hop(2+i, flow.Network(r.IntN(3))))
		}
		d.start()
		inARow := 0
		for range 200 {
			d.env.Random = r.Float64()
			for i := range d.env.Hops {
				d.env.Hops[i].Down = r.IntN(4) == 0
			}
			if d.last.Request == nil {
				if d.last.Wait < least {
					t.Fatalf("seed %d: %s in state %s", seed, d.asks(), d.machine.state)
				}
				inARow = 0
				d.fire()
				continue
			}
			if inARow++; inARow > 40 {
				t.Fatalf("seed %d: %d requests without a pause", seed, inARow)
			}
			d.any(r)
			if n := len(d.machine.resting); n > 8 {
				t.Fatalf("seed %d: %d hops rest", seed, n)
			}
		}
	}
}

func (d *desk) any(r *rand.Rand) {
	stale := []string{"", ", stale=true"}[r.IntN(2)]
	switch r.IntN(8) {
	case 0:
		d.answer(0)
	case 1:
		d.grant(r.IntN(1000))
	case 2:
		d.answer(401, fmt.Sprintf(challenge, fmt.Sprint(r.IntN(5)), stale))
	case 3:
		d.answer(407, fmt.Sprintf("Proxy-"+challenge[4:], fmt.Sprint(r.IntN(5)), stale))
	case 4:
		d.answer(423, fmt.Sprintf("Min-Expires: %d", r.IntN(5000)))
	case 5:
		d.answer(503, fmt.Sprintf("Retry-After: %d", r.IntN(5000)))
	default:
		d.answer([]int{200, 302, 403, 408, 500, 604}[r.IntN(6)])
	}
}
