package admin

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocketIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("%v, %v", info, err)
	}
	if l.Addr().String() != path {
		t.Errorf("address %s", l.Addr())
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if _, err := ListenUnix(path); !errors.Is(err, ErrServed) {
		t.Errorf("a second server: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("after closing: %v", err)
	}
}

func TestSocketOfADeadServerIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	l, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			conn.Close()
		}
	}()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestClosingLeavesAnothersSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	first, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the other server's socket: %v", err)
	}
}

func TestWhatIsNoSocketIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenUnix(path); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Error(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "x" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := ListenUnix(filepath.Join(t.TempDir(), "none", "s")); err == nil {
		t.Error("a directory that is not there")
	}
}

func TestTCPNeedsTLS(t *testing.T) {
	if _, err := ListenTCP("127.0.0.1:0", nil); err == nil {
		t.Error("listens without TLS")
	}
}

func TestServerHasBounds(t *testing.T) {
	s := NewServer(context.Background(), http.NotFoundHandler(), nil)
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("%+v", s)
	}
}

func TestTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	secret := strings.Repeat("a1", 20)
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	token, err := ReadToken("ops", file)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewToken("night", strings.Repeat("b2", 20))
	if err != nil {
		t.Fatal(err)
	}
	for _, tokens := range [][]Token{{token}, {other, token}, {token, other}} {
		if got, ok := allowed(tokens, "Bearer "+secret); !ok || got.Name != "ops" {
			t.Errorf("let in as %q: %t", got.Name, ok)
		}
		if got, ok := allowed(tokens, "Bearer "+secret+"1"); ok || got != (Token{}) {
			t.Errorf("a wrong secret is let in as %q", got.Name)
		}
	}
	if _, err := ReadToken("ops", file+"none"); err == nil || !strings.Contains(err.Error(), "ops") {
		t.Error(err)
	}
}

// TestTheServerComplainsOfNobody: what it says of a connection is logged without its address, and without what a client wrote.
func TestTheServerComplainsOfNobody(t *testing.T) {
	var log bytes.Buffer
	s := NewServer(context.Background(), http.NotFoundHandler(), slog.New(slog.NewTextHandler(&log, nil)))
	for line, want := range map[string]string{
		"http: TLS handshake error from 203.0.113.7:40123: EOF":                                                       "http: TLS handshake error from 203.0.113.0/24: EOF",
		"http: TLS handshake error from [2001:db8::7]:40123: read tcp [2001:db8::1]:8443->[2001:db8::7]:40123: reset": "http: TLS handshake error from 2001:db8::/48: read tcp 2001:db8::/48->2001:db8::/48: reset",
		"http: TLS handshake error from [fe80::7%eth0]:40123: EOF":                                                    "http: TLS handshake error from fe80::/48: EOF",
		"http: TLS handshake error from 203.0.113.7:1: tls: no certificate for \"13800000001\", \"other\"":            "http: TLS handshake error from 203.0.113.0/24: tls: no certificate for …",
		"http: TLS handshake error from ::ffff:203.0.113.7: x509: 13800000001 is not permitted":                       "http: TLS handshake error from 203.0.113.0/24: x509: … is not permitted",
		"http: TLS handshake error from 999.1.2.3:5: EOF":                                                             "http: TLS handshake error from …: EOF",
		"http: panic serving 203.0.113.7:40123: a call to 13800000001\ngoroutine 7 [running]:":                        "http: a fault of the program",
		"http: Accept error: accept tcp: too many open files; retrying in 5ms":                                        "http: Accept error: accept tcp: too many open files; retrying in 5ms",
	} {
		log.Reset()
		s.ErrorLog.Print(line)
		if text := log.String(); !strings.Contains(text, "complains") || !strings.Contains(text, strings.ReplaceAll(want, `"`, `\"`)) || strings.Contains(text, "113.7") || strings.Contains(text, "::7") || strings.Contains(text, "13800000001") {
			t.Errorf("%q is logged as %s", line, text)
		}
	}
}
