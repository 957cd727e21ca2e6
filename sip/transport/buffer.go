package transport

// buffer holds the bytes of a stream that were read and not yet taken.
type buffer struct {
	buf   []byte
	start int // of the bytes not yet taken
	end   int
}

// firstRead is the size of the buffer of a connection that is idle most of its
// time, and the least that is read at once.
const firstRead = 4096

// room is where the next bytes are to be read to; it is never empty. The bytes
// that begin at start are expected to become so many.
func (b *buffer) room(expected int) []byte {
	if b.start == b.end {
		b.start, b.end = 0, 0
		if len(b.buf) > 4*firstRead {
			b.buf = nil
		}
	}
	if len(b.buf)-b.end < firstRead/2 && b.start > 0 {
		b.end = copy(b.buf, b.buf[b.start:b.end])
		b.start = 0
	}
	if len(b.buf)-b.end < firstRead/2 {
		grown := make([]byte, max(firstRead, 2*len(b.buf), expected+firstRead))
		b.end = copy(grown, b.buf[:b.end])
		b.buf = grown
	}
	return b.buf[b.end:]
}

// fill says that n bytes were read to the room.
func (b *buffer) fill(n int) { b.end += n }

// waiting are the bytes not yet taken.
func (b *buffer) waiting() []byte { return b.buf[b.start:b.end] }
