package mediatest

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

// Sizes of headers without options, and EtherTypes (RFC 894, RFC 2464).
const (
	ethernetSize = 14
	ipv4Size     = 20
	ipv6Size     = 40
	udpSize      = 8
	protocolUDP  = 17
	typeIPv4     = 0x0800
	typeIPv6     = 0x86dd
)

// Frame is an Ethernet frame with a UDP datagram of fixed addresses and size.
type Frame struct {
	bytes []byte
	ip    int // size of the IP header
}

// NewFrame writes the headers of a datagram with so many bytes of payload.
func NewFrame(from, to netip.AddrPort, fromMAC, toMAC net.HardwareAddr, payload int) (*Frame, error) {
	if from.Addr().Is4() != to.Addr().Is4() || !from.IsValid() || !to.IsValid() {
		return nil, fmt.Errorf("mediatest: no datagram goes from %s to %s", from, to)
	}
	f := &Frame{ip: ipv4Size}
	if from.Addr().Is6() {
		f.ip = ipv6Size
	}
	b := make([]byte, ethernetSize+f.ip+udpSize+payload)
	copy(b, toMAC)
	copy(b[6:], fromMAC)
	ip, udp := b[ethernetSize:], b[ethernetSize+f.ip:]
	if f.ip == ipv4Size { // RFC 791 section 3.1
		binary.BigEndian.PutUint16(b[12:], typeIPv4)
		ip[0] = 0x45
		binary.BigEndian.PutUint16(ip[2:], uint16(ipv4Size+udpSize+payload))
		ip[6] = 0x40 // don't fragment
		ip[8] = 64
		ip[9] = protocolUDP
	} else { // RFC 8200 section 3
		binary.BigEndian.PutUint16(b[12:], typeIPv6)
		ip[0] = 0x60
		binary.BigEndian.PutUint16(ip[4:], uint16(udpSize+payload))
		ip[6] = protocolUDP
		ip[7] = 64
	}
	addresses := f.addresses(b)
	copy(addresses, from.Addr().AsSlice())
	copy(addresses[len(addresses)/2:], to.Addr().AsSlice())
	if f.ip == ipv4Size {
		binary.BigEndian.PutUint16(ip[10:], ^fold(sum(ip[:ipv4Size])))
	}
	binary.BigEndian.PutUint16(udp, from.Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(udpSize+payload))
	f.bytes = b
	return f, nil
}

// addresses are both IP addresses, one after the other.
func (f *Frame) addresses(b []byte) []byte {
	if f.ip == ipv4Size {
		return b[ethernetSize+12 : ethernetSize+20]
	}
	return b[ethernetSize+8 : ethernetSize+40]
}

// Payload is where the datagram's payload is written.
func (f *Frame) Payload() []byte { return f.bytes[ethernetSize+f.ip+udpSize:] }

// Seal writes the UDP checksum of the payload (RFC 768), as the sender's
// interface would.
func (f *Frame) Seal() {
	udp := f.bytes[ethernetSize+f.ip:]
	udp[6], udp[7] = 0, 0
	c := ^fold(sum(f.addresses(f.bytes)) + protocolUDP + uint64(len(udp)) + sum(udp))
	if c == 0 {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(udp[6:], c)
}

// sum adds the 16-bit words of an even number of bytes (RFC 1071), four at a time.
func sum(b []byte) (s uint64) {
	for ; len(b) >= 8; b = b[8:] {
		s += uint64(binary.BigEndian.Uint32(b)) + uint64(binary.BigEndian.Uint32(b[4:]))
	}
	for ; len(b) >= 2; b = b[2:] {
		s += uint64(binary.BigEndian.Uint16(b))
	}
	return s
}

func fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// datagram is what was received.
type datagram struct {
	from, to netip.AddrPort
	payload  []byte
}

// parseFrame reads a frame with a UDP datagram that is not fragmented, and says
// whether it is one. The checksum is not looked at: between two virtual interfaces
// it may not have been written yet.
func parseFrame(b []byte) (d datagram, ok bool) {
	if len(b) < ethernetSize+ipv4Size+udpSize {
		return d, false
	}
	ip := b[ethernetSize:]
	var udp []byte
	var from, to netip.Addr
	switch binary.BigEndian.Uint16(b[12:]) {
	case typeIPv4:
		size := int(binary.BigEndian.Uint16(ip[2:]))
		if ip[0] != 0x45 || ip[9] != protocolUDP || binary.BigEndian.Uint16(ip[6:])&0x3fff != 0 || size > len(ip) || size < ipv4Size {
			return d, false
		}
		from, to = netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20]))
		udp = ip[ipv4Size:size]
	case typeIPv6:
		size := ipv6Size + int(binary.BigEndian.Uint16(ip[4:]))
		if size > len(ip) || ip[6] != protocolUDP {
			return d, false
		}
		from, to = netip.AddrFrom16([16]byte(ip[8:24])), netip.AddrFrom16([16]byte(ip[24:40]))
		udp = ip[ipv6Size:size]
	default:
		return d, false
	}
	if len(udp) < udpSize || int(binary.BigEndian.Uint16(udp[4:])) != len(udp) {
		return d, false
	}
	d.from = netip.AddrPortFrom(from, binary.BigEndian.Uint16(udp))
	d.to = netip.AddrPortFrom(to, binary.BigEndian.Uint16(udp[2:]))
	d.payload = udp[udpSize:]
	return d, true
}
