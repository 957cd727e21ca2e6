package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// dialWeb opens a WebSocket for SIP. What the server sends behind its handshake
// is read by hand.
func dialWeb(t *testing.T, tr *Transport, listener int, header http.Header) net.Conn {
	t.Helper()
	d := ws.Dialer{Protocols: []string{"sip"}, Header: ws.HandshakeHeaderHTTP(header), Timeout: patience}
	scheme := "ws"
	if tr.listeners[listener].Network == "wss" {
		scheme = "wss"
		d.TLSConfig = &tls.Config{RootCAs: tr.listeners[listener].TLS.RootCAs, ServerName: "127.0.0.1"}
	}
	c, rest, shaken, err := d.Dial(context.Background(), fmt.Sprintf("%s://%s/", scheme, tr.Addr(listener)))
	if err != nil {
		t.Fatal(err)
	}
	if rest != nil || shaken.Protocol != "sip" {
		t.Fatalf("the server chose %q, and sent more: %v", shaken.Protocol, rest != nil)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// frame is a frame of a client in bytes, masked.
func frame(op ws.OpCode, fin bool, payload string) string {
	f := ws.MaskFrameInPlaceWith(ws.NewFrame(op, fin, []byte(payload)), [4]byte{1, 2, 3, 4})
	return string(ws.MustCompileFrame(f))
}

func text(s string) string { return frame(ws.OpText, true, s) }

// readFrame reads a frame of the server.
func readFrame(t *testing.T, c net.Conn) ws.Frame {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	f, err := ws.ReadFrame(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.CheckHeader(f.Header, ws.StateClientSide); err != nil {
		t.Fatal(err)
	}
	return f
}

func wantFrame(t *testing.T, c net.Conn, op ws.OpCode, payload string) {
	t.Helper()
	f := readFrame(t, c)
	if f.Header.OpCode != op || !f.Header.Fin || string(f.Payload) != payload {
		t.Fatalf("got a frame of kind %d, %q, want kind %d, %q", f.Header.OpCode, f.Payload, op, payload)
	}
}

func TestWebSocket(t *testing.T) {
	for i, network := range []Network{WS, WSS} {
		t.Run(network.String(), func(t *testing.T) {
			h := newRecorder()
			tr := listen(t, h, Options{}, "ws 127.0.0.1:0", "wss 127.0.0.1:0")
			c := dialWeb(t, tr, i, nil)
			write(t, c, text(options(1)))
			got := next(t, "message", h.received)
			want := Flow{Listener: uint16(i), Network: network, Local: tr.Addr(i), Remote: addrPortOf(c.LocalAddr()), Conn: got.flow.Conn}
			if got.flow != want || got.frame != options(1) || want.Conn == 0 || got.peer == nil || len(got.peer.Names) > 0 {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			// A Contact of such a phone names nobody: it is the connection that counts.
			there := got.flow
			there.Remote = netip.AddrPortFrom(there.Remote.Addr(), 5060)
			tr.Send(there, []byte(options(2)), 1)
			wantFrame(t, c, ws.OpText, options(2))
			tr.Send(got.flow, []byte("SIP/2.0 200 OK\r\n\r\n\xff"), 2) // what is no text leaves all the same
			wantFrame(t, c, ws.OpBinary, "SIP/2.0 200 OK\r\n\r\n\xff")

			// No phone is ever called by address.
			there.Conn = 0
			tr.Send(there, []byte(options(3)), 3)
			if failed := next(t, "failure", h.failed); failed.token != 3 || failed.flow != there {
				t.Errorf("failed %+v", failed)
			}
			c.Close()
			if id := next(t, "end", h.lost); id != want.Conn {
				t.Errorf("lost %d", id)
			}
			tr.Send(got.flow, []byte(options(4)), 4)
			if failed := next(t, "failure", h.failed); failed.token != 4 {
				t.Errorf("failed %+v", failed)
			}
			s := tr.Stats().Listeners[i]
			if s.Received != 1 || s.Sent != 2 || s.SentBytes != uint64(len(options(2))+19) || s.Malformed != 0 || s.Open != 0 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

func TestWebMessages(t *testing.T) {
	body := crlf("MESSAGE sip:a SIP/2.0", "Content-Length: 4", "") + "a\r\nb"
	whole := options(1)
	for _, test := range []struct {
		name       string
		stream     string
		want       []string
		malformed  uint64
		keepAlives uint64
	}{
		{"text", text(whole), []string{whole}, 0, 0},
		{"binary", frame(ws.OpBinary, true, body+"\xff\x00"), []string{body + "\xff\x00"}, 0, 0},
		{"two", text(whole) + text(body), []string{whole, body}, 0, 0},
		{"without length", text(crlf("OPTIONS sip:a SIP/2.0", "")), []string{crlf("OPTIONS sip:a SIP/2.0", "")}, 0, 0},
		{"in fragments", frame(ws.OpText, false, whole[:5]) + frame(ws.OpContinuation, false, "") + frame(ws.OpContinuation, true, whole[5:]), []string{whole}, 0, 0},
		{"a character in two fragments", frame(ws.OpText, false, "OPTIONS \xe5") + frame(ws.OpContinuation, true, "\xbc\xa0"), []string{"OPTIONS \xe5\xbc\xa0"}, 0, 0},
		{"a ping between fragments", frame(ws.OpText, false, whole[:5]) + frame(ws.OpPing, true, "p") + frame(ws.OpContinuation, true, whole[5:]), []string{whole}, 0, 1},
		{"line ends before it", text("\r\n" + whole), []string{whole}, 0, 0},
		{"nothing", text("") + text(whole), []string{whole}, 0, 1},
		{"line ends alone", text("\r\n") + text("\r\n\r\n") + text(whole), []string{whole}, 0, 2},
		{"a pong that nobody asked for", frame(ws.OpPong, true, "x") + text(whole), []string{whole}, 0, 0},
		{"no letter", text("\x00\x01") + text(" x") + text(whole), []string{whole}, 2, 0},
		{"the largest", text(strings.Repeat("x", maxFrame)) + text(whole), []string{strings.Repeat("x", maxFrame), whole}, 0, 0},
		{"the largest, in fragments", frame(ws.OpText, false, strings.Repeat("x", maxFrame-1)) + frame(ws.OpContinuation, true, "x"), []string{strings.Repeat("x", maxFrame)}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{1 << 20, 1, 7} {
				if size == 1 && len(test.stream) > 10000 {
					continue
				}
				h := newRecorder()
				tr := listen(t, h, Options{}, "ws 127.0.0.1:0")
				c := dialWeb(t, tr, 0, nil)
				for rest := test.stream; rest != ""; rest = rest[min(size, len(rest)):] {
					write(t, c, rest[:min(size, len(rest))])
				}
				for _, want := range test.want {
					if got := next(t, "message", h.received); got.frame != want {
						t.Fatalf("in pieces of %d: got %q, want %q", size, got.frame, want)
					}
				}
				if s := tr.Stats().Listeners[0]; s.Malformed != test.malformed || s.KeepAlives != test.keepAlives {
					t.Errorf("in pieces of %d: counted %+v", size, s)
				}
				none(t, "end", h.lost)
			}
		})
	}
}

func TestWebKeepAlives(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{}, "ws 127.0.0.1:0")
	c := dialWeb(t, tr, 0, nil)
	for i := range 3 {
		write(t, c, frame(ws.OpPing, true, fmt.Sprint("ping ", i)))
		wantFrame(t, c, ws.OpPong, fmt.Sprint("ping ", i))
		write(t, c, text("\r\n\r\n"))
		wantFrame(t, c, ws.OpText, "\r\n")
	}
	if s := tr.Stats().Listeners[0]; s.KeepAlives != 6 || s.Sent != 0 || s.Received != 0 {
		t.Errorf("counted %+v", s)
	}
}

// A WebSocket that ends, or is none any more, is told why.
func TestWebSocketEnds(t *testing.T) {
	closeWith := func(code ws.StatusCode, reason string) string {
		return frame(ws.OpClose, true, string(ws.NewCloseFrameBody(code, reason)))
	}
	for _, test := range []struct {
		name      string
		stream    string
		code      ws.StatusCode // 0: none
		malformed uint64
	}{
		{"closed", closeWith(ws.StatusNormalClosure, "13800138000"), ws.StatusNormalClosure, 0},
		{"closed in words of its own", closeWith(4000, ""), 4000, 0},
		{"closed without a word", frame(ws.OpClose, true, ""), 0, 0},
		{"closed with half a code", frame(ws.OpClose, true, "x"), ws.StatusProtocolError, 1},
		{"closed with a code that is none", closeWith(1005, ""), ws.StatusProtocolError, 1},
		{"nothing behind the close", frame(ws.OpClose, true, "") + text(options(7)), 0, 0},
		{"not masked", string(ws.MustCompileFrame(ws.NewTextFrame([]byte(options(7))))), ws.StatusProtocolError, 1},
		{"a kind that is not defined", frame(3, true, "x"), ws.StatusProtocolError, 1},
		{"an extension that was not agreed on", "\xc1" + text("x")[1:], ws.StatusProtocolError, 1},
		{"a continuation of nothing", frame(ws.OpContinuation, true, "x"), ws.StatusProtocolError, 1},
		{"a message in a message", frame(ws.OpText, false, "x") + text("x"), ws.StatusProtocolError, 1},
		{"a ping in fragments", frame(ws.OpPing, false, "x"), ws.StatusProtocolError, 1},
		{"a ping that is too long", frame(ws.OpPing, true, strings.Repeat("x", 126)), ws.StatusProtocolError, 1},
		{"a length beyond any, not masked", "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", ws.StatusProtocolError, 1},
		{"a length beyond any", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff1234", ws.StatusProtocolError, 1},
		{"no text", text("INVITE \xff"), ws.StatusInvalidFramePayloadData, 1},
		{"too long", "\x81\xff\x00\x00\x00\x00\x00\x01\x00\x001234", ws.StatusMessageTooBig, 1},
		{"too long in fragments", frame(ws.OpText, false, strings.Repeat("x", maxFrame)) + frame(ws.OpContinuation, true, "x"), ws.StatusMessageTooBig, 1},
		{"not a frame", options(7), ws.StatusProtocolError, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newRecorder()
			tr := listen(t, h, Options{}, "ws 127.0.0.1:0")
			c := dialWeb(t, tr, 0, nil)
			write(t, c, text(options(1))+test.stream)
			f := next(t, "message", h.received).flow
			want := ""
			if test.code != 0 {
				want = string(ws.NewCloseFrameBody(test.code, ""))
			}
			wantFrame(t, c, ws.OpClose, want)
			tr.Send(f, []byte("SIP/2.0 200 OK\r\n\r\n"), 8)
			if failed := next(t, "failure", h.failed); failed.token != 8 {
				t.Errorf("failed %+v", failed)
			}
			c.Close()
			next(t, "end", h.lost)
			none(t, "message", h.received)
			if s := tr.Stats().Listeners[0]; s.Malformed != test.malformed || s.Received != 1 || s.Open != 0 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

func TestWebSocketIsTold(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{}, "ws 127.0.0.1:0", "wss 127.0.0.1:0")
	for i := range 2 {
		c := dialWeb(t, tr, i, nil)
		write(t, c, text(options(1)))
		f := next(t, "message", h.received).flow
		tr.Send(f, []byte("last"), 1)
		wantFrame(t, c, ws.OpText, "last")
		t.Cleanup(func() {
			wantFrame(t, c, ws.OpClose, string(ws.NewCloseFrameBody(ws.StatusGoingAway, "")))
			expectEOF(t, c)
		})
	}
	tr.Close()
}

// handshake is the request of a phone with some of its lines changed.
func handshake(change ...string) string {
	lines := []string{"GET /sip HTTP/1.1", "Host: 192.0.2.1", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: sip"}
	for _, c := range change {
		name, _, _ := strings.Cut(c, ":")
		for i, l := range lines {
			if strings.HasPrefix(l, name+":") {
				lines[i] = c
				c = ""
			}
		}
		if c != "" {
			lines = append(lines, c)
		}
	}
	return crlf(append(lines, "")...)
}

func TestWebHandshake(t *testing.T) {
	const secret = "13800138000"
	for _, test := range []struct {
		name, request string
		status        string
	}{
		{"as it should be", handshake(), "101"},
		{"several subprotocols", handshake("Sec-WebSocket-Protocol: mqtt, sip"), "101"},
		{"with all that a browser adds", handshake("Origin: https://"+secret+".example", "Cookie: number="+secret, "X-Forwarded-For: 192.0.2.7"), "101"},
		{"no subprotocol", handshake("Sec-WebSocket-Protocol: "), "400"},
		{"another subprotocol", handshake("Sec-WebSocket-Protocol: " + secret), "400"},
		{"another method", strings.Replace(handshake(), "GET", "POST", 1), "405"},
		{"an older HTTP", strings.Replace(handshake(), "HTTP/1.1", "HTTP/1.0", 1), "505"},
		{"another version", handshake("Sec-WebSocket-Version: 8"), "426"},
		{"no key", strings.Replace(handshake(), "Sec-WebSocket-Key", "X-Key", 1), "400"},
		{"no upgrade", crlf("GET /"+secret+" HTTP/1.1", "Host: a", ""), "400"},
		{"too large", crlf("GET /"+secret+" HTTP/1.1", "Cookie: "+strings.Repeat("x", maxUpgrade)), "431"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, log := newRecorder(), &syncBuffer{}
			tr := listen(t, h, Options{Logger: slog.New(slog.NewTextHandler(log, nil))}, "ws 127.0.0.1:0")
			c := dialTCP(t, tr.Addr(0))
			first := text(options(1))
			if test.status != "101" {
				first = ""
			}
			write(t, c, test.request+first) // a phone that does not wait is heard all the same
			if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			var answer bytes.Buffer
			for !strings.Contains(answer.String(), "\r\n\r\n") {
				b := make([]byte, 1)
				if _, err := io.ReadFull(c, b); err != nil {
					t.Fatalf("%v after %q", err, answer.String())
				}
				answer.Write(b)
			}
			if !strings.HasPrefix(answer.String(), "HTTP/1.1 "+test.status+" ") {
				t.Errorf("answered %q, want %s", answer.String(), test.status)
			}
			if test.status == "101" {
				if got := next(t, "message", h.received); got.frame != options(1) {
					t.Errorf("got %q", got.frame)
				}
				if !strings.Contains(answer.String(), "Sec-WebSocket-Protocol: sip\r\n") {
					t.Errorf("answered %q", answer.String())
				}
			} else {
				rest, _ := io.ReadAll(c)
				answer.Write(rest)
				eventually(t, "it is counted", func() bool {
					s := tr.Stats().Listeners[0]
					return s.Handshakes == 1 && s.Open == 0
				})
				none(t, "end", h.lost)
			}
			if strings.Contains(answer.String(), secret) || strings.Contains(log.String(), secret) || strings.Contains(log.String(), "Cookie") {
				t.Errorf("the request is repeated in the answer or the log:\n%s\n%s", answer.String(), log)
			}
		})
	}
}

// A handshake that does not end does not last.
func TestWebHandshakeIsBounded(t *testing.T) {
	for _, start := range []string{"", handshake()[:60], options(1)} { // what is no HTTP gets no answer
		h := newRecorder()
		tr := listen(t, h, Options{HandshakeTimeout: 50 * time.Millisecond}, "ws 127.0.0.1:0")
		c := dialTCP(t, tr.Addr(0))
		write(t, c, start)
		expectEOF(t, c)
		eventually(t, "it is counted", func() bool {
			s := tr.Stats().Listeners[0]
			return s.Handshakes == 1 && s.Open == 0
		})
		none(t, "end", h.lost)
	}
}

// A phone on a secure WebSocket shows who it is before it says a word of HTTP.
func TestWebSocketByName(t *testing.T) {
	m := listenMutual(t, "wss", tls.RequireAndVerifyClientCert, Options{})
	for name, ok := range map[string]bool{memberName: true, "sw2.example.net": false} {
		d := ws.Dialer{Protocols: []string{"sip"}, TLSConfig: m.client(m.peers.Issue(holder{DNS: []string{name}})), Timeout: patience}
		c, _, _, err := d.Dial(context.Background(), fmt.Sprintf("wss://%s/", m.Addr(0)))
		if (err == nil) != ok {
			t.Fatalf("%s: %v", name, err)
		}
		if ok {
			write(t, c, text(options(1)))
			if got := next(t, "message", m.recorder.received); len(got.peer.Names) != 1 || got.peer.Names[0] != name {
				t.Errorf("the peer is %+v", got.peer)
			}
			c.Close()
		}
	}
	eventually(t, "one is refused", func() bool { return m.Stats().Listeners[0].Refused == 1 })
}

// FuzzWebFramer: however a WebSocket is cut, the same comes out of it, and none
// of it is longer than the limit.
func FuzzWebFramer(f *testing.F) {
	for _, stream := range []string{
		text("OPTIONS x") + frame(ws.OpPing, true, "p") + text("\r\n\r\n"),
		frame(ws.OpText, false, "OPT") + frame(ws.OpPong, true, "") + frame(ws.OpContinuation, true, "IONS"),
		frame(ws.OpBinary, true, "\x00") + frame(ws.OpClose, true, "\x03\xe8bye"),
		"\x81\xff\x00\x00\x00\x00\x00\x01\x00\x001234", "\x81\x7e", "x",
	} {
		f.Add([]byte(stream), []byte{1, 5, 0, 30})
	}
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		const limit = 300
		run := func(cut func() int) (out []string) {
			framer := newWebFramer(limit, nil)
			rest := stream
			for {
				for what, b := framer.next(); what != more; what, b = framer.next() {
					if len(b) > limit && what == message {
						t.Fatalf("a message of %d bytes", len(b))
					}
					out = append(out, fmt.Sprint(what, string(b)))
				}
				if len(framer.buf) > 2*limit+8*firstRead {
					t.Fatalf("%d bytes are held", len(framer.buf))
				}
				if len(rest) == 0 {
					return out
				}
				n := copy(framer.space(), rest[:min(max(cut(), 1), len(rest))])
				framer.fill(n)
				rest = rest[n:]
			}
		}
		at := 0
		byCuts := func() int {
			if len(cuts) == 0 {
				return 1
			}
			at++
			return int(cuts[at%len(cuts)])
		}
		if a, b := run(pieces(len(stream))), run(byCuts); strings.Join(a, "\n") != strings.Join(b, "\n") {
			t.Fatalf("in one piece %q, in pieces %q", a, b)
		}
	})
}
