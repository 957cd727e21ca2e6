// Package gateway runs the shards: it joins the pure part of the program to
// sockets, store, media and clock.
//
//	transport -> edge (trunk, parser) -> mailbox -> loop -> shard
//	                                        ^        |
//	              lookups, journal, media --'<-------'
//
// Each shard has one loop, one queue of lookups and one of media work. The
// loops share nothing.
package gateway

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/lookup"
	"mask700/binding/remote"
	"mask700/binding/rule"
	"mask700/crash"
	"mask700/media"
	"mask700/media/record/archive"
	"mask700/sip/call"
	"mask700/sip/message"
	"mask700/sip/route"
	"mask700/sip/shard"
	"mask700/sip/token"
	"mask700/sip/transaction"
	"mask700/sip/transport"
	"mask700/sip/trunk"
)

// Options describe a gateway.
type Options struct {
	Listeners   []transport.Listener
	Transport   transport.Options
	Trunks      []trunk.Trunk
	Records     route.Records             // the name system; nil: the system's name servers
	Routes      route.Times               // zero: the defaults
	Roots       map[string]*x509.CertPool // by trunk: who signs the certificates of its TLS targets; none: the system's
	Plan        binding.Plan
	Timers      transaction.Timers // zero: the RFC's
	RingTimeout time.Duration
	TurnTimeout time.Duration // as in call.Config
	Texts       call.Texts
	DrainTime   time.Duration
	Shards      int // zero: one
	MaxCalls    int // by shard; zero: the shard's default
	Bindings    lookup.Store
	Calls       binding.Calls  // who called last; nil: nobody
	Remote      *remote.Router // decides calls to numbers on which nothing is stored; nil: there are none
	Rules       rule.Chain     // asked after the match
	Journal     cdr.Journal
	Prompts     Prompts
	Media       func(MediaEvents) (media.Engine, error)
	Recordings  *archive.Archive                                // where calls are recorded whose binding says so; nil: none is
	Notice      func(codec string) *media.Clip                  // what both parties hear first, nil where there is none in a codec; nil: they hear nothing
	Slide       func(ctx context.Context, binding string) error // is told of bindings whose expiry slides when they carry a call; nil: nobody
	Leaked      func(Leak) error                                // is told of messages that were stopped, again after an error; nil: nobody
	Logger      *slog.Logger

	later func(time.Duration, func()) // runs something after a time
}

// Gateway is a running back-to-back user agent.
type Gateway struct {
	options   Options
	log       *slog.Logger
	transport *transport.Transport
	media     media.Engine
	path      lookup.Path
	base      *trunk.Table                // of what is configured
	table     atomic.Pointer[trunk.Table] // of what names stand for too
	router    *router
	servers   atomic.Pointer[servers]
	names     []string // of listeners
	routers   sync.Pool
	loops     []*loop
	started   time.Time
	ready     atomic.Bool
	draining  atomic.Bool
	prompting atomic.Int64  // refused callers that hear a prompt
	orders    atomic.Uint32 // calls that were asked for
	faulty    atomic.Uint64 // messages that could not be answered
	unwritten *unwritten
	failing   seldom // of the journal
	noPorts   seldom
	noMedia   seldom
	running   sync.WaitGroup

	slides         *slides
	leaks          *leaks
	unrecorded     atomic.Uint64 // calls that were to be recorded and are not
	unrecordedSaid seldom

	stop    chan struct{}
	stopped sync.Once

	registrations []*registration
}

