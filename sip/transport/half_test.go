package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// expectEOF reads the end of a connection.
func expectEOF(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 100)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v: want the end", n, err)
	}
}

// A peer that has shut down its half of the connection behind a request gets the
// answer on the other half, and nothing else.
func TestPeerThatHalfCloses(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T, tr *Transport) (c net.Conn, shut func() error){
		"TCP": func(t *testing.T, tr *Transport) (net.Conn, func() error) {
			c := dialFrom(t, "127.0.0.1", tr.Addr(0))
			return c, c.CloseWrite
		},
		"TLS": func(t *testing.T, tr *Transport) (net.Conn, func() error) {
			c := dialTLS(t, tr, 1).(interface {
				net.Conn
				CloseWrite() error
			})
			return c, c.CloseWrite
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newRecorder()
			tr := listen(t, h, Options{AnswerTimeout: patience}, "tcp 127.0.0.1:0", "tls 127.0.0.1:0")
			c, shut := begin(t, tr)
			write(t, c, options(1)+options(2))
			if err := shut(); err != nil {
				t.Fatal(err)
			}
			first := next(t, "message", h.received).flow
			if got := next(t, "message behind it", h.received); got.frame != options(2) {
				t.Errorf("got %q", got.frame)
			}
			// The reader has seen the end when a request is refused.
			eventually(t, "a request does not leave", func() bool {
				tr.Send(first, []byte(options(3)), 3)
				select {
				case f := <-h.failed:
					return f.token == 3
				default:
					return false
				}
			})
			none(t, "end", h.lost)
			answer := "SIP/2.0 200 OK\r\n\r\n"
			tr.Send(first, []byte(answer), 4)
			if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for !strings.HasSuffix(got.String(), answer) { // behind the requests that left before the end was seen
				b := make([]byte, 1000)
				n, err := c.Read(b)
				if err != nil {
					t.Fatalf("%v after %q", err, got.String())
				}
				got.Write(b[:n])
			}
			// It goes when the transport does.
			tr.Close()
			expectEOF(t, c)
		})
	}
}

func TestHalfCloseEnds(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{AnswerTimeout: 50 * time.Millisecond}, "tcp 127.0.0.1:0")
	c := dialFrom(t, "127.0.0.1", tr.Addr(0))
	write(t, c, options(1))
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got := next(t, "message", h.received)
	if id := next(t, "end", h.lost); id != got.flow.Conn {
		t.Errorf("lost %d", id)
	}
	expectEOF(t, c)

	// Nothing was asked, so nothing is waited for.
	tr = listen(t, h, Options{AnswerTimeout: time.Hour}, "tcp 127.0.0.1:0")
	for _, said := range []string{"", "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "OPTIONS half a mess"} {
		c := dialFrom(t, "127.0.0.1", tr.Addr(0))
		write(t, c, said)
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		next(t, "end", h.lost)
		expectEOF(t, c)
	}
}

// A server that half closes is asked on a new connection.
func TestDialledThatHalfCloses(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{AnswerTimeout: patience}, "tcp 127.0.0.1:0")
	target := acceptor(t, "127.0.0.1:0")
	f := Flow{Network: TCP, Remote: target.addr}
	tr.Send(f, []byte(options(1)), 1)
	first := next(t, "connection", target.conns)
	read(t, first, options(1))
	write(t, first, options(2))
	if err := first.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got := next(t, "its request", h.received)
	eventually(t, "it is used for requests no more", func() bool {
		edge := tr.edges[0].(*streamEdge)
		edge.conns.Lock()
		defer edge.conns.Unlock()
		return len(edge.conns.dialled) == 0
	})
	tr.Send(f, []byte(options(3)), 3)
	second := next(t, "another connection", target.conns)
	read(t, second, options(3))
	tr.Send(got.flow, []byte("SIP/2.0 200 OK\r\n\r\n"), 4)
	read(t, first, "SIP/2.0 200 OK\r\n\r\n")
	// The end of the first is not the end of the second.
	first.Close()
	tr.Send(f, []byte(options(5)), 5)
	read(t, second, options(5))
	none(t, "failure", h.failed)
	none(t, "third connection", target.conns)
}

// A peer that reads slowly gets everything in order and keeps its connection,
// its backlog is bounded, and nobody else waits for it.
func TestSlowReader(t *testing.T) {
	const messages, bound = 2000, 256 << 10
	h := newRecorder()
	tr := listen(t, h, Options{QueueBytes: bound, WriteTimeout: patience}, "tcp 127.0.0.1:0")
	slow, quick := dialFrom(t, "127.0.0.1", tr.Addr(0)), dialTCP(t, tr.Addr(0))
	if err := slow.SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	write(t, slow, options(1))
	f := next(t, "message", h.received).flow
	write(t, quick, options(2))
	other := next(t, "message", h.received).flow

	text := strings.Repeat("x", 4000)
	for n := range messages {
		tr.Send(f, []byte(text+string(rune('a'+n%26))), uint64(n))
	}
	tr.Send(other, []byte("quick"), 0)
	read(t, quick, "quick")
	failed := map[uint64]bool{}
	eventually(t, "what the queue has no room for fails", func() bool {
		for {
			select {
			case one := <-h.failed:
				failed[one.token] = true
			default:
				return uint64(len(failed)) == tr.Stats().Listeners[0].SendErrors && len(failed) > 0
			}
		}
	})
	var want strings.Builder
	for n := range messages {
		if !failed[uint64(n)] {
			want.WriteString(text + string(rune('a'+n%26)))
		}
	}
	if err := slow.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, want.Len())
	for n := 0; n < len(got); {
		k, err := io.ReadAtLeast(slow, got[n:min(n+700, len(got))], 1)
		if err != nil {
			t.Fatalf("%v after %d of %d bytes", err, n, len(got))
		}
		n += k
	}
	if string(got) != want.String() {
		t.Error("what was read is not what was sent")
	}
	none(t, "end", h.lost)
	tr.Send(f, []byte("still there"), 1)
	read(t, slow, "still there")
}
