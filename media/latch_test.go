package media

import (
	"net/netip"
	"testing"
	"time"
)

// TestLatch plays events into a latch. A step with a source is a packet; the rest
// are signalling.
func TestLatch(t *testing.T) {
	const (
		public  = "203.0.113.5:4000"
		window  = 2 * time.Second
		nowhere = "invalid AddrPort"
		late    = time.Duration(learnFor)
		gap     = time.Duration(pause)
		ms      = time.Millisecond
	)
	type step struct {
		do     string // "set ADDRESS SIGNAL", "settle" or "" for a packet
		set    string
		signal string
		from   string
		after  time.Duration // since the step before
		accept bool
		to     string // where packets to this side go after the step
	}
	subnet := map[string][]step{
		"a neighbour": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.112.9:4000", to: public},
			{from: "203.0.113.9:4000", accept: true, to: "203.0.113.9:4000"},
			{from: "203.0.113.8:4000", to: "203.0.113.9:4000"},
			{from: "203.0.113.9:4000", after: window, accept: true, to: "203.0.113.9:4000"},
			{from: "203.0.113.5:9000", to: "203.0.113.9:4000"}, // too late
			{from: public, accept: true, to: public},           // never too late
			{from: "203.0.113.9:4000", to: public},
		},
		"the nearer takes over within the window": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.9:4000", accept: true, to: "203.0.113.9:4000"},
			{from: "203.0.113.5:9000", after: window / 2, accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.9:4000", to: "203.0.113.5:9000"},
			{from: public, accept: true, to: public},
			{from: "203.0.113.5:9000", after: window, to: public},
		},
		"the nearer is too late after the window": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.9:4000", accept: true, to: "203.0.113.9:4000"},
			{from: "203.0.113.5:9000", after: window, to: "203.0.113.9:4000"},
			{from: "203.0.113.8:4000", to: "203.0.113.9:4000"},
			{from: public, accept: true, to: public},
		},
		"who is silent is not taken over": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.9:4000", after: late, to: public},
			{from: "203.0.113.5:9000", to: public},
			{do: "settle", to: public}, // of no offer of its own
			{from: "203.0.113.9:4000", to: public},
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.9:4000", after: late - 1, accept: true, to: "203.0.113.9:4000"},
			{from: "203.0.113.8:4000", to: "203.0.113.9:4000"},
		},
		"before the answer the first neighbour counts": {
			{do: "set", set: public, to: public},
			{from: "203.0.113.9:4000", accept: true, to: "203.0.113.9:4000"},
			{from: "203.0.113.8:4000", after: window, to: "203.0.113.9:4000"},
			{from: "203.0.113.9:4000", accept: true, to: "203.0.113.9:4000"},
			{from: "203.0.113.5:9000", accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.9:4000", to: "203.0.113.5:9000"},
		},
		"who has fallen silent when it is answered gives way": {
			{do: "set", set: public, to: public},
			{from: "203.0.113.9:4000", accept: true, to: "203.0.113.9:4000"},
			{do: "settle", to: "203.0.113.9:4000"},
			{from: "203.0.113.10:4000", after: window - 1, to: "203.0.113.9:4000"},
			{from: "203.0.113.10:4000", after: 1, accept: true, to: "203.0.113.10:4000"},
			{from: "203.0.113.9:4000", after: window, to: "203.0.113.10:4000"}, // one is learnt
			{from: "203.0.113.11:4000", after: window, to: "203.0.113.10:4000"},
		},
		"the call moves within a farm": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.9:4000", accept: true, to: "203.0.113.9:4000"},
			{from: "203.0.113.9:4000", after: window, accept: true, to: "203.0.113.9:4000"},
			{do: "set", set: "203.0.113.6:5000", after: time.Hour, to: "203.0.113.6:5000"},
			{do: "settle", to: "203.0.113.6:5000"},
			{from: "203.0.113.9:4000", after: 20 * ms, accept: true, to: "203.0.113.9:4000"}, // on its way yet
			{from: "203.0.113.10:5000", after: gap - 1, to: "203.0.113.9:4000"},
			{from: "203.0.112.10:5000", after: 1, to: "203.0.113.9:4000"}, // a stranger as ever
			{from: "203.0.113.10:5000", accept: true, to: "203.0.113.10:5000"},
			{from: "203.0.113.9:4000", to: "203.0.113.10:5000"},
			{from: "203.0.113.11:5000", after: window, to: "203.0.113.10:5000"},
			{from: "203.0.113.10:5000", accept: true, to: "203.0.113.10:5000"},
			{from: "203.0.113.9:4000", after: time.Hour, to: "203.0.113.10:5000"},
			{from: "203.0.113.6:5000", accept: true, to: "203.0.113.6:5000"},
		},
		"the ringback tone comes from another than the answer": {
			{do: "set", set: public, to: public},
			{from: "203.0.113.9:4000", accept: true, to: "203.0.113.9:4000"},
			{do: "set", set: "203.0.113.6:5000", after: window, to: "203.0.113.6:5000"},
			{from: "203.0.113.9:4000", accept: true, to: "203.0.113.9:4000"},
			{from: "203.0.113.10:5000", after: gap, accept: true, to: "203.0.113.10:5000"},
			{from: "203.0.113.11:5000", after: window, to: "203.0.113.10:5000"},
			{do: "settle", to: "203.0.113.10:5000"},
			{from: "203.0.113.10:5000", accept: true, to: "203.0.113.10:5000"},
			{from: "203.0.113.9:4000", after: window, to: "203.0.113.10:5000"},
		},
		"behind a NAT the network around signalling": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "192.168.1.3:4000", to: "192.168.1.2:4000"},
			{from: "203.0.113.77:33333", accept: true, to: "203.0.113.77:33333"},
		},
		"IPv6": {
			{do: "set", set: "[2001:db8:0:1::2]:4000", to: "[2001:db8:0:1::2]:4000"},
			{do: "settle", to: "[2001:db8:0:1::2]:4000"},
			{from: "[2001:db8:0:2::2]:4000", to: "[2001:db8:0:1::2]:4000"},
			{from: "[2001:db8:0:1:ffff::2]:4000", accept: true, to: "[2001:db8:0:1:ffff::2]:4000"},
		},
	}
	off := map[string][]step{
		"the signalled source alone": {
			{do: "set", set: public, signal: "198.51.100.1", to: public},
			{from: "203.0.113.5:4002", to: public},
			{from: public, accept: true, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.5:4002", after: time.Hour, to: public},
			{from: public, accept: true, to: public},
		},
		"behind a NAT too": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", to: "192.168.1.2:4000"},
			{from: "192.168.1.2:4000", accept: true, to: "192.168.1.2:4000"},
		},
	}
	strict := map[string][]step{
		"a peer behind a NAT whose signalling moved": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "203.0.113.5:33333"}, // nothing new
			{do: "set", set: "192.168.1.2:4000", signal: "198.51.100.7", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", to: "192.168.1.2:4000"},
			{from: "198.51.100.7:4444", accept: true, to: "198.51.100.7:4444"},
		},
		"nothing before signalling": {
			{from: public, to: nowhere},
		},
		"the signalled source": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: public, accept: true, to: public},
			{from: "203.0.113.5:4002", to: public},
			{from: "203.0.113.6:4000", to: public},
			{from: "203.0.113.5:4002", after: time.Hour, to: public}, // for good
			{from: public, accept: true, to: public},
		},
		"another port of the signalled address": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.5:9000", accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", to: "203.0.113.5:9000"}, // first come
			{from: "203.0.113.5:9000", after: window, accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", after: time.Hour, to: "203.0.113.5:9000"},
		},
		"the signalled source is never too late": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.5:9000", accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9000", after: window, accept: true, to: "203.0.113.5:9000"},
			{from: public, after: time.Hour, accept: true, to: public},
			{from: "203.0.113.5:9000", to: public},
			{do: "set", set: public, to: public}, // learns nothing
			{from: "203.0.113.5:9000", after: time.Hour, to: public},
		},
		"who falls silent in the window keeps it": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.5:9000", accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", after: window, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9000", after: time.Hour, accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", after: time.Hour, to: "203.0.113.5:9000"},
		},
		"a NAT moves the port, and the next offer finds it": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: window, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: time.Hour, to: "203.0.113.5:33333"},
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "203.0.113.5:33333"},
			{do: "settle", to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: window, to: "203.0.113.5:33333"}, // the old one may speak yet
			{from: "203.0.113.5:44444", after: window, accept: true, to: "203.0.113.5:44444"},
			{from: "203.0.113.5:33333", after: window, to: "203.0.113.5:44444"},
			{from: "203.0.113.5:55555", after: window, to: "203.0.113.5:44444"},
			{from: "203.0.113.5:44444", after: time.Hour, accept: true, to: "203.0.113.5:44444"},
		},
		"a NAT moves the port, and the phone speaks too late": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: window, accept: true, to: "203.0.113.5:33333"},
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", after: time.Hour, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: late - window - 1, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: window + 1, to: "203.0.113.5:33333"},
			{do: "settle", to: "203.0.113.5:33333"}, // of this offer
			{from: "203.0.113.5:44444", after: late - 1, accept: true, to: "203.0.113.5:44444"},
		},
		"a phone behind a NAT that begins late": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", after: time.Hour, to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", after: late - 1, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: 1, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: time.Hour, accept: true, to: "203.0.113.5:33333"}, // it was learnt
		},
		"who is silent is not taken over": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.5:9000", after: late, to: public},
			{from: public, after: time.Hour, accept: true, to: public}, // never too late
			{from: "203.0.113.5:9000", after: time.Hour, to: public},
		},
		"who was heard before the answer is not taken over": {
			{do: "set", set: public, to: public},
			{from: "203.0.113.5:9000", after: time.Hour, accept: true, to: "203.0.113.5:9000"},
			{do: "settle", to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", after: late, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9000", accept: true, to: "203.0.113.5:9000"},
			{from: public, accept: true, to: public},
		},
		"two do not take turns": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.5:9000", accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", after: window, to: "203.0.113.5:9000"},
			{do: "set", set: public, to: "203.0.113.5:9000"}, // the next offer learns one more
			{from: "203.0.113.5:9002", after: window, accept: true, to: "203.0.113.5:9002"},
			{from: "203.0.113.5:9000", after: window, to: "203.0.113.5:9002"},
		},
		"an offer takes nothing from one that goes on": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: window, accept: true, to: "203.0.113.5:33333"},
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: time.Hour, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: window - 1, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: window - 1, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: time.Hour, to: "203.0.113.5:33333"}, // latched again
		},
		"the signalled port takes over within the window": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: "203.0.113.5:9000", accept: true, to: "203.0.113.5:9000"},
			{from: public, after: window / 2, accept: true, to: public},
			{from: "203.0.113.5:9000", to: public},
		},
		"early media moves from one that is silent": {
			{do: "set", set: public, to: public},
			{from: "203.0.113.5:9000", accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", to: "203.0.113.5:9000"}, // another phone behind that address
			{from: "203.0.113.5:9000", after: window - 1, accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", after: window - 1, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", after: 1, accept: true, to: "203.0.113.5:9002"},
			{from: public, accept: true, to: public},
			{from: "203.0.113.5:9002", to: public},
			{from: "203.0.113.5:9002", after: window, accept: true, to: "203.0.113.5:9002"},
			{from: "198.51.100.1:4000", to: "203.0.113.5:9002"},
			{do: "settle", to: "203.0.113.5:9002"},
			{from: public, accept: true, to: public},
			{from: "203.0.113.5:9002", after: window, to: public},
		},
		"who speaks when it is answered goes on": {
			{do: "set", set: public, to: public},
			{from: "203.0.113.5:9000", accept: true, to: "203.0.113.5:9000"},
			{do: "settle", to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", after: window - 1, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9000", accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9000", after: window, accept: true, to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", after: time.Hour, to: "203.0.113.5:9000"},
		},
		"who has fallen silent when it is answered does not": {
			{do: "set", set: public, to: public},
			{from: "203.0.113.5:9000", accept: true, to: "203.0.113.5:9000"},
			{do: "settle", to: "203.0.113.5:9000"},
			{from: "203.0.113.5:9002", after: window, accept: true, to: "203.0.113.5:9002"},
			{from: "203.0.113.5:9000", to: "203.0.113.5:9002"},
		},
		"another address in signalling opens the window": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: public, accept: true, to: public},
			{do: "set", set: public, to: public}, // the same: nothing happens
			{from: "203.0.113.5:4002", to: public},
			{do: "set", set: "203.0.113.9:5000", to: "203.0.113.9:5000"},
			{from: public, to: "203.0.113.9:5000"},
			{from: "203.0.113.9:5000", accept: true, to: "203.0.113.9:5000"},
		},
		"the last packets of the old port are not learnt": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: window, accept: true, to: "203.0.113.5:33333"},
			{do: "set", set: "192.168.1.2:4010", signal: "203.0.113.5", after: time.Hour, to: "192.168.1.2:4010"},
			{do: "settle", to: "192.168.1.2:4010"},
			{from: "203.0.113.5:33333", after: 20 * ms, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: 20 * ms, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.6:44444", after: gap, to: "203.0.113.5:33333"}, // a stranger as ever
			{from: "203.0.113.5:44444", accept: true, to: "203.0.113.5:44444"},
			{from: "203.0.113.5:33333", to: "203.0.113.5:44444"},
			{from: "203.0.113.5:55555", after: window, to: "203.0.113.5:44444"}, // one is learnt
			{from: "203.0.113.5:33333", to: "203.0.113.5:44444"},
			{from: "203.0.113.5:44444", accept: true, to: "203.0.113.5:44444"},
			{from: "203.0.113.5:33333", after: time.Hour, to: "203.0.113.5:44444"},
		},
		"the old port goes on, and keeps the call": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{do: "set", set: "192.168.1.2:4010", signal: "203.0.113.5", to: "192.168.1.2:4010"},
			{do: "set", set: "192.168.1.2:4012", signal: "203.0.113.5", to: "192.168.1.2:4012"},
			{do: "settle", to: "192.168.1.2:4012"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: window - gap, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: gap - 1, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: 1, accept: true, to: "203.0.113.5:33333"}, // another spoke: not fixed
			{from: "203.0.113.5:33333", after: window, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: window / 2, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: window / 2, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: window, to: "203.0.113.5:33333"}, // fixed
			{do: "set", set: "192.168.1.2:4012", signal: "203.0.113.5", to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: gap, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: gap, to: "203.0.113.5:33333"}, // nobody's former any more
		},
		"the old port and another at once: the old one is not fixed": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{do: "set", set: "192.168.1.2:4010", signal: "203.0.113.5", to: "192.168.1.2:4010"},
			{do: "settle", to: "192.168.1.2:4010"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: window - gap, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: gap / 2, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: gap / 2, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: gap, accept: true, to: "203.0.113.5:44444"},
		},
		"a late packet of the old port does not fix it": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{do: "set", set: "192.168.1.2:4010", signal: "203.0.113.5", to: "192.168.1.2:4010"},
			{do: "settle", to: "192.168.1.2:4010"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33333", after: window, accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:44444", after: gap, accept: true, to: "203.0.113.5:44444"},
		},
		"the old port is not learnt once it is too late": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{do: "set", set: "192.168.1.2:4010", signal: "203.0.113.5", to: "192.168.1.2:4010"},
			{do: "settle", to: "192.168.1.2:4010"},
			{from: "203.0.113.5:33333", after: late, to: "192.168.1.2:4010"},
		},
		"hold keeps the latch": {
			{do: "set", set: public, to: public},
			{do: "settle", to: public},
			{from: public, accept: true, to: public},
			{do: "set", to: public},
			{from: public, accept: true, to: public},
			{from: "203.0.113.5:4002", to: public},
		},
		"hold from the start": {
			{do: "set", to: nowhere},
			{from: public, to: nowhere},
		},
		"behind a NAT": {
			{do: "set", set: "192.168.1.2:4000", signal: "203.0.113.5", to: "192.168.1.2:4000"},
			{do: "settle", to: "192.168.1.2:4000"},
			{from: "203.0.113.6:4000", to: "192.168.1.2:4000"},
			{from: "203.0.113.5:33333", accept: true, to: "203.0.113.5:33333"},
			{from: "203.0.113.5:33334", to: "203.0.113.5:33333"},
		},
		"a private peer of another private range": {
			{do: "set", set: "192.168.1.2:4000", signal: "10.0.0.1", to: "192.168.1.2:4000"},
			{from: "10.0.0.1:4000", accept: true, to: "10.0.0.1:4000"},
		},
		"a private peer of the same range": {
			{do: "set", set: "10.1.1.1:4000", signal: "10.0.0.1", to: "10.1.1.1:4000"},
			{from: "10.0.0.1:4000", to: "10.1.1.1:4000"},
			{from: "10.1.1.1:4000", accept: true, to: "10.1.1.1:4000"},
		},
		"a public address is not taken for a NAT": {
			{do: "set", set: public, signal: "198.51.100.1", to: public},
			{from: "198.51.100.1:4000", to: public},
		},
		"loopback told by a stranger": {
			{do: "set", set: "127.0.0.1:4000", signal: "203.0.113.5", to: nowhere},
			{from: "203.0.113.5:4000", accept: true, to: "203.0.113.5:4000"},
		},
		"loopback among ourselves": {
			{do: "set", set: "127.0.0.1:4000", signal: "127.0.0.1", to: "127.0.0.1:4000"},
			{from: "127.0.0.1:4000", accept: true, to: "127.0.0.1:4000"},
			{from: "127.0.0.1:4002", to: "127.0.0.1:4000"},
			{from: "127.0.0.2:4000", to: "127.0.0.1:4000"},
		},
		"mapped addresses": {
			{do: "set", set: "[::ffff:203.0.113.5]:4000", to: public},
			{from: public, accept: true, to: public},
		},
		"IPv6": {
			{do: "set", set: "[fc00::2]:4000", signal: "2001:db8::1", to: "[fc00::2]:4000"},
			{from: "[2001:db8::1]:4000", accept: true, to: "[2001:db8::1]:4000"},
		},
	}
	for policy, tests := range map[Latching]map[string][]step{LatchStrict: strict, LatchSubnet: subnet, LatchOff: off} {
		for name, steps := range tests {
			l := latch{policy: policy, window: int64(window)}
			var now time.Duration
			for i, s := range steps {
				now += s.after
				switch s.do {
				case "set":
					var at netip.AddrPort
					var signal netip.Addr
					if s.set != "" {
						at = netip.MustParseAddrPort(s.set)
					}
					if s.signal != "" {
						signal = netip.MustParseAddr(s.signal)
					}
					l.set(at, signal, int64(now))
				case "settle":
					l.settle(int64(now))
				default:
					if got := l.accept(netip.MustParseAddrPort(s.from), int64(now)); got != s.accept {
						t.Errorf("%s, step %d: accepted %t", name, i, got)
					}
				}
				if got := l.destination().String(); got != s.to {
					t.Errorf("%s, step %d: packets go to %s, want %s", name, i, got, s.to)
				}
			}
		}
	}
}

func TestReportsComeFromThePeer(t *testing.T) {
	l := latch{window: int64(time.Second)}
	peer, nat := netip.MustParseAddrPort("192.168.1.2:4000"), netip.MustParseAddr("203.0.113.5")
	if l.fromPeer(peer.Addr()) {
		t.Error("taken before signalling")
	}
	l.set(peer, nat, 0)
	if !l.fromPeer(peer.Addr()) || !l.fromPeer(nat) || l.fromPeer(netip.MustParseAddr("203.0.113.6")) {
		t.Error("wrong before the latch")
	}
	l.settle(0)
	l.accept(netip.AddrPortFrom(nat, 33333), 0)
	l.accept(netip.AddrPortFrom(nat, 33333), int64(time.Second))
	if l.fromPeer(peer.Addr()) || !l.fromPeer(nat) {
		t.Error("wrong after the latch")
	}
}
