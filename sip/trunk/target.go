package trunk

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"mask700/sip/flow"
	"mask700/sip/message"
)

// Target is a place that requests are sent to.
type Target struct {
	Host    string // name or address, IPv6 without brackets
	Port    int    // 0: the transport's own
	Network flow.Network
	Any     bool           // no transport was written: Network is for an address or a port (RFC 3263 section 4.1)
	Addr    netip.AddrPort // resolved; zero until then
}

// errTarget never repeats what it refuses: it may be somebody's URI.
var errTarget = errors.New("a target is not sip:HOST:PORT;transport=udp, with tcp or tls for udp as needed and no user")

// errTargetAddress is for an address that nothing can be sent to.
var errTargetAddress = errors.New("a target is an address that nobody can be reached at")

// ParseTarget reads "sip:192.0.2.10:5060;transport=udp". The port may be left
// out, and the transport, which is UDP then unless the name system knows of
// another; "sips:" is TLS. An address is resolved already.
func ParseTarget(s string) (Target, error) {
	u, err := message.ParseURI(s)
	if err != nil || u.Scheme != "sip" && u.Scheme != "sips" {
		return Target{}, errTarget
	}
	if u.User != "" || u.UserParams != nil || u.Headers != "" {
		return Target{}, errTarget
	}
	t := Target{Host: strings.Trim(u.Host, "[]"), Port: u.Port, Any: true}
	if u.Scheme == "sips" {
		t.Network = flow.TLS
	}
	for _, p := range u.Params {
		switch p.Name {
		case "lr":
		case "transport":
			t.Any = false
			switch {
			case strings.EqualFold(p.Value, "udp") && u.Scheme == "sip":
				t.Network = flow.UDP
			case strings.EqualFold(p.Value, "tcp") && u.Scheme == "sip":
				t.Network = flow.TCP
			case strings.EqualFold(p.Value, "tls"):
				t.Network = flow.TLS
			default:
				return Target{}, errTarget
			}
		default:
			return Target{}, errTarget
		}
	}
	if a, err := netip.ParseAddr(t.Host); err == nil {
		port := uint16(t.Port)
		if port == 0 {
			port = t.Network.DefaultPort()
		}
		t.Addr = netip.AddrPortFrom(a.Unmap(), port)
	}
	if err := t.validate(); err != nil {
		return Target{}, err
	}
	return t, nil
}

func (t Target) validate() error {
	switch {
	case t.Host == "", t.Port < 0, t.Port > 65535:
		return errTarget
	case !t.Network.Dials():
		return errTarget // a WebSocket is opened by the other side
	}
	if a := t.Addr.Addr(); t.Addr.IsValid() && (a.IsUnspecified() || a.IsMulticast()) {
		return errTargetAddress
	}
	return nil
}

// String writes the target as ParseTarget reads it.
func (t Target) String() string {
	host := t.Host
	switch {
	case t.Port != 0:
		host = net.JoinHostPort(host, strconv.Itoa(t.Port))
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	switch {
	case t.Any && t.Network == flow.TLS:
		return "sips:" + host
	case t.Any:
		return "sip:" + host
	}
	return "sip:" + host + ";transport=" + t.Network.String()
}
