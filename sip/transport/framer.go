package transport

import "bytes"

// maxFrame bounds one message, header and body together. It is what a datagram
// can carry, so that no message fits one transport and not another.
const maxFrame = 65535

// event is what was found next in a stream.
type event uint8

const (
	more    event = iota // nothing yet: more bytes are needed
	message              // one whole message
	ping                 // CRLFCRLF between messages (RFC 5626 section 4.4.1)
	broken               // the end of the message cannot be told; the bytes are its header if that much was seen

	// Of a WebSocket:
	blank // a message of line ends that is no ping
	waste // a message that cannot be one of SIP
	reply // the bytes are a control frame to be sent back
	ended // nothing more is to be read; the bytes are the frame that says so
)

// cutter cuts a stream into messages. It is fed through space and fill, and
// asked by next until that wants more.
type cutter interface {
	// space is where the stream's next bytes are to be read to. It is never empty.
	space() []byte
	// fill says that n bytes were read to space.
	fill(n int)
	// next takes the next event out of what was read. The frame is only good
	// until space is called.
	next() (event, []byte)
	// partial reports whether a message has begun and not ended.
	partial() bool
	// faulty reports that there is something wrong with the event told last.
	faulty() bool
	// pinged says that CRLFCRLF was sent: the next CRLF between messages is the
	// answer, and not half of a ping.
	pinged()
}

// framer cuts a stream into messages (RFC 3261 section 18.3).
//
// Two readers that disagree on where a message ends see different messages from
// there on, and one of them can be made to see what the other never sent on. So
// a header ends at CRLFCRLF and has at most one Content-Length, and what another
// reader could understand otherwise, who takes a lone CR or LF for the end of a
// line, ends the stream. Whatever else is wrong inside a message does not
// concern its length: it is handed over for the layer above to refuse.
//
// A message without Content-Length is taken to have no body: the section wants
// the header on streams, the message is refused above, and if there was a body
// its bytes will not pass for a message.
type framer struct {
	buffer
	limit int

	// Of the message that starts there, as offsets from start:
	line    int  // where the current header line starts
	scanned int  // how far a line's end was looked for
	total   int  // its length, 0 until its header is complete
	bareEnd bool // the line before ended in LF without CR
	fault   bool // a lone CR, a lone LF or a NUL is in the header

	crlf   int  // bytes of CRLFCRLF seen before the message
	pong   bool // the first two of them are an answer
	failed bool // broken was told
	bad    bool // the message told last had the fault
}

func newFramer(limit int) *framer { return &framer{limit: limit} }

func (f *framer) space() []byte { return f.room(f.total) }

func (f *framer) partial() bool { return f.start < f.end && !f.failed }

func (f *framer) faulty() bool { return f.bad || f.failed }

func (f *framer) pinged() { f.pong = true }

func (f *framer) next() (event, []byte) {
	if f.failed {
		return more, nil
	}
	if f.scanned == 0 && f.skipBlank() {
		return ping, nil
	}
	if f.total == 0 {
		if what, header := f.findHeader(); what != message {
			return what, header
		}
	}
	if f.end-f.start < f.total {
		return more, nil
	}
	frame := f.buf[f.start : f.start+f.total]
	f.start += f.total
	f.bad = f.fault
	f.line, f.scanned, f.total, f.bareEnd, f.fault, f.crlf = 0, 0, 0, false, false, 0
	return message, frame
}

// skipBlank takes the line ends before a message (RFC 3261 section 7.5), and
// reports whether they made a ping.
func (f *framer) skipBlank() bool {
	for ; f.start < f.end; f.start++ {
		switch c := f.buf[f.start]; {
		case c != '\r' && c != '\n':
			return false
		case c == "\r\n\r\n"[f.crlf]:
			f.crlf++
		case c == '\r':
			f.crlf = 1
		default:
			f.crlf = 0
		}
		if f.pong && f.crlf == 2 {
			f.pong, f.crlf = false, 0
		}
		if f.crlf == 4 {
			f.crlf = 0
			f.start++
			return true
		}
	}
	return false
}

// findHeader looks for the end of the header and sets the message's length. It
// gives message when that is known.
func (f *framer) findHeader() (event, []byte) {
	for {
		window := f.buf[f.start:min(f.end, f.start+f.limit)]
		i := bytes.IndexByte(window[f.scanned:], '\n')
		if i < 0 {
			f.scanned = len(window)
			if len(window) == f.limit {
				return f.fail(nil)
			}
			return more, nil
		}
		end := f.scanned + i
		line, strict := bytes.CutSuffix(window[f.line:end], []byte{'\r'})
		if len(line) == 0 {
			header := window[:end+1]
			if !strict || f.bareEnd {
				return f.fail(header)
			}
			return f.measure(header)
		}
		if bytes.IndexByte(line, '\r') >= 0 {
			f.fault = true
			if line[0] == '\r' || line[len(line)-1] == '\r' || bytes.Contains(line, []byte("\r\r")) {
				return f.fail(window[:end+1])
			}
		}
		f.fault = f.fault || !strict
		f.bareEnd = !strict
		f.line, f.scanned = end+1, end+1
	}
}

func (f *framer) measure(header []byte) (event, []byte) {
	length, ok := contentLength(header)
	if !ok || length > f.limit-len(header) {
		return f.fail(header)
	}
	f.fault = f.fault || bytes.IndexByte(header, 0) >= 0
	f.total = len(header) + length
	return message, nil
}

func (f *framer) fail(header []byte) (event, []byte) {
	f.failed = true
	return broken, header
}
