package demo

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"mask700/sip/message"
	"mask700/sip/phone"
)

// exchange is the switch that the handsets hang on: it carries their messages
// to the gateway and the gateway's to them, by the number called first and by
// the call after that. One loop owns it and the telephones.
type exchange struct {
	conn     *net.UDPConn
	gateway  netip.AddrPort
	handsets []*handset
	owner    map[string]*handset // by Call-ID
	frames   chan []byte
	orders   chan func(now time.Time)
	stir     chan struct{} // something has happened
}

func newExchange(at netip.Addr) (*exchange, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		return nil, err
	}
	return &exchange{
		conn: conn, owner: map[string]*handset{},
		frames: make(chan []byte, 64), orders: make(chan func(time.Time)), stir: make(chan struct{}, 1),
	}, nil
}

// read takes frames off the wire until the socket is closed.
func (x *exchange) read() {
	b := make([]byte, 65535)
	for {
		n, _, err := x.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			close(x.frames)
			return
		}
		x.frames <- append([]byte(nil), b[:n]...)
	}
}

// run is the loop. It ends when the socket is closed.
func (x *exchange) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case frame, ok := <-x.frames:
			if !ok {
				return
			}
			if h := x.to(frame); h != nil {
				h.phone.Receive(time.Now(), frame)
			}
		case order := <-x.orders:
			order(time.Now())
		case <-timer.C:
		}
		x.turn(timer)
		select {
		case x.stir <- struct{}{}:
		default:
		}
	}
}

// turn lets every telephone do what is due and sends what it says.
func (x *exchange) turn(timer *time.Timer) {
	next := time.Hour
	for _, h := range x.handsets {
		h.phone.Advance(time.Now())
		for _, frame := range h.phone.Take() {
			if m, fault := message.Parse(frame); fault == nil {
				x.owner[m.CallID] = h
			}
			// A datagram that is lost is the telephone's to send again.
			_, _ = x.conn.WriteToUDPAddrPort(frame, x.gateway)
		}
		if at, ok := h.phone.Next(); ok {
			next = min(next, time.Until(at))
		}
	}
	timer.Reset(max(next, time.Millisecond))
}

// to finds whose frame it is.
func (x *exchange) to(frame []byte) *handset {
	m, fault := message.Parse(frame)
	if fault != nil {
		return nil
	}
	if h := x.owner[m.CallID]; h != nil {
		return h
	}
	for _, h := range x.handsets {
		if m.IsRequest() && m.Target.User == h.number {
			return h
		}
	}
	return nil
}

// order has f done by the loop and waits for it.
func (x *exchange) order(f func(now time.Time)) {
	done := make(chan struct{})
	x.orders <- func(now time.Time) { f(now); close(done) }
	<-done
}

// await waits until every handset is in a state, at most for limit.
func (x *exchange) await(ctx context.Context, want phone.State, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		there, final := true, 0
		x.order(func(time.Time) {
			for _, h := range x.handsets {
				there = there && h.phone.State() == want
				final = max(final, h.phone.Final())
			}
		})
		if there {
			return nil
		}
		if final >= 300 {
			return fmt.Errorf("the call was answered %d", final)
		}
		select {
		case <-x.stir:
		case <-ctx.Done():
			return fmt.Errorf("the handsets were not %s within %s", want, limit)
		}
	}
}
