package config

import (
	"log/slog"
	"strings"
	"testing"
	"testing/quick"
)

// setter is a value type of the file.
type setter interface{ Set(string) error }

// TestValuesAreReadAndWritten has what each value type takes and how it writes it.
func TestValuesAreReadAndWritten(t *testing.T) {
	type value interface {
		setter
		String() string
	}
	for _, tc := range []struct {
		into     value
		text     string
		written  string
		accepted bool
	}{
		{new(Duration), "60s", "1m", true},
		{new(Duration), "90s", "1m30s", true},
		{new(Duration), "2h", "2h", true},
		{new(Duration), "0s", "0s", true},
		{new(Duration), "1.5s", "1.5s", true},
		{new(Duration), "", "", false},
		{new(Duration), "60", "", false},
		{new(Duration), "1d", "", false},
		{new(Days), "183d", "183d", true},
		{new(Days), "0d", "0d", true},
		{new(Days), "48h", "2d", true},
		{new(Days), "90m", "90m", true},
		{new(Days), "1.5d", "", false},
		{new(Days), "-1d", "", false},
		{new(Days), "99999999d", "", false},
		{new(Days), "30", "", false},
		{new(Watch), "auto", "auto", true},
		{new(Watch), "0", "0s", true},
		{new(Watch), "90s", "1m30s", true},
		{new(Watch), "", "", false},
		{new(Watch), "30", "", false},
		{new(Watch), "-1ns", "", false},
		{new(Watch), "never", "", false},
		{new(NameServer), "192.0.2.53", "192.0.2.53:53", true},
		{new(NameServer), "127.0.0.1:5353", "127.0.0.1:5353", true},
		{new(NameServer), "2001:db8::53", "[2001:db8::53]:53", true},
		{new(NameServer), "[fe80::1%eth0]:53", "[fe80::1%eth0]:53", true},
		{new(NameServer), "::ffff:192.0.2.53", "192.0.2.53:53", true},
		{new(NameServer), "192.0.2.53:0", "", false},
		{new(NameServer), "0.0.0.0:53", "", false},
		{new(NameServer), "ns.example.com", "", false},
		{new(NameServer), "", "", false},
		{new(Bind), "udp:0.0.0.0:5060", "udp:0.0.0.0:5060", true},
		{new(Bind), "tcp:[2001:db8::1]:5060", "tcp:[2001:db8::1]:5060", true},
		{new(Bind), "tls:[::ffff:192.0.2.1]:5061", "tls:192.0.2.1:5061", true},
		{new(Bind), "ws:0.0.0.0:8080", "ws:0.0.0.0:8080", true},
		{new(Bind), "wss:[::1]:443", "wss:[::1]:443", true},
		{new(Bind), "sctp:0.0.0.0:5060", "", false},
		{new(Bind), "udp:0.0.0.0:0", "udp:0.0.0.0:0", true},
		{new(Bind), "udp:[fe80::1%eth0]:5060", "", false},
		{new(Bind), "udp:0.0.0.0:65536", "", false},
		{new(Bind), "UDP:0.0.0.0:5060", "", false},
		{new(Bind), "udp", "", false},
		{new(PortRange), "20000-39999", "20000-39999", true},
		{new(PortRange), "1024 - 1027", "1024-1027", true},
		{new(PortRange), "65532-65535", "65532-65535", true},
		{new(PortRange), "20000-", "", false},
		{new(PortRange), "-20000-30001", "", false},
		{new(Address), "", "", true},
		{new(Address), "192.0.2.1", "192.0.2.1", true},
		{new(Address), "::ffff:192.0.2.1", "192.0.2.1", true},
		{new(Address), "224.0.0.1", "", false},
		{new(Address), "::", "", false},
		{new(Prefix), "192.0.2.10", "192.0.2.10/32", true},
		{new(Prefix), "2001:db8::1", "2001:db8::1/128", true},
		{new(Prefix), "2001:db8::/64", "2001:db8::/64", true},
		{new(Prefix), "0.0.0.0/0", "0.0.0.0/0", true},
		{new(Prefix), "192.0.2.0/33", "", false},
		{new(Prefix), "fe80::1%eth0", "", false},
		{new(Date), "2026-03-31", "2026-03-31", true},
		{new(Date), "", "", true},
		{new(Date), "2026-02-30", "", false},
		{new(AdminListen), "unix:", "unix:", true},
		{new(AdminListen), "unix:/run/a//b.sock", "unix:/run/a/b.sock", true},
		{new(AdminListen), "127.0.0.1:7000", "127.0.0.1:7000", true},
		{new(AdminListen), ":7000", "", false},
		{new(Target), "sip:192.0.2.10", "sip:192.0.2.10:5060;transport=udp", true},
		{new(Target), "sip:192.0.2.10:5070;transport=tcp", "sip:192.0.2.10:5070;transport=tcp", true},
		{new(Target), "sip:switch.example.com;transport=tls", "sip:switch.example.com;transport=tls", true},
		{new(Target), "sip:switch.example.com", "sip:switch.example.com", true},
		{new(Target), "sips:switch.example.com", "sips:switch.example.com", true},
		{new(Target), "sips:192.0.2.10", "sip:192.0.2.10:5061;transport=tls", true},
		{new(Target), "sip:switch.example.com:5070", "sip:switch.example.com:5070;transport=udp", true},
		{new(Target), "sip:[2001:db8::1]:5060", "sip:[2001:db8::1]:5060;transport=udp", true},
		{new(Target), "sip:0.0.0.0:5060", "", false},
		{new(Target), "tel:+8613800138000", "", false},
		{new(Target), "", "", false},
	} {
		err := tc.into.Set(tc.text)
		switch {
		case (err == nil) != tc.accepted:
			t.Errorf("%T %q: %v", tc.into, tc.text, err)
		case err == nil && tc.into.String() != tc.written:
			t.Errorf("%T %q is written %q, want %q", tc.into, tc.text, tc.into.String(), tc.written)
		case err != nil && strings.Contains(tc.text, "138") && strings.Contains(err.Error(), "138"):
			t.Errorf("%T: the error repeats its value: %v", tc.into, err)
		}
	}
}

