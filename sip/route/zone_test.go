package route

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

// zone is a name system of lines in the form of a zone file without class:
//
//	example.com 300 NAPTR 10 50 s SIP+D2U _sip._udp.example.com.
//	_sip._udp.example.com. 60 SRV 0 5 5060 a.example.com.
//	a.example.com. 60 A 192.0.2.1
//	hosts localhost 127.0.0.1
//	example.com fails SRV
//
// It notes what it was asked.
type zone struct {
	lines [][]string
	asked []string
}

var errZone = errors.New("the name system fails")

func newZone(text string) *zone {
	z := &zone{}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 0 {
			z.lines = append(z.lines, f)
		}
	}
	return z
}

// records are the lines of a name and kind, without both and without the TTL.
func (z *zone) records(name, kind string) (out [][]string, ttl time.Duration, err error) {
	z.asked = append(z.asked, kind+" "+name)
	for _, l := range z.lines {
		if strings.TrimSuffix(l[0], ".") != strings.TrimSuffix(name, ".") {
			continue
		}
		if l[1] == "fails" && l[2] == kind {
			return nil, 0, errZone
		}
		if l[2] == kind {
			seconds, _ := strconv.Atoi(l[1])
			ttl = time.Duration(seconds) * time.Second
			out = append(out, l[3:])
		}
	}
	return out, ttl, nil
}

func (z *zone) Hosts(_ context.Context, name string) (out []netip.Addr) {
	for _, l := range z.lines {
		if l[0] == "hosts" && l[1] == name {
			out = append(out, netip.MustParseAddr(l[2]))
		}
	}
	return out
}

func (z *zone) NAPTR(_ context.Context, name string) (out []NAPTR, ttl time.Duration, err error) {
	lines, ttl, err := z.records(name, "NAPTR")
	for _, l := range lines {
		n := NAPTR{Order: number(l[0]), Preference: number(l[1]), Flags: l[2], Service: l[3]}
		if len(l) > 4 {
			n.Replace = l[4]
		}
		out = append(out, n)
	}
	return out, ttl, err
}

func (z *zone) SRV(_ context.Context, name string) (out []SRV, ttl time.Duration, err error) {
	lines, ttl, err := z.records(name, "SRV")
	for _, l := range lines {
		out = append(out, SRV{Priority: number(l[0]), Weight: number(l[1]), Port: uint16(number(l[2])), Host: l[3]})
	}
	return out, ttl, err
}

func (z *zone) Addresses(_ context.Context, name string, v6 bool) (out []netip.Addr, ttl time.Duration, err error) {
	lines, ttl, err := z.records(name, map[bool]string{false: "A", true: "AAAA"}[v6])
	for _, l := range lines {
		out = append(out, netip.MustParseAddr(l[0]))
	}
	return out, ttl, err
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

// text writes places as "0 udp 192.0.2.1:5060", with the weight where it is not
// that of a host of weight 1.
func text(list []Place) string {
	var out []string
	for _, p := range list {
		s := fmt.Sprintf("%d %s %s", p.Priority, p.Network, p.Addr)
		if p.Weight != MaxPlaces {
			s += fmt.Sprintf(" w%d", p.Weight)
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func TestTheZoneOfTheseTests(t *testing.T) {
	z := newZone("a.example 60 A 192.0.2.1\na.example. 60 A 192.0.2.2\nb.example fails A\n")
	if list, ttl, err := z.Addresses(t.Context(), "a.example.", false); len(list) != 2 || ttl != time.Minute || err != nil {
		t.Error(list, ttl, err)
	}
	if _, _, err := z.Addresses(t.Context(), "b.example", false); err == nil {
		t.Error("it does not fail")
	}
}
