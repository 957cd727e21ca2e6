package transport

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// onSocket makes the control function of a net.ListenConfig or net.Dialer.
func onSocket(set func(fd int) error) func(string, string, syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if cerr := c.Control(func(fd uintptr) { err = set(int(fd)) }); cerr != nil {
			return cerr
		}
		return err
	}
}

// datagramOptions are set before a UDP socket is bound, so that no datagram
// comes in without them.
func datagramOptions(o *Options, v6, wildcard bool) func(fd int) error {
	return func(fd int) error {
		if o.Readers > 1 {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
				return err
			}
		}
		setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, o.ReadBuffer)
		setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, o.WriteBuffer)
		switch {
		case !wildcard:
			return nil
		case v6:
			return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		default:
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
	}
}

// setBuffer takes what the kernel gives: beyond net.core.rmem_max with the right
// to it (CAP_NET_ADMIN), else up to there.
func setBuffer(fd, force, plain, size int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, size)
	}
}

// readBuffer is the receive buffer that a socket got; the kernel doubles what it
// is asked for, to have room for its own bookkeeping.
func readBuffer(c syscall.RawConn) (size int) {
	_ = c.Control(func(fd uintptr) {
		size, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
	})
	return size / 2
}

// The result of SO_MEMINFO, linux/sock_diag.h.
const (
	meminfoDrops  = 8
	meminfoLength = 9
)

// kernelDrops counts what the kernel dropped of a socket's datagrams for want of
// room. Asked when somebody wants to know, and not taken from a control message
// with each datagram (SO_RXQ_OVFL), it costs nothing and is true also when
// nothing comes in after the drops.
func kernelDrops(c syscall.RawConn) (drops uint64) {
	_ = c.Control(func(fd uintptr) {
		var info [meminfoLength]uint32
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno == 0 {
			drops = uint64(info[meminfoDrops])
		}
	})
	return drops
}

// streamOptions are set on every TCP socket that we dial, and on listening ones
// for those that they accept: data that the peer does not acknowledge for this
// long ends the connection, for which the kernel alone takes a quarter of an
// hour.
func streamOptions(fd int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unackedTimeout.Milliseconds()))
}
