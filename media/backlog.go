package media

import "time"

// A relay that lacks processor time must lose packets, not be late with them: a listener
// misses a word, where else he would hear all that is said seconds later from then on. A
// socket of the system's usual size holds five seconds of a voice. So it gets room for
// little more than what phones wait for themselves, and when the whole relay has stood
// still, what waited meanwhile is dropped: the kernel keeps the oldest.

const (
	// backlog is how many packets of a voice may wait: 300 ms of the usual 20 ms each.
	backlog = 15
	// faxBacklog is that for a fax, of which a late packet is worth more than none: two
	// seconds of them.
	faxBacklog = 100
	// stale is how long the relay may stand still before what waited is dropped.
	stale = 300 * time.Millisecond

	// charge is what the kernel is taken to charge for a packet before one was weighed. It
	// depends on the interface: 768 bytes over lo and veth, 2304 of a usual driver.
	charge    = 1280
	minCharge = 512
	maxCharge = 1 << 14
	// maxDiscard bounds the packets of one socket that are dropped at one wake.
	maxDiscard = 256
)

// slack says how long packets may wait for the relay.
type slack struct {
	charge int           // bytes a packet that waits in a socket, until one was weighed; 0: the system's usual room
	stale  time.Duration // 0: nothing is too old
}

// fit gives the socket of a voice or fax the room that it needs. A picture comes in
// bursts of as much as the system's usual room holds, and keeps that.
func (l *leg) fit() {
	n := backlog
	if l.remote.Fax {
		n = faxBacklog
	}
	if room := n * l.charge; room != l.room {
		l.room = room
		l.sockets[useRTP].Room(room)
	}
}

// weigh is what waits in the socket of a leg, as the kernel charges it; 0: it does not
// matter.
func (l *leg) weigh() int {
	if l.charge == 0 {
		return 0
	}
	return l.sockets[useRTP].Held()
}

// weighed notes that n packets were read which weighed that much, and none is left.
func (l *leg) weighed(bytes, n int) {
	if bytes == 0 || n == 0 {
		return
	}
	l.charge = min(max(bytes/n, minCharge), maxCharge)
	l.fit()
}

// overrun counts what the socket of a leg had no room for since the last time.
func (l *leg) overrun() {
	n := l.sockets[useRTP].Overrun()
	l.flow.Overrun += n - l.overran
	l.overran = n
}

// wake notes when the loop goes on after a wait of limit at most. While there are
// sessions that is no longer than a tick, unless the thread had no processor or its lock
// was another's.
func (sh *shard) wake(now int64, limit time.Duration) {
	if p := sh.relay.edge.slack.stale; p > 0 && limit != never && now-sh.woke >= int64(p) {
		sh.stall, sh.stalled = sh.stall+1, now
	}
	sh.woke = now
}

// discard drops what has waited in a voice's socket while the relay stood still. It is
// false when the socket is to be read as ever. Once per stall: what comes next is new.
func (sh *shard) discard(e *end, now int64) bool {
	e.stall = sh.stall
	l := e.session.legs[e.side]
	if e.use != useRTP || l.remote.Fax || now-sh.stalled >= int64(stale) {
		return false
	}
	for range maxDiscard {
		_, err := l.sockets[useRTP].Receive(sh.in[:])
		switch {
		case err == 0:
			l.flow.Overrun++
		case icmp(err):
			l.flow.Unreachable++
		default:
			return true
		}
	}
	return true
}
