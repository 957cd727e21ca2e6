package message

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

var source = netip.MustParseAddrPort("203.0.113.7:40000")

func TestEchoTellsThePeerItsAddress(t *testing.T) {
	for name, c := range map[string]struct{ via, src, want string }{
		"the address in sent-by": {
			"SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bKx", "203.0.113.7:40000",
			"SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bKx",
		},
		"another address": {
			"SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKx", "203.0.113.7:40000",
			"SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKx;received=203.0.113.7",
		},
		"a name": {
			"SIP/2.0/UDP host.example", "203.0.113.7:40000",
			"SIP/2.0/UDP host.example;received=203.0.113.7",
		},
		"rport asked for": {
			"SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bKx", "203.0.113.7:40000",
			"SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKx;received=203.0.113.7;rport=40000",
		},
		"rport asked for from the same address": {
			"SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bKx;RPORT", "203.0.113.7:40000",
			"SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bKx;received=203.0.113.7;rport=40000",
		},
		"the peer's own word is replaced": {
			"SIP/2.0/UDP 10.0.0.1;received=192.0.2.99;rport=1;Received=192.0.2.98;branch=z9hG4bKx;x=\"a;rport\"", "203.0.113.7:40000",
			"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx;x=\"a;rport\";received=203.0.113.7;rport=40000",
		},
		"IPv6": {
			"SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKx", "[2001:db8::2]:5060",
			"SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKx;received=2001:db8::2",
		},
		"IPv6 written in another way": {
			"SIP/2.0/UDP [2001:0db8:0::1]:5060;branch=z9hG4bKx", "[2001:db8::1]:5060",
			"SIP/2.0/UDP [2001:0db8:0::1]:5060;branch=z9hG4bKx",
		},
		"IPv4 in IPv6 clothes": {
			"SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKx", "[::ffff:203.0.113.7]:5060",
			"SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKx",
		},
		"a zone says nothing to the peer": {
			"SIP/2.0/UDP host;branch=z9hG4bKx", "[fe80::1%eth0]:5060",
			"SIP/2.0/UDP host;branch=z9hG4bKx;received=fe80::1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, strings.Replace(request("Via: SIP/2.0/UDP below;rport"), "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx", c.via, 1))
			e := m.Echo(netip.MustParseAddrPort(c.src))
			if want := []string{c.want, "SIP/2.0/UDP below;rport"}; !slices.Equal(e.Via, want) {
				t.Errorf("Via is %q, want %q", e.Via, want)
			}
		})
	}
}

func TestEchoRepeatsVerbatim(t *testing.T) {
	text := strings.NewReplacer("<sip:b@192.0.2.10>;tag=1", "\"B, \\\" ü\"   <sip:b@192.0.2.10;X=y>  ;TAG=1 ; z",
		"CSeq: 1 OPTIONS", "cseq: 0001\r\n\tOPTIONS").Replace(request())
	e := parse(t, text).Echo(source)
	if want := "\"B, \\\" ü\"   <sip:b@192.0.2.10;X=y>  ;TAG=1 ; z"; e.From != want {
		t.Errorf("From is %q, want %q", e.From, want)
	}
	if e.To != "<sip:a@192.0.2.1>" || e.ToTag || e.CallID != "c" || e.CSeq != 1 || e.Method != "OPTIONS" || e.CSeqText != "" {
		t.Errorf("To %q with tag %v, Call-ID %q, CSeq %d %s %q", e.To, e.ToTag, e.CallID, e.CSeq, e.Method, e.CSeqText)
	}
	if e := parse(t, strings.Replace(request(), "To: <sip:a@192.0.2.1>", "To: <sip:a@192.0.2.1>;Tag=9", 1)).Echo(source); !e.ToTag {
		t.Error("the tag of To was not seen")
	}
	if e := parse(t, request()).Echo(netip.AddrPort{}); e.Via[0] != "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx" {
		t.Errorf("without a source Via is %q", e.Via[0])
	}
}
