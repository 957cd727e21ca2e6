package e2e

import (
	"net/netip"
	"slices"
	"strings"

	"mask700/cmd/mask700/e2e/rig"
	"mask700/cmd/mask700/e2e/tonecheck"
	"mask700/media/tone"
)

// searchClients: what a handset says of its user stays on that user's side; numbers and addresses are what search
// looks for, here are names and devices. And no request missed the one it was for.
func (c *clients) searchClients(packets []rig.Packet, a, b *user) {
	c.t.Helper()
	for _, p := range packets {
		touches := func(u *user) bool { return p.From == u.addr.Addr() || p.To == u.addr.Addr() }
		switch {
		case touches(a):
			c.absent(p, b.secrets)
		case touches(b):
			c.absent(p, a.secrets)
		}
		if first := (rig.Message{Text: p.Payload}).First(); strings.HasPrefix(first, "SIP/2.0 481") {
			c.t.Errorf("%s to %s: %s", p.From, p.To, first)
		}
	}
}

// judge: what came to each phone is the other's tone, before the hold and after it, and never its own; and nothing
// came to the one that held the call.
func (c *clients) judge(packets []rig.Packet, a, b, holds *user) {
	t := c.t
	t.Helper()
	h, ok := findHold(packets, holds.addr.Addr())
	if !ok {
		t.Error("the hold, or the end of it, is not on the wire")
		return
	}
	// What was on its way when both agreed may still come.
	if n := len(soundTo(packets[h.agreed:h.ends], holds.addr.Addr())) / tone.FrameSamples; n > 5 {
		t.Errorf("%d packets of audio came to the %s's phone while it held the call", n, holds.role)
	}
	for _, u := range []*user{a, b} {
		for when, part := range map[string][]rig.Packet{"before the hold": packets[:h.begins], "after the hold": packets[h.ends:]} {
			h := tonecheck.Listen(soundTo(part, u.addr.Addr()), u.hears, u.says)
			if u.encrypts && !noise(h) || !u.encrypts && !whole(h) {
				t.Errorf("%s, what came to the %s's phone: %s", when, u.role, h)
			}
		}
		if h := c.hearing(u); !whole(h) {
			t.Errorf("the %s heard %s", u.role, h)
		}
	}
}

// whole: half a second at least of the other's tone, next to nothing else, and never one's own. Where a phone begins its
// sound file again, or a digit cuts it, a tenth of a second holds two pieces that do not fit; and a phone that has to
// wait for the processor fills in what it has not read yet.
func whole(h tonecheck.Hearing) bool { return h.Theirs >= 5 && h.Own == 0 && h.Noise <= 3+h.Theirs/10 }

// noise is what somebody on the wire hears of an encrypted call: half a second at least, and no tone in it.
func noise(h tonecheck.Hearing) bool { return h.Theirs == 0 && h.Own == 0 && h.Noise >= 5 }

// hold is where, among the packets, a phone's offer holds the call, where the holder has the answer, and where its next
// offer resumes the call.
type hold struct{ begins, agreed, ends int }

func findHold(packets []rig.Packet, phone netip.Addr) (hold, bool) {
	from := func(start int, right func(rig.Message) bool) int {
		i := slices.IndexFunc(packets[start:], func(p rig.Packet) bool { return p.From == phone && right(rig.Message{Text: p.Payload}) })
		if i < 0 {
			return len(packets)
		}
		return start + i
	}
	offer := func(holds bool) func(rig.Message) bool {
		return func(m rig.Message) bool {
			halts := strings.Contains(m.Body(), "a=sendonly") || strings.Contains(m.Body(), "a=inactive")
			return strings.HasPrefix(m.First(), "INVITE ") && halts == holds
		}
	}
	var h hold
	h.begins = from(0, offer(true))
	h.agreed = from(h.begins, func(m rig.Message) bool { return strings.HasPrefix(m.First(), "ACK ") })
	h.ends = from(h.agreed, offer(false))
	return h, h.ends < len(packets)
}

// soundTo is the audio in the RTP that came to a phone, as it came.
func soundTo(packets []rig.Packet, phone netip.Addr) []int16 {
	const header = 12 // ours has no contributing sources and no extension (RFC 3550 section 5.1)
	var samples []int16
	for _, p := range packets {
		if b := []byte(p.Payload); p.To == phone && len(b) > header && b[0] == 0x80 && b[1]&0x7f == byte(tone.ALaw) {
			samples = tone.ALaw.AppendSamples(samples, b[header:])
		}
	}
	return samples
}
