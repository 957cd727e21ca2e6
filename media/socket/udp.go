// Package socket is the thin edge between the media relay and the kernel: UDP
// sockets as plain descriptors, and epoll over many of them. Nothing here waits
// but Poll.Wait, nothing allocates after opening, and nothing knows what a packet
// means.
//
// The calls of a packet's way cannot block, so they go to the kernel without
// telling the Go scheduler (RawSyscall): that is a third of the price of a small
// system call. Linux only.
package socket

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Hops is the time to live, or hop limit, of everything sent: always the same, so
// that it tells nothing of how far the sender behind us is.
const Hops = 64

// UDP is a bound, non-blocking UDP socket. It is plain data: who closes it must
// see to it that no copy is used afterwards.
type UDP struct {
	fd int
	v6 bool
}

// None is no socket: every call of it fails.
var None = UDP{fd: -1}

// Listen binds a socket. Packets leave with the given DSCP (RFC 2474, 0-63), a
// time to live of Hops, and without the don't-fragment bit, so that neither that
// bit nor the IP id is the sender's; those of IPv6 without a flow label, which would be
// another one on each path (RFC 6437 section 3 has 0 for that).
func Listen(at netip.AddrPort, dscp uint8) (UDP, error) {
	u := UDP{v6: at.Addr().Is6()}
	family := unix.AF_INET
	if u.v6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return None, err
	}
	if err := setUp(fd, u.v6, dscp); err != nil {
		return None, closing(fd, err)
	}
	if err := unix.Bind(fd, sockaddr(at)); err != nil {
		return None, closing(fd, err)
	}
	u.fd = fd
	return u, nil
}

// setUp sets what the headers of our packets say.
func setUp(fd int, v6 bool, dscp uint8) error {
	options := []struct{ level, name, value int }{
		{unix.IPPROTO_IP, unix.IP_TTL, Hops},
		{unix.IPPROTO_IP, unix.IP_TOS, int(dscp) << 2},
		{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT},
	}
	if v6 {
		options = []struct{ level, name, value int }{
			{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, Hops},
			{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, int(dscp) << 2},
			{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT},
			{unix.IPPROTO_IPV6, unix.IPV6_AUTOFLOWLABEL, 0},
		}
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return err
		}
	}
	return nil
}

func closing(fd int, err error) error {
	unix.Close(fd) // the first error is the one to tell of
	return err
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

// guardBuffer bounds what a guard holds of a flood.
const guardBuffer = 8192

// Guard opens a second socket at the same address, for what comes from others
// while the first is connected: without it the kernel would answer them with ICMP
// messages and tell nobody. Both may share the port for no longer than this call.
func (u UDP) Guard(at netip.AddrPort) (UDP, error) {
	g := UDP{v6: u.v6}
	family := unix.AF_INET
	if u.v6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return None, err
	}
	g.fd = fd
	share := func(on int) error {
		return errors.Join(unix.SetsockoptInt(u.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, on), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, on))
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, guardBuffer)
	if err == nil && u.v6 {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err == nil {
		err = share(1)
	}
	if err == nil {
		err = unix.Bind(fd, sockaddr(at))
	}
	if err = errors.Join(err, share(0)); err != nil {
		return None, closing(fd, err)
	}
	return g, nil
}

// Close closes the socket and takes it out of its poll. Once is enough.
func (u UDP) Close() {
	if u != None {
		unix.Close(u.fd)
	}
}

// FD is the descriptor.
func (u UDP) FD() int { return u.fd }

// Connect makes the socket take packets from one address alone, and keep the way
// to it. What was queued before is still there, whoever sent it.
func (u UDP) Connect(to netip.AddrPort) error { return unix.Connect(u.fd, sockaddr(to)) }

// Disconnect undoes Connect; the socket stays bound.
func (u UDP) Disconnect() error {
	sa := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	if _, _, e := unix.RawSyscall(unix.SYS_CONNECT, uintptr(u.fd), uintptr(unsafe.Pointer(&sa)), unsafe.Sizeof(sa)); e != 0 {
		return e
	}
	return nil
}

// Receive reads one packet of a connected socket. EAGAIN: there is none. Another
// error, such as ECONNREFUSED for an ICMP message, is told once and is over then.
func (u UDP) Receive(b []byte) (int, unix.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(u.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), e
}

// ReceiveFrom reads one packet and tells who sent it.
func (u UDP) ReceiveFrom(b []byte) (int, netip.AddrPort, unix.Errno) {
	var sa unix.RawSockaddrInet6 // holds either family
	size := uint32(unsafe.Sizeof(sa))
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(u.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)))
	if e != 0 {
		return 0, netip.AddrPort{}, e
	}
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:])
	if u.v6 {
		return int(n), netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), port), 0
	}
	four := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sa))
	return int(n), netip.AddrPortFrom(netip.AddrFrom4(four.Addr), port), 0
}

// Send writes one packet to where the socket is connected.
func (u UDP) Send(b []byte) unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(u.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return e
}

// SendTo writes one packet to an address of the socket's family; EAFNOSUPPORT
// for one of the other.
func (u UDP) SendTo(b []byte, to netip.AddrPort) unix.Errno {
	var sa unix.RawSockaddrInet6
	size := unsafe.Sizeof(sa)
	switch {
	case u.v6 != to.Addr().Is6():
		return unix.EAFNOSUPPORT
	case u.v6:
		sa.Family, sa.Addr = unix.AF_INET6, to.Addr().As16()
	default:
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sa))
		four.Family, four.Addr, size = unix.AF_INET, to.Addr().As4(), unsafe.Sizeof(*four)
	}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], to.Port())
	_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(u.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&sa)), size)
	return e
}

// Priority is by what queues of interfaces and switches tell its packets from others. The
// kernel makes it of the type of service.
func (u UDP) Priority() uint8 {
	// A socket has one, and there is no packet without a socket.
	p, _ := unix.GetsockoptInt(u.fd, unix.SOL_SOCKET, unix.SO_PRIORITY)
	return uint8(p)
}

// Overrun counts the packets that found the socket's buffer full.
func (u UDP) Overrun() uint64 { return uint64(u.memory()[8]) }

// Held is what the packets that wait in the socket are charged, in bytes: several times
// what was sent, as the kernel counts what it keeps of a packet.
func (u UDP) Held() int { return int(u.memory()[0]) }

// memory is SK_MEMINFO_VARS of linux/sock_diag.h: what has been received is first, the
// count of drops last. All of it is 0 of no socket.
func (u UDP) memory() (info [9]uint32) {
	size := uint32(unsafe.Sizeof(info))
	_, _, e := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(u.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if e != 0 {
		return [9]uint32{}
	}
	return info
}

// Room bounds what may wait in the socket, in bytes as Held counts them; what comes then
// is dropped. There is always room for one packet, and never for more than the system lets
// anybody have (net.core.rmem_max, twice).
func (u UDP) Room(bytes int) {
	// The kernel takes a number twice (socket(7)). It refuses none, and without a socket
	// there is nothing to bound.
	_ = unix.SetsockoptInt(u.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, (bytes+1)/2)
}
