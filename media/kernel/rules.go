package kernel

import (
	"errors"

	"golang.org/x/sys/unix"
)

// From linux/fib_rules.h and linux/rtnetlink.h.
const (
	ruleHeader   = 12 // bytes of struct fib_rule_hdr
	ruleProtocol = 22
	ruleFromPort = 23
	ruleToPort   = 24

	routeProtocol = 27
)

// byPorts says, of IPv4 and of IPv6, whether a rule of routing looks at the ports of UDP.
// Which way packets leave is remembered for two addresses, so what such a rule may be
// about stays in user space.
func (n *network) byPorts() (found [2]bool, err error) {
	for i, family := range [2]byte{unix.AF_INET, unix.AF_INET6} {
		header := make([]byte, ruleHeader)
		header[0] = family
		answers, err := n.ask.request(unix.RTM_GETRULE, unix.NLM_F_DUMP, header)
		if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
			continue // a kernel without rules for that family
		}
		if err != nil {
			return found, err
		}
		for _, m := range answers {
			if len(m.Data) >= ruleHeader && m.Data[0] == family && looksAtPorts(m.Data[ruleHeader:]) {
				found[i] = true
			}
		}
	}
	return found, nil
}

// looksAtPorts is that of the attributes of one rule.
func looksAtPorts(b []byte) bool {
	ports, udp := false, true
	for len(b) >= unix.SizeofRtAttr {
		size := int(native.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			break
		}
		switch value := b[unix.SizeofRtAttr:size]; native.Uint16(b[2:]) {
		case ruleFromPort, ruleToPort:
			ports = true
		case ruleProtocol:
			udp = len(value) == 1 && (value[0] == unix.IPPROTO_UDP || value[0] == 0)
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return ports && udp
}
