package kernel

import (
	"errors"
	"testing"
)

// A direction that a policy of IPsec may be about stays in user space, and one that
// is in the kernel comes back.
func TestWhatIPsecIsAboutStaysInUserSpace(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	for _, c := range []struct {
		policy string
		about  legs
		stays  bool
	}{
		{"dir out src 192.0.2.0/24 dst 203.0.113.0/24 tmpl src 192.0.2.1 dst 192.0.2.9 proto esp mode tunnel", over4, true},
		{"dir in src 198.51.100.0/24 dst 192.0.2.1/32 tmpl proto esp mode transport", over4, true},
		{"dir out src 0.0.0.0/0 dst 0.0.0.0/0 action block", over4, true},
		{"dir out src ::/0 dst 2001:db8:2::/48 proto udp tmpl proto esp mode transport", over6, true},
		{"dir out src 2001:db8::/32 dst 2001:db8:3::/48 tmpl proto esp mode transport", over6, false},
		{"dir out src 192.0.2.0/24 dst 203.0.113.0/24", over4, false}, // lets pass
		{"dir out src 192.0.2.0/24 dst 203.0.113.0/24 proto tcp tmpl proto esp mode transport", over4, false},
		{"dir fwd src 0.0.0.0/0 dst 0.0.0.0/0 tmpl proto esp mode transport", over4, false},
		{"dir out src 0.0.0.0/0 dst 0.0.0.0/0 if_id 7 tmpl src 1.2.3.4 dst 5.6.7.8 proto esp mode tunnel", over4, false},
		{"dir out src 0.0.0.0/0 dst 0.0.0.0/0 mark 7 tmpl src 1.2.3.4 dst 5.6.7.8 proto esp mode tunnel", over4, false},
	} {
		f, _ := ready(t, tb, c.about)
		told := policyNews(tb)
		ip(t, "xfrm policy add "+c.policy)
		until(t, "news of the policy", func() bool { return policyNews(tb) > told })
		until(t, c.policy, func() bool {
			moved, known := f.Moved()
			return known && moved == c.stays
		})
		f.Remove()
		if refuses(tb, c.about) != c.stays {
			t.Errorf("%s: refused %t", c.policy, !c.stays)
		}
		ip(t, "xfrm policy flush")
		until(t, "the end of the policy", func() bool { return !refuses(tb, c.about) })
	}
	// What no policy allows may be refused as a whole.
	ip(t, "xfrm policy setdefault out block")
	until(t, "what is refused by default", func() bool { return refuses(tb, over4) })
}

// policyNews counts what was told of policies.
func policyNews(tb *Table) uint64 {
	tb.net.ipsec.mu.Lock()
	defer tb.net.ipsec.mu.Unlock()
	return tb.net.ipsec.changes
}

// refuses says whether a direction must stay in user space.
func refuses(tb *Table, l legs) bool {
	f, err := known(tb, Entry{Local: l.local, Source: l.source, From: l.from, To: l.to, Types: types()})
	if f != nil {
		f.Remove()
	}
	return errors.Is(err, ErrPath)
}
