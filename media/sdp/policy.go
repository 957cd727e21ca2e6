package sdp

import (
	"net/netip"

	"mask700/media/srtp"
)

// Policy is what the operator allows on a leg. The zero value carries plain
// audio and nothing else.
type Policy struct {
	SRTP SRTP
	T38  bool // a fax may take the place of the audio
	Mux  bool // RTCP on the RTP port is offered; answered it is always
}

// SRTP says whether a leg is encrypted, with keys in descriptions (RFC 4568).
type SRTP uint8

// The policies of SRTP.
const (
	SRTPOff     SRTP = iota // neither offered nor accepted
	SRTPAllow               // accepted; what we offer first is plain
	SRTPRequire             // nothing else is offered or accepted
)

// rtp says whether a transport may carry the audio of a leg. The feedback
// profiles are taken for those without: feedback messages are RTCP, and RTCP ends
// here.
func (p Policy) rtp(proto string) bool {
	return plainRTP(proto) && p.SRTP != SRTPRequire || secureRTP(proto) && p.SRTP != SRTPOff
}

// fax says whether a leg may carry UDPTL, which no key protects.
func (p Policy) fax() bool { return p.T38 && p.SRTP != SRTPRequire }

// profile is the transport of audio that we offer first.
func (p Policy) profile() string {
	if p.SRTP == SRTPRequire {
		return "RTP/SAVP"
	}
	return "RTP/AVP"
}

func plainRTP(proto string) bool  { return proto == "RTP/AVP" || proto == "RTP/AVPF" }
func secureRTP(proto string) bool { return proto == "RTP/SAVP" || proto == "RTP/SAVPF" }

// choose gives the index of the stream to relay: the first audio line that can
// be, else a fax, else the first line that is switched off by port 0 (RFC 3264
// section 8.2) and could come back, else -1. Of lines that differ in their address
// family only, those of ours count (RFC 4091 offers both); an invalid address of
// ours stands for either.
func choose(lines []Line, p Policy, ours netip.Addr) int {
	fax, off := -1, -1
	for i := range lines {
		ln := &lines[i]
		audio, image := ln.Media == "audio" && p.rtp(ln.Proto), ln.isFax() && p.fax()
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
		case hasVoice(ln.Codecs) && (plainRTP(ln.Proto) || len(ln.Crypto) > 0):
			return i
		}
	}
	if fax >= 0 {
		return fax
	}
	return off
}

// reachable says whether packets can be sent from an address of ours to the
// line's. To the unspecified address, which is a hold, none are.
func (ln *Line) reachable(ours netip.Addr) bool {
	return ln.Addr.IsValid() && (ln.Addr.IsUnspecified() || !ours.IsValid() || ln.Addr.Is4() == ours.Unmap().Is4())
}

// keysFor gives the attributes of an offer of ours: the key that is in use first,
// so that a peer which keeps to it goes on without a break, then one for every
// other suite.
func (l *Leg) keysFor(secret srtp.Secret) []srtp.Crypto {
	var out []srtp.Crypto
	add := func(k srtp.Key) {
		if !k.IsZero() {
			out = append(out, srtp.Crypto{Tag: uint32(len(out) + 1), Key: k})
		}
	}
	add(l.Out)
	for _, suite := range srtp.Suites {
		if suite != l.Out.Suite() {
			add(secret.Key(suite, srtp.Key{}))
		}
	}
	return out
}

// keyFor takes one attribute of the peer's offer and gives ours for the answer
// (RFC 4568 section 5.1.2): the key that the peer uses already, else the first.
func (l *Leg) keyFor(offered []srtp.Crypto, secret srtp.Secret) (ours srtp.Crypto, theirs srtp.Key) {
	for _, c := range offered {
		if c.Key.Equal(l.In) {
			return srtp.Crypto{Tag: c.Tag, Key: l.Out}, l.In
		}
	}
	c := offered[0]
	return srtp.Crypto{Tag: c.Tag, Key: secret.Key(c.Suite(), c.Key)}, c.Key
}
