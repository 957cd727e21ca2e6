// Package demo is a whole masked call on one machine: the gateway, a store in a
// temporary directory, a block, a binding, and two small handsets that call each
// other through the 700 number, with a tone each way.
package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/crash"
	"mask700/media"
	"mask700/sip/flow"
	"mask700/sip/gateway"
	"mask700/sip/phone"
	"mask700/sip/token"
	"mask700/sip/transport"
	"mask700/sip/trunk"
	"mask700/store"
)

// The parties. Nobody has these numbers.
const (
	numberA = "13800000001"
	numberB = "13900000002"
	block   = "70010000001"
	hzA     = 440.0
	hzB     = 620.0
	talk    = 2 * time.Second
)

// leg is one call of the demonstration as it was seen from outside.
type leg struct {
	from, to, dialled, shown string
	caller, callee           time.Duration // of the other's tone, as heard by each
	leaks                    int
	record                   cdr.Record
}

// Run carries a call in each direction and prints what either side saw. It
// fails unless both were shown the 700 number, heard each other, and learned
// nothing else.
func Run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "mask700-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := store.Open(store.Options{Dir: filepath.Join(dir, "data"), KeyFile: filepath.Join(dir, "key")})
	if err != nil {
		return err
	}
	defer db.Close()
	bound, err := bind(ctx, db)
	if err != nil {
		return err
	}

	x, err := newExchange(netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		return err
	}
	defer x.conn.Close()
	g, at, err := start(db, x)
	if err != nil {
		return err
	}
	defer g.Close()
	x.gateway = at

	for _, party := range []struct {
		number   string
		hz, hear float64
	}{{numberA, hzA, hzB}, {numberB, hzB, hzA}} {
		h, err := newHandset(x, party.number, party.hz, party.hear)
		if err != nil {
			return err
		}
		defer h.audio.Close()
		x.handsets = append(x.handsets, h)
	}
	var seed [32]byte
	rand.Read(seed[:])
	mint := token.NewMint(seed, token.NewRouter(token.Secret{}, 1), 0)
	for _, h := range x.handsets {
		h.ready(x, mint, time.Now())
	}
	go crash.Guard(x.read)()
	go crash.Guard(x.run)()

	legs := make([]leg, 0, 2)
	a, b := x.handsets[0], x.handsets[1]
	for i, pair := range [][2]*handset{{a, b}, {b, a}} {
		l, err := x.carry(ctx, pair[0], pair[1], mint, bound.X.String())
		if err != nil {
			return fmt.Errorf("call %d: %w", i+1, err)
		}
		if l.record, err = recordOf(ctx, db, uint64(i+1)); err != nil {
			return fmt.Errorf("call %d: %w", i+1, err)
		}
		legs = append(legs, l)
	}
	print(out, legs)
	return verdict(legs, bound.X.String())
}

// bind holds a block and binds the two numbers on one of its own choosing.
func bind(ctx context.Context, db *store.DB) (binding.Binding, error) {
	s := binding.Service{Store: db, Now: time.Now, Random: rand.Reader}
	if _, err := s.AddBlock(ctx, block); err != nil {
		return binding.Binding{}, err
	}
	return s.Create(ctx, binding.Request{Mode: "axb", A: numberA, B: numberB, Order: "DEMO-1"})
}

// start runs the gateway beside the exchange and returns its SIP address.
func start(db *store.DB, x *exchange) (*gateway.Gateway, netip.AddrPort, error) {
	loopback := netip.MustParseAddr("127.0.0.1")
	peer := x.conn.LocalAddr().String()
	g, err := gateway.Start(gateway.Options{
		Listeners: []transport.Listener{{Name: "demo", Network: "udp", Bind: netip.AddrPortFrom(loopback, 0)}},
		Trunks: []trunk.Trunk{{
			Name: "demo", Listen: "demo", Media: "demo", RouteTo: "demo",
			Sources: []netip.Prefix{netip.PrefixFrom(loopback, 32)},
			Targets: []trunk.Target{{Host: "127.0.0.1", Port: int(netip.MustParseAddrPort(peer).Port()), Network: flow.UDP, Addr: netip.MustParseAddrPort(peer)}},
			Caller:  []trunk.CallerField{trunk.PAI, trunk.From}, Identity: trunk.IdentityPAI, EarlyMedia: trunk.EarlyPass,
		}},
		RingTimeout: 10 * time.Second, DrainTime: time.Second,
		Bindings: db, Journal: db.Journal(),
		Media: func(on gateway.MediaEvents) (media.Engine, error) {
			return media.NewRelay(media.Options{
				Pools:     []media.Pool{{Name: "demo", Address: loopback, Min: 30000, Max: 39999}},
				OnTimeout: on.Silent, OnSource: on.Source, OnKey: on.Key,
			})
		},
	})
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	return g, g.Addr(0), nil
}

