package trial

import (
	"encoding/binary"
	"errors"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poll is a thread that waits for many sockets at once.
type poll struct {
	epoll     int
	connected bool
	edge      bool
	table     []atomic.Pointer[direction] // by socket
	buf       [room]byte
}

func startPoll(connected, edge bool) (func(*[2]*direction) error, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	p := &poll{epoll: fd, connected: connected, edge: edge, table: make([]atomic.Pointer[direction], maxSockets)}
	go p.relayLoop()
	return p.open, nil
}

func (p *poll) open(c *[2]*direction) error {
	if err := sockets(c, p.connected); err != nil {
		return err
	}
	for _, d := range c {
		if d.in >= len(p.table) {
			return errors.New("too many files are open")
		}
		p.table[d.in].Store(d)
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(d.in)}
		if p.edge {
			event.Events |= unix.EPOLLET & 0xffffffff
		}
		if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, d.in, &event); err != nil {
			return err
		}
	}
	return nil
}

// relayLoop asks without waiting as long as there is something.
func (p *poll) relayLoop() {
	runtime.LockOSThread()
	var events [vector]unix.EpollEvent
	for {
		n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll), uintptr(unsafe.Pointer(&events)), vector, 0, 0, 0)
		if n == 0 && e == 0 {
			n, _, e = unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll), uintptr(unsafe.Pointer(&events)), vector, ^uintptr(0), 0, 0)
		}
		if e != 0 {
			continue
		}
		for i := range events[:n] {
			d := p.table[events[i].Fd].Load()
			for p.one(d) && p.edge {
			}
		}
	}
}

// one takes a packet of a direction and says whether there was one.
func (p *poll) one(d *direction) bool {
	var name unix.RawSockaddrInet4
	size := uint32(unsafe.Sizeof(name))
	var from, length uintptr
	if !p.connected {
		from, length = uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&size))
	}
	buf := uintptr(unsafe.Pointer(&p.buf))
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(d.in), buf, room, unix.MSG_DONTWAIT, from, length)
	if e != 0 {
		return false
	}
	if !p.connected && (name.Addr != d.sourceAddr || networkOrder(name.Port) != d.source.Port()) || !d.rewrite(p.buf[:n]) {
		return true
	}
	from, length = 0, 0
	if !p.connected {
		name = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: networkOrder(d.to.Port()), Addr: d.toAddr}
		from, length = uintptr(unsafe.Pointer(&name)), unsafe.Sizeof(name)
	}
	_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(d.out), buf, n, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, from, length)
	return true
}

// networkOrder turns a port into the order of the network, or back.
func networkOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}
