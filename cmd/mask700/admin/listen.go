package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// ErrServed: another server answers on the socket.
var ErrServed = errors.New("another server answers on this socket; stop it, or give this one another data directory")

// ListenUnix listens on a unix socket that only its owner may use (mode 0600). A socket left by a server that is
// dead is replaced; on one that answers the error is ErrServed. The directory must exist.
//
// The socket is made in a private directory beside its place and moved there, so that at no moment a stranger
// could connect, and no moment without a socket is seen by clients.
func ListenUnix(path string) (net.Listener, error) {
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return nil, fmt.Errorf("%s: %w", path, ErrServed)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("%s: is there and is no socket; move it away or listen on another path", path)
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".s")
	if err != nil {
		return nil, fmt.Errorf("%s: the socket cannot be made: %w", path, err)
	}
	defer os.RemoveAll(private)
	made := filepath.Join(private, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("%s: the socket cannot be made; is the path too long for one (107 bytes)? %w", path, err)
	}
	l.SetUnlinkOnClose(false)
	owned := &ownedListener{Listener: l, path: path}
	if err = os.Chmod(made, 0o600); err == nil {
		err = os.Rename(made, path)
	}
	if err == nil {
		owned.file, err = os.Lstat(path)
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("%s: the socket cannot be put in place: %w", path, err)
	}
	return owned, nil
}

// ownedListener removes its socket when it is closed, unless another server has put its own there since.
type ownedListener struct {
	net.Listener
	path string
	file os.FileInfo
}

// Addr is the place of the socket, not that where it was made.
func (l *ownedListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

func (l *ownedListener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
		if err := os.Remove(l.path); err != nil {
			return errors.Join(err, l.Listener.Close())
		}
	}
	return l.Listener.Close()
}

// ListenTCP listens on a TCP address with TLS; there is no way to listen on one without.
func ListenTCP(addr string, conf *tls.Config) (net.Listener, error) {
	if conf == nil {
		return nil, errors.New("the admin interface is not served on TCP without TLS")
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return tls.NewListener(l, conf), nil
}

// NewServer is an HTTP server with bounds that suit the interface. Requests end when ctx ends, so that a client
// that follows records does not hold up Shutdown.
func NewServer(ctx context.Context, h http.Handler, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       localUser,
		ErrorLog:          stdlog.New(complaints{log}, "", 0),
	}
}

// complaints logs what the server has to say of connections. Where a client is is said by the network around it, as everywhere in the log,
// and nothing of what it may have written into a certificate that is refused.
type complaints struct{ log *slog.Logger }

// Write takes one line.
func (c complaints) Write(line []byte) (int, error) {
	c.log.Warn("the server of the admin interface complains", "error", nameless(string(line)))
	return len(line), nil
}

// addressed is an address of the network, with its port, and longNumber what may be a telephone number. Of IPv6 it is whatever has two colons.
var (
	addressed  = regexp.MustCompile(`[0-9]+(?:\.[0-9]+){3}(?::[0-9]+)?|\[?[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z]+)?\]?(?::[0-9]+)?`)
	longNumber = regexp.MustCompile(`[0-9]{7,}`)
)

// maxComplaint bounds a line, in bytes.
const maxComplaint = 300

// around is the network of an address with or without a port, as the log may say it: a /24 or a /48.
func around(text string) string {
	a, err := netip.ParseAddrPort(text)
	if err != nil {
		one, err := netip.ParseAddr(strings.Trim(text, "[]"))
		if err != nil {
			return "…"
		}
		a = netip.AddrPortFrom(one, 0)
	}
	ip := a.Addr().Unmap().WithZone("")
	bits := 24
	if ip.Is6() {
		bits = 48
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return "…"
	}
	return p.String()
}

// nameless is a line of the server's with networks for addresses, without long numbers, without what is behind a quote and without a stack.
func nameless(line string) string {
	if i := strings.Index(line, "panic serving"); i >= 0 { // the text behind it may be anything
		return line[:i] + "a fault of the program"
	}
	line, _, _ = strings.Cut(strings.TrimSpace(line), "\n")
	line = addressed.ReplaceAllStringFunc(line[:min(len(line), maxComplaint)], func(s string) string {
		bare := strings.TrimSuffix(s, ":") // of the sentence
		return around(bare) + s[len(bare):]
	})
	line = longNumber.ReplaceAllString(line, "…")
	if i := strings.IndexByte(line, '"'); i >= 0 {
		line = line[:i] + "…"
	}
	return line
}
