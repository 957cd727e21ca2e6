package socket

import (
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Poll is an epoll instance over UDP sockets with a bell, so that one thread can
// wait for packets, for a time and for others. Add and Ring may be called from
// any goroutine, the rest by the one that waits.
type Poll struct {
	epoll  int
	bell   int
	events []unix.EpollEvent
	coarse bool // the kernel has no epoll_pwait2 (before 5.11)
}

// bellTag is the tag of the bell, which no socket may have.
const bellTag = ^uint64(0)

// NewPoll makes a poll that reports up to batch sockets at once.
func NewPoll(batch int) (*Poll, error) {
	p := &Poll{events: make([]unix.EpollEvent, batch)}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if p.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, closing(p.epoll, err)
	}
	if err = p.add(p.bell, bellTag); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Close closes the poll, not the sockets in it. Nobody may be waiting.
func (p *Poll) Close() error { return errors.Join(unix.Close(p.bell), unix.Close(p.epoll)) }

// Add watches a socket until it is closed. Wait tells of it by the tag.
func (p *Poll) Add(u UDP, tag uint64) error { return p.add(u.fd, tag) }

func (p *Poll) add(fd int, tag uint64) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN}
	*(*uint64)(unsafe.Pointer(&event.Fd)) = tag
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &event)
}

// Ring makes Wait return.
func (p *Poll) Ring() {
	one := uint64(1)
	// A bell that was rung 2^64-2 times without being heard cannot take more, and
	// needs none.
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(p.bell), uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
}

// Wait waits until a socket has something, the bell rings or the time is over,
// and gives the tags of the sockets in tags, which must have room for a batch. A
// negative time is for ever, zero does not wait.
func (p *Poll) Wait(tags []uint64, limit time.Duration) int {
	n, e := p.now()
	if n == 0 && e == 0 && limit != 0 {
		n, e = p.later(limit)
	}
	if e != 0 {
		return 0 // EINTR: the caller comes again
	}
	found := 0
	for i := range n {
		tag := *(*uint64)(unsafe.Pointer(&p.events[i].Fd))
		if tag == bellTag {
			p.hear()
			continue
		}
		tags[found] = tag
		found++
	}
	return found
}

// now asks without waiting, and without telling the Go scheduler: under load
// there is an answer.
func (p *Poll) now() (int, unix.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), 0, 0, 0)
	return int(n), e
}

// later waits, for which the scheduler lends this thread's processor to others.
func (p *Poll) later(limit time.Duration) (int, unix.Errno) {
	var until *unix.Timespec
	if limit > 0 {
		t := unix.NsecToTimespec(int64(limit))
		until = &t
	}
	if !p.coarse {
		n, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.epoll), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)),
			uintptr(unsafe.Pointer(until)), 0, 0)
		if e != unix.ENOSYS {
			return int(n), e
		}
		p.coarse = true
	}
	ms := -1
	if limit > 0 {
		ms = int((limit + time.Millisecond - 1) / time.Millisecond)
	}
	n, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(ms), 0, 0)
	return int(n), e
}

// hear takes what rang.
func (p *Poll) hear() {
	var count uint64
	_, _, _ = unix.RawSyscall(unix.SYS_READ, uintptr(p.bell), uintptr(unsafe.Pointer(&count)), unsafe.Sizeof(count))
}
