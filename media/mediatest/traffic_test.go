package mediatest

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pair is a cable with a wire at both ends, and traffic on it.
func pair(t *testing.T, tally *Tally, lines int) (*Traffic, [2]*Wire) {
	t.Helper()
	cable, err := NewCable(context.Background(), namespace(t), namespace(t))
	if err != nil {
		t.Fatal(err)
	}
	var wires [2]*Wire
	for i := range wires {
		if wires[i], err = NewWire(cable.Ends[i]); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { wires[i].Close() })
	}
	return NewTraffic(tally, lines, wires[0], wires[1]), wires
}

// across is a line from the first wire to the second, with nothing between.
func across(wires [2]*Wire, s *Stream, from, to string) *Line {
	a, b := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	return &Line{Stream: s, From: wires[0], Sender: a, In: b, Gate: Station, To: wires[1], Party: b, Out: a}
}

func TestTrafficCrosses(t *testing.T) {
	tally := newTally()
	traffic, wires := pair(t, tally, 3)
	for i, port := range []string{"4000", "4002"} {
		l := across(wires, NewStream(uint32(i), identity, tally), "10.0.0.1:3000", "10.0.0.2:"+port)
		if err := traffic.Place(i, l); err != nil {
			t.Fatal(err)
		}
	}
	if err := traffic.Place(2, across(wires, NewStream(2, identity, tally), "10.0.0.1:3000", "10.0.0.2:4000")); err == nil {
		t.Error("two lines end at one port")
	}
	turns := 0
	traffic.Between = func() { turns++ }
	if err := traffic.Run(context.Background(), 200*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(10 * time.Second)
	for tally.Received < tally.Sent && time.Now().Before(until) {
		traffic.Receive()
	}
	if tally.Sent == 0 || tally.Received != tally.Sent || tally.Wrong() != 0 || turns == 0 {
		t.Errorf("%v, %d turns", tally, turns)
	}
	for _, w := range wires {
		dropped, err := w.End.Dropped()
		missed, err2 := w.Missed()
		if dropped != 0 || missed != 0 || err != nil || err2 != nil {
			t.Errorf("%d dropped, %d missed, %v, %v", dropped, missed, err, err2)
		}
	}
}

func TestTrafficTellsWhereAPacketDoesNotBelong(t *testing.T) {
	tally := newTally()
	traffic, wires := pair(t, tally, 1)
	l := across(wires, NewStream(1, identity, tally), "10.0.0.1:3000", "10.0.0.2:4000")
	if err := traffic.Place(0, l); err != nil {
		t.Fatal(err)
	}
	// What reaches the port of another stream, and a port of none.
	for i, to := range []string{"10.0.0.2:4000", "10.0.0.2:4002", "10.0.0.3:4000"} {
		s := NewStream(uint32(i+2), identity, newTally())
		f, err := NewFrame(netip.MustParseAddrPort("10.0.0.1:3000"), netip.MustParseAddrPort(to), Station, Station, PacketSize)
		if err != nil {
			t.Fatal(err)
		}
		s.Write(f.Payload(), 1)
		f.Seal()
		wires[0].put(f, s)
		wires[0].flush(1)
	}
	// A report to the odd port is none of these.
	f, err := NewFrame(netip.MustParseAddrPort("10.0.0.1:3001"), netip.MustParseAddrPort("10.0.0.2:4001"), Station, Station, 8)
	if err != nil {
		t.Fatal(err)
	}
	copy(f.Payload(), []byte{0x80, 201, 0, 1})
	f.Seal()
	wires[0].put(f, l.Stream)
	wires[0].flush(1)
	for until := time.Now().Add(10 * time.Second); tally.Control == 0 && time.Now().Before(until); {
		traffic.Receive()
	}
	if tally.Misdirected != 1 || tally.Stray != 2 || tally.Control != 1 || tally.Received != 0 {
		t.Error(tally)
	}
}

func TestUsedIsExact(t *testing.T) {
	pid := os.Getpid()
	before, err := Used(pid)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		after, err := Used(pid)
		if err != nil {
			t.Fatal(err)
		}
		if after-before > 10*time.Millisecond {
			break // a clock that stands still never gets here
		}
	}
	if _, err := Used(1<<22 - 1); err == nil {
		t.Error("a process that is not there has a clock")
	}
}

func TestReadDropped(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dev")
	text := "Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n" +
		"    lo:       1       2    3    4    5     6          7         8        9      10   11   12   13    14      15         16\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := readDropped(file, "lo"); n != 12 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := readDropped(file, "eth0"); err == nil {
		t.Error("an interface that is not there has dropped nothing")
	}
}
