package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// asker asks the kernel over one of its netlink families.
type asker struct {
	what string // in errors

	mu  sync.Mutex // protects the rest: one question at a time
	fd  int        // -1: closed
	seq uint32
	buf []byte
}

func newAsker(what string, family int) (*asker, error) {
	fd, err := netlinkSocket(what, family, 0, 0)
	if err != nil {
		return nil, err
	}
	// The kernel answers at once or not at all.
	limit := unix.NsecToTimeval(int64(patience))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", what, err), unix.Close(fd))
	}
	return &asker{what: what, fd: fd, buf: make([]byte, 1<<16)}, nil
}

// patience bounds the wait for an answer.
const patience = 2 * time.Second

func netlinkSocket(what string, family int, groups uint32, flags int) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|flags, family)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", what, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return -1, errors.Join(fmt.Errorf("%s: %w", what, err), unix.Close(fd))
	}
	return fd, nil
}

func (n *asker) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fd < 0 {
		return nil
	}
	err := unix.Close(n.fd)
	n.fd = -1
	return err
}

// request sends a message and gives the answers, up to the end of a dump.
func (n *asker) request(kind, flags uint16, body []byte) ([]syscall.NetlinkMessage, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fd < 0 {
		return nil, ErrClosed
	}
	n.seq++
	b := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(body))
	native.PutUint32(b, uint32(cap(b)))
	native.PutUint16(b[4:], kind)
	native.PutUint16(b[6:], flags|unix.NLM_F_REQUEST)
	native.PutUint32(b[8:], n.seq)
	if err := unix.Sendto(n.fd, append(b, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("%s: %w", n.what, err)
	}
	var answers []syscall.NetlinkMessage
	for {
		size, _, err := unix.Recvfrom(n.fd, n.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.what, err)
		}
		messages, err := syscall.ParseNetlinkMessage(n.buf[:size])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.what, err)
		}
		for _, m := range messages {
			switch {
			case m.Header.Seq != n.seq: // of a question that was given up
			case m.Header.Type == unix.NLMSG_DONE:
				return answers, nil
			case m.Header.Type == unix.NLMSG_ERROR:
				if len(m.Data) >= 4 {
					err = unix.Errno(-int32(native.Uint32(m.Data)))
				}
				return nil, fmt.Errorf("%s: %w", n.what, err)
			default:
				m.Data = bytes.Clone(m.Data)
				answers = append(answers, m)
				if flags&unix.NLM_F_DUMP == 0 {
					return answers, nil
				}
			}
		}
	}
}

// events is a netlink socket that hears of changes. As a file, its reads end when
// it is closed.
type events struct{ *os.File }

func openEvents(what string, family int, groups uint32) (events, error) {
	fd, err := netlinkSocket(what, family, groups, unix.SOCK_NONBLOCK)
	if err != nil {
		return events{}, err
	}
	return events{os.NewFile(uintptr(fd), what)}, nil
}

// settling is how long more news is waited for after the first: it comes in
// bursts.
const settling = 100 * time.Millisecond

// news waits for a change, and is false once the events are closed. News that was
// lost for want of room is news too.
func (e events) news() bool {
	buf := make([]byte, 1<<16)
	until := time.Time{}
	for {
		if e.SetReadDeadline(until) != nil {
			return false
		}
		_, err := e.Read(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return true
		case err != nil && !errors.Is(err, unix.ENOBUFS):
			return false
		case until.IsZero():
			until = time.Now().Add(settling)
		}
	}
}

// end closes them, once.
func (e events) end() error {
	if e.File == nil {
		return nil
	}
	if err := e.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
