package media

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"

	"mask700/media/rebase"
)

// reporter keeps one leg's end of RTCP (RFC 3550 section 6). What the peer sends
// ends here; what it gets is all ours: counts, times and a name that means
// nothing.
type reporter struct {
	cname string // random, RFC 7022
	next  int64  // ns, when the next report is due; 0: not begun
	spoke bool   // a report was sent

	written uint64 // packets written at the last report
	sender  bool   // they went up then: two intervals make a sender (section 6.3.8)

	source uint32 // SSRC of the last sender report received
	lsr    uint32 // the middle of its NTP time
	lsrAt  int64  // ns, when it came
	theirs moment // what it says
	skew   uint32 // added to the time that our own say, in ticks

	ours uint32  // SSRC of what we write to the peer; 0: nothing reported yet
	sent [2]echo // the last sender reports that we wrote, the newest first
	told told
}

// moment is an instant in the two clocks of a sender report.
type moment struct {
	ntp uint64
	rtp uint32
}

// echo is a sender report of ours that a peer may answer.
type echo struct {
	lsr uint32 // the middle of its NTP time
	at  int64  // ns, when it was written
}

// told is what a peer says of the stream that we write to it. It is its word
// alone, so it is shown and rated but decides nothing.
type told struct {
	known     bool
	by        uint32 // SSRC of who says it
	lost      uint32 // of all that this one has heard; duplicates make up for losses
	before    uint64 // and others before it
	roundTrip int64  // ns, the last; 0: not known

	jitters, reports   uint64 // sum of all, in ticks of our stream's clock, and how many
	roundTrips, rounds uint64 // sum of all, in ns, and how many
}

// maxRoundTrip is more than any call could be held over. What says more has
// echoed something else.
const maxRoundTrip = int64(30 * time.Second)

// reportInterval is the least interval of RFC 3550 section 6.2. Two participants
// never use up their share of the bandwidth, so it is the interval.
const reportInterval = 5 * time.Second

// compensation makes up for the timer reconsideration of section 6.3.1: e − 3/2.
const compensation = 1.21828

// interval draws the time to the next report (section 6.3.1). share is a random
// number from 0 to 1. The first report may come after half the time.
func interval(first bool, share float64) int64 {
	t := float64(reportInterval)
	if first {
		t /= 2
	}
	return int64(t * (0.5 + share) / compensation)
}

// read takes the sender reports of a compound packet and what it says of our own
// stream. It is false, and nothing taken, when the packet is not RTCP from
// beginning to end (RFC 3550 appendix A.2). No item of a source description, no
// text and no block about another stream is looked at.
func (r *reporter) read(b []byte, at int64) bool {
	if len(b) == 0 {
		return false
	}
	var source, lsr uint32
	var theirs moment
	found := false
	heard := r.told
	for len(b) > 0 {
		var h rtcp.Header
		if err := h.Unmarshal(b); err != nil {
			return false
		}
		n := (int(h.Length) + 1) * 4
		if n > len(b) || h.Type < 192 || h.Type > 223 {
			return false
		}
		switch h.Type {
		case rtcp.TypeSenderReport:
			var sr rtcp.SenderReport
			if err := sr.Unmarshal(b[:n]); err != nil {
				return false
			}
			source, lsr, found = sr.SSRC, uint32(sr.NTPTime>>16), true
			theirs = moment{sr.NTPTime, sr.RTPTime}
			r.hear(&heard, sr.SSRC, sr.Reports, at)
		case rtcp.TypeReceiverReport:
			var rr rtcp.ReceiverReport
			if err := rr.Unmarshal(b[:n]); err != nil {
				return false
			}
			r.hear(&heard, rr.SSRC, rr.Reports, at)
		}
		b = b[n:]
	}
	if found {
		r.source, r.lsr, r.lsrAt, r.theirs = source, lsr, at, theirs
	}
	r.told = heard
	return true
}

// hear takes the block about our own stream. A round trip is measured from a
// report of ours that is truly echoed (RFC 3550 section 6.4.1), by our own clock.
// Who comes in the place of another, as after a transfer, counts from the beginning.
func (r *reporter) hear(to *told, by uint32, blocks []rtcp.ReceptionReport, at int64) {
	for _, b := range blocks {
		if r.ours == 0 || b.SSRC != r.ours {
			continue
		}
		if to.known && to.by != by {
			to.before += uint64(to.lost)
		}
		to.known, to.by, to.lost = true, by, b.TotalLost&0xffffff
		to.jitters += uint64(b.Jitter)
		to.reports++
		if to.lost >= 1<<23 { // 24 bits with a sign
			to.lost = 0
		}
		for _, e := range r.sent {
			if e.lsr == 0 || b.LastSenderReport != e.lsr {
				continue
			}
			if d := at - e.at - int64(b.Delay)*int64(time.Second)>>16; d <= maxRoundTrip {
				to.roundTrip = max(d, 1)
				to.roundTrips += uint64(to.roundTrip)
				to.rounds++
			}
		}
	}
}

