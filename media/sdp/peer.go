package sdp

import (
	"net/netip"
	"slices"

	"mask700/media/srtp"
)

// Remote is what the relay must know of this leg's peer: the addresses of its
// last description, and each payload type that it may send with the number to
// write it under on the other leg. The mapping is that of the last Offer or
// Answer written on this leg; before the first, types map to themselves.
//
// A payload type is only ever mapped to one of the same codec and clock, but for
// telephone events (RFC 4733): where the other leg has none of a clock they become those
// that it has (PayloadType.Turns). Where the other leg's peer is told of keys by INFO,
// events of this leg's end here, and are mapped to none (EndsHere).
func (l *Leg) Remote() (RemoteMedia, error) {
	m, err := Remote(&l.Peer)
	if err != nil || l.Audio.Line < 0 {
		return m, err
	}
	return l.remote(&l.Audio, m)
}

// RemoteVideo is Remote for the video. It is zero, which lets nothing pass, unless
// both sides of the leg have said that there is one.
func (l *Leg) RemoteVideo() RemoteMedia {
	peer := l.Peer.video()
	if peer == nil || peer.Port == 0 || l.written(&l.Video).Port == 0 {
		return RemoteMedia{}
	}
	m, err := l.remote(&l.Video, peer.remote())
	if err != nil {
		return RemoteMedia{}
	}
	return m
}

func (l *Leg) remote(s *Stream, m RemoteMedia) (RemoteMedia, error) {
	m, err := l.protected(s, m)
	if err != nil || len(s.Types) == 0 {
		return m, err
	}
	// A peer sends what we listed. Some send under the number that they listed
	// themselves for the same codec; that is understood too.
	own := m.Types
	m.Types = slices.DeleteFunc(slices.Clone(s.Types), func(t PayloadType) bool { return misunderstood(t, own) })
	for _, t := range own {
		taken := slices.ContainsFunc(m.Types, func(o PayloadType) bool { return o.PT == t.PT })
		i := slices.IndexFunc(s.Types, func(o PayloadType) bool { return o.Name == t.Name && o.Clock == t.Clock })
		if i < 0 && t.Name == eventName {
			i = slices.IndexFunc(s.Types, func(o PayloadType) bool { return o.Name == t.Name })
		}
		if taken || i < 0 {
			continue
		}
		t.Map, t.Turns = s.Types[i].Map, 0
		if becomes := s.Types[i].Becomes(); becomes != t.Clock && t.Map < EndsHere {
			t.Turns = becomes
		}
		m.Types = append(m.Types, t)
	}
	m.Types = endings(m.Types, own)
	return m, nil
}

// misunderstood says that a peer took nothing of a type that we listed and gave
// its number to another: under that number it means its own.
func misunderstood(t PayloadType, own []PayloadType) bool {
	taken := slices.ContainsFunc(own, func(o PayloadType) bool { return o.Name == t.Name && o.Clock == t.Clock })
	return !taken && slices.ContainsFunc(own, func(o PayloadType) bool { return o.PT == t.PT })
}

// protected adds what both descriptions of a stream have to agree on: whether it
// is a fax, whether it is encrypted and by which keys, and where RTCP goes.
func (l *Leg) protected(s *Stream, m RemoteMedia) (RemoteMedia, error) {
	peer, ours := l.peer(s), l.written(s)
	secure := secureRTP(ours.Proto)
	if peer.Port == 0 || ours.Port == 0 {
		if secure || secureRTP(peer.Proto) {
			m.RTP, m.RTCP = netip.AddrPort{}, netip.AddrPort{} // no keys, so nothing is sent
		}
		return m, nil
	}
	if peer.isFax() != ours.isFax() || secureRTP(peer.Proto) != secure {
		return RemoteMedia{}, ErrNotMaskable
	}
	if secure {
		if out, in, ok := srtp.Agreed(ours.Crypto, peer.Crypto); ok {
			m.Out, m.In = out.Key, in.Key
		} else if m.Out, m.In = s.Out, s.In; m.In.IsZero() {
			return RemoteMedia{}, ErrNotMaskable
		}
	}
	if m.Mux = l.muxed(s); m.Mux {
		m.RTCP = m.RTP
	}
	return m, nil
}

// Agrees reports whether what this leg was told last still holds when the other leg
// has said from: whether the peer may send no codec that the other leg does not take,
// and neither waits for audio that does not come.
func (l *Leg) Agrees(from *Description) bool {
	src, peer := from.stream(), l.Peer.stream()
	if src == nil || peer == nil || l.Audio.Line < 0 {
		return src == nil && peer == nil
	}
	if !agrees(&l.Lines[l.Audio.Line], peer, src, from.TakesKeys) {
		return false
	}
	told := l.written(&l.Video)
	if src, peer = from.video(), l.Peer.video(); peer == nil || told.Port == 0 {
		return true // it waits for no video
	}
	return src != nil && agrees(&told, peer, src, false)
}

func agrees(told, peer, src *Line, keys bool) bool {
	if peer.Port == 0 || told.Port == 0 || src.Port == 0 {
		return peer.Port == 0 || (told.Port == 0) == (src.Port == 0)
	}
	if told.isFax() != src.isFax() {
		return false
	}
	for _, c := range told.Codecs {
		if match(peer.Codecs, c) >= 0 && counterpart(src.Codecs, c) < 0 && !(keys && isEvents(c)) {
			return false
		}
	}
	send, recv := src.direction()
	peerSend, peerRecv := peer.direction()
	return (told.Send == send || !peerRecv) && (told.Recv == recv || !peerSend)
}
