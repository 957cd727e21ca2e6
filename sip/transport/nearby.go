package transport

import "net/netip"

// nearby is where a peer is, as the log may say it: the network around its address. A peer may be a subscriber's own
// phone, whose address tells who and where it is.
func nearby(a netip.AddrPort) string {
	ip := a.Addr().Unmap()
	bits := 24
	if ip.Is6() {
		bits = 48
	}
	p, err := ip.WithZone("").Prefix(bits)
	if err != nil || !p.IsValid() {
		return ""
	}
	return p.String()
}
