package media

import (
	"encoding/binary"
	"net/netip"
)

// straggler is what the last call of a port was sent there: a phone that was not told of its end, or a packet that was
// long on its way, must not be taken for the next call's party because it has that one's address, as all phones behind
// one server have. It is plain data.
type straggler struct {
	source  netip.AddrPort // invalid: none
	reports netip.AddrPort // of its RTCP; invalid: it sent none
	ssrc    uint32
	until   int64 // ns, when it may be the call's own after all; 0: not yet known
}

// leaves is what may still be sent to the port of a leg that has ended: where nobody has spoken, what could be before.
func (l *leg) leaves() straggler {
	if l.in.Received.Packets() == 0 || !l.latch.source.IsValid() {
		return straggler{source: l.former.source, reports: l.former.reports, ssrc: l.former.ssrc}
	}
	return straggler{source: l.latch.source, reports: l.reports, ssrc: l.in.Source()}
}

// is says whether an RTP packet is of the call before. A phone that calls twice from one port under one SSRC, and finds
// the same port of ours, is heard by signalling it, or when the window that follows the answer is over.
func (f *straggler) is(b []byte, src netip.AddrPort, now int64) bool {
	return src == f.source && binary.BigEndian.Uint32(b[8:]) == f.ssrc && (f.until == 0 || now < f.until)
}

// lateReport says whether an RTCP packet is of the call before. Reports come seconds apart, so that the window alone does
// not tell: once the call has RTP under another SSRC, what comes under the former one is not its own.
func (l *leg) lateReport(b []byte, src netip.AddrPort, now int64) bool {
	f := &l.former
	if src != f.reports || src == l.remote.RTCP || len(b) < 8 || binary.BigEndian.Uint32(b[4:]) != f.ssrc {
		return false
	}
	if l.in.Received.Packets() > 0 {
		return l.in.Source() != f.ssrc
	}
	return f.until == 0 || now < f.until
}
