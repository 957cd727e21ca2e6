package transport

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A datagram's own address, as control message of ip(7) and RFC 3542 section 6:
// on a socket bound to every address it tells to which of them a datagram came,
// and from which of them one is to leave.

// controlSpace is room for one control message of either family.
const controlSpace = 64

// control is the memory of a control message, aligned as its header wants it.
type control [controlSpace / 8]uint64

func (c *control) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(c)), controlSpace)
}

// setSource writes the message that makes a datagram leave from an address, and
// returns its length.
func (c *control) setSource(a netip.Addr, v6 bool) int {
	h := (*unix.Cmsghdr)(unsafe.Pointer(c))
	data := unsafe.Pointer(&c.bytes()[unix.CmsgLen(0)])
	if v6 {
		h.Level, h.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
		h.SetLen(unix.CmsgLen(unix.SizeofInet6Pktinfo))
		*(*unix.Inet6Pktinfo)(data) = unix.Inet6Pktinfo{Addr: a.As16(), Ifindex: zoneIndex(a.Zone())}
		return unix.CmsgSpace(unix.SizeofInet6Pktinfo)
	}
	h.Level, h.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
	h.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	// The interface is left open: the route to the peer may leave by another one
	// than its datagram came in by.
	*(*unix.Inet4Pktinfo)(data) = unix.Inet4Pktinfo{Spec_dst: a.As4()}
	return unix.CmsgSpace(unix.SizeofInet4Pktinfo)
}

// destination reads to which address a datagram came, out of the first n bytes.
// It is not valid if the kernel did not say.
func (c *control) destination(n int) netip.Addr {
	rest := c.bytes()[:min(n, controlSpace)]
	for len(rest) >= unix.SizeofCmsghdr {
		h, data, next, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			break
		}
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			// Spec_dst and not Addr: it is ours also when the datagram was sent
			// to a broadcast address.
			return netip.AddrFrom4((*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Spec_dst)
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			return inZone(netip.AddrFrom16(info.Addr), info.Ifindex)
		}
		rest = next
	}
	return netip.Addr{}
}
