package media

// readUDPTL reports whether a datagram is one of a fax (ITU-T T.38 section 9.1): a sequence number, a packet, and either
// earlier packets or what they can be computed from, up to its last byte. So nothing else (STUN, DTLS, ZRTP, RTP, text)
// goes to the other party as one, and nothing behind one. What is in the packets is the fax.
//
// Earlier is how many packets back what repeats them goes. They have no numbers of their own: they are those right before
// the number of the datagram.
func readUDPTL(b []byte) (earlier int, ok bool) {
	const again, parity = 0x00, 0x80
	if len(b) <= udptlSequence {
		return 0, false
	}
	if b, ok = skipOpen(b[udptlSequence:]); !ok || len(b) < 2 {
		return 0, false
	}
	kind, each := b[0], 1
	switch b = b[1:]; kind {
	case again:
	case parity:
		if len(b) < 3 || b[0] != 1 { // one byte says how many packets each is about
			return 0, false
		}
		each, b = int(b[1]), b[2:]
	default:
		return 0, false
	}
	n, b, ok := length(b)
	for i := range n {
		if len(b) > 0 && b[0] != 0 {
			earlier = (i + 1) * each // an empty one repeats nothing
		}
		if b, ok = skipOpen(b); !ok {
			return 0, false
		}
	}
	return earlier, ok && len(b) == 0
}

// udptlSequence is the size of the sequence number that a datagram begins with.
const udptlSequence = 2

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