// carry makes one call and gathers what both ends saw.
func (x *exchange) carry(ctx context.Context, from, to *handset, mint *token.Mint, dialled string) (leg, error) {
	x.order(func(now time.Time) {
		from.ready(x, mint, now)
		to.ready(x, mint, now)
		from.phone.Dial(now, dialled)
	})
	if err := x.await(ctx, phone.Talking, 5*time.Second); err != nil {
		return leg{}, err
	}
	var here, there []byte
	x.order(func(time.Time) { here, there = from.phone.RemoteSDP(), to.phone.RemoteSDP() })
	speaking := make(chan error, 1)
	go crash.Guard(func() { speaking <- to.talk(there, talk) })()
	err := errors.Join(from.talk(here, talk), <-speaking)
	x.order(func(now time.Time) { from.phone.HangUp(now) })
	if err = errors.Join(err, x.await(ctx, phone.Ended, 5*time.Second)); err != nil {
		return leg{}, err
	}
	l := leg{from: from.number, to: to.number, dialled: dialled}
	var rawFrom, rawTo []byte
	l.caller, rawFrom = from.heard()
	l.callee, rawTo = to.heard()
	x.order(func(time.Time) {
		l.shown = to.phone.Shown()
		rawFrom = append(rawFrom, bytes.Join(from.phone.RawReceived(), nil)...)
		rawTo = append(rawTo, bytes.Join(to.phone.RawReceived(), nil)...)
	})
	l.leaks = count(rawFrom, to.number) + count(rawTo, from.number)
	return l, nil
}

// count finds a number in what a handset received: in its national form, which
// every longer form ends with.
func count(raw []byte, number string) int { return bytes.Count(raw, []byte(number[1:])) }

// recordOf waits for a call's record.
func recordOf(ctx context.Context, db *store.DB, seq uint64) (cdr.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		changed := db.Changed()
		var found *cdr.Record
		err := db.Records(ctx, cdr.Filter{AfterSeq: seq - 1, Limit: 1}, func(r cdr.Record) error { found = &r; return nil })
		if err != nil {
			return cdr.Record{}, err
		}
		if found != nil {
			return *found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return cdr.Record{}, errors.New("no record of the call was written")
		}
	}
}

func print(out io.Writer, legs []leg) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CALLER\tDIALLED\tRANG\tHANDSET SHOWED\tCALLER HEARD\tCALLEE HEARD\tREAL NUMBERS SEEN\tRECORD")
	for _, l := range legs {
		r := l.record
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.1f s\t%.1f s\t%d\tseq %d, %s by %s, %s\n",
			r.CallerIn, l.dialled, r.CalleeOut, l.shown, l.caller.Seconds(), l.callee.Seconds(), l.leaks, r.Seq, r.End, r.ReleasedBy, r.Media.Codec)
	}
	w.Flush()
}

// verdict says what did not hold.
func verdict(legs []leg, x string) error {
	for i, l := range legs {
		switch {
		case l.shown != x:
			return fmt.Errorf("call %d: the handset showed another number than the one dialled", i+1)
		case l.leaks > 0:
			return fmt.Errorf("call %d: a real number was found on the wrong side", i+1)
		case l.caller < talk/2 || l.callee < talk/2:
			return fmt.Errorf("call %d: the parties did not hear each other", i+1)
		case l.record.End != cdr.EndCompleted || l.record.AnsweredAt.IsZero():
			return fmt.Errorf("call %d: its record does not say that it was completed", i+1)
		}
	}
	return nil
}
