package transport

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of this file do not wait and are made without telling the
// scheduler. Told of a system call while all else is idle, it wakes its monitor
// thread, which then polls for a millisecond: at the rates of signalling that
// costs more than twice what reading the datagram does (BenchmarkEcho).

const (
	batchSize = 16
	readSize  = 65536 // more than any datagram
)

// batch is the room for what one call reads. It holds memory that the kernel
// writes to and is not copied.
type batch struct {
	headers  [batchSize]unix.Mmsghdr
	vectors  [batchSize]unix.Iovec
	sources  [batchSize]sockaddr
	controls [batchSize]control
	data     []byte
	pktinfo  bool
}

func newBatch(pktinfo bool) *batch {
	b := &batch{data: make([]byte, batchSize*readSize), pktinfo: pktinfo}
	for i := range b.headers {
		b.vectors[i].Base = &b.data[i*readSize]
		b.vectors[i].SetLen(readSize)
		h := &b.headers[i].Hdr
		h.Iov, h.Name = &b.vectors[i], (*byte)(unsafe.Pointer(&b.sources[i]))
		h.SetIovlen(1)
		if pktinfo {
			h.Control = (*byte)(unsafe.Pointer(&b.controls[i]))
		}
	}
	return b
}

// receive reads what waits on a socket, up to batchSize datagrams.
func (b *batch) receive(fd uintptr) (int, syscall.Errno) {
	for i := range b.headers {
		h := &b.headers[i].Hdr
		h.Namelen = unix.SizeofSockaddrInet6
		if b.pktinfo {
			h.SetControllen(controlSpace)
		}
	}
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

func (b *batch) payload(i int) []byte {
	return b.data[i*readSize:][:b.headers[i].Len]
}

func (b *batch) source(i int) netip.AddrPort { return b.sources[i].get() }

func (b *batch) destination(i int) netip.Addr {
	return b.controls[i].destination(int(b.headers[i].Hdr.Controllen))
}

// outgoing is one datagram on its way to the kernel. It is made once and used
// again, so that sending allocates nothing.
type outgoing struct {
	header  unix.Msghdr
	vector  unix.Iovec
	to      sockaddr
	control control
	errno   syscall.Errno
	call    func(fd uintptr) // send as a value
}

func newOutgoing() *outgoing {
	o := &outgoing{}
	o.header.Name, o.header.Iov = (*byte)(unsafe.Pointer(&o.to)), &o.vector
	o.header.SetIovlen(1)
	o.call = o.send
	return o
}

// set prepares a datagram; from is not valid if the socket knows its address. It
// reports whether the addresses are of the socket's family.
func (o *outgoing) set(b []byte, from netip.Addr, to netip.AddrPort, v6 bool) bool {
	o.header.Namelen = o.to.set(to, v6)
	if o.header.Namelen == 0 {
		return false
	}
	o.header.Control = nil
	o.header.SetControllen(0)
	if from.IsValid() {
		if from.Is4() == v6 {
			return false
		}
		o.header.Control = (*byte)(unsafe.Pointer(&o.control))
		o.header.SetControllen(o.control.setSource(from, v6))
	}
	o.vector.Base = unsafe.SliceData(b)
	o.vector.SetLen(len(b))
	return true
}

func (o *outgoing) send(fd uintptr) {
	for {
		_, _, o.errno = syscall.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&o.header)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if o.errno != unix.EINTR {
			return
		}
	}
}
