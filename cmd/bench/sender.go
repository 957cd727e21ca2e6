package main

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	burst   = 64   // datagrams of one system call
	largest = 2048 // bytes of one datagram
	senders = 8    // sockets, so that the source ports vary
)

// sender sends datagrams to one address from any address of 127/8: its sockets
// are bound to none, and each datagram says where it comes from (IP_PKTINFO in
// ip(7)). What comes back is counted and thrown away.
type sender struct {
	sockets []int
	next    int
	answers atomic.Int64
	ended   atomic.Bool
	reading sync.WaitGroup

	to       unix.RawSockaddrInet4
	headers  [burst]unix.Mmsghdr
	vectors  [burst]unix.Iovec
	controls [burst]pktinfo
	data     [burst][largest]byte
	filled   int
}

// pktinfo is a control message with the source of a datagram, aligned as the
// kernel wants it.
type pktinfo struct {
	header unix.Cmsghdr
	info   unix.Inet4Pktinfo
	_      [4]byte
}

func newSender(to netip.AddrPort) (*sender, error) {
	s := &sender{}
	s.to = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.Addr().As4()}
	port := (*[2]byte)(unsafe.Pointer(&s.to.Port))
	port[0], port[1] = byte(to.Port()>>8), byte(to.Port())
	for i := range s.headers {
		c := &s.controls[i]
		c.header.Level, c.header.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		c.header.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
		h := &s.headers[i].Hdr
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&s.to)), unix.SizeofSockaddrInet4
		s.vectors[i].Base = &s.data[i][0]
		h.Iov = &s.vectors[i]
		h.SetIovlen(1)
		h.Control = (*byte)(unsafe.Pointer(c))
		h.SetControllen(int(unsafe.Sizeof(*c)))
	}
	for range senders {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			s.close()
			return nil, fmt.Errorf("socket: %w", err)
		}
		s.sockets = append(s.sockets, fd)
		// The time after which a reader looks whether it is to end.
		patience := unix.Timeval{Usec: 100_000}
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
			s.close()
			return nil, fmt.Errorf("socket: %w", err)
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{}); err != nil {
			s.close()
			return nil, fmt.Errorf("bind: %w", err)
		}
	}
	for _, fd := range s.sockets {
		s.reading.Go(func() { s.count(fd) })
	}
	return s, nil
}

// count reads the answers of one socket.
func (s *sender) count(fd int) {
	var start [16]byte
	for {
		switch _, err := unix.Read(fd, start[:]); {
		case err == nil:
			s.answers.Add(1)
		case s.ended.Load():
			return
		}
	}
}

// put adds one datagram: write fills it and returns its length. A full burst is
// sent.
func (s *sender) put(from netip.Addr, write func(b []byte) int) error {
	i := s.filled
	s.controls[i].info = unix.Inet4Pktinfo{Spec_dst: from.As4()}
	s.vectors[i].SetLen(write(s.data[i][:]))
	if s.filled++; s.filled < burst {
		return nil
	}
	return s.flush()
}

// flush sends what has been put, by the sockets in turn.
func (s *sender) flush() error {
	fd := s.sockets[s.next%len(s.sockets)]
	s.next++
	for sent := 0; sent < s.filled; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&s.headers[sent])), uintptr(s.filled-sent), 0, 0, 0)
		switch errno {
		case 0:
			sent += int(n)
		case unix.EINTR, unix.EAGAIN, unix.ENOBUFS:
		default:
			return fmt.Errorf("sendmmsg from %v: %w", netip.AddrFrom4(s.controls[sent].info.Spec_dst), errno)
		}
	}
	s.filled = 0
	return nil
}

func (s *sender) close() {
	s.ended.Store(true)
	s.reading.Wait()
	for _, fd := range s.sockets {
		unix.Close(fd)
	}
}
