package media

import (
	"github.com/pion/rtcp"

	"mask700/media/rebase"
)

// What a viewer tells the sender of a video does not pass either, but video stands
// still without it: so it is read, and said anew by us, about the same packets under
// the numbers that their sender gave them. A packet again (RFC 4585 section 6.2.1),
// a whole picture since one is lost (section 6.3.1) or is wanted (RFC 5104 section
// 4.3.1) is all that is read; bit rates, reference pictures and what applications
// make up are not.

const (
	// maxWishes bounds the feedback that a party may cause in a second. More is not
	// of use to a viewer, and each may cost the sender a whole picture.
	maxWishes = 50
	// maxPairs bounds the packets that are asked for at once, in 17 each.
	maxPairs = 64
)

// wish is what a viewer asks of the sender.
type wish struct {
	lost    []rtcp.NackPair // by the sender's numbers
	picture bool            // PLI
	refresh bool            // FIR
	number  uint8           // of it
}

// fir numbers requests for whole pictures: the same number is the same request,
// said again (RFC 5104 section 4.3.1.1).
type fir struct {
	heard uint8 // the last number from this side
	any   bool  // there was one
	said  uint8 // the last of ours to this side
}

func (w *wish) empty() bool { return len(w.lost) == 0 && !w.picture && !w.refresh }

// readWish takes what a compound packet, which was found to be RTCP, asks about a
// stream of ours.
func readWish(b []byte, about *rebase.Stream) wish {
	var w wish
	for len(b) > 0 {
		var h rtcp.Header
		if h.Unmarshal(b) != nil {
			return w
		}
		packet := b[:min(len(b), (int(h.Length)+1)*4)]
		b = b[len(packet):]
		switch {
		case h.Type == rtcp.TypeTransportSpecificFeedback && h.Count == rtcp.FormatTLN:
			var n rtcp.TransportLayerNack
			if n.Unmarshal(packet) == nil && n.MediaSSRC == about.SSRC() {
				w.miss(n.Nacks, about)
			}
		case h.Type == rtcp.TypePayloadSpecificFeedback && h.Count == rtcp.FormatPLI:
			var p rtcp.PictureLossIndication
			if p.Unmarshal(packet) == nil && p.MediaSSRC == about.SSRC() {
				w.picture = true
			}
		case h.Type == rtcp.TypePayloadSpecificFeedback && h.Count == rtcp.FormatFIR:
			var f rtcp.FullIntraRequest
			if f.Unmarshal(packet) != nil {
				continue
			}
			for _, e := range f.FIR {
				if e.SSRC == about.SSRC() {
					w.refresh, w.number = true, e.SequenceNumber
				}
			}
		}
	}
	return w
}

// miss takes packets that are missing.
func (w *wish) miss(pairs []rtcp.NackPair, about *rebase.Stream) {
	for _, p := range pairs {
		if seq, ok := about.Original(p.PacketID); ok && len(w.lost) < maxPairs {
			w.lost = append(w.lost, rtcp.NackPair{PacketID: seq, LostPackets: p.LostPackets})
		}
	}
}

// feedback takes what the peer of a side asks of the other, which sends it video.
func (s *session) feedback(side Side, b []byte, now int64) {
	viewer, sender := s.legs[side], s.legs[side.Other()]
	w := readWish(b, sender.in)
	if w.empty() || s.paused || sender.in.Received.Packets() == 0 {
		return
	}
	if viewer.wishes++; viewer.wishes > maxWishes {
		return
	}
	// To the sender we are who sends what the viewer sends.
	us, them := viewer.in.SSRC(), sender.in.Source()
	var more []rtcp.Packet
	if len(w.lost) > 0 {
		more = append(more, &rtcp.TransportLayerNack{SenderSSRC: us, MediaSSRC: them, Nacks: w.lost})
	}
	if w.picture {
		more = append(more, &rtcp.PictureLossIndication{SenderSSRC: us, MediaSSRC: them})
	}
	if w.refresh {
		if !viewer.fir.any || w.number != viewer.fir.heard {
			sender.fir.said++
		}
		viewer.fir.any, viewer.fir.heard = true, w.number
		more = append(more, &rtcp.FullIntraRequest{SenderSSRC: us, FIR: []rtcp.FIREntry{{SSRC: them, SequenceNumber: sender.fir.said}}})
	}
	viewer.flow.Feedback++
	s.report(side.Other(), now, more...)
}
