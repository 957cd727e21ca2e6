package transport

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sockaddr is room for an address of either family as the kernel wants it.
type sockaddr struct{ unix.RawSockaddrInet6 } // the larger of the two

func (s *sockaddr) v4() *unix.RawSockaddrInet4 {
	return (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.RawSockaddrInet6))
}

// set writes an address, and reports its size: 0 if it is not of the family.
func (s *sockaddr) set(a netip.AddrPort, v6 bool) uint32 {
	ip := a.Addr().Unmap()
	if !ip.IsValid() || ip.Is4() == v6 {
		return 0
	}
	size := uint32(unix.SizeofSockaddrInet4)
	if v6 {
		size = unix.SizeofSockaddrInet6
		s.RawSockaddrInet6 = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: ip.As16(), Scope_id: zoneIndex(ip.Zone())}
	} else {
		*s.v4() = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: ip.As4()}
	}
	binary.BigEndian.PutUint16(s.port(), a.Port())
	return size
}

// port is at the same place in both families, big-endian.
func (s *sockaddr) port() []byte { return (*[2]byte)(unsafe.Pointer(&s.Port))[:] }

// get reads the address that the kernel wrote.
func (s *sockaddr) get() netip.AddrPort {
	port := binary.BigEndian.Uint16(s.port())
	if s.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4(s.v4().Addr), port)
	}
	return netip.AddrPortFrom(inZone(netip.AddrFrom16(s.Addr), s.Scope_id), port)
}

// inZone adds the interface to an address that means nothing without it (RFC
// 4007 section 6). By number, since a name would have to be asked for.
func inZone(a netip.Addr, index uint32) netip.Addr {
	if index == 0 || !a.IsLinkLocalUnicast() {
		return a
	}
	return a.WithZone(strconv.FormatUint(uint64(index), 10))
}

// inZoneOf is a link-local address of ours on the interface that a peer is
// reached by. It is known without its zone everywhere else: see Flow.
func inZoneOf(own, peer netip.Addr) netip.Addr {
	if own.Is6() && own.IsLinkLocalUnicast() && own.Zone() == "" {
		return own.WithZone(peer.Zone())
	}
	return own
}

func zoneIndex(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0
	}
	return uint32(i.Index)
}

// addrPortOf is the address of a net.Conn's end.
func addrPortOf(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
