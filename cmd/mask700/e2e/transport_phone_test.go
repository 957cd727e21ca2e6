package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"mask700/cmd/mask700/e2e/rig"
	"mask700/sip/flow"
	"mask700/sip/phone"
	"mask700/sip/token"
)

// wire is one connection of a telephone.
type wire interface {
	receive() ([]byte, error) // one message
	send([]byte) error
	io.Closer
}

// stream is a wire of TCP or TLS.
type stream struct {
	net.Conn
	in *bufio.Reader
}

func newStream(c net.Conn) *stream { return &stream{c, bufio.NewReader(c)} }

func (s *stream) receive() ([]byte, error) {
	var message []byte
	length := 0
	for {
		line, err := s.in.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		if len(message) == 0 && len(bytes.TrimSpace(line)) == 0 {
			continue // between messages
		}
		message = append(message, line...)
		if name, value, ok := strings.Cut(string(line), ":"); ok && strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return nil, err
			}
		}
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
	}
	head := len(message)
	message = append(message, make([]byte, length)...)
	_, err := io.ReadFull(s.in, message[head:])
	return message, err
}

func (s *stream) send(b []byte) error {
	_, err := s.Write(b)
	return err
}

// web is a wire of a WebSocket.
type web struct{ net.Conn }

func (w *web) receive() ([]byte, error) {
	b, _, err := wsutil.ReadServerData(w)
	return b, err
}

func (w *web) send(b []byte) error { return wsutil.WriteClientText(w, b) }

// wiredPhone is a telephone on connections: the one that it made last, or that came in last.
type wiredPhone struct {
	t      *testing.T
	dial   func() (wire, error) // nil: it only waits for connections
	phone  *phone.Phone         // the loop's
	orders chan func()
	frames chan []byte
	stop   chan struct{}
	ended  sync.WaitGroup

	wires struct {
		sync.Mutex // protects what follows
		current    wire
		opened     int
	}
}

// newWiredPhone begins a telephone. Host is what stands in its Via and Contact.
func (w *world) newWiredPhone(role string, s subscriber, network flow.Network, host string, server netip.AddrPort, b phone.Behaviour) *wiredPhone {
	h := &wiredPhone{t: w.t, orders: make(chan func()), frames: make(chan []byte), stop: make(chan struct{})}
	h.phone = phone.New(phone.Config{
		User: s.number, Host: host, Server: server.String(), Network: network, Name: role + "-name", Ring: 50 * time.Millisecond,
		Mint: token.NewMint([32]byte([]byte(fmt.Sprintf("%-32.32s", role+w.x))), token.NewRouter(token.Secret{}, 1), 0),
		SDP:  phone.Voice(netip.AddrPortFrom(s.addr.Addr(), s.media), 1), Behaviour: b,
	}, time.Now())
	h.ended.Go(h.loop)
	w.t.Cleanup(func() {
		close(h.stop)
		h.cut()
		h.ended.Wait()
	})
	return h
}

// loop is the telephone's: messages, orders and its own timers.
func (h *wiredPhone) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-h.stop:
			return
		case b := <-h.frames:
			h.phone.Receive(time.Now(), b)
		case f := <-h.orders:
			f()
		case <-timer.C:
		}
		h.phone.Advance(time.Now())
		for _, b := range h.phone.Take() {
			h.transmit(b)
		}
		timer.Reset(time.Hour)
		if next, ok := h.phone.Next(); ok {
			timer.Reset(time.Until(next))
		}
	}
}

// transmit sends on the wire that there is; a telephone without one makes it, if it knows whom to call.
func (h *wiredPhone) transmit(b []byte) {
	c := h.wire()
	if c == nil && h.dial != nil {
		var err error
		if c, err = h.dial(); err != nil {
			h.t.Errorf("no connection to the gateway: %v", err)
			return
		}
		h.attach(c)
	}
	if c == nil || c.send(b) != nil {
		h.cut()
	}
}

func (h *wiredPhone) wire() wire {
	h.wires.Lock()
	defer h.wires.Unlock()
	return h.wires.current
}

// opened is how many connections there were so far.
func (h *wiredPhone) opened() int {
	h.wires.Lock()
	defer h.wires.Unlock()
	return h.wires.opened
}

