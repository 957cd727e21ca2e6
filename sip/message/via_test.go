package message

import (
	"slices"
	"strings"
	"testing"
)

func TestParseSplitsEveryVia(t *testing.T) {
	for name, c := range map[string]struct {
		lines string
		hosts []string
	}{
		"one":                       {"Via: SIP/2.0/UDP a", []string{"a"}},
		"a list without parameters": {"Via: SIP/2.0/UDP a, SIP/2.0/UDP b", []string{"a", "b"}},
		"a list with parameters":    {"Via: SIP/2.0/UDP a;branch=z9hG4bK1,SIP/2.0/TCP b:5061;branch=z9hG4bK2", []string{"a", "b"}},
		"two lines":                 {"Via: SIP/2.0/UDP a\r\nv: SIP/2.0/UDP b", []string{"a", "b"}},
		"blanks everywhere":         {"Via: SIP  /  2.0 /\tUDP   a : 5062 ; branch = z9hG4bK1 , SIP/2.0/UDP b", []string{"a", "b"}},
		"a quoted comma":            {"Via: SIP/2.0/UDP a;x=\"1, 2\", SIP/2.0/UDP b", []string{"a", "b"}},
		"IPv6":                      {"Via: SIP/2.0/UDP [2001:db8::1], SIP/2.0/UDP [::1]:5060;x", []string{"2001:db8::1", "::1"}},
		"empty entries":             {"Via: , SIP/2.0/UDP a,, SIP/2.0/UDP b,", []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, strings.Replace(request(), "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx", c.lines, 1))
			var hosts []string
			for _, v := range m.Via {
				hosts = append(hosts, v.Host)
			}
			if !slices.Equal(hosts, c.hosts) {
				t.Errorf("hosts %q, want %q", hosts, c.hosts)
			}
		})
	}
}
