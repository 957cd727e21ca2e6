package rebase

import "time"

// Limits of RFC 3550 appendix A.1.
const (
	maxDropout  = 3000 // a jump ahead by more is a restart
	maxMisorder = 100  // a step back by more is a restart
	seqMod      = 1 << 16
)

// maxTransit is how far in seconds one packet may be from the one before. More is
// no network's doing: the sender's timestamps began anew.
const maxTransit = 10

// Reception keeps the statistics of what came in, by RFC 3550 appendix A: the
// current source for reports, and sums over all sources for a call record.
type Reception struct {
	ssrc    uint32
	started bool

	base     uint32 // first sequence number
	max      uint16 // highest sequence number seen
	cycles   uint32 // wraps, in units of 2^16
	bad      uint32 // the number after the last that jumped too far
	resumed  uint16 // the number before which so many were not due
	forgiven uint16
	received uint32

	priorExpected, priorReceived uint32 // at the last report

	transit int64
	jitter  uint32 // in 1/16 of a clock tick
	clock   uint32
	last    uint32 // timestamp of the last packet

	whole
}

// whole is what outlasts a source.
type whole struct {
	packets uint64 // of all sources
	lost    uint64 // of earlier sources
	seen    int64  // ns, of the last packet

	free  bool // the source need not send now
	slack bool // nor need it have sent what comes before the next packet

	noted   uint64        // packets that the next two are about
	jitters uint64        // of them all, in ns
	worst   time.Duration // the highest jitter noted
}

// Report is a reception report block (RFC 3550 section 6.4.1) without what
// belongs to the reporter's own state.
type Report struct {
	SSRC     uint32
	Fraction uint8  // lost since the last report, in 1/256
	Lost     int32  // cumulative; negative when duplicates outnumber losses
	Highest  uint32 // extended sequence number
	Jitter   uint32 // in clock ticks
}

// place is where a packet stands among those of its source that came before.
type place uint8

const (
	near place = iota
	far        // off by more than loss or disorder does: a lone one, or the first of a source that began anew
	anew       // the source is another, or it began anew
)

func (r *Reception) update(ssrc uint32, seq uint16, ts uint32, at int64, clock uint32) place {
	where, resumed := anew, false
	if !r.started || ssrc != r.ssrc {
		r.restart(ssrc, seq)
	} else {
		resumed = r.slack && r.forgive(seq)
		where = r.sequence(seq)
	}
	r.packets++
	r.seen = at
	if where == far {
		return far
	}
	r.received++
	r.variation(ts, at, clock, resumed)
	return where
}

// restart begins with a new source, or with an old one that began anew.
func (r *Reception) restart(ssrc uint32, seq uint16) {
	if r.started {
		r.Note()
		r.lost += uint64(max(r.cumulative(), 0))
	}
	r.slack = r.free
	*r = Reception{ssrc: ssrc, started: true, base: uint32(seq), max: seq, bad: seqMod + 1, whole: r.whole}
}

// Due says whether the source has to send from now on: not while it is held, for one.
// What is missing before a packet that comes meanwhile, or is the first after that, is no
// loss, and how late it is no jitter.
func (r *Reception) Due(now bool) {
	r.free = !now
	r.slack = r.slack || r.free
}

// forgive expects nothing of what is missing before a packet, which is true when that is
// the next of its source.
func (r *Reception) forgive(seq uint16) bool {
	ahead := seq - r.max
	if ahead == 0 || ahead >= maxDropout {
		return false
	}
	r.forgiven, r.resumed = ahead-1, seq
	r.base += uint32(r.forgiven)
	r.slack = r.free
	return true
}

// sequence is update_seq of appendix A.1 without probation: a relay passes the
// first packet on, so it counts it.
func (r *Reception) sequence(seq uint16) place {
	switch ahead := seq - r.max; {
	case ahead < maxDropout:
		if seq < r.max {
			r.cycles += seqMod
		}
		r.max = seq
	case uint32(ahead) <= seqMod-maxMisorder:
		if uint32(seq) != r.bad {
			r.bad = uint32(seq+1) & (seqMod - 1)
			return far
		}
		// Two in a row: the other side began anew without a word.
		r.restart(r.ssrc, seq)
		return anew
	case r.resumed-1-seq < r.forgiven:
		r.base-- // it was sent, and overtaken
	}
	return near
}

