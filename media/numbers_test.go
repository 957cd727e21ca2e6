package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"mask700/media/srtp"
)

// numbered is a phone that speaks SRTP and notes the indices under which it was sent
// something: rollover counter and sequence number.
type numbered struct {
	*guarded
	used map[int64]bool
	last int64
}

// hears waits for the next packet, which must be this payload under an index that no
// packet had.
func (n *numbered) hears(payload string) {
	n.t.Helper()
	b := receive(n.t, n.rtp)
	seq := binary.BigEndian.Uint16(b[2:])
	index := n.last + int64(int16(seq-uint16(n.last)))
	if len(n.used) == 0 {
		index = int64(seq)
	}
	if n.used[index] {
		n.t.Errorf("index %d is sealed again, for %q", index, payload)
	}
	n.used[index], n.last = true, max(n.last, index)
	switch b, err := n.get.Open(b); {
	case err != nil:
		n.t.Fatalf("index %d, for %q: %v", index, payload, err)
	case string(b[rtpHeader:]) != payload:
		n.t.Fatalf("index %d: %q is heard, want %q", index, b[rtpHeader:], payload)
	}
}

// A source in the clear that begins anew under its SSRC, at any number, is heard by a
// phone that speaks SRTP, and under no number twice: two packets of one index share
// their keystream.
func TestASourceThatBeginsAnewIsSealedUnderNewNumbers(t *testing.T) {
	for _, suite := range srtp.Suites {
		r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: newClock().read}}) // no second is over: that many packets are a flood
		a := &numbered{guarded: newGuarded(t, "127.0.0.2", 1, suite), used: map[int64]bool{}}
		b := newPhone(t, "127.0.0.3")
		s := talkGuarded(t, r, a.guarded, b)
		say := func(n int, what string) {
			t.Helper()
			for i := range n {
				payload := fmt.Sprint(what, i)
				send(t, b.rtp, b.frame(payload), at(s.Local(B)))
				a.hears(payload)
			}
		}
		failed := func(n uint64, what string) {
			t.Helper()
			eventually(t, what, func() bool { return s.Stats().BtoA.Failed == n })
		}
		b.seq = 40000
		say(300, "first")
		jumps := []uint16{200, 0x7fff, 0x8000, 0x8001, 0xffff - 5000, 300}
		for i, back := range jumps {
			b.seq -= back
			b.ts = uint32(back) // its timestamps begin anew, too
			send(t, b.rtp, b.frame("the first of it may be a lone one"), at(s.Local(B)))
			failed(uint64(i+1), "a packet that is too far off is not sealed")
			say(200, fmt.Sprint("back by ", back))
		}
		// A lone one, far ahead, does not take the stream there.
		n := uint64(len(jumps))
		here := b.seq
		b.seq += 0x7000
		send(t, b.rtp, b.frame("lone"), at(s.Local(B)))
		failed(n+1, "a lone packet is not sealed")
		b.seq = here
		say(3, "as before")
		// A late one is heard, in its place and once.
		late := b.frame("late")
		say(1, "before it")
		send(t, b.rtp, bytes.Clone(late), at(s.Local(B)))
		a.hears("late")
		send(t, b.rtp, late, at(s.Local(B)))
		failed(n+2, "a repeated packet is not sealed again")
		say(1, "after it")
	}
}

// A packet that was overtaken while a clip ended has the number of one of the clip's.
func TestWhatAClipOvertookIsNotSealedUnderItsNumbers(t *testing.T) {
	r := newRelay(t, Options{})
	a := &numbered{guarded: newGuarded(t, "127.0.0.2", 1, srtp.AES128GCM), used: map[int64]bool{}}
	b := newPhone(t, "127.0.0.3")
	s := talkGuarded(t, r, a.guarded, b)
	send(t, b.rtp, b.frame("before"), at(s.Local(B)))
	a.hears("before")
	frame := bytes.Repeat([]byte{0x55}, 160)
	finished := make(chan bool, 1)
	if !s.Play(A, &Clip{Codec: "PCMA", Frames: [][]byte{frame, frame}}, func(f bool) { finished <- f }) {
		t.Fatal("it does not play")
	}
	a.hears(string(frame))
	a.hears(string(frame))
	<-finished
	overtaken := b.frame("overtaken")
	send(t, b.rtp, b.frame("after"), at(s.Local(B)))
	a.hears("after")
	send(t, b.rtp, overtaken, at(s.Local(B)))
	eventually(t, "the overtaken one is not sealed", func() bool { return s.Stats().BtoA.Failed == 1 })
	send(t, b.rtp, b.frame("and on"), at(s.Local(B)))
	a.hears("and on")
}