// renew notes that another stream is written to the same peer from now on: what it has said of
// the former one is done.
func (r *reporter) renew() {
	r.written, r.sender, r.ours, r.sent = 0, false, 0, [2]echo{}
	r.told.before += uint64(r.told.lost)
	r.told.lost = 0
}

// compose writes a compound packet for the peer: a report on what we wrote to it
// and what came from it, our name, and what else there is to say.
func (r *reporter) compose(out *rebase.Stream, in *rebase.Reception, at int64, wall time.Time, more ...rtcp.Packet) ([]byte, error) {
	var blocks []rtcp.ReceptionReport
	if rep, ok := in.Report(); ok {
		block := rtcp.ReceptionReport{
			SSRC:               rep.SSRC,
			FractionLost:       rep.Fraction,
			TotalLost:          uint32(rep.Lost) & 0xffffff,
			LastSequenceNumber: rep.Highest,
			Jitter:             rep.Jitter,
		}
		if r.lsr != 0 && r.source == rep.SSRC {
			block.LastSenderReport = r.lsr
			block.Delay = fraction(at-r.lsrAt, 16)
		}
		blocks = append(blocks, block)
	}
	sent := out.Packets > r.written
	var report rtcp.Packet = &rtcp.ReceiverReport{SSRC: out.SSRC(), Reports: blocks}
	if ts, ok := out.Timestamp(at); ok && (sent || r.sender) {
		report = &rtcp.SenderReport{
			SSRC:        out.SSRC(),
			NTPTime:     ntp(wall),
			RTPTime:     ts + r.skew,
			PacketCount: uint32(out.Packets),
			OctetCount:  uint32(out.Octets),
			Reports:     blocks,
		}
		r.sent = [2]echo{{lsr: uint32(ntp(wall) >> 16), at: at}, r.sent[0]}
	}
	r.ours = out.SSRC()
	r.written, r.sender, r.spoke = out.Packets, sent, true
	packets := []rtcp.Packet{report, rtcp.NewCNAMESourceDescription(out.SSRC(), r.cname)}
	return rtcp.Marshal(append(packets, more...))
}

// ntp is a time in the 32.32 bit seconds of RFC 3550 section 4, since 1900.
func ntp(t time.Time) uint64 {
	const since1900 = 2208988800
	return uint64(t.Unix()+since1900)<<32 | uint64(fraction(int64(t.Nanosecond()), 32))
}

// fraction converts ns to seconds with the given number of binary places.
func fraction(ns int64, places uint) uint32 {
	if ns < 0 {
		return 0
	}
	const second = int64(time.Second)
	return uint32(uint64(ns/second)<<places + uint64(ns%second)<<places/uint64(second))
}

// isRTCP says whether a packet on a port of both is RTCP by its second byte (RFC
// 5761 section 4). Of RTP it is the marker with a payload type of 64 to 95.
func isRTCP(b []byte) bool { return len(b) >= 2 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223 }

// mixed says whether a packet on the RTP port of a side is RTCP. Such a payload type is
// agreed on only where RTCP has a port of its own, and is RTP then; but not from a peer that
// multiplexes without a word, whose reports would be passed on with its name in them: a
// compound packet from beginning to end, not of the source that is heard, is RTCP.
func (l *leg) mixed(b []byte) bool {
	if !isRTCP(b) {
		return false
	}
	return !l.payloads.table[b[1]&0x7f].Known || !l.speaks(b) && isCompound(b)
}

// speaks says whether a packet, read as RTP, is of the source that was heard last.
func (l *leg) speaks(b []byte) bool {
	return len(b) >= rtpHeader && l.in.Received.Packets() > 0 && binary.BigEndian.Uint32(b[8:]) == l.in.Source()
}

// isCompound says whether a packet is RTCP by its lengths, and begins with a report (RFC
// 3550 appendix A.2).
func isCompound(b []byte) bool {
	first := rtcp.PacketType(b[1])
	if first != rtcp.TypeSenderReport && first != rtcp.TypeReceiverReport || b[0]&0x20 != 0 {
		return false
	}
	for len(b) >= 4 && b[0]>>6 == 2 {
		n := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if n >= len(b) {
			return n == len(b)
		}
		b = b[n:]
	}
	return false
}
