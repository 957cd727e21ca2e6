package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// network asks the kernel about interfaces, routes and IPsec of the namespace that
// it was opened in, whatever thread asks.
type network struct {
	ask    *asker
	events events
	ipsec  *ipsec
	space  *os.File                // the network namespace
	ports  atomic.Pointer[[2]bool] // of IPv4 and IPv6: rules of routing look at ports
}

// link is an interface.
type link struct {
	index    int
	name     string
	mtu      int
	loopback bool
	bare     bool // its packets have no header of a link
	serves   bool // Ethernet, lo or bare, and up
	up       bool
	kind     string // as the kernel calls it: "gre"; "": it is none that is made
	hardware uint16 // ARPHRD of the hardware, or of what is taken for it
}

// what says which kind of link it is.
func (l link) what() string {
	if l.kind != "" {
		return l.kind
	}
	return fmt.Sprintf("type %d", l.hardware)
}

// path is where a direction's packets leave.
type path struct {
	index  uint32
	mtu    uint16
	family uint32     // of hop
	hop    netip.Addr // the neighbour; of family 0 there is none

	fromHere bool // its source is a process of this host
}

// routing are the changes that may lead packets another way.
const routing = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE |
	1<<(unix.RTNLGRP_IPV4_RULE-1) | 1<<(unix.RTNLGRP_IPV6_RULE-1)

func openNetwork() (*network, error) {
	n := &network{}
	var err error
	if n.ask, err = newAsker("rtnetlink", unix.NETLINK_ROUTE); err != nil {
		return nil, err
	}
	if n.events, err = openEvents("rtnetlink", unix.NETLINK_ROUTE, routing); err != nil {
		return nil, errors.Join(err, n.close())
	}
	if n.ipsec, err = openIPsec(); err != nil {
		return nil, errors.Join(err, n.close())
	}
	if n.space, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

// interrupt ends the waits for events.
func (n *network) interrupt() error { return errors.Join(n.events.end(), n.ipsec.events.end()) }

func (n *network) close() error {
	errs := []error{n.ask.close(), n.events.end()}
	if n.ipsec != nil {
		errs = append(errs, n.ipsec.close())
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

// links lists the interfaces.
func (n *network) links() ([]link, error) {
	answers, err := n.ask.request(unix.RTM_GETLINK, unix.NLM_F_DUMP, make([]byte, unix.SizeofIfInfomsg))
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
		l := link{index: int(native.Uint32(m.Data[4:])), loopback: flags&unix.IFF_LOOPBACK != 0, up: flags&unix.IFF_UP != 0, hardware: hardware}
		switch hardware {
		case unix.ARPHRD_NONE, unix.ARPHRD_PPP, unix.ARPHRD_RAWIP: // tun and WireGuard, ppp, modems
			l.bare = true
		}
		l.serves = l.up && (l.bare || hardware == unix.ARPHRD_ETHER || hardware == unix.ARPHRD_LOOPBACK)
		for _, a := range attrs {
			switch {
			case a.Attr.Type == unix.IFLA_IFNAME && len(a.Value) > 0:
				l.name = string(a.Value[:len(a.Value)-1])
			case a.Attr.Type == unix.IFLA_MTU && len(a.Value) == 4:
				l.mtu = int(native.Uint32(a.Value))
			case a.Attr.Type == unix.IFLA_LINKINFO:
				l.kind = infoKind(a.Value)
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// infoKind finds the kind in what the kernel tells of a link that was made.
func infoKind(b []byte) string {
	for len(b) >= unix.SizeofRtAttr {
		size := int(native.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			return ""
		}
		if native.Uint16(b[2:]) == unix.IFLA_INFO_KIND {
			return string(bytes.TrimRight(b[unix.SizeofRtAttr:size], "\x00"))
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return ""
}

// addressed gives the interfaces that have an address which more than one link
// can reach.
func (n *network) addressed() (map[int]bool, error) {
	answers, err := n.ask.request(unix.RTM_GETADDR, unix.NLM_F_DUMP, make([]byte, unix.SizeofIfAddrmsg))
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

// way asks which way packets leave, and whether IPsec has a say in it or in what
// comes back.
func (n *network) way(e ends) (path, error) {
	if ports := n.ports.Load(); ports == nil || ports[0] && e.to.Is4() || ports[1] && e.to.Is6() {
		return path{}, ErrPath
	}
	via, err := n.route(e)
	if err != nil {
		return path{}, err
	}
	concerned, err := n.ipsec.concerns(e)
	if err != nil {
		return path{}, err
	}
	if concerned {
		return path{}, ErrPath
	}
	return via, nil
}

// look finds out what rules of routing look at.
func (n *network) look() error {
	ports, err := n.byPorts()
	if err == nil {
		n.ports.Store(&ports)
	}
	return err
}

// route asks which way a packet of UDP leaves, over lo when it is to this host itself.
func (n *network) route(e ends) (path, error) {
	family, size := byte(unix.AF_INET), 4
	if e.to.Is6() {
		family, size = unix.AF_INET6, 16
	}
	body := make([]byte, unix.SizeofRtMsg, 64)
	body[0], body[1], body[2], body[3] = family, byte(8*size), byte(8*size), e.tos
	for _, a := range []struct {
		kind uint16
		addr netip.Addr
	}{{unix.RTA_DST, e.to}, {unix.RTA_SRC, e.from}} {
		body = binary.NativeEndian.AppendUint16(body, uint16(4+size))
		body = binary.NativeEndian.AppendUint16(body, a.kind)
		body = append(body, a.addr.AsSlice()...)
	}
	body = binary.NativeEndian.AppendUint16(body, 4+1)
	body = binary.NativeEndian.AppendUint16(body, routeProtocol)
	body = append(body, unix.IPPROTO_UDP, 0, 0, 0)
	answers, err := n.ask.request(unix.RTM_GETROUTE, 0, body)
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
	via := path{hop: e.to, family: uint32(family)}
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
