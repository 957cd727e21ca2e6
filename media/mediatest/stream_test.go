package mediatest

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/pion/rtp"
)

var identity = Identity{PayloadType: 8, SSRC: 0x11223344, Seq: 65534, Timestamp: math.MaxUint32 - 100}

// newTally counts packets of all times.
func newTally() *Tally { return &Tally{Until: math.MaxInt64} }

// rewrite is what a relay does to a packet: other identifiers, by fixed distances.
func rewrite(b []byte) []byte {
	b = append([]byte(nil), b...)
	binary.BigEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:])+1000)
	binary.BigEndian.PutUint32(b[4:], binary.BigEndian.Uint32(b[4:])+5000)
	binary.BigEndian.PutUint32(b[8:], 0x55667788)
	return b
}

// sent are the first packets of a stream, as a relay would send them on.
func sent(s *Stream, n int) (list [][]byte) {
	for i := range n {
		var b [PacketSize]byte
		s.Write(b[:], int64(i)*int64(20*time.Millisecond))
		list = append(list, rewrite(b[:]))
	}
	return list
}

func TestStreamWritesRTP(t *testing.T) {
	s := NewStream(7, identity, newTally())
	for i := range 4 {
		var b [PacketSize]byte
		if n := s.Write(b[:], 1); n != 172 {
			t.Fatalf("%d bytes", n)
		}
		var p rtp.Packet
		if err := p.Unmarshal(b[:]); err != nil {
			t.Fatal(err)
		}
		if p.SSRC != identity.SSRC || p.PayloadType != 8 || p.SequenceNumber != identity.Seq+uint16(i) ||
			p.Timestamp != identity.Timestamp+uint32(i)*160 || len(p.Payload) != 160 {
			t.Errorf("packet %d: %v", i, p.Header)
		}
	}
}

func TestStreamJudgesWhatIsRight(t *testing.T) {
	tally := newTally()
	s := NewStream(7, identity, tally)
	for i, b := range sent(s, 100) {
		s.Read(b, int64(i)*int64(20*time.Millisecond)+int64(50*time.Microsecond))
	}
	if tally.Sent != 100 || tally.Received != 100 || tally.Lost() != 0 || tally.Wrong() != 0 {
		t.Error(tally)
	}
	if tally.SameSSRC != 0 || tally.SameSeq != 0 || tally.SameTimestamp != 0 {
		t.Errorf("%d, %d, %d of rewritten identifiers are the sender's", tally.SameSSRC, tally.SameSeq, tally.SameTimestamp)
	}
	if p := tally.Delay.Quantile(0.5); p != 51*time.Microsecond {
		t.Errorf("50 us of delay are %s", p)
	}
}

func TestStreamSeesIdentifiersThatStay(t *testing.T) {
	tally := newTally()
	s := NewStream(7, identity, tally)
	var b [PacketSize]byte
	s.Write(b[:], 0)
	s.Read(b[:], 1)
	if tally.SameSSRC != 1 || tally.SameSeq != 1 || tally.SameTimestamp != 1 || tally.Wrong() != 0 {
		t.Error(tally)
	}
}

func TestStreamJudgesWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		change func(list [][]byte) [][]byte
		want   Tally
	}{
		"lost":      {func(l [][]byte) [][]byte { return append(l[:2:2], l[3:]...) }, Tally{Received: 9}},
		"twice":     {func(l [][]byte) [][]byte { return append(l, l[4]) }, Tally{Received: 10, Duplicate: 1}},
		"overtaken": {func(l [][]byte) [][]byte { l[3], l[4] = l[4], l[3]; return l }, Tally{Received: 10, Disordered: 1}},
		"of another stream": {func(l [][]byte) [][]byte {
			var b [PacketSize]byte
			NewStream(8, identity, newTally()).Write(b[:], 0)
			return append(l, rewrite(b[:]))
		}, Tally{Received: 10, Misdirected: 1}},
		"a bit of the payload":      {func(l [][]byte) [][]byte { l[5][100] ^= 4; return l }, Tally{Received: 9, Damaged: 1}},
		"a bit of the number":       {func(l [][]byte) [][]byte { l[5][27] ^= 4; return l }, Tally{Received: 9, Damaged: 1}},
		"a bit of the time":         {func(l [][]byte) [][]byte { l[5][35] ^= 4; return l }, Tally{Received: 9, Damaged: 1}},
		"cut":                       {func(l [][]byte) [][]byte { l[5] = l[5][:171]; return l }, Tally{Received: 9, Damaged: 1}},
		"an extension":              {func(l [][]byte) [][]byte { l[5][0] |= 0x10; return l }, Tally{Received: 9, Damaged: 1}},
		"another SSRC":              {func(l [][]byte) [][]byte { l[5][8] ^= 1; return l }, Tally{Received: 10, Renumbered: 1}},
		"another payload type":      {func(l [][]byte) [][]byte { l[5][1] = 0; return l }, Tally{Received: 10, Renumbered: 1}},
		"a sequence number skipped": {func(l [][]byte) [][]byte { l[9][3]++; return l }, Tally{Received: 10, Renumbered: 1}},
		"a timestamp skipped":       {func(l [][]byte) [][]byte { l[9][7]++; return l }, Tally{Received: 10, Renumbered: 1}},
		"late by many":              {func(l [][]byte) [][]byte { return l }, Tally{Received: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			tally := newTally()
			s := NewStream(7, identity, tally)
			for _, b := range test.change(sent(s, 10)) {
				s.Read(b, 0)
			}
			got := *tally
			got.Delay, got.From, got.Until, got.Sent = Histogram{}, 0, 0, 0
			if got != test.want {
				t.Errorf("%v; want %v", &got, &test.want)
			}
			if wrong := test.want.Wrong(); tally.Wrong() != wrong {
				t.Errorf("%d wrong, want %d", tally.Wrong(), wrong)
			}
		})
	}
}

func TestTallyCountsItsWindow(t *testing.T) {
	tally := &Tally{From: int64(40 * time.Millisecond), Until: int64(100 * time.Millisecond)}
	s := NewStream(7, identity, tally)
	list := sent(s, 10)
	for _, b := range list[:4] {
		s.Read(b, 0)
	}
	if tally.Sent != 3 || tally.Received != 2 || tally.Lost() != 1 || tally.Wrong() != 0 {
		t.Error(tally)
	}
	var b [PacketSize]byte
	s.Write(b[:], int64(50*time.Millisecond))
	s.Unsent(int64(50 * time.Millisecond))
	if tally.Sent != 3 || s.Sent() != 10 {
		t.Errorf("a packet that did not leave counts: %d, %d", tally.Sent, s.Sent())
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	for i := range 100 {
		h.Add(int64(i) * 1000)
	}
	if p50, p99 := h.Quantile(0.5), h.Quantile(0.99); p50 != 51*time.Microsecond || p99 != 100*time.Microsecond {
		t.Errorf("p50 %s, p99 %s of 0 to 99 us", p50, p99)
	}
	h.Add(int64(1234567))
	if p := h.Quantile(1); p != 1240*time.Microsecond {
		t.Errorf("1234.567 us are %s", p)
	}
	h.Add(int64(30 * time.Second))
	if p := h.Quantile(1); p != 30*time.Second || h.Max() != p || h.Total() != 102 {
		t.Errorf("30 s are %s of %d", p, h.Total())
	}
	h.Add(-5)
	if p := h.Quantile(0); p != time.Microsecond {
		t.Errorf("less than nothing is %s", p)
	}
}