// attach makes a connection the current one and listens on it until it ends.
func (h *wiredPhone) attach(c wire) {
	h.wires.Lock()
	h.wires.current = c
	h.wires.opened++
	h.wires.Unlock()
	h.ended.Go(func() {
		defer c.Close()
		for {
			b, err := c.receive()
			if err != nil {
				h.wires.Lock()
				defer h.wires.Unlock()
				if h.wires.current == c {
					h.wires.current = nil
				}
				return
			}
			select {
			case h.frames <- b:
			case <-h.stop:
				return
			}
		}
	})
}

// cut ends the current connection without a word.
func (h *wiredPhone) cut() {
	h.wires.Lock()
	c := h.wires.current
	h.wires.current = nil
	h.wires.Unlock()
	if c != nil {
		c.Close()
	}
}

// accept takes connections in, each by shake.
func (h *wiredPhone) accept(at netip.AddrPort, shake func(net.Conn) (wire, error)) {
	h.t.Helper()
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { l.Close() })
	h.ended.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if made, err := shake(c); err == nil {
				h.attach(made)
			} else {
				c.Close()
			}
		}
	})
}

// order does something with the telephone.
func (h *wiredPhone) order(f func(*phone.Phone, time.Time)) {
	h.t.Helper()
	done := make(chan struct{})
	select {
	case h.orders <- func() { f(h.phone, time.Now()); close(done) }:
		<-done
	case <-time.After(10 * time.Second):
		h.t.Fatal("the telephone does not listen to anybody")
	}
}

// await waits until its call has come so far.
func (h *wiredPhone) await(what phone.State) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := rig.Poll(ctx, "a call that is "+what.String(), func() (yes bool, err error) {
		h.order(func(p *phone.Phone, _ time.Time) { yes = p.State() == what })
		return yes, nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// heard is everything that it was sent, for the search.
func (h *wiredPhone) heard() (text string, malformed int) {
	h.order(func(p *phone.Phone, _ time.Time) {
		text, malformed = string(bytes.Join(p.RawReceived(), []byte("\n"))), p.Malformed()
	})
	return text, malformed
}

// unheard looks for what belongs to the other side in all that a telephone was sent.
func (w *world) unheard(h *wiredPhone, secrets []string) {
	w.t.Helper()
	text, malformed := h.heard()
	if word, found := rig.Find(text, secrets); found {
		w.t.Errorf("a telephone was sent %q in:\n%s", word, text)
	}
	if malformed > 0 {
		w.t.Errorf("%d malformed messages in:\n%s", malformed, text)
	}
}

// tcpFrom dials from an address, so that the gateway knows whom it hears.
func tcpFrom(from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: 10 * time.Second}
	return d.Dial("tcp", to.String())
}

// tlsFrom is tcpFrom and the handshake.
func tlsFrom(from netip.Addr, to netip.AddrPort, config *tls.Config) (*tls.Conn, error) {
	c, err := tcpFrom(from, to)
	if err != nil {
		return nil, err
	}
	s := tls.Client(c, config)
	if err := s.Handshake(); err != nil {
		c.Close()
		return nil, err
	}
	return s, nil
}

// webOver opens a WebSocket for SIP on a connection, as a browser does, which says more than anybody should know.
func webOver(c net.Conn, secrets string) (wire, error) {
	d := ws.Dialer{
		Protocols: []string{"sip"},
		Header:    ws.HandshakeHeaderString("Origin: https://" + secrets + ".example\r\nCookie: caller=" + secrets + "\r\nX-Forwarded-For: 192.0.2.77\r\n"),
		NetDial:   func(context.Context, string, string) (net.Conn, error) { return c, nil },
	}
	made, rest, _, err := d.Dial(context.Background(), "ws://gateway.invalid/")
	if err != nil {
		c.Close()
		return nil, err
	}
	if rest != nil {
		c.Close()
		return nil, fmt.Errorf("the gateway spoke first")
	}
	return &web{made}, nil
}

func (w *world) dials(h *wiredPhone) {
	h.order(func(p *phone.Phone, now time.Time) { p.Dial(now, w.x) })
}

func hangUp(h *wiredPhone) { h.order(func(p *phone.Phone, now time.Time) { p.HangUp(now) }) }

// settled waits until no call is left.
func (w *world) settled() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := rig.Poll(ctx, "the last call to end", func() (bool, error) { return w.calls() == 0, nil }); err != nil {
		w.t.Error(err)
	}
}
