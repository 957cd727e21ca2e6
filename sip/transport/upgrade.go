package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/gobwas/ws"
)

// maxUpgrade bounds the HTTP request that opens a WebSocket, cookies and all.
const maxUpgrade = 8 << 10

// subprotocol is what both sides have to name (RFC 7118 section 4.1).
const subprotocol = "sip"

// errUpgrade is that a peer does not ask for a WebSocket that carries SIP. What
// it asks for instead is not repeated.
var errUpgrade = errors.New("no WebSocket handshake for SIP")

// upgrade makes the WebSocket handshake (RFC 6455 section 4.2) and returns what
// the peer sent behind it. The request is judged by the headers of the handshake
// alone: what it says of origin, cookies or proxies is neither kept nor handed
// on to anybody. A peer's address is that of its connection.
//
// The request is read by hand up to its blank line, so that it is bounded and
// that what follows it is not lost in a buffer.
func upgrade(c net.Conn) (rest []byte, err error) {
	var head []byte
	for {
		if end := bytes.Index(head, []byte("\r\n\r\n")); end >= 0 {
			rest = head[end+4:]
			head = head[:end+4]
			break
		}
		if len(head) == maxUpgrade {
			_, _ = io.WriteString(c, "HTTP/1.1 431 "+http.StatusText(http.StatusRequestHeaderFieldsTooLarge)+"\r\nConnection: close\r\n\r\n")
			return nil, errUpgrade
		}
		piece := make([]byte, min(firstRead, maxUpgrade-len(head)))
		n, err := c.Read(piece)
		if err != nil {
			return nil, err
		}
		head = append(head, piece[:n]...)
	}
	named := false
	u := ws.Upgrader{
		Protocol: func(p []byte) bool {
			named = string(p) == subprotocol
			return named
		},
		OnBeforeUpgrade: func() (ws.HandshakeHeader, error) {
			if !named {
				return nil, ws.RejectConnectionError(ws.RejectionStatus(http.StatusBadRequest), ws.RejectionReason("the subprotocol is not sip"))
			}
			return nil, nil
		},
	}
	if _, err := u.Upgrade(readWriter{bytes.NewReader(head), c}); err != nil {
		return nil, errUpgrade
	}
	return rest, nil
}

type readWriter struct {
	io.Reader
	io.Writer
}
