package gateway

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"mask700/crash"
	"mask700/sip/message"
	"mask700/sip/register"
	"mask700/sip/shard"
	"mask700/sip/trunk"
)

// farewell is how long the end of the program waits for a registrar to forget us.
const farewell = 2 * time.Second

// registration keeps one trunk registered: a loop that owns the machine, between
// its timer and the first shard, which sends for it.
type registration struct {
	gateway *Gateway
	trunk   *trunk.Trunk
	loop    *loop // of the shard that sends
	inbox   *mailbox[registerEvent]
	machine *register.Machine
	view    atomic.Pointer[register.View]
	told    bool          // the log says that it is registered
	over    chan struct{} // closed when there is nothing more to do
}

// registerEvent is one thing that a registration hears: a final response, nil for
// none, or that it has to stop.
type registerEvent struct {
	answer *message.Message
	stop   bool
}

// register begins the registrations of all trunks that want one.
func (g *Gateway) register() {
	for i := range g.options.Trunks {
		t := &g.options.Trunks[i]
		if t.Register == nil {
			continue
		}
		r := &registration{
			gateway: g, trunk: t, loop: g.loops[0], inbox: newMailbox[registerEvent](0), over: make(chan struct{}),
		}
		r.view.Store(&register.View{})
		g.registrations = append(g.registrations, r)
		g.running.Go(crash.Guard(func() { r.run(i) }))
	}
}

// run is the loop of a registration.
func (r *registration) run(index int) {
	defer close(r.over)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	step := func(f func(register.Env) register.Step) {
		var s register.Step
		r.loop.do(func(sh *shard.Shard) {
			now := time.Now()
			if r.machine == nil {
				r.machine = register.New(r.config(sh))
			}
			s = f(register.Env{Now: now, Hops: sh.Hops(index), Random: rand.Float64(), Mint: sh.Token})
			r.send(sh, now, s)
		})
		timer.Stop()
		if s.Wait > 0 {
			timer.Reset(s.Wait)
		}
		r.show(s.Wait)
	}
	step(func(e register.Env) register.Step { return r.machine.Start(e) })
	for r.machine != nil && r.view.Load().State != register.Over {
		select {
		case <-r.gateway.stop:
			return
		case <-timer.C:
			step(r.machine.Fired)
		case <-r.inbox.wake:
			for _, ev := range r.inbox.take() {
				if ev.stop {
					step(r.machine.Stop)
				} else {
					step(func(e register.Env) register.Step { return r.machine.Answered(e, ev.answer) })
				}
			}
		}
	}
}

// config is what the trunk says, and tokens where it leaves them to us.
func (r *registration) config(s *shard.Shard) register.Config {
	c := register.Config{
		AOR: r.trunk.Register.AOR, User: r.trunk.Register.User, Expires: r.trunk.Register.Expires,
		Account: r.trunk.Auth, CallID: s.CallID(), Tag: s.Token(),
	}
	if c.User == "" {
		c.User = s.Token()
	}
	return c
}

// send sends the request of a step.
func (r *registration) send(s *shard.Shard, now time.Time, step register.Step) {
	if step.Request == nil {
		return
	}
	s.Send(now, shard.Errand{
		Flow: step.Hop.Flow, Host: step.Hop.Host, Request: *step.Request,
		Done: func(_ time.Time, m *message.Message) { r.inbox.put(registerEvent{answer: m}) },
	})
}

// show keeps what an operator may see, and logs when it changes.
func (r *registration) show(wait time.Duration) {
	if r.machine == nil {
		return // the gateway has ended
	}
	v := r.machine.View(time.Now())
	r.view.Store(&v)
	switch {
	case v.State == register.Waiting:
		r.told = false
		r.gateway.log.Warn("not registered", "trunk", r.trunk.Name, "status", v.Status, "again_in", wait.Round(time.Second).String())
	case v.State == register.Registered && !r.told:
		r.told = true
		r.gateway.log.Info("registered", "trunk", r.trunk.Name)
	}
}

// unregister has every registration taken back.
func (g *Gateway) unregister() {
	for _, r := range g.registrations {
		r.inbox.put(registerEvent{stop: true})
	}
}

// unregistered waits a little until that has come about.
func (g *Gateway) unregistered(ctx context.Context) {
	wait := farewell
	if ctx.Err() != nil {
		wait = atOnce
	}
	limit := time.NewTimer(wait)
	defer limit.Stop()
	for _, r := range g.registrations {
		select {
		case <-r.over:
		case <-limit.C:
			return
		}
	}
}

// Registration says how the registration at a trunk stands. False: it has none.
func (g *Gateway) Registration(trunk string) (register.View, bool) {
	for _, r := range g.registrations {
		if r.trunk.Name == trunk {
			v := *r.view.Load()
			v.Registered = time.Now().Before(v.Until)
			return v, true
		}
	}
	return register.View{}, false
}
