package transport

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A stream that can not be framed is closed, but not before its last message
// could be answered.
func TestStreamThatCanNotBeFramed(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{}, "tcp 127.0.0.1:0")
	peer := dialTCP(t, tr.Addr(0))
	bad := crlf("OPTIONS sip:a SIP/2.0", "Content-Length: 1", "l: 2", "")
	write(t, peer, bad+options(1))
	got := next(t, "message", h.received)
	if got.frame != bad {
		t.Fatalf("got %q", got.frame)
	}
	tr.Send(got.flow, []byte("400"), 1)
	read(t, peer, "400")
	if id := next(t, "end", h.lost); id != got.flow.Conn {
		t.Errorf("lost %d", id)
	}
	none(t, "message", h.received)
	none(t, "failure", h.failed)
	if s := tr.Stats().Listeners[0]; s.Malformed != 1 || s.Received != 1 || s.Open != 0 {
		t.Errorf("counted %+v", s)
	}

	endless := dialTCP(t, tr.Addr(0))
	write(t, endless, strings.Repeat("x", maxFrame))
	next(t, "end", h.lost)
	none(t, "message", h.received)
}

func TestPing(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{}, "tcp 127.0.0.1:0")
	peer := dialTCP(t, tr.Addr(0))
	for range 3 {
		write(t, peer, "\r\n\r\n")
		read(t, peer, "\r\n")
	}
	write(t, peer, options(1)+"\r\n\r\n")
	next(t, "message", h.received)
	read(t, peer, "\r\n")
	if s := tr.Stats().Listeners[0]; s.KeepAlives != 4 || s.Sent != 0 || s.SentBytes != 0 {
		t.Errorf("counted %+v", s)
	}
}

// A peer that does not read costs its own messages only, and then its
// connection.
func TestPeerThatDoesNotRead(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{WriteTimeout: 300 * time.Millisecond, QueueBytes: 1 << 20, QueueMessages: 100}, "tcp 127.0.0.1:0")
	peer, good := dialTCP(t, tr.Addr(0)), dialTCP(t, tr.Addr(0))
	write(t, peer, options(1))
	slow := next(t, "message", h.received).flow
	write(t, good, options(1))
	quick := next(t, "message", h.received).flow

	// As much as its kernel and ours hold for it, and then what waits.
	large := []byte(strings.Repeat("x", 60000))
	messages := uint64(0)
	failures := map[uint64]bool{}
	failed := func(f failure) {
		if failures[f.token] || f.flow != slow {
			t.Errorf("failed %+v", f)
		}
		failures[f.token] = true
	}
	var id uint64
	for end := time.Now().Add(patience); id == 0; messages++ {
		if time.Now().After(end) {
			t.Fatal("the connection does not end")
		}
		tr.Send(slow, large, messages)
		select {
		case id = <-h.lost:
		case f := <-h.failed:
			failed(f)
		default:
			runtime.Gosched()
		}
		if messages == 1000 {
			tr.Send(quick, []byte("quick"), 0)
			read(t, good, "quick")
		}
	}
	if id != slow.Conn {
		t.Errorf("lost %d, want %d", id, slow.Conn)
	}
	s := tr.Stats().Listeners[0]
	if s.Sent+s.SendErrors != messages+1 || messages <= 1000 || s.SendErrors == 0 {
		t.Errorf("%d sent, counted %+v", messages, s)
	}
	for uint64(len(failures)) < s.SendErrors && !t.Failed() {
		failed(next(t, "failure", h.failed))
	}
	none(t, "failure", h.failed)
}

func TestIdleAndUnfinished(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{IdleTimeout: 100 * time.Millisecond, FrameTimeout: 50 * time.Millisecond}, "tcp 127.0.0.1:0")
	idle := dialTCP(t, tr.Addr(0))
	write(t, idle, options(1))
	next(t, "message", h.received)
	next(t, "end of the idle one", h.lost)
	if s := tr.Stats().Listeners[0]; s.Malformed != 0 {
		t.Errorf("counted %+v", s)
	}
	// Bytes that trickle in do not make a message last.
	slow := dialTCP(t, tr.Addr(0))
	write(t, slow, "O")
	trickle := time.NewTicker(5 * time.Millisecond)
	defer trickle.Stop()
	for n := 0; ; n++ {
		if _, err := slow.Write([]byte("x")); err != nil {
			break
		}
		if n == 1000 {
			t.Fatal("still open")
		}
		<-trickle.C
	}
	next(t, "end of the slow one", h.lost)
	if s := tr.Stats().Listeners[0]; s.Malformed != 1 || s.Received != 1 {
		t.Errorf("counted %+v", s)
	}
}

// However writes are cut and joined on the way, the stream is what was sent.
func TestStreamIsInOrder(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{QueueBytes: 1 << 30, QueueMessages: 1 << 20, WriteTimeout: patience}, "tcp 127.0.0.1:0", "tls 127.0.0.1:0")
	for i, c := range []net.Conn{dialTCP(t, tr.Addr(0)), dialTLS(t, tr, 1)} {
		write(t, c, options(i))
		f := next(t, "message", h.received).flow
		var want strings.Builder
		total := 0
		for n := range 900 {
			m := fmt.Sprintf("<%d %s>", n, strings.Repeat("x", n%10*10000))
			want.WriteString(m)
			total += len(m)
			tr.Send(f, []byte(m), uint64(n))
			if n%300 == 299 {
				// The queue runs empty, and the next are written at once again.
				read(t, c, want.String())
				want.Reset()
			}
		}
		none(t, "failure", h.failed)
		eventually(t, "all are counted", func() bool {
			s := tr.Stats().Listeners[i]
			return s.Sent == 900 && s.SentBytes == uint64(total) && s.SendErrors == 0
		})
	}
}

// A connection that is only sent on is not idle.
func TestSentOnIsNotIdle(t *testing.T) {
	const idle = 200 * time.Millisecond
	h := newRecorder()
	tr := listen(t, h, Options{IdleTimeout: idle}, "tcp 127.0.0.1:0")
	peer := dialTCP(t, tr.Addr(0))
	write(t, peer, options(1))
	f := next(t, "message", h.received).flow
	often := time.NewTicker(idle / 10)
	defer often.Stop()
	for range 30 {
		tr.Send(f, []byte("x"), 1)
		<-often.C
	}
	none(t, "end", h.lost)
	next(t, "end", h.lost)
	none(t, "failure", h.failed)
}
