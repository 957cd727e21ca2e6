package route

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/sip/flow"
	"mask700/sip/trunk"
)

// reachOf reads "udp4 tcp6".
func reachOf(text string) (r Reach) {
	for _, f := range strings.Fields(text) {
		for _, n := range ours {
			if strings.TrimRight(f, "46") == n.String() {
				r[n].V4 = r[n].V4 || strings.HasSuffix(f, "4")
				r[n].V6 = r[n].V6 || strings.HasSuffix(f, "6")
			}
		}
	}
	return r
}

func target(t *testing.T, uri string) trunk.Target {
	t.Helper()
	target, err := trunk.ParseTarget(uri)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// TestResolve walks RFC 3263 section 4.
func TestResolve(t *testing.T) {
	const all = "udp4 tcp4 tls4"
	const chain = `
		example.com 300 NAPTR 20 10 s SIP+D2T _sip._tcp.example.com.
		example.com 300 NAPTR 10 20 s SIP+D2U _sip._udp.example.com.
		example.com 300 NAPTR 10 10 s SIPS+D2T _sips._tcp.example.com.
		_sip._udp.example.com 600 SRV 5 1 5070 b.example.com.
		_sip._udp.example.com 600 SRV 1 1 5060 a.example.com.
		_sip._tcp.example.com 600 SRV 0 1 5060 a.example.com.
		_sips._tcp.example.com 600 SRV 0 1 5061 a.example.com.
		a.example.com 900 A 192.0.2.1
		b.example.com 900 A 192.0.2.2
		a.example.com 900 AAAA 2001:db8::1`
	for _, c := range []struct {
		name, uri, reach, zone string
		want                   string        // places
		ttl                    time.Duration // 0: not looked at
		asks                   string        // what is asked, in order; "": not looked at
		fails                  bool
	}{
		// Numeric hosts (4.1, 4.2): nothing is asked.
		{name: "an address", uri: "sip:192.0.2.9", reach: all, want: "0 udp 192.0.2.9:5060", asks: "nothing"},
		{name: "an address and a port", uri: "sip:192.0.2.9:5070;transport=tcp", reach: all, want: "0 tcp 192.0.2.9:5070", asks: "nothing"},
		{name: "an address, secure", uri: "sips:192.0.2.9", reach: all, want: "0 tls 192.0.2.9:5061", asks: "nothing"},
		{name: "an IPv6 address", uri: "sip:[2001:db8::9]", reach: "udp6", want: "0 udp [2001:db8::9]:5060", asks: "nothing"},

		// A port: addresses alone.
		{
			name: "a port", uri: "sip:a.example.com:5080", reach: all, zone: chain,
			want: "0 udp 192.0.2.1:5080", asks: "A a.example.com", ttl: 900 * time.Second,
		},
		{
			name: "a port, secure", uri: "sips:a.example.com:5080", reach: all, zone: chain,
			want: "0 tls 192.0.2.1:5080", asks: "A a.example.com",
		},
		{
			name: "a port and a transport", uri: "sip:a.example.com:5080;transport=tcp", reach: "tcp4 tcp6", zone: chain,
			want: "0 tcp 192.0.2.1:5080 w16, 0 tcp [2001:db8::1]:5080 w16", asks: "A a.example.com, AAAA a.example.com",
		},
		{name: "a port of nobody", uri: "sip:c.example.com:5080", reach: all, zone: chain, want: ""},

		// A transport: SRV of it.
		{
			name: "udp", uri: "sip:example.com;transport=udp", reach: all, zone: chain,
			want: "0 udp 192.0.2.1:5060, 1 udp 192.0.2.2:5070",
			asks: "SRV _sip._udp.example.com, A a.example.com., A b.example.com.", ttl: 600 * time.Second,
		},
		{
			name: "tcp", uri: "sip:example.com;transport=tcp", reach: all, zone: chain,
			want: "0 tcp 192.0.2.1:5060", asks: "SRV _sip._tcp.example.com, A a.example.com.",
		},
		{
			name: "tls", uri: "sip:example.com;transport=tls", reach: all, zone: chain,
			want: "0 tls 192.0.2.1:5061", asks: "SRV _sips._tcp.example.com, A a.example.com.",
		},
		{
			name: "a transport without SRV", uri: "sip:a.example.com;transport=tcp", reach: all, zone: chain,
			want: "0 tcp 192.0.2.1:5060", asks: "SRV _sip._tcp.a.example.com, A a.example.com",
		},
		{
			name: "tls without SRV", uri: "sip:a.example.com;transport=tls", reach: all, zone: chain, want: "0 tls 192.0.2.1:5061",
		},
		{
			name: "a transport that the domain denies", uri: "sip:x.example;transport=udp", reach: all,
			zone: "_sip._udp.x.example 60 SRV 0 0 0 .\nx.example 60 A 192.0.2.1", want: "",
		},

		// Neither: NAPTR, by order and preference.
		{
			name: "NAPTR", uri: "sip:example.com", reach: all, zone: chain,
			want: "0 tls 192.0.2.1:5061, 1 udp 192.0.2.1:5060, 2 udp 192.0.2.2:5070, 3 tcp 192.0.2.1:5060", ttl: 300 * time.Second,
		},
		{
			name: "NAPTR for those that we speak", uri: "sip:example.com", reach: "tcp4", zone: chain,
			want: "0 tcp 192.0.2.1:5060", asks: "NAPTR example.com, SRV _sip._tcp.example.com., A a.example.com.",
		},
		{name: "NAPTR, secure", uri: "sips:example.com", reach: all, zone: chain, want: "0 tls 192.0.2.1:5061"},
		{
			name: "NAPTR to another domain", uri: "sip:x.example", reach: all,
			zone: "x.example 60 NAPTR 1 1 S sip+d2u sip.other.example.\nsip.other.example 60 SRV 0 1 5062 h.other.example.\nh.other.example 60 A 192.0.2.3",
			want: "0 udp 192.0.2.3:5062",
		},
		{
			name: "NAPTR of other services", uri: "sip:x.example", reach: all,
			zone: "x.example 60 NAPTR 1 1 s SIP+D2S _sip._sctp.x.example.\nx.example 60 NAPTR 1 1 u E2U+sip !.*!sip:y!\n" +
				"x.example 60 NAPTR 1 1 s SIP+D2T\nx.example 60 NAPTR 1 1 a SIP+D2T h.example.\nx.example 60 A 192.0.2.4",
			want: "0 udp 192.0.2.4:5060",
		},
		{
			name: "NAPTR that leads nowhere", uri: "sip:x.example", reach: all,
			zone: "x.example 60 NAPTR 1 1 s SIP+D2T _sip._tcp.x.example.\nx.example 60 A 192.0.2.4", want: "0 udp 192.0.2.4:5060",
		},

		// No NAPTR: SRV of each, then addresses.
		{
			name: "SRV of two", uri: "sip:x.example", reach: all,
			zone: "_sip._tcp.x.example 60 SRV 0 1 5060 h.example.\n_sip._udp.x.example 60 SRV 7 1 5060 h.example.\nh.example 40 A 192.0.2.5",
			want: "0 udp 192.0.2.5:5060, 1 tcp 192.0.2.5:5060", ttl: 40 * time.Second,
		},
		{
			name: "addresses", uri: "sip:x.example", reach: all, zone: "x.example 60 A 192.0.2.6\nx.example 60 A 192.0.2.7",
			want: "0 udp 192.0.2.6:5060 w16, 0 udp 192.0.2.7:5060 w16",
			asks: "NAPTR x.example, SRV _sip._udp.x.example, SRV _sip._tcp.x.example, SRV _sips._tcp.x.example, A x.example",
		},
		{
			name: "addresses, secure", uri: "sips:x.example", reach: all, zone: "x.example 60 A 192.0.2.6",
			want: "0 tls 192.0.2.6:5061", asks: "NAPTR x.example, SRV _sips._tcp.x.example, A x.example",
		},
		{
			name: "addresses without udp", uri: "sip:x.example", reach: "tcp4", zone: "x.example 60 A 192.0.2.6", want: "0 tcp 192.0.2.6:5060",
		},
		{
			name: "udp denied", uri: "sip:x.example", reach: all, zone: "_sip._udp.x.example 60 SRV 0 0 0 .\nx.example 60 A 192.0.2.6",
			want: "0 tcp 192.0.2.6:5060",
		},
		{name: "secure without a listener", uri: "sips:x.example", reach: "udp4 tcp4", zone: "x.example 60 A 192.0.2.6", want: ""},
		{name: "a name of nobody", uri: "sip:y.example", reach: all, zone: chain, want: ""},

		// The versions of IP that our listeners have.
		{
			name: "v4 alone", uri: "sip:a.example.com:5060", reach: "udp4 tcp6", zone: chain, want: "0 udp 192.0.2.1:5060", asks: "A a.example.com",
		},
		{
			name: "v6 alone", uri: "sip:a.example.com:5060", reach: "udp6 tcp4", zone: chain, want: "0 udp [2001:db8::1]:5060", asks: "AAAA a.example.com",
		},
		{name: "no v6 there", uri: "sip:b.example.com:5060", reach: "udp6", zone: chain, want: ""},

		// Weights: the host's, shared by its addresses, in parts of MaxPlaces; none stays none.
		{
			name: "weights", uri: "sip:x.example;transport=udp", reach: all,
			zone: "_sip._udp.x.example 60 SRV 0 60 5060 h.example.\n_sip._udp.x.example 60 SRV 0 40 5060 i.example.\n_sip._udp.x.example 60 SRV 0 0 5060 j.example.\n" +
				"h.example 60 A 192.0.2.1\nh.example 60 A 192.0.2.2\nh.example 60 A 192.0.2.2\ni.example 60 A 192.0.2.3\nj.example 60 A 192.0.2.4",
			want: "0 udp 192.0.2.1:5060 w960, 0 udp 192.0.2.2:5060 w960, 0 udp 192.0.2.3:5060 w1280, 0 udp 192.0.2.4:5060 w0",
		},

		// The hosts file.
		{name: "hosts", uri: "sip:switch", reach: all, zone: "hosts switch 192.0.2.8\nswitch 60 A 192.0.2.9", want: "0 udp 192.0.2.8:5060", asks: "nothing"},
		{name: "hosts, without udp", uri: "sip:switch", reach: "tls4 tcp4", zone: "hosts switch 192.0.2.8", want: "0 tcp 192.0.2.8:5060"},
		{name: "hosts, secure", uri: "sips:switch", reach: all, zone: "hosts switch 192.0.2.8", want: "0 tls 192.0.2.8:5061"},
		{name: "hosts and a port", uri: "sip:switch:5070", reach: all, zone: "hosts switch 192.0.2.8", want: "0 udp 192.0.2.8:5070"},
		{
			name: "hosts of the other version", uri: "sip:switch:5070", reach: all, zone: "hosts switch 2001:db8::8\nswitch 60 A 192.0.2.9",
			want: "", asks: "nothing",
		},
		{
			name: "a host of SRV in hosts", uri: "sip:x.example;transport=udp", reach: all,
			zone: "_sip._udp.x.example 60 SRV 0 1 5060 h.example.\nhosts h.example. 192.0.2.8", want: "0 udp 192.0.2.8:5060",
		},

		// Answers that are not to be used.
		{
			name: "addresses that nobody has", uri: "sip:x.example:5060", reach: "udp4 udp6",
			zone: "x.example 60 A 0.0.0.0\nx.example 60 A 224.0.0.1\nx.example 60 AAAA ::\nx.example 60 AAAA ::ffff:192.0.2.1", want: "0 udp 192.0.2.1:5060",
		},
		{
			name: "SRV without a port, and one denied beside others", uri: "sip:x.example;transport=udp", reach: all,
			zone: "_sip._udp.x.example 60 SRV 0 0 0 h.example.\n_sip._udp.x.example 60 SRV 0 1 5060 .\n_sip._udp.x.example 60 SRV 1 1 5061 h.example.\nh.example 60 A 192.0.2.1",
			want: "0 udp 192.0.2.1:5061",
		},
		{
			name: "one address twice", uri: "sip:x.example;transport=udp", reach: all,
			zone: "_sip._udp.x.example 60 SRV 2 1 5060 h.example.\n_sip._udp.x.example 60 SRV 1 1 5060 h.example.\nh.example 60 A 192.0.2.1", want: "0 udp 192.0.2.1:5060",
		},

		// What is not known is not taken for none.
		{name: "NAPTR fails", uri: "sip:x.example", reach: all, zone: "x.example fails NAPTR\nx.example 60 A 192.0.2.1", asks: "NAPTR x.example", fails: true},
		{
			name: "SRV fails", uri: "sip:x.example;transport=udp", reach: all, zone: "_sip._udp.x.example fails SRV\nx.example 60 A 192.0.2.1",
			asks: "SRV _sip._udp.x.example", fails: true,
		},
		{
			name: "the service that the domain wants fails", uri: "sip:x.example", reach: all,
			zone: "x.example 60 NAPTR 1 1 s SIPS+D2T _sips._tcp.x.example.\n_sips._tcp.x.example fails SRV\n_sip._udp.x.example 60 SRV 0 1 5060 h.example.\nh.example 60 A 192.0.2.1",
			asks: "NAPTR x.example, SRV _sips._tcp.x.example.", fails: true,
		},
		{name: "addresses fail", uri: "sip:x.example:5060", reach: all, zone: "x.example fails A", fails: true},
		{
			name: "one host fails", uri: "sip:x.example;transport=udp", reach: all,
			zone: "_sip._udp.x.example 60 SRV 0 1 5060 h.example.\n_sip._udp.x.example 60 SRV 1 1 5060 i.example.\nh.example fails A\ni.example 60 A 192.0.2.1",
			want: "0 udp 192.0.2.1:5060", ttl: 1,
		},
		{
			name: "one version of IP fails", uri: "sip:x.example:5060", reach: "udp4 udp6", zone: "x.example 60 A 192.0.2.1\nx.example fails AAAA",
			want: "0 udp 192.0.2.1:5060", ttl: 1,
		},
		{name: "not to be kept", uri: "sip:x.example:5060", reach: all, zone: "x.example 0 A 192.0.2.1", want: "0 udp 192.0.2.1:5060", ttl: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			z := newZone(c.zone)
			a, err := Resolve(t.Context(), z, target(t, c.uri), reachOf(c.reach))
			if got := text(a.Places); got != c.want || (err != nil) != c.fails {
				t.Errorf("resolved to %s, %v\nwant %s", got, err, c.want)
			}
			if c.ttl != 0 && a.TTL != c.ttl {
				t.Errorf("holds for %s, want %s", a.TTL, c.ttl)
			}
			asked := strings.Join(z.asked, ", ")
			if asked == "" {
				asked = "nothing"
			}
			if c.asks != "" && asked != c.asks {
				t.Errorf("asked %s\nwant %s", asked, c.asks)
			}
		})
	}
}

