package shard

import (
	"net/netip"
	"strings"
	"time"

	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/transaction"
)

// maxDatagram is the largest request that is sent over UDP when there is another
// way, in bytes (RFC 3261 section 18.1.1: the path's MTU is not known).
const maxDatagram = 1300

// refusedTime is for how long a peer that takes no connection is not asked for one
// again, and refusedLimit how many are remembered.
const (
	refusedTime  = 5 * time.Minute
	refusedLimit = 1024
)

// Stream is the TCP listener beside a UDP one: what requests leave from that are
// too large for a datagram.
type Stream struct {
	Listener int // -1: there is none
	Port     uint16
}

// datagram is a large request as it would have left over UDP, for a peer that
// takes no connection.
type datagram struct {
	flow    flow.Flow
	bytes   []byte
	request *message.Request
}

// widen puts a request that is too large for a datagram on a stream, if it can.
func (s *Shard) widen(f flow.Flow, r message.Request, b []byte) (flow.Flow, message.Request, []byte, *datagram) {
	if f.Network != flow.UDP || len(b) <= maxDatagram || int(f.Listener) >= len(s.config.Streams) ||
		s.config.Streams[f.Listener].Listener < 0 || s.env.Now.Before(s.refused[f.Remote]) {
		return f, r, b, nil
	}
	narrow := &datagram{flow: f, bytes: b}
	if r.Method == "INVITE" {
		narrow.request = short(r)
	}
	stream := s.config.Streams[f.Listener]
	f.Network, f.Listener, f.Conn = flow.TCP, uint16(stream.Listener), 0
	f.Local = netip.AddrPortFrom(f.Local.Addr(), stream.Port)
	_, host, _ := strings.Cut(r.Via, " ")
	if host == narrow.flow.Local.String() {
		host = s.host(f)
	}
	r.Via = "SIP/2.0/TCP " + host
	return f, r, s.writeRequest(&r), narrow
}

// narrowed sends a request over UDP after all: its peer took no connection. It says
// false when that was not the trouble.
func (s *Shard) narrowed(t *tx) bool {
	d := t.narrow
	if d == nil || t.machine.State != transaction.Calling && t.machine.State != transaction.Trying {
		return false
	}
	if len(s.refused) >= refusedLimit {
		clear(s.refused)
	}
	s.refused[d.flow.Remote] = s.env.Now.Add(refusedTime)
	delete(s.tokens, t.token)
	t.token, t.narrow = 0, nil
	t.flow, t.last, t.request = d.flow, d.bytes, d.request
	s.timers.Stop(t.deadline)
	t.deadline = 0
	t.machine = transaction.New(t.machine.Kind, false)
	s.step(t, transaction.Begin, nil)
	return true
}

// short is a copy of a request without its body: what CANCEL and ACK are made of.
func short(r message.Request) *message.Request {
	r.Body = nil
	return &r
}
