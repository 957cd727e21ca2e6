package transport

import "sync"

// queued is one message that waits to be written.
type queued struct {
	flow  Flow // of the Send, for Failed
	token uint64
	size  int  // of the message, in bytes
	end   int  // where it ends in the bytes waiting, which may lack its beginning
	quiet bool // ours and nobody's message: a ping, a pong
}

// queue holds what waits to be written to one connection, as the bytes in a row,
// so that messages that wait together leave in one write.
//
// While nothing waits, a message that comes in is written at once: waking the
// writer for it costs more than writing it.
type queue struct {
	sync.Mutex // protects all below

	maxBytes, maxMessages int

	data     []byte
	messages []queued
	writing  struct{ bytes, messages int } // taken by the writer and not yet written
	closed   bool
	// now writes as much as can be without waiting. Nil: nothing can be.
	now func(b []byte) int
}

// added is what became of a message that was to be queued.
type added uint8

const (
	pushed added = iota
	written
	full
	gone // the connection has ended
)

func (q *queue) push(b []byte, m queued) added {
	q.Lock()
	defer q.Unlock()
	switch {
	case q.closed:
		return gone
	case len(q.data)+q.writing.bytes+len(b) > q.maxBytes, len(q.messages)+q.writing.messages >= q.maxMessages:
		return full
	}
	if q.now != nil && len(q.messages) == 0 && q.writing.messages == 0 {
		n := q.now(b)
		if n == len(b) {
			return written
		}
		b = b[n:]
	}
	q.data = append(q.data, b...)
	m.end = len(q.data)
	q.messages = append(q.messages, m)
	return pushed
}

// take gives all that waits to the writer, in exchange for the room of what it
// took before.
func (q *queue) take(data []byte, messages []queued) ([]byte, []queued) {
	q.Lock()
	defer q.Unlock()
	if cap(data) > 16*firstRead {
		data = nil // a burst's memory is not kept for the life of the connection
	}
	data, q.data = q.data, data[:0]
	clear(messages)
	messages, q.messages = q.messages, messages[:0]
	q.writing.bytes, q.writing.messages = len(data), len(messages)
	return data, messages
}

// done says that the writer has written what it took.
func (q *queue) done() {
	q.Lock()
	defer q.Unlock()
	q.writing.bytes, q.writing.messages = 0, 0
}

// direct lets messages be written by now from here on.
func (q *queue) direct(now func(b []byte) int) {
	q.Lock()
	defer q.Unlock()
	q.now = now
}

// endsQuiet reports whether what was queued last is nobody's message.
func (q *queue) endsQuiet() bool {
	q.Lock()
	defer q.Unlock()
	return len(q.messages) > 0 && q.messages[len(q.messages)-1].quiet
}

// close lets nothing in any more, and gives what still waits.
func (q *queue) close() []queued {
	q.Lock()
	defer q.Unlock()
	q.closed = true
	left := q.messages
	q.messages, q.data = nil, nil
	return left
}
