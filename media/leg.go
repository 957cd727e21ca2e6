package media

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"mask700/media/rebase"
)

// leg is one side of a session: two sockets, what signalling said of the peer,
// and the stream that comes from it. Everything but the sockets and the local
// address is protected by the session's lock.
type leg struct {
	local     Local // as written into descriptions
	pool      *pool
	port      uint16
	rtp, rtcp *net.UDPConn

	remote   Remote
	known    bool // SetRemote was called
	answered bool // Settle was called
	latch    latch
	reports  netip.AddrPort // where RTCP last came from
	reporter reporter

	in       *rebase.Stream // what comes from here, written to the other side
	payloads *payloads      // of what comes from here
	flow     Flow           // of what comes from here
	codec    string         // of what comes from here
}

// bind opens both sockets or none.
func (l *leg) bind(addr netip.Addr) error {
	network := "udp6"
	if addr.Is4() {
		network = "udp4"
	}
	var err error
	if l.rtp, err = net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, l.port))); err != nil {
		return stripAddr(err)
	}
	if l.rtcp, err = net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, l.port+1))); err != nil {
		return errors.Join(stripAddr(err), l.rtp.Close())
	}
	return nil
}

// close closes the sockets, which ends their loops.
func (l *leg) close() {
	// A socket of ours is closed once, so there is no error to tell of.
	_ = l.rtp.Close()
	_ = l.rtcp.Close()
}

// held says whether this side's description stops audio one way or both.
func (l *leg) held() bool { return !l.remote.Send || !l.remote.Recv }

// target is where RTP to this side goes, invalid when none may.
func (l *leg) target() netip.AddrPort {
	if !l.remote.Recv {
		return netip.AddrPort{}
	}
	return l.latch.destination()
}

// reportTarget is where RTCP to this side goes: to where its own comes from, to
// where signalling asked for it, and behind a NAT to the port after its RTP. A
// hold by a missing address stops reports too (RFC 3264 section 8.4).
func (l *leg) reportTarget() netip.AddrPort {
	to := l.latch.destination()
	switch {
	case !l.remote.RTP.IsValid() || !to.IsValid():
		return netip.AddrPort{}
	case l.reports.IsValid():
		return l.reports
	case to.Addr() == l.latch.signalled.Addr() && l.remote.RTCP.IsValid():
		return l.remote.RTCP
	case to.Port() < 65535:
		return netip.AddrPortFrom(to.Addr(), to.Port()+1)
	}
	return netip.AddrPort{}
}

// stripAddr takes the addresses out of an error of package net.
func stripAddr(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
