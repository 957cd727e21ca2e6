package transport

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// webFramer takes the messages out of a WebSocket: each is one message of it,
// text or binary (RFC 7118 sections 4.2 and 5.1), which may come in fragments.
// What is no WebSocket any more ends the connection, with the code that says why
// (RFC 6455 section 7.4.1).
type webFramer struct {
	buffer
	limit int

	expected   int    // bytes of the frame that has begun, 0 until its header is complete
	fragmented bool   // a message has begun whose last fragment is yet to come
	text       bool   // it is text
	parts      []byte // its fragments so far
	failed     bool   // ended was told
	fault      bool   // for a reason that is not the peer's wish
}

// newWebFramer begins with what was read behind the handshake.
func newWebFramer(limit int, rest []byte) *webFramer {
	f := &webFramer{limit: limit}
	for len(rest) > 0 {
		n := copy(f.space(), rest)
		f.fill(n)
		rest = rest[n:]
	}
	return f
}

func (f *webFramer) space() []byte { return f.room(f.expected) }

func (f *webFramer) partial() bool { return (f.start < f.end || f.fragmented) && !f.failed }

func (f *webFramer) faulty() bool { return f.fault }

// pinged has nothing to tell: messages have bounds here, and it is phones that
// ping.
func (f *webFramer) pinged() {}

func (f *webFramer) next() (event, []byte) {
	for !f.failed {
		header, payload, what := f.frame()
		if what != message {
			return what, payload
		}
		switch header.OpCode {
		case ws.OpPing:
			return reply, compiled(ws.NewPongFrame(payload))
		case ws.OpPong:
			// It was not asked for, and is allowed (section 5.5.3).
		case ws.OpClose:
			return f.farewell(payload)
		default:
			if what, frame := f.data(header, payload); what != more {
				return what, frame
			}
		}
	}
	return more, nil
}

// frame takes one frame, unmasked, as a message; more if it is not all there.
func (f *webFramer) frame() (ws.Header, []byte, event) {
	r := bytes.NewReader(f.waiting())
	header, err := ws.ReadHeader(r)
	size := f.end - f.start - r.Len()
	switch {
	case err == nil:
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return header, nil, more
	default:
		what, frame := f.fail(ws.StatusProtocolError)
		return header, frame, what
	}
	state := ws.StateServerSide
	if f.fragmented {
		state |= ws.StateFragmented
	}
	if ws.CheckHeader(header, state) != nil {
		what, frame := f.fail(ws.StatusProtocolError)
		return header, frame, what
	}
	if header.Length > int64(f.limit-len(f.parts)) {
		what, frame := f.fail(ws.StatusMessageTooBig)
		return header, frame, what
	}
	f.expected = size + int(header.Length)
	if f.end-f.start < f.expected {
		return header, nil, more
	}
	payload := f.waiting()[size:f.expected]
	ws.Cipher(payload, header.Mask, 0)
	f.start += f.expected
	f.expected = 0
	return header, payload, message
}

// data takes a frame of a message, and gives the message if that was its last.
func (f *webFramer) data(header ws.Header, payload []byte) (event, []byte) {
	if !f.fragmented {
		f.text = header.OpCode == ws.OpText
	}
	if !header.Fin || f.fragmented {
		f.parts = append(f.parts, payload...)
		payload = f.parts
	}
	if f.fragmented = !header.Fin; f.fragmented {
		return more, nil
	}
	f.parts = nil
	if f.text && !utf8.Valid(payload) {
		return f.fail(ws.StatusInvalidFramePayloadData)
	}
	frame := bytes.TrimLeft(payload, "\r\n")
	switch {
	case len(frame) == 0 && string(payload) == "\r\n\r\n":
		return ping, nil // RFC 7118 section 6
	case len(frame) == 0:
		return blank, nil
	case !isText(frame[0]):
		return waste, nil
	}
	return message, frame
}

// farewell answers a close frame by one with the same code (section 5.5.1).
func (f *webFramer) farewell(payload []byte) (event, []byte) {
	if len(payload) == 0 {
		f.failed = true
		return ended, compiled(ws.NewCloseFrame(nil))
	}
	code, reason := ws.ParseCloseFrameData(payload)
	if len(payload) == 1 || ws.CheckCloseFrameData(code, reason) != nil {
		return f.fail(ws.StatusProtocolError)
	}
	f.failed = true
	return ended, closeFrame(code)
}

func (f *webFramer) fail(code ws.StatusCode) (event, []byte) {
	f.failed, f.fault = true, true
	return ended, closeFrame(code)
}

// closeFrame says why a WebSocket ends.
func closeFrame(code ws.StatusCode) []byte {
	return compiled(ws.NewCloseFrame(ws.NewCloseFrameBody(code, "")))
}

// webMessage is a message of ours as one frame.
func webMessage(b []byte) []byte {
	if utf8.Valid(b) {
		return compiled(ws.NewTextFrame(b))
	}
	return compiled(ws.NewBinaryFrame(b))
}

// compiled is a frame in bytes. A server's are not masked.
func compiled(f ws.Frame) []byte {
	b := bytes.NewBuffer(make([]byte, 0, ws.HeaderSize(f.Header)+len(f.Payload)))
	if ws.WriteFrame(b, f) != nil {
		return nil // only a length beyond what can be written fails
	}
	return b.Bytes()
}

// isText reports whether a message may begin with a byte: it starts with a
// letter, STUN and RTP do not.
func isText(c byte) bool { return c > ' ' && c < 0x7f }
