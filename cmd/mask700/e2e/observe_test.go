package e2e

import (
	"net/netip"
	"strings"

	"mask700/cmd/mask700/e2e/rig"
	"mask700/sip/canary"
)

// Fields of tshark's in which a phone tells of itself, and by which its leg could be told.
var (
	telling = []string{
		"sip.Call-ID", "sip.from.tag", "sip.to.tag", "sip.Via.branch", "sip.from.user", "sip.contact.user", "sip.display.info", "sip.from.host", "sip.contact.host",
		"sip.contact.parameter", "sip.User-Agent", "sip.Organization", "sip.Subject", "sip.Via.sent-by.address", "sip.r-uri.user", "sip.auth.username",
		"sdp.owner", "sdp.owner.username", "sdp.owner.sessionid", "sdp.owner.address", "sdp.session_name", "sdp.connection_info.address",
		"rtcp.sdes.text", "rtp.ssrc", "rtcp.senderssrc",
	}
	ofLeg = []string{
		"sip.Call-ID", "sip.from.tag", "sip.to.tag", "sip.Via.branch", "sip.contact.user", "sdp.owner.sessionid", "rtp.ssrc", "rtcp.senderssrc", "rtcp.sdes.text",
	}
)

// observe: tshark, which shares nothing with this program, sees nothing of one phone in what the other is sent, in any
// field and any encoding. What a phone has told of itself is what tshark reads in the packets that it sent; what both
// phones tell, and what is told to either by the configuration, is no secret. It needs the marks of a scenario that
// plants some.
func (w *world) observe(packets []rig.Observed, marks, audio bool) {
	t := w.t
	t.Helper()
	phones := [2]netip.Addr{w.hosts.Caller, w.hosts.Callee}
	var told, seen [2]map[string]bool // what each phone has sent, and by what its leg is told where it receives
	var received [2]int
	kinds := [2]map[string]int{{}, {}}
	finders := [2]*canary.Finder{}
	planted := [2]map[string]bool{{}, {}}
	for i, phone := range phones {
		told[i], seen[i] = map[string]bool{}, map[string]bool{}
		for _, p := range packets {
			switch {
			case p.From == phone:
				for _, name := range telling {
					for _, v := range p.Of(name) {
						told[i][v] = true
					}
				}
				for _, h := range canary.NewFinder().Find([]byte(p.Text())) {
					if canary.Party(h.Mark) == i+1 {
						planted[i][h.Mark] = true
					}
				}
			case p.To == phone:
				for _, name := range ofLeg {
					for _, v := range p.Of(name) {
						seen[i][v] = true
						kinds[i][name]++
					}
				}
			}
		}
	}
	common := map[string]bool{w.x: true}
	for _, a := range []netip.Addr{w.hosts.Switch, w.hosts.Left} {
		common[a.String()] = true
	}
	for v := range told[0] {
		if told[1][v] {
			common[v] = true
		}
	}
	for i := range phones {
		finders[i] = &canary.Finder{} // of what the other phone may not see
		if marks {
			finders[i] = canary.NewFinder()
		}
		finders[i].AddHost(phones[i])
		for _, s := range []subscriber{w.caller, w.callee}[i : i+1] {
			finders[i].Add(s.number, s.addr.String())
		}
		n := 0
		for v := range told[i] {
			if len(v) >= 6 && !common[v] {
				finders[i].Add(v)
				n++
			}
		}
		if n < 8 {
			t.Errorf("tshark finds %d things that a phone tells of itself: %v", n, told[i])
		}
		if marks && len(planted[i]) < 60 {
			t.Errorf("tshark finds %d marks in what a phone sends", len(planted[i]))
		}
	}
	finders[0].Add(w.forwarder)
	if w.onward != "" {
		finders[1].Add(w.onward)
	}
	for _, p := range packets {
		for i, phone := range phones {
			if p.To != phone {
				continue
			}
			received[i]++
			other := 1 - i
			for _, h := range finders[other].Find([]byte(p.Text())) {
				if canary.IsMark(h.Mark) && canary.Party(h.Mark) == i+1 {
					continue // its own, told back to it
				}
				t.Errorf("tshark sees %s of the other phone (%s) in what %s is sent: %q", h.Mark, h.How, phone, p.Of("sip.msg_hdr"))
			}
		}
	}
	for v := range seen[0] {
		if seen[1][v] && !common[v] {
			t.Errorf("tshark sees %s on both legs", v)
		}
	}
	for i := range phones {
		want := ofLeg[:5]
		if audio {
			want = ofLeg
		}
		for _, name := range want {
			if kinds[i][name] == 0 && !strings.HasPrefix(name, "sip.to") {
				t.Errorf("tshark finds no %s in what a phone is sent: %v", name, kinds[i])
			}
		}
		if received[i] < 3 {
			t.Errorf("%d packets to a phone", received[i])
		}
	}
}
