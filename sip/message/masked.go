package message

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
)

// The types of this package hold what peers wrote, numbers too. Printed as a
// whole, by any verb of fmt, in JSON or in slog, they show what kind of thing
// they are and nothing of what is in it.

func (u URI) masked() string {
	switch u.Scheme {
	case "sip", "sips", "tel":
		return u.Scheme + ":***"
	case "":
		return ""
	default:
		return "***"
	}
}

func (p Param) masked() string { return "***" }

func (a Address) masked() string { return "<" + a.URI.masked() + ">" }

func (v Via) masked() string { return "SIP/2.0/" + knownTransport(v.Transport) + " ***" }

func (m Message) masked() string {
	if m.Status != 0 {
		return strconv.Itoa(m.Status) + " to " + knownMethod(m.CSeqMethod)
	}
	return knownMethod(m.Method) + " " + m.Target.masked()
}

func (e Echo) masked() string { return "echo of " + knownMethod(e.Method) }

func (r Request) masked() string { return knownMethod(r.Method) + " ***" }

func (r Response) masked() string {
	return strconv.Itoa(r.Status) + " to " + knownMethod(r.Echo.Method)
}

func (f Fault) masked() string { return strconv.Itoa(f.Status) + " " + f.Why }

// knownMethod is a method that may be printed: the token of an unknown one is
// text of the peer's.
func knownMethod(method string) string {
	switch method {
	case "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "MESSAGE",
		"SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER":
		return method
	default:
		return "unknown"
	}
}

func knownTransport(t string) string {
	switch t {
	case "UDP", "TCP", "TLS", "WS", "WSS", "SCTP":
		return t
	default:
		return "unknown"
	}
}

func show(f fmt.State, masked string) { _, _ = io.WriteString(f, masked) }

func quote(masked string) ([]byte, error) { return strconv.AppendQuote(nil, masked), nil }

// Format implements [fmt.Formatter], masked whatever the verb.
func (u URI) Format(f fmt.State, _ rune) { show(f, u.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (u URI) LogValue() slog.Value { return slog.StringValue(u.masked()) }

// MarshalJSON returns the masked form; there is no way back.
func (u URI) MarshalJSON() ([]byte, error) { return quote(u.masked()) }

// Format implements [fmt.Formatter], masked whatever the verb.
func (p Param) Format(f fmt.State, _ rune) { show(f, p.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (p Param) LogValue() slog.Value { return slog.StringValue(p.masked()) }

// MarshalJSON returns the masked form; there is no way back.
func (p Param) MarshalJSON() ([]byte, error) { return quote(p.masked()) }

// Format implements [fmt.Formatter], masked whatever the verb.
func (a Address) Format(f fmt.State, _ rune) { show(f, a.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.masked()) }

// MarshalJSON returns the masked form; there is no way back.
func (a Address) MarshalJSON() ([]byte, error) { return quote(a.masked()) }

// Format implements [fmt.Formatter], masked whatever the verb.
func (v Via) Format(f fmt.State, _ rune) { show(f, v.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (v Via) LogValue() slog.Value { return slog.StringValue(v.masked()) }

// MarshalJSON returns the masked form; there is no way back.
func (v Via) MarshalJSON() ([]byte, error) { return quote(v.masked()) }

// Format implements [fmt.Formatter], masked whatever the verb.
func (m Message) Format(f fmt.State, _ rune) { show(f, m.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.masked()) }

// MarshalJSON returns the masked form; there is no way back.
func (m Message) MarshalJSON() ([]byte, error) { return quote(m.masked()) }

// Format implements [fmt.Formatter], masked whatever the verb.
func (e Echo) Format(f fmt.State, _ rune) { show(f, e.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (e Echo) LogValue() slog.Value { return slog.StringValue(e.masked()) }

// MarshalJSON returns the masked form; there is no way back.
func (e Echo) MarshalJSON() ([]byte, error) { return quote(e.masked()) }

// Format implements [fmt.Formatter], masked whatever the verb.
func (r Request) Format(f fmt.State, _ rune) { show(f, r.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.masked()) }

// MarshalJSON returns the masked form; there is no way back.
func (r Request) MarshalJSON() ([]byte, error) { return quote(r.masked()) }

// Format implements [fmt.Formatter], masked whatever the verb.
func (r Response) Format(f fmt.State, _ rune) { show(f, r.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (r Response) LogValue() slog.Value { return slog.StringValue(r.masked()) }

// MarshalJSON returns the masked form; there is no way back.
func (r Response) MarshalJSON() ([]byte, error) { return quote(r.masked()) }

// Format implements [fmt.Formatter], masked whatever the verb.
func (f Fault) Format(s fmt.State, _ rune) { show(s, f.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (f Fault) LogValue() slog.Value { return slog.StringValue(f.masked()) }

// MarshalJSON returns the masked form; there is no way back.
func (f Fault) MarshalJSON() ([]byte, error) { return quote(f.masked()) }
