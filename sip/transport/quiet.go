package transport

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// quietConn is a TCP connection whose system calls are made as those for
// datagrams are, for the same reason (see batch.go). One goroutine reads and one
// writes.
type quietConn struct {
	*net.TCPConn
	raw    syscall.RawConn
	in     transfer
	out    transfer
	direct transfer
}

// transfer is one read or write under way.
type transfer struct {
	b     []byte
	n     int
	errno syscall.Errno
	call  func(fd uintptr) bool // try as a value
	once  func(fd uintptr)
}

func newQuietConn(c *net.TCPConn) (*quietConn, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	q := &quietConn{TCPConn: c, raw: raw}
	q.in.call = func(fd uintptr) bool {
		q.in.try(unix.SYS_RECVFROM, fd)
		return q.in.errno != unix.EAGAIN
	}
	q.out.call = func(fd uintptr) bool {
		q.out.try(unix.SYS_SENDTO, fd)
		return q.out.errno != unix.EAGAIN
	}
	q.direct.once = func(fd uintptr) { q.direct.try(unix.SYS_SENDTO, fd) }
	return q, nil
}

func (t *transfer) try(call, fd uintptr) {
	for {
		n, _, errno := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.b))), uintptr(len(t.b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		t.n, t.errno = int(n), errno
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			t.n = 0
		}
		return
	}
}

// Read waits until there is something, its deadline, or the end.
func (q *quietConn) Read(b []byte) (int, error) {
	q.in.b = b
	err := q.raw.Read(q.in.call)
	q.in.b = nil
	switch {
	case err != nil:
		return 0, err
	case q.in.errno != 0:
		return 0, os.NewSyscallError("recv", q.in.errno)
	case q.in.n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return q.in.n, nil
}

// Write writes all unless its deadline or the end comes before.
func (q *quietConn) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		q.out.b = b[done:]
		err := q.raw.Write(q.out.call)
		q.out.b = nil
		if err == nil && q.out.errno != 0 {
			err = os.NewSyscallError("send", q.out.errno)
		}
		if err != nil {
			return done, err
		}
		done += q.out.n
	}
	return done, nil
}

// WriteNow writes as much as the kernel takes at once. It may be called while
// nobody writes, and by one at a time.
func (q *quietConn) WriteNow(b []byte) int {
	q.direct.b, q.direct.n = b, 0
	_ = q.raw.Control(q.direct.once)
	q.direct.b = nil
	return q.direct.n
}
