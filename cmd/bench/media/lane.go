package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"mask700/media/mediatest"
)

// lane is one relay in a network of its own, between the parties of its calls:
//
//	parties ── cable ── relay ── cable ── parties
//
// or, with no relay, one cable between the two: what the rig itself costs.
type lane struct {
	name   string
	relay  relay
	spaces []*mediatest.Namespace
	cables []*mediatest.Cable
	wires  [2]*mediatest.Wire

	tally   mediatest.Tally
	traffic *mediatest.Traffic
	calls   []call
	lines   []*mediatest.Line // two a call
	active  int               // calls that have traffic

	receivers struct{ relay, rig []int } // threads of the kernel
	random    *rand.Rand
}

// layout says where the work is done: processors, or none below 0.
type layout struct {
	relay, rig int
	urgent     bool // on those, it goes before all other work of the machine
}

func (w layout) priority(p mediatest.Priority) mediatest.Priority {
	if !w.urgent {
		return mediatest.Normal
	}
	return p
}

// moderation is how long a packet waits at most at the parties' interfaces for
// others. Without it, the rig would be woken up for each packet of a relay, and be
// busier than the relay is.
const moderation = 100 * time.Microsecond

// newLane builds the network, without a relay yet.
func newLane(ctx context.Context, name string, through bool, where layout) (l *lane, err error) {
	l = &lane{name: name, random: rand.New(rand.NewPCG(1, uint64(len(name))))}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", name, err), l.close())
		}
	}()
	count := 2
	if through {
		count = 3
	}
	for range count {
		n, err := mediatest.NewNamespace()
		if err != nil {
			return l, err
		}
		l.spaces = append(l.spaces, n)
		if err := mediatest.Up(ctx, n); err != nil {
			return l, err
		}
	}
	for i := range count - 1 {
		c, err := mediatest.NewCable(ctx, l.spaces[i], l.spaces[i+1])
		if err != nil {
			return l, err
		}
		l.cables = append(l.cables, c)
	}
	ends := [2]mediatest.End{l.cables[0].Ends[0], l.cables[count-2].Ends[1]}
	for i, end := range ends {
		if l.wires[i], err = mediatest.NewWire(end); err != nil {
			return l, err
		}
		if err := end.Moderate(ctx, moderation); err != nil {
			return l, err
		}
		if err := l.receive(end, where.rig, where.priority(mediatest.Urgent), &l.receivers.rig); err != nil {
			return l, err
		}
	}
	if !through {
		return l, nil
	}
	for i := range l.cables {
		end := l.gate(i)
		if err := errors.Join(
			end.Address(ctx, gates[i]),
			end.Neighbour(ctx, routers[i], mediatest.Station),
			end.Route(ctx, behind[i], routers[i]),
			l.receive(end, where.relay, where.priority(mediatest.MoreUrgent), &l.receivers.relay),
		); err != nil {
			return l, err
		}
	}
	return l, nil
}

// gate is the relay's end toward a side.
func (l *lane) gate(side int) mediatest.End { return l.cables[side].Ends[1-side] }

// receive binds the kernel's thread that receives at an end, and notes it. It
// goes before the relay, as receiving does where no thread of its own does it.
func (l *lane) receive(end mediatest.End, processor int, priority mediatest.Priority, into *[]int) error {
	pid, err := end.Receiver()
	if err != nil {
		return err
	}
	*into = append(*into, pid)
	if processor < 0 {
		return nil
	}
	if err := mediatest.Pin(pid, processor); err != nil {
		return err
	}
	return mediatest.Urge(pid, priority)
}

// through is the namespace that the relay is started in.
func (l *lane) through() *mediatest.Namespace { return l.spaces[1] }

