package rig

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
)

// Hosts is a small network on loopback, one address for each machine in it, so that an address on the wrong leg
// is seen. Linux gives the whole of 127/8 to loopback.
type Hosts struct {
	Left   netip.Addr // the gateway, toward the caller
	Right  netip.Addr // the gateway, toward the callee
	Caller netip.Addr
	Callee netip.Addr
	Switch netip.Addr // the softswitch
}

// NewHosts draws a /24 at random out of 60 000, so that several runs on one machine do not meet.
func NewHosts() Hosts {
	a, b := byte(16+rand.IntN(238)), byte(1+rand.IntN(253))
	host := func(n byte) netip.Addr { return netip.AddrFrom4([4]byte{127, a, b, n}) }
	return Hosts{Left: host(1), Caller: host(2), Callee: host(3), Right: host(4), Switch: host(5)}
}

// FreePort returns a port that is free on addr for UDP and TCP, with the seven above it: SIPp binds an RTP port, two
// above it another for video, and the RTCP ports of both, whatever is said in the SDP. It is below the media ports of
// the configurations used here. What it gave is not given again by this process while there are others: between the
// answer and the program that binds the port, another test would find it free. All tests of IPv6 share one address.
func FreePort(addr netip.Addr) (uint16, error) {
	given.Lock()
	defer given.Unlock()
	if len(given.ports[addr]) > freePorts*3/4 {
		delete(given.ports, addr)
	}
	if given.ports[addr] == nil {
		given.ports[addr] = make(map[uint16]bool)
	}
	for range 400 {
		p := uint16(10000 + 8*rand.IntN(freePorts))
		if !given.ports[addr][p] && allFree(addr, p, 8) {
			given.ports[addr][p] = true
			return p, nil
		}
	}
	return 0, fmt.Errorf("no free port on %s", addr)
}

const freePorts = 1200

var given = struct {
	sync.Mutex
	ports map[netip.Addr]map[uint16]bool
}{ports: make(map[netip.Addr]map[uint16]bool)}

func allFree(addr netip.Addr, from, n uint16) bool {
	for p := from; p < from+n; p++ {
		if !free(addr, p) {
			return false
		}
	}
	return true
}

func free(addr netip.Addr, port uint16) bool {
	at := netip.AddrPortFrom(addr, port)
	u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return false
	}
	defer u.Close()
	t, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return false
	}
	defer t.Close()
	return true
}

// Bound reports whether a socket of this machine is bound to an IPv4 address: "udp", or "tcp" for a listening
// one. It reads the kernel's table; a trial bind could get in the way of the program that is about to bind.
func Bound(network string, at netip.AddrPort) (bool, error) {
	f, err := os.Open("/proc/thread-self/net/" + network) // the caller may have entered a Namespace
	if err != nil {
		return false, err
	}
	defer f.Close()
	ip := at.Addr().As4()
	slices.Reverse(ip[:])
	want := fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(ip[:])), at.Port())
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// sl local_address rem_address st …; state 0A is a TCP socket that listens.
		fields := strings.Fields(lines.Text())
		if len(fields) > 3 && fields[1] == want && (network == "udp" || fields[3] == "0A") {
			return true, nil
		}
	}
	return false, lines.Err()
}
