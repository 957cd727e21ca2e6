package sdp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"mask700/media/srtp"
)

// ours are the addresses that the exchanges in testdata write.
var ours = map[string]Local{
	"a": {Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000, Video: 20002, Secret: srtp.NewSecret([32]byte{1})},
	"b": {Addr: netip.MustParseAddr("198.51.100.1"), Port: 30000, Video: 30002, Secret: srtp.NewSecret([32]byte{2})},
	"6": {Addr: netip.MustParseAddr("2001:db8::1"), Port: 40000, Secret: srtp.NewSecret([32]byte{3})},
}

func policyOf(d *datadriven.TestData) Policy {
	p := Policy{T38: d.HasArg("t38"), Mux: d.HasArg("mux"), Video: d.HasArg("video")}
	for _, arg := range d.CmdArgs {
		if arg.Key == "srtp" {
			p.SRTP = map[string]SRTP{"off": SRTPOff, "allow": SRTPAllow, "require": SRTPRequire}[arg.Vals[0]]
		}
	}
	return p
}

// TestExchanges plays offers and answers over two legs. In the files
//
//	receive a        notes the description below on leg a
//	offer b from=a   writes the offer for leg b
//	answer a from=b  writes the answer for leg a
//	remote a         shows what the relay is told of leg a's peer
//	save a, back a   take a snapshot of a leg, and return to it
//	new a srtp=allow begins a leg anew, with a policy: srtp=allow, srtp=require, t38, mux, video
//
// "at=6" writes our IPv6 address; "ours" in new lets the leg know of its address
// from the beginning.
func TestExchanges(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		legs := map[string]*Leg{}
		saved := map[string]Leg{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			name := d.CmdArgs[0].Key
			leg := legs[name]
			if leg == nil || d.Cmd == "new" {
				l := NewLeg(map[string]uint64{"a": 11, "b": 22}[name], policyOf(d))
				if d.HasArg("ours") {
					l.Ours = ours[map[bool]string{true: "6", false: name}[d.HasArg("at")]].Addr
				}
				leg = &l
				legs[name] = leg
			}
			at := ours[name]
			if d.HasArg("at") {
				at = ours["6"]
			}
			other := "a"
			if name == "a" {
				other = "b"
			}
			switch d.Cmd {
			case "new":
				return ""
			case "receive":
				desc, err := Parse([]byte(d.Input))
				if err != nil {
					return err.Error() + "\n"
				}
				leg.Receive(desc)
				return ""
			case "offer", "answer":
				write := leg.Offer
				if d.Cmd == "answer" {
					write = leg.Answer
				}
				if legs[other] == nil {
					t.Fatalf("%s: leg %s has received nothing", d.Pos, other)
				}
				body, err := write(&legs[other].Peer, at)
				if err != nil {
					return err.Error() + "\n"
				}
				if _, err := Parse(body); err != nil {
					t.Errorf("%s: our own description does not parse: %v", d.Pos, err)
				}
				if strings.Contains(strings.ReplaceAll(string(body), "\r\n", ""), "\n") {
					t.Errorf("%s: a line does not end in CRLF", d.Pos)
				}
				return strings.ReplaceAll(string(body), "\r\n", "\n")
			case "remote":
				text := describe(leg.Remote())
				if leg.Policy.Video {
					text += "video: " + describe(leg.RemoteVideo(), nil)
				}
				return text
			case "save":
				saved[name] = *leg
				return ""
			case "back":
				*leg = saved[name]
				return ""
			}
			t.Fatalf("%s: unknown command %q", d.Pos, d.Cmd)
			return ""
		})
	})
}

func describe(m RemoteMedia, err error) string {
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	address := func(a netip.AddrPort) string {
		if !a.IsValid() {
			return "none"
		}
		return a.String()
	}
	fmt.Fprintf(&b, "rtp %s rtcp %s send=%t recv=%t", address(m.RTP), address(m.RTCP), m.Send, m.Recv)
	if m.Mux {
		b.WriteString(" mux")
	}
	if m.Fax {
		b.WriteString(" fax")
	}
	if !m.In.IsZero() || !m.Out.IsZero() {
		fmt.Fprintf(&b, " in=%v out=%v", m.In.Suite(), m.Out.Suite())
	}
	b.WriteString("\n")
	for _, t := range m.Types {
		fmt.Fprintf(&b, "%d -> %d %s/%d", t.PT, t.Map, t.Name, t.Clock)
		if t.Turns != 0 {
			fmt.Fprintf(&b, " as %d", t.Turns)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