// TestWhatIsWrittenIsReadBack goes once round for whatever a type takes.
func TestWhatIsWrittenIsReadBack(t *testing.T) {
	check := func(lo, hi uint16) bool {
		lo, hi = lo&^1, hi|1
		if lo < 1024 || int(hi) < int(lo)+3 {
			return true
		}
		r := PortRange{lo, hi}
		var again PortRange
		return again.Set(r.String()) == nil && again == r && again.Pairs() == (int(hi)-int(lo)+1)/2
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
	again := func(d Duration) bool {
		if d < 0 {
			d = -(d + 1)
		}
		var back Duration
		return back.Set(d.String()) == nil && back == d
	}
	if err := quick.Check(again, nil); err != nil {
		t.Error(err)
	}
}

func TestWordsAreOfAList(t *testing.T) {
	var (
		caller   Caller
		identity Identity
		early    Early
		numbers  Numbers
		level    Level
		format   LogFormat
	)
	for word, into := range map[string]setter{"rpid": &caller, "pai": &identity, "ringing": &early, "plus": &numbers, "debug": &level, "json": &format} {
		if err := into.Set(word); err != nil {
			t.Errorf("%T: %v", into, err)
		}
		if err := into.Set("13800138000"); err == nil || strings.Contains(err.Error(), "138") {
			t.Errorf("%T: %v", into, err)
		}
	}
	if caller != "rpid" || identity != "pai" || early != "ringing" || level != "debug" || format != "json" {
		t.Error("a refused word changed the value")
	}
	for text, want := range map[Level]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError} {
		if text.Slog() != want {
			t.Errorf("%s is %v", text, text.Slog())
		}
	}
}

func TestCertificateThatCannotBeRead(t *testing.T) {
	if _, err := (Certificate{Certificate: "none.pem", Key: "none.key"}).Load(); err == nil || !strings.Contains(err.Error(), "none.pem") {
		t.Error(err)
	}
}
