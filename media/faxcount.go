package media

// faxCount numbers the packets of one direction of a fax anew, so that what one party receives says nothing of how the
// other one counts. Distances stay, by which a receiver finds out what it has missed:
//
//	out = in + offset (mod 2^16)
//
// Ours begin at 0, as T.38 wants it, and not anywhere: common receivers count in more than 16 bits, and would take nothing
// any more once numbers that began high have come round.
type faxCount struct {
	begun  bool
	offset uint16
	last   uint32 // the highest number written, with how often the 16 bits have come round before them
}

const (
	// mostEarlier bounds the packets before the first one that it may repeat.
	mostEarlier = 64
	// lateFax is by how many packets one may be late. One further back begins anew.
	lateFax = 64
)

// next gives our number for a packet, by its own and by how many packets back it repeats earlier ones. It is false for
// one that was before the first one of ours, which has none.
func (c *faxCount) next(seq uint16, earlier int) (uint16, bool) {
	ahead := int16(seq + c.offset - uint16(c.last))
	at := int64(c.last) + int64(ahead)
	switch {
	case !c.begun:
		// What was lost before it, and is repeated in it, has the first numbers.
		c.begun, at = true, int64(min(earlier, mostEarlier))
		c.offset = uint16(at) - seq
	case at >= 0:
	case ahead >= -lateFax:
		return 0, false
	default: // the party counts from its own beginning again
		at = int64(c.last) + 1 + int64(min(earlier, mostEarlier))
		c.offset = uint16(at) - seq
	}
	c.last = max(c.last, uint32(at))
	return uint16(at), true
}
