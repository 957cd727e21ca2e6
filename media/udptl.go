package media

// isUDPTL reports whether a datagram is one of a fax (ITU-T T.38 section 9.1): a sequence number, a packet, and either
// earlier packets or what they can be computed from, up to its last byte. So nothing else (STUN, DTLS, ZRTP, RTP, text)
// goes to the other party as one, and nothing behind one. What is in the packets is the fax.
func isUDPTL(b []byte) bool {
	const sequence, again, parity = 2, 0x00, 0x80
	if len(b) <= sequence {
		return false
	}
	b, ok := skipOpen(b[sequence:])
	if !ok || len(b) < 2 {
		return false
	}
	kind := b[0]
	switch b = b[1:]; kind {
	case again:
	case parity:
		if len(b) < 3 || b[0] != 1 { // one byte says how many packets each is about
			return false
		}
		b = b[2:]
	default:
		return false
	}
	n, b, ok := length(b)
	for range n {
		if b, ok = skipOpen(b); !ok {
			return false
		}
	}
	return ok && len(b) == 0
}

// skipOpen is what is behind a length and so many bytes.
func skipOpen(b []byte) ([]byte, bool) {
	n, b, ok := length(b)
	if !ok || n > len(b) {
		return nil, false
	}
	return b[n:], true
}

// length reads one (ITU-T X.691 section 11.9): in a byte, or two from 128 on. From 16384 on there are fragments, for which
// a datagram has no room.
func length(b []byte) (n int, rest []byte, ok bool) {
	switch {
	case len(b) > 0 && b[0] < 0x80:
		return int(b[0]), b[1:], true
	case len(b) > 1 && b[0] < 0xc0:
		return int(b[0]&0x3f)<<8 | int(b[1]), b[2:], true
	}
	return 0, nil, false
}
