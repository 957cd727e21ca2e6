// Package trial holds bare relays that differ only in how they ask the kernel for packets and hand them back, to see what
// the relay of package media could gain by another way. They check the source, rewrite SSRC, sequence number and
// timestamp, and do nothing else: no latching, RTCP, statistics or second thread. IPv4 only, for a bench.
package trial

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The ways there are.
const (
	Unconnected = "unconnected" // epoll, recvfrom with the source checked here, sendto
	Connected   = "connected"   // the same on connected sockets, as package media has it
	Edge        = "edge"        // and told of by edges
	Uring       = "io_uring"    // multishot receives into shared buffers, sends out of them
	Steered     = "steered"     // sk_lookup brings all ports to one socket: recvmmsg, and sendmmsg on a raw one
)

// Ways lists them.
var Ways = []string{Unconnected, Connected, Edge, Uring, Steered}

// Relay relays calls.
type Relay struct {
	gates [2]netip.Addr
	next  uint16 // port
	end   uint16
	open  func(c *[2]*direction) error
}

// Start starts a relay on its addresses toward the two sides and a range of ports. It runs until the process ends.
func Start(way string, gates [2]netip.Addr, lowest, highest uint16) (*Relay, error) {
	r := &Relay{gates: gates, next: lowest, end: highest}
	var err error
	switch way {
	case Unconnected, Connected, Edge:
		r.open, err = startPoll(way != Unconnected, way == Edge)
	case Uring:
		r.open, err = startRing()
	case Steered:
		r.open, err = startSteered(gates, lowest)
	default:
		err = fmt.Errorf("there is no way %q", way)
	}
	return r, err
}

// Open gives a call between two parties a port toward each.
func (r *Relay) Open(party [2]netip.AddrPort) (local [2]netip.AddrPort, err error) {
	if r.next >= r.end {
		return local, errors.New("no port is left")
	}
	var c [2]*direction
	for side := range c {
		local[side] = netip.AddrPortFrom(r.gates[side], r.next)
	}
	r.next += 2
	for side := range c {
		c[side] = newDirection(party[side], local[side], local[1-side], party[1-side])
	}
	return local, r.open(&c)
}

// direction is one way through a call.
type direction struct {
	source, local, from, to  netip.AddrPort // what comes in from source to local leaves from "from" to "to"
	sourceAddr, fromAddr     [4]byte
	toAddr                   [4]byte
	in, out                  int // sockets
	ssrc, ssrcOut, timestamp uint32
	sequence                 uint16
	begun                    bool
	packets, octets          uint64
}

func newDirection(source, local, from, to netip.AddrPort) *direction {
	return &direction{source: source, local: local, from: from, to: to, in: -1, out: -1,
		sourceAddr: source.Addr().As4(), fromAddr: from.Addr().As4(), toAddr: to.Addr().As4()}
}

// rewrite makes a packet one of ours, and says false when it is none of the stream.
func (d *direction) rewrite(b []byte) bool {
	const header, payloadType = 12, 8 // G.711 A-law, which the bench sends
	if len(b) < header || b[0]>>6 != 2 || b[1]&0x7f != payloadType {
		return false
	}
	be := binary.BigEndian
	ssrc := be.Uint32(b[8:])
	if !d.begun {
		d.begun, d.ssrc, d.ssrcOut, d.sequence, d.timestamp = true, ssrc, rand.Uint32(), uint16(rand.Uint32()), rand.Uint32()
	}
	if ssrc != d.ssrc {
		return false
	}
	be.PutUint16(b[2:], be.Uint16(b[2:])+d.sequence)
	be.PutUint32(b[4:], be.Uint32(b[4:])+d.timestamp)
	be.PutUint32(b[8:], d.ssrcOut)
	d.packets++
	d.octets += uint64(len(b))
	return true
}

// sockets opens those of a call, connected or not.
func sockets(c *[2]*direction, connected bool) error {
	for side, d := range c {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: d.local.Addr().As4(), Port: int(d.local.Port())}); err != nil {
			return errors.Join(err, unix.Close(fd))
		}
		if connected {
			if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: d.sourceAddr, Port: int(d.source.Port())}); err != nil {
				return errors.Join(err, unix.Close(fd))
			}
		}
		d.in, c[1-side].out = fd, fd
	}
	return nil
}

// maxSockets bounds file descriptors.
const maxSockets = 1 << 17

// vector is how many packets or events are taken at once, and room how long one may be.
const (
	vector = 128
	room   = 2048
)
