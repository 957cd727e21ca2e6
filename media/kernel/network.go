package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// network asks the kernel over rtnetlink about interfaces and routes of the
// namespace that it was opened in, whatever thread asks.
type network struct {
	mu     sync.Mutex // protects ask and seq: one question at a time
	ask    int        // -1: closed
	seq    uint32
	events *os.File
	space  *os.File // the network namespace
}

// link is an interface.
type link struct {
	index    int
	name     string
	mtu      int
	loopback bool
	serves   bool // Ethernet or lo, and up
}

// path is where a packet leaves.
type path struct {
	index  uint32
	mtu    uint16
	family uint32     // of hop
	hop    netip.Addr // the neighbour; of family 0 there is none
}

func openNetwork() (*network, error) {
	n := &network{ask: -1}
	var err error
	if n.ask, err = netlinkSocket(0, 0); err != nil {
		return nil, err
	}
	const groups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE
	fd, err := netlinkSocket(groups, unix.SOCK_NONBLOCK)
	if err != nil {
		return nil, errors.Join(err, n.close())
	}
	// As a file its reads end when it is closed.
	n.events = os.NewFile(uintptr(fd), "rtnetlink")
	if n.space, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

func netlinkSocket(groups uint32, flags int) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|flags, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, fmt.Errorf("rtnetlink: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return -1, errors.Join(fmt.Errorf("rtnetlink: %w", err), unix.Close(fd))
	}
	return fd, nil
}

// settling is how long more news is waited for after the first: it comes in
// bursts.
const settling = 100 * time.Millisecond

// news waits for a change, and is false after interrupt. News that was lost for
// want of room is news too.
func (n *network) news() bool {
	buf := make([]byte, 1<<16)
	until := time.Time{}
	for {
		if n.events.SetReadDeadline(until) != nil {
			return false
		}
		_, err := n.events.Read(buf)
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

// interrupt ends a wait for events.
func (n *network) interrupt() error { return n.events.Close() }

func (n *network) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var errs []error
	if n.ask >= 0 {
		errs = append(errs, unix.Close(n.ask))
		n.ask = -1
	}
	if n.events != nil {
		if err := n.events.Close(); !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if n.space != nil {
		errs = append(errs, n.space.Close())
	}
	return errors.Join(errs...)
}

// enter moves the calling thread, which must be locked, into the namespace that
// the network was opened in.
func (n *network) enter() error {
	var here, there unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &here); err != nil {
		return err
	}
	if err := unix.Fstat(int(n.space.Fd()), &there); err != nil {
		return err
	}
	if here.Dev == there.Dev && here.Ino == there.Ino {
		return nil
	}
	return unix.Setns(int(n.space.Fd()), unix.CLONE_NEWNET)
}

// request sends a message and gives the answers, up to the end of a dump.
func (n *network) request(kind, flags uint16, body []byte) ([]syscall.NetlinkMessage, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ask < 0 {
		return nil, ErrClosed
	}
	n.seq++
	b := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(body))
	native.PutUint32(b, uint32(cap(b)))
	native.PutUint16(b[4:], kind)
	native.PutUint16(b[6:], flags|unix.NLM_F_REQUEST)
	native.PutUint32(b[8:], n.seq)
	if err := unix.Sendto(n.ask, append(b, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("rtnetlink: %w", err)
	}
	var answers []syscall.NetlinkMessage
	for {
		buf := make([]byte, 1<<16)
		size, _, err := unix.Recvfrom(n.ask, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("rtnetlink: %w", err)
		}
		messages, err := syscall.ParseNetlinkMessage(buf[:size])
		if err != nil {
			return nil, fmt.Errorf("rtnetlink: %w", err)
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
				return nil, fmt.Errorf("rtnetlink: %w", err)
			default:
				answers = append(answers, m)
				if flags&unix.NLM_F_DUMP == 0 {
					return answers, nil
				}
			}
		}
	}
}

// links lists the interfaces.
func (n *network) links() ([]link, error) {
	answers, err := n.request(unix.RTM_GETLINK, unix.NLM_F_DUMP, make([]byte, unix.SizeofIfInfomsg))
	if err != nil {
		return nil, err
	}
	var out []link
	for _, m := range answers {
		attrs, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			return nil, fmt.Errorf("rtnetlink: %w", err)
		}
		hardware, flags := native.Uint16(m.Data[2:]), native.Uint32(m.Data[8:])
		l := link{index: int(native.Uint32(m.Data[4:])), loopback: flags&unix.IFF_LOOPBACK != 0}
		l.serves = flags&unix.IFF_UP != 0 && (hardware == unix.ARPHRD_ETHER || hardware == unix.ARPHRD_LOOPBACK)
		for _, a := range attrs {
			switch {
			case a.Attr.Type == unix.IFLA_IFNAME && len(a.Value) > 0:
				l.name = string(a.Value[:len(a.Value)-1])
			case a.Attr.Type == unix.IFLA_MTU && len(a.Value) == 4:
				l.mtu = int(native.Uint32(a.Value))
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// addressed gives the interfaces that have an address which more than one link
// can reach.
func (n *network) addressed() (map[int]bool, error) {
	answers, err := n.request(unix.RTM_GETADDR, unix.NLM_F_DUMP, make([]byte, unix.SizeofIfAddrmsg))
	if err != nil {
		return nil, err
	}
	out := map[int]bool{}
	for _, m := range answers {
		if len(m.Data) >= unix.SizeofIfAddrmsg && m.Data[3] < unix.RT_SCOPE_LINK {
			out[int(native.Uint32(m.Data[4:]))] = true
		}
	}
	return out, nil
}

// route asks which way a packet leaves, over lo when it is to this host itself.
func (n *network) route(from, to netip.Addr) (path, error) {
	family, size := byte(unix.AF_INET), 4
	if to.Is6() {
		family, size = unix.AF_INET6, 16
	}
	body := make([]byte, unix.SizeofRtMsg, 64)
	body[0], body[1], body[2] = family, byte(8*size), byte(8*size)
	for _, a := range []struct {
		kind uint16
		addr netip.Addr
	}{{unix.RTA_DST, to}, {unix.RTA_SRC, from}} {
		body = binary.NativeEndian.AppendUint16(body, uint16(4+size))
		body = binary.NativeEndian.AppendUint16(body, a.kind)
		body = append(body, a.addr.AsSlice()...)
	}
	answers, err := n.request(unix.RTM_GETROUTE, 0, body)
	if err != nil {
		return path{}, err
	}
	if len(answers) == 0 || len(answers[0].Data) < unix.SizeofRtMsg {
		return path{}, errors.New("rtnetlink: no route in the answer")
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(&answers[0])
	if err != nil {
		return path{}, fmt.Errorf("rtnetlink: %w", err)
	}
	via := path{hop: to, family: uint32(family)}
	for _, a := range attrs {
		switch a.Attr.Type {
		case unix.RTA_OIF:
			if len(a.Value) == 4 {
				via.index = native.Uint32(a.Value)
			}
		case unix.RTA_GATEWAY:
			via.hop, _ = netip.AddrFromSlice(a.Value)
		case unix.RTA_VIA, unix.RTA_ENCAP: // a gateway of the other family, a tunnel
			via.hop = netip.Addr{}
		}
	}
	switch answers[0].Data[7] {
	case unix.RTN_UNICAST:
		if !via.hop.IsValid() {
			via.family = 0
		}
		return via, nil
	case unix.RTN_LOCAL:
		return path{index: loopback}, nil
	}
	return path{}, ErrPath
}
