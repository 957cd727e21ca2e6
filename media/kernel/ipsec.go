package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// ipsec knows the policies of IPsec (xfrm) of a namespace. The program takes
// packets before the stack looks at policies and sends them on behind where it
// does, so what a policy is about must stay in user space.
type ipsec struct {
	ask    *asker // nil: this kernel has no IPsec
	events events

	mu       sync.Mutex // protects what follows; held while the kernel is asked
	changes  uint64     // that were told of
	known    uint64     // what follows is as of so many
	policies []policy
	refuses  bool // what no policy allows is refused
}

// policy is one that encrypts or refuses.
type policy struct {
	in       bool
	from, to netip.Prefix
}

// From linux/xfrm.h.
const (
	xfrmGetPolicy  = 0x15
	xfrmGetDefault = 0x28

	xfrmPolicyID   = 64  // bytes of struct xfrm_userpolicy_id
	xfrmPolicyInfo = 168 // of struct xfrm_userpolicy_info
	xfrmGroup      = 1 << 3

	xfrmFamily, xfrmPrefixTo, xfrmPrefixFrom, xfrmProtocol = 40, 42, 43, 44
	xfrmDirection, xfrmAction                              = 160, 161
	xfrmIn, xfrmOut                                        = 0, 1
	xfrmBlock                                              = 1

	xfrmTemplates, xfrmMark, xfrmInterface = 5, 21, 31
)

func openIPsec() (*ipsec, error) {
	ask, err := newAsker("xfrm", unix.NETLINK_XFRM)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return &ipsec{}, nil
	}
	if err != nil {
		return nil, err
	}
	p := &ipsec{ask: ask, changes: 1}
	if p.events, err = openEvents("xfrm", unix.NETLINK_XFRM, xfrmGroup); err != nil {
		return nil, errors.Join(err, ask.close())
	}
	return p, nil
}

func (p *ipsec) close() error {
	if p.ask == nil {
		return nil
	}
	return errors.Join(p.ask.close(), p.events.end())
}

// changed says that what is known holds no longer.
func (p *ipsec) changed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
}

// concerns says whether a policy may be about UDP between two addresses, either way.
// Ports and priorities are not looked at: a direction that stays in user space for
// nothing is no harm.
func (p *ipsec) concerns(e ends) (bool, error) {
	if p.ask == nil {
		return false, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != p.changes {
		if err := p.read(); err != nil {
			return false, err
		}
		p.known = p.changes
	}
	if p.refuses {
		return true, nil
	}
	for _, q := range p.policies {
		if !q.in && q.from.Contains(e.from) && q.to.Contains(e.to) || q.in && q.from.Contains(e.to) && q.to.Contains(e.from) {
			return true, nil
		}
	}
	return false, nil
}

// read asks for the policies and for what becomes of packets that none is about.
func (p *ipsec) read() error {
	answers, err := p.ask.request(xfrmGetPolicy, unix.NLM_F_DUMP, make([]byte, xfrmPolicyID))
	if err != nil {
		return err
	}
	p.policies, p.refuses = nil, false
	for _, m := range answers {
		q, ok, err := parsePolicy(m)
		if err != nil {
			return err
		}
		if ok {
			p.policies = append(p.policies, q)
		}
	}
	switch answers, err := p.ask.request(xfrmGetDefault, 0, make([]byte, 4)); {
	case errors.Is(err, unix.EINVAL): // before Linux 5.14: they pass
	case err != nil:
		return err
	case len(answers) > 0 && len(answers[0].Data) >= 3:
		p.refuses = answers[0].Data[1] == xfrmBlock || answers[0].Data[2] == xfrmBlock // in, out
	}
	return nil
}

// parsePolicy is false for one that nothing of ours can meet: for forwarded
// packets or another protocol, one that only lets pass, and those of interfaces and
// marks that a packet of ours has not.
func parsePolicy(m syscall.NetlinkMessage) (policy, bool, error) {
	b := m.Data
	if len(b) < xfrmPolicyInfo {
		return policy{}, false, errors.New("xfrm: a policy that is too short")
	}
	direction := b[xfrmDirection]
	if direction != xfrmIn && direction != xfrmOut || b[xfrmProtocol] != 0 && b[xfrmProtocol] != unix.IPPROTO_UDP {
		return policy{}, false, nil
	}
	matters := b[xfrmAction] == xfrmBlock
	for rest := b[xfrmPolicyInfo:]; len(rest) >= 4; {
		size, kind := int(native.Uint16(rest)), native.Uint16(rest[2:])
		if size < 4 || size > len(rest) {
			return policy{}, false, errors.New("xfrm: an attribute of a wrong length")
		}
		switch value := rest[4:size]; {
		case kind == xfrmTemplates && len(value) > 0:
			matters = true
		case kind == xfrmInterface && len(value) >= 4 && native.Uint32(value) != 0,
			kind == xfrmMark && len(value) >= 8 && direction == xfrmOut && native.Uint32(value) != 0:
			return policy{}, false, nil
		}
		rest = rest[min((size+3)&^3, len(rest)):]
	}
	width := 4
	if native.Uint16(b[xfrmFamily:]) == unix.AF_INET6 {
		width = 16
	}
	to, _ := netip.AddrFromSlice(b[:width])
	from, _ := netip.AddrFromSlice(b[16 : 16+width])
	q := policy{in: direction == xfrmIn, from: netip.PrefixFrom(from, int(b[xfrmPrefixFrom])), to: netip.PrefixFrom(to, int(b[xfrmPrefixTo]))}
	if !q.from.IsValid() || !q.to.IsValid() {
		return policy{}, false, fmt.Errorf("xfrm: a policy about prefixes of %d and %d bits", b[xfrmPrefixFrom], b[xfrmPrefixTo])
	}
	return q, matters, nil
}