// fill opens calls and makes the traffic of all of them, with room for some lines
// more.
func (l *lane) fill(calls, spare int, where layout, tick time.Duration) error {
	l.traffic = mediatest.NewTraffic(&l.tally, 2*calls+spare, l.wires[0], l.wires[1])
	l.traffic.Urgent, l.traffic.Tick = where.urgent, tick
	l.calls = make([]call, calls)
	l.lines = make([]*mediatest.Line, 2*calls)
	l.active = calls
	for i := range l.calls {
		l.calls[i] = newCall(uint32(i), i)
	}
	if l.relay != nil {
		if err := l.relay.open(l.calls); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	for i := range l.calls {
		if err := l.place(i); err != nil {
			return err
		}
	}
	return nil
}

// newCall is a call between the parties of a place.
func newCall(id uint32, place int) call {
	return call{ID: id, Party: [2]netip.AddrPort{party(0, place), party(1, place)}}
}

// place begins both directions of a call.
func (l *lane) place(i int) error {
	c := l.calls[i]
	for side := range 2 {
		line := &mediatest.Line{
			Stream: mediatest.NewStream(2*c.ID+uint32(side), l.identity(), &l.tally),
			From:   l.wires[side], Sender: c.Party[side], To: l.wires[1-side], Party: c.Party[1-side],
		}
		if l.relay != nil {
			line.In, line.Out, line.Gate = c.Relay[side], c.Relay[1-side], l.gate(side).MAC
		} else {
			line.In, line.Out, line.Gate = c.Party[1-side], c.Party[side], mediatest.Station
		}
		l.lines[2*i+side] = line
		if err := l.traffic.Place(2*i+side, line); err != nil {
			return err
		}
	}
	return nil
}

func (l *lane) identity() mediatest.Identity {
	return mediatest.Identity{PayloadType: payloadType, SSRC: l.random.Uint32(), Seq: uint16(l.random.Uint32()), Timestamp: l.random.Uint32()}
}

// limit gives traffic to the first calls alone.
func (l *lane) limit(calls int) {
	l.traffic.Limit(2 * calls)
	l.active = calls
}

// losses are the places where packets can get lost.
type losses struct {
	ToRelay   uint64 // no room at the interface that the relay receives at
	Sockets   uint64 // no room at the relay's sockets
	NoPort    uint64 // no socket at the port
	FromRelay uint64 // no room at the interface that the parties receive at
	Rig       uint64 // no room in the parties' ring
}

// since are those since an earlier time.
func (x losses) since(before losses) losses {
	return losses{x.ToRelay - before.ToRelay, x.Sockets - before.Sockets, x.NoPort - before.NoPort, x.FromRelay - before.FromRelay, x.Rig}
}

// losses reads the counts; those of the parties' ring are since the last time.
func (l *lane) losses() (x losses, err error) {
	for i, w := range l.wires {
		missed, err := w.Missed()
		if err != nil {
			return x, err
		}
		x.Rig += missed
		out, err := w.End.Dropped()
		if err != nil {
			return x, err
		}
		if l.relay == nil {
			x.Rig += out
			continue
		}
		x.ToRelay += out
		back, err := l.gate(i).Dropped()
		if err != nil {
			return x, err
		}
		x.FromRelay += back
	}
	if l.relay == nil {
		return x, nil
	}
	err = l.through().Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		x.Sockets, x.NoPort, err = udpDrops(string(text))
		return err
	})
	return x, err
}

// udpDrops finds what the kernel dropped for full sockets and for want of a
// socket, in its table of counts by protocol.
func udpDrops(text string) (full, none uint64, err error) {
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i, name := range names[:min(len(names), len(fields))] {
			switch name {
			case "RcvbufErrors":
				full, err = strconv.ParseUint(fields[i], 10, 64)
			case "NoPorts":
				none, err = strconv.ParseUint(fields[i], 10, 64)
			}
			if err != nil {
				return 0, 0, err
			}
		}
		return full, none, nil
	}
	return 0, 0, errors.New("the kernel counts no UDP")
}

// run is traffic for a time.
func (l *lane) run(ctx context.Context, d time.Duration) error { return l.traffic.Run(ctx, d) }

// close stops the relay and takes the network down.
func (l *lane) close() error {
	var errs []error
	if l.relay != nil {
		errs = append(errs, l.relay.stop())
	}
	for _, w := range l.wires {
		if w != nil {
			errs = append(errs, w.Close())
		}
	}
	for _, n := range l.spaces {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}