// Start opens the sockets and begins to take calls.
func Start(o Options) (*Gateway, error) {
	message.Silence() // the parser would log what it cannot read
	if o.Timers == (transaction.Timers{}) {
		o.Timers = transaction.DefaultTimers()
	}
	o.Shards = max(o.Shards, 1)
	if o.later == nil {
		o.later = func(d time.Duration, f func()) { time.AfterFunc(d, crash.Guard(f)) }
	}
	if o.Records == nil {
		o.Records = new(route.Resolver)
	}
	if o.Routes == (route.Times{}) {
		o.Routes = route.DefaultTimes()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Trunks = slices.Clone(o.Trunks)
	for i := range o.Trunks {
		o.Trunks[i].Index = i // as in the table
	}
	g := &Gateway{options: o, log: o.Logger, started: time.Now(), stop: make(chan struct{}), leaks: newLeaks(o.Leaked), slides: newSlides(o.Slide, o.Logger), unwritten: newUnwritten(o.Journal)}
	g.path = lookup.Path{Store: o.Bindings, Calls: o.Calls, CallBack: o.Plan.CallBack, Remote: o.Remote, Rules: o.Rules, Logger: g.log, Plan: o.Plan}
	for _, l := range o.Listeners {
		g.names = append(g.names, l.Name)
	}
	table, err := trunk.NewTable(o.Trunks, g.names)
	if err != nil {
		return nil, err
	}
	g.base = table
	g.table.Store(table)
	if g.media, err = o.Media(MediaEvents{Silent: g.silent, Source: g.source, Key: g.key}); err != nil {
		return nil, err
	}
	if o.Transport.DialTLS == nil {
		o.Transport.DialTLS = g.dialTLS
	}
	if g.transport, err = transport.Listen(o.Listeners, g, o.Transport); err != nil {
		return nil, errors.Join(err, g.media.Close())
	}
	if err = g.run(); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// run starts the loops.
func (g *Gateway) run() error {
	config := &call.Config{
		Timers: g.options.Timers, RingTimeout: g.options.RingTimeout, TurnTimeout: g.options.TurnTimeout, Texts: g.options.Texts, Plan: g.options.Plan,
		Prompts: call.Prompts{LastMinute: g.options.Prompts.LastMinute, OrderFinished: g.options.Prompts.OrderFinished,
			Attempts: g.options.Prompts.Attempts, FirstDigit: g.options.Prompts.FirstDigit, NextDigit: g.options.Prompts.NextDigit},
	}
	var err error
	if g.router, err = newRouter(g); err != nil {
		return err
	}
	g.router.settle()
	for i := range g.options.Trunks {
		config.Trunks = append(config.Trunks, &g.options.Trunks[i])
		config.Hops = append(config.Hops, g.router.known(i))
	}
	var secret token.Secret
	rand.Read(secret[:])
	g.routers.New = func() any { return token.NewRouter(secret, g.options.Shards) }
	var advertise []string
	var streams []shard.Stream
	for i, l := range g.options.Listeners {
		advertise = append(advertise, l.Advertise)
		beside := shard.Stream{Listener: -1}
		if j, ok := g.transport.Companion(i); ok {
			beside = shard.Stream{Listener: j, Port: g.transport.Addr(j).Port()}
		}
		streams = append(streams, beside)
	}
	now := time.Now()
	for i := range g.options.Shards {
		c := shard.Config{
			Index: i, Router: token.NewRouter(secret, g.options.Shards), Call: config,
			Advertise: advertise, Streams: streams, MaxCalls: g.options.MaxCalls,
		}
		rand.Read(c.Seed[:])
		var err error
		if c.Auth, err = g.auth(); err != nil {
			return err
		}
		l := newLoop(g, shard.New(c, now))
		g.loops = append(g.loops, l)
		l.start()
	}
	g.running.Go(crash.Guard(func() { g.unwritten.run(g.stop) }))
	g.running.Go(crash.Guard(g.router.run))
	g.running.Go(crash.Guard(func() { g.leaks.run(g.stop) }))
	g.running.Go(crash.Guard(func() { g.slides.run(g.stop) }))
	g.register()
	g.ready.Store(true)
	return nil
}

// What is left after the time to drain is released, and has so long to hear of
// it: for a BYE to be repeated a few times, or just to leave.
const (
	lastWords = 5 * time.Second
	atOnce    = 200 * time.Millisecond
)

// Drain refuses new calls, waits for those that live, and releases what is left
// when the time is over or ctx ends.
func (g *Gateway) Drain(ctx context.Context) {
	g.draining.Store(true)
	for _, l := range g.loops {
		l.do(func(s *shard.Shard) { s.Drain(true) })
	}
	g.unregister()
	defer g.unregistered(ctx)
	limit := time.NewTimer(g.options.DrainTime)
	defer limit.Stop()
	if g.idle(ctx, limit.C) {
		return
	}
	for _, l := range g.loops {
		l.do(func(s *shard.Shard) { s.HangUp(time.Now(), "", cdr.EndDrained) })
	}
	wait := lastWords
	if ctx.Err() != nil {
		wait = atOnce
	}
	last := time.NewTimer(wait)
	defer last.Stop()
	g.idle(context.Background(), last.C)
}

// idle waits until no call lives, and says whether that came about before ctx
// ended or the limit was over.
func (g *Gateway) idle(ctx context.Context, limit <-chan time.Time) bool {
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		if st := g.Stats().Calls; st.LiveCalls+st.LiveTexts == 0 {
			return true
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return false
		case <-limit:
			return false
		}
	}
}

// Close ends everything at once. Calls that live are closed in the journal at
// the next start.
func (g *Gateway) Close() {
	g.stopped.Do(func() {
		g.ready.Store(false)
		if g.transport != nil {
			g.transport.Close()
		}
		close(g.stop)
		if g.router != nil {
			g.router.cancel()
		}
		g.running.Wait()
		g.leaks.deliver() // what came while all of it ended
		g.media.Close()
	})
}