// TestResolveIsBounded: the answers are somebody else's.
func TestResolveIsBounded(t *testing.T) {
	var many, wide, deep strings.Builder
	for i := range 200 {
		fmt.Fprintf(&many, "x.example 60 A 192.0.2.%d\n", i+1)
		// In the order in which they are to be left out.
		fmt.Fprintf(&wide, "_sip._udp.x.example 60 SRV %d 0 5060 h%d.example.\nh%d.example 60 A 192.0.2.%d\nh%d.example 60 A 198.51.100.%d\n", 200-i, i, i, i+1, i, i+1)
		fmt.Fprintf(&deep, "x.example 60 NAPTR %d 0 s SIP+D2U s%d.example.\n", i, i)
		for j := range 40 {
			fmt.Fprintf(&deep, "s%d.example 60 SRV 0 1 5060 none%d.example.\n", i, j)
		}
	}
	z := newZone(many.String())
	a, err := Resolve(t.Context(), z, target(t, "sip:x.example:5060"), reachOf("udp4"))
	if len(a.Places) != MaxPlaces || err != nil {
		t.Errorf("%d addresses, %v", len(a.Places), err)
	}
	z = newZone(wide.String())
	a, err = Resolve(t.Context(), z, target(t, "sip:x.example;transport=udp"), reachOf("udp4"))
	if len(a.Places) != MaxPlaces || err != nil {
		t.Fatalf("%d hosts, %v", len(a.Places), err)
	}
	if n := len(z.asked); n != 1+MaxPlaces/2 {
		t.Errorf("%d questions, want one for each host that has room and one for all", n)
	}
	if first := a.Places[0].Addr.Addr().String(); first != "192.0.2.200" {
		t.Errorf("the best is left out: the first is %s", first)
	}
	if last := a.Places[MaxPlaces-1].Priority; last != MaxPlaces/2-1 {
		t.Errorf("the last has priority %d", last)
	}
	z = newZone(deep.String())
	if a, err = Resolve(t.Context(), z, target(t, "sip:x.example"), reachOf("udp4")); len(a.Places) != 0 || err == nil {
		t.Errorf("%s, %v, want an error: not all was asked", text(a.Places), err)
	}
	if len(z.asked) != maxQuestions {
		t.Errorf("%d questions, want %d", len(z.asked), maxQuestions)
	}
}

func TestReach(t *testing.T) {
	var r Reach
	r.Add(flow.UDP, target(t, "sip:192.0.2.1").Addr.Addr())
	r.Add(flow.TLS, target(t, "sip:[2001:db8::1]").Addr.Addr())
	r.Add(flow.TLS+1, target(t, "sip:[2001:db8::1]").Addr.Addr())
	if r != reachOf("udp4 tls6") {
		t.Errorf("%+v", r)
	}
	var has []flow.Network
	for n := range flow.TLS + 2 {
		if r.Has(n) {
			has = append(has, n)
		}
	}
	if !slices.Equal(has, []flow.Network{flow.UDP, flow.TLS}) {
		t.Errorf("reaches %v", has)
	}
}
