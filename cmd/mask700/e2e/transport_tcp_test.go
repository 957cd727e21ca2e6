package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/e2e/rig"
	"mask700/sip/flow"
	"mask700/sip/phone"
)

// overTCP is a caller and a callee on TCP, both of which can be connected to.
func (w *world) overTCP() (caller, callee *wiredPhone) {
	w.t.Helper()
	w.serve(setup{callerNet: "tcp", calleeNet: "tcp"})
	w.bind(w.caller.number, w.callee.number, w.x)
	plain := func(c net.Conn) (wire, error) { return newStream(c), nil }
	caller = w.newWiredPhone("caller", w.caller, flow.TCP, w.caller.addr.String(), w.left, phone.Behaviour{})
	caller.dial = func() (wire, error) {
		c, err := tcpFrom(w.hosts.Caller, w.left)
		if err != nil {
			return nil, err
		}
		return newStream(c), nil
	}
	caller.accept(w.caller.addr, plain)
	callee = w.newWiredPhone("callee", w.callee, flow.TCP, w.callee.addr.String(), w.right, phone.Behaviour{})
	callee.accept(w.callee.addr, plain)
	return caller, callee
}

// missed waits until so many connections are left: the gateway has seen that others are gone.
func (w *world) missed(left uint64) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := rig.Poll(ctx, "the end of a connection to be seen", func() (bool, error) {
		var status struct{ Counters map[string]uint64 }
		err := json.Unmarshal([]byte(w.run("status", "-o", "json")), &status)
		return status.Counters["connections"] == left, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// A connection that is lost in mid-call is missed by nobody: what there is still to say leaves on a new one.
func TestConnectionLostInMidCall(t *testing.T) {
	for _, row := range []struct{ name, by string }{
		{"the caller's", cdr.ByCallee},
		{"the callee's", cdr.ByCaller},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			caller, callee := w.overTCP()
			w.dials(caller)
			caller.await(phone.Talking)
			callee.await(phone.Talking)
			lost, other := caller, callee
			if row.by == cdr.ByCaller {
				lost, other = callee, caller
			}
			lost.cut()
			w.missed(1)
			hangUp(other)
			lost.await(phone.Ended)
			other.await(phone.Ended)
			if lost.opened() != 2 || other.opened() != 1 {
				t.Errorf("%d connections of the side that lost one, %d of the other", lost.opened(), other.opened())
			}
			w.unheard(caller, w.secretsOfCallee())
			w.unheard(callee, w.secretsOfCaller())
			w.settled()
			if r := w.records(); len(r) != 1 || r[0].End != cdr.EndCompleted || r[0].ReleasedBy != row.by {
				t.Errorf("records: %+v", r)
			}
			w.shut(w.caller.number, w.callee.number)
		})
	}
}

// The connection of one call serves the next.
func TestConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	caller, callee := w.overTCP()
	for range 3 {
		w.dials(caller)
		caller.await(phone.Talking)
		hangUp(caller)
		callee.await(phone.Ended)
		w.settled()
	}
	if caller.opened() != 1 || callee.opened() != 1 {
		t.Errorf("%d connections of the caller, %d to the callee", caller.opened(), callee.opened())
	}
	if n := len(w.records()); n != 3 {
		t.Errorf("%d records of three calls", n)
	}
	w.shut(w.caller.number, w.callee.number)
}

// A peer that asks, a byte at a time, and shuts down its half of the connection is answered on the other half.
func TestHalfClosedConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(setup{callerNet: "tcp", calleeNet: "tcp"})
	c, err := tcpFrom(w.hosts.Caller, w.left)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	request := "OPTIONS sip:gateway SIP/2.0\r\nVia: SIP/2.0/TCP caller.invalid;branch=z9hG4bKhalf\r\nMax-Forwards: 70\r\n" +
		"From: <sip:caller.invalid>;tag=half\r\nTo: <sip:gateway>\r\nCall-ID: half\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
	for i := range len(request) {
		if _, err := io.WriteString(c, request[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(b), "SIP/2.0 200 OK\r\n") {
		t.Errorf("answered %q, %v", b, err)
	}
	w.shut()
}
