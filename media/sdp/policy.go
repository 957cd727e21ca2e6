package sdp

import "net/netip"

// Policy is what the operator allows on a leg. The zero value carries plain
// audio and nothing else.
type Policy struct {
	SRTP  SRTP
	T38   bool // a fax may take the place of the audio
	Video bool // there may be a video beside the audio
	Mux   bool // RTCP on the RTP port is offered; answered it is always
	Keys  Keys
}

// SRTP says whether a leg is encrypted, with keys in descriptions (RFC 4568).
type SRTP uint8

// The policies of SRTP.
const (
	SRTPOff     SRTP = iota // neither offered nor accepted
	SRTPAllow               // accepted; what we offer first is plain
	SRTPRequire             // nothing else is offered or accepted
)

// rtp says whether a transport may carry the audio or video of a leg. For audio the
// feedback profiles are taken for those without: feedback messages are RTCP, and
// RTCP ends here.
func (p Policy) rtp(proto string) bool {
	return plainRTP(proto) && p.SRTP != SRTPRequire || secureRTP(proto) && p.SRTP != SRTPOff
}

// fax says whether a leg may carry UDPTL, which no key protects.
func (p Policy) fax() bool { return p.T38 && p.SRTP != SRTPRequire }

// profile is the transport that we offer first: of audio that without feedback, of
// video that of the other leg (RFC 4585 section 3.6).
func (p Policy) profile(src *Line) string {
	profile := "RTP/AVP"
	if p.SRTP == SRTPRequire {
		profile = "RTP/SAVP"
	}
	if src.Media == "video" && withFeedback(src.Proto) {
		profile += "F"
	}
	return profile
}

func plainRTP(proto string) bool     { return proto == "RTP/AVP" || proto == "RTP/AVPF" }
func secureRTP(proto string) bool    { return proto == "RTP/SAVP" || proto == "RTP/SAVPF" }
func withFeedback(proto string) bool { return proto == "RTP/AVPF" || proto == "RTP/SAVPF" }

// choose gives the index of the stream to relay: the first audio line that can
// be, else a fax, else the first line that is switched off by port 0 (RFC 3264
// section 8.2) and could come back, else -1. Such a line does not count beside an
// audio or an image that cannot be relayed: who offers the two wants the second in
// place of the first, and to be told that there is none, not that both are off. Of
// lines that differ in their address family only, those of ours count (RFC 4091
// offers both); an invalid address of ours stands for either.
func choose(lines []Line, p Policy, ours netip.Addr) int {
	fax, off, passed := -1, -1, false
	for i := range lines {
		ln := &lines[i]
		audio, image := ln.Media == "audio" && p.rtp(ln.Proto), ln.isFax() && p.fax()
		passed = passed || ln.Port != 0 && (ln.Media == "audio" || ln.Media == "image")
		switch {
		case !audio && !image:
		case ln.Port == 0:
			if off < 0 {
				off = i
			}
		case !ln.reachable(ours):
		case image:
			if fax < 0 {
				fax = i
			}
		case ln.usable():
			return i
		}
	}
	switch {
	case fax >= 0:
		return fax
	case passed:
		return -1
	}
	return off
}

// chooseVideo is choose for the video: one beside the audio, where that is allowed.
func chooseVideo(lines []Line, p Policy, ours netip.Addr) int {
	off := -1
	for i := range lines {
		ln := &lines[i]
		switch {
		case !p.Video || ln.Media != "video" || !p.rtp(ln.Proto):
		case ln.Port == 0:
			if off < 0 {
				off = i
			}
		case ln.reachable(ours) && ln.usable():
			return i
		}
	}
	return off
}

// usable says whether there is something to be carried on a line of RTP, and keys
// where they are needed.
func (ln *Line) usable() bool {
	return hasMedia(ln.Codecs) && (plainRTP(ln.Proto) || len(ln.Crypto) > 0)
}

// reachable says whether packets can be sent from an address of ours to the
// line's. To the unspecified address, which is a hold, none are.
func (ln *Line) reachable(ours netip.Addr) bool {
	return ln.Addr.IsValid() && (ln.Addr.IsUnspecified() || !ours.IsValid() || ln.Addr.Is4() == ours.Unmap().Is4())
}