// variation is the estimator of appendix A.8. With the packet before, one that resumed has
// no more to do than the first.
func (r *Reception) variation(ts uint32, at int64, clock uint32, resumed bool) {
	arrival := ticks(at, clock)
	transit := int64(int32(arrival - ts))
	switch {
	case r.clock != clock:
		// The first packet, or another clock: nothing to compare with. The jitter
		// so far keeps its meaning in time.
		if r.clock != 0 {
			r.jitter = uint32(uint64(r.jitter) * uint64(clock) / uint64(r.clock))
		}
		r.clock = clock
	case resumed:
	case r.last == ts:
		// A further packet of one moment, as every packet of a telephone event is
		// (RFC 4733 section 2.4.1): it was late on purpose.
		return
	default:
		d := int64(int32(transit - r.transit))
		d = max(d, -d)
		if d < maxTransit*int64(clock) {
			r.jitter += uint32(d) - (r.jitter+8)>>4
		}
	}
	r.transit, r.last = transit, ts
}

func (r *Reception) highest() uint32 { return r.cycles + uint32(r.max) }

func (r *Reception) expected() uint32 { return r.highest() - r.base + 1 }

func (r *Reception) cumulative() int64 { return int64(r.expected()) - int64(r.received) }

// Report makes a report block and begins the next interval (appendix A.3). It is
// false when nothing came in since the last.
func (r *Reception) Report() (Report, bool) {
	if !r.started || r.received == r.priorReceived {
		return Report{}, false
	}
	expected := r.expected() - r.priorExpected
	lost := int64(expected) - int64(r.received-r.priorReceived)
	r.priorExpected, r.priorReceived = r.expected(), r.received
	rep := Report{SSRC: r.ssrc, Highest: r.highest(), Jitter: r.jitter >> 4}
	if expected != 0 && lost > 0 {
		rep.Fraction = uint8(min(lost<<8/int64(expected), 255))
	}
	// 24 bits with a sign, appendix A.3.
	rep.Lost = int32(min(max(r.cumulative(), -0x800000), 0x7fffff))
	return rep, true
}

// Packets counts what came in, from every source.
func (r *Reception) Packets() uint64 { return r.packets }

// Lost counts what did not, over every source. A source that sent more than it
// should have does not make up for another.
func (r *Reception) Lost() uint64 {
	if !r.started {
		return 0
	}
	return r.lost + uint64(max(r.cumulative(), 0))
}

// Jitter is the interarrival jitter of the current source.
func (r *Reception) Jitter() time.Duration {
	if r.clock == 0 {
		return 0
	}
	return time.Duration(uint64(r.jitter>>4) * uint64(time.Second) / uint64(r.clock))
}

// Note takes the jitter of now for that of all that came since the last time, from
// whatever engine. Once a second is often enough: the estimate is over 16 packets.
func (r *Reception) Note() {
	since := r.packets - r.noted
	if since == 0 || r.clock == 0 {
		return
	}
	now := uint64(r.jitter) * uint64(time.Second) / (16 * uint64(r.clock))
	r.noted += since
	r.jitters += since * now
	r.worst = max(r.worst, time.Duration(now))
}

// MeanJitter is the mean of the jitter noted, over all packets of every source.
func (r *Reception) MeanJitter() time.Duration {
	if r.noted == 0 {
		return 0
	}
	return time.Duration(r.jitters / r.noted)
}

// MaxJitter is the highest jitter noted, of every source.
func (r *Reception) MaxJitter() time.Duration { return r.worst }

// Seen is the time of the last packet in ns, and false before the first.
func (r *Reception) Seen() (int64, bool) { return r.seen, r.packets > 0 }
