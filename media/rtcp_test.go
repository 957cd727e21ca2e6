package media

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"mask700/media/rebase"
)

func TestIntervalsAreThoseOfTheRFC(t *testing.T) {
	for _, tt := range []struct {
		first    bool
		share    float64
		lo, hi   time.Duration
		describe string
	}{
		{false, 0, 2052 * time.Millisecond, 2053 * time.Millisecond, "the shortest"},
		{false, 1, 6156 * time.Millisecond, 6157 * time.Millisecond, "the longest"},
		{true, 0, 1026 * time.Millisecond, 1027 * time.Millisecond, "the shortest first"},
		{true, 1, 3078 * time.Millisecond, 3079 * time.Millisecond, "the longest first"},
	} {
		if got := time.Duration(interval(tt.first, tt.share)); got < tt.lo || got > tt.hi {
			t.Errorf("%s is %v", tt.describe, got)
		}
	}
}

func TestTimesOfReports(t *testing.T) {
	if got := ntp(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)); got != 0 {
		t.Errorf("the beginning is %#x", got)
	}
	if got := ntp(time.Date(1970, 1, 1, 0, 0, 0, 500_000_000, time.UTC)); got != 2208988800<<32|1<<31 {
		t.Errorf("half a second past 1970 is %#x", got)
	}
	if got := fraction(int64(1250*time.Millisecond), 16); got != 0x14000 {
		t.Errorf("1.25 s is %#x", got)
	}
	if got := fraction(-1, 16); got != 0 {
		t.Errorf("before is %#x", got)
	}
}

func TestReadTakesOnlyWholeRTCP(t *testing.T) {
	good := report(t, 7)
	tests := []struct {
		name string
		in   []byte
		want bool
	}{
		{"a compound packet", good, true},
		{"a goodbye alone", []byte{0x81, 203, 0, 1, 0, 0, 0, 7}, true},
		{"nothing", nil, false},
		{"cut", good[:len(good)-1], false},
		{"something behind", append(bytes.Clone(good), 0, 0, 0, 0), false},
		{"a type that is no RTCP", []byte{0x81, 150, 0, 1, 0, 0, 0, 7}, false},
		{"version 1", append([]byte{0x41}, good[1:]...), false},
		{"RTP", append([]byte{0x80, 8, 0, 0}, make([]byte, 8)...), false},
		{"a sender report too short", []byte{0x80, 200, 0, 1, 0, 0, 0, 7}, false},
	}
	for _, tt := range tests {
		var r reporter
		if got := r.read(tt.in, 5); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
		if !tt.want && r != (reporter{}) {
			t.Errorf("%s: something was taken", tt.name)
		}
	}
	var r reporter
	r.read(good, 5)
	if r.source != 7 || r.lsr != 0x2222_3333 || r.lsrAt != 5 {
		t.Errorf("took %+v", r)
	}
}

// A sender that falls silent is one for another interval (RFC 3550 section
// 6.3.8), then a receiver.
func TestSenderAndReceiverReports(t *testing.T) {
	out := rebase.New(rebase.Initial{SSRC: 9})
	var in rebase.Reception
	r := reporter{cname: "AAAAAAAAAAAAAAAA"}
	kind := func() uint8 {
		t.Helper()
		b, err := r.compose(out, &in, 0, epoch)
		if err != nil {
			t.Fatal(err)
		}
		if !r.read(b, 0) {
			t.Fatal("our own report is not RTCP")
		}
		return b[1]
	}
	write := func(seq uint16) {
		t.Helper()
		var table rebase.Table
		table[8] = rebase.Type{PT: 8, Clock: 8000, Known: true}
		b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: seq, SSRC: 1}}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if out.Read(b, 0, &table) != rebase.OK {
			t.Fatal("refused")
		}
		out.Write(b)
	}
	const sender, receiver = uint8(rtcp.TypeSenderReport), uint8(rtcp.TypeReceiverReport)
	for i, step := range []struct {
		packets int
		want    uint8
	}{{0, receiver}, {2, sender}, {0, sender}, {0, receiver}, {1, sender}} {
		for range step.packets {
			write(uint16(i))
		}
		if got := kind(); got != step.want {
			t.Errorf("step %d: type %d, want %d", i, got, step.want)
		}
	}
}

// Lost packets are 24 bits with a sign: duplicates make it negative.
func TestNegativeLossIsWrittenIn24Bits(t *testing.T) {
	s := rebase.New(rebase.Initial{})
	var table rebase.Table
	table[8] = rebase.Type{PT: 8, Clock: 8000, Known: true}
	for range 3 {
		b := append([]byte{0x80, 8, 0, 1}, make([]byte, 8)...)
		if s.Read(b, 0, &table) != rebase.OK {
			t.Fatal("refused")
		}
	}
	var r reporter
	b, err := r.compose(rebase.New(rebase.Initial{}), &s.Received, 0, epoch, &rtcp.Goodbye{})
	if err != nil {
		t.Fatal(err)
	}
	if got := b[8+5 : 8+8]; !bytes.Equal(got, []byte{0xff, 0xff, 0xfe}) {
		t.Errorf("lost is % x", got)
	}
}

// The echo of a sender report belongs to the source that sent it.
func TestOnlyTheSourceOfAReportIsEchoed(t *testing.T) {
	for _, tt := range []struct {
		source uint32
		want   bool
	}{{7, true}, {8, false}} {
		s := rebase.New(rebase.Initial{})
		var table rebase.Table
		table[8] = rebase.Type{PT: 8, Clock: 8000, Known: true}
		if s.Read(append([]byte{0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 7), 0, &table) != rebase.OK {
			t.Fatal("refused")
		}
		var r reporter
		r.read(report(t, tt.source), 0)
		b, err := r.compose(rebase.New(rebase.Initial{}), &s.Received, int64(time.Second), epoch)
		if err != nil {
			t.Fatal(err)
		}
		block := decode(t, b)[0].(*rtcp.ReceiverReport).Reports[0]
		if got := block.LastSenderReport != 0 || block.Delay != 0; got != tt.want || block.SSRC != 7 {
			t.Errorf("source %d: %+v", tt.source, block)
		}
	}
}

// What a peer says of our stream is taken, a round trip only from an echo of what
// we truly sent.
func TestAPeersWordOfOurStream(t *testing.T) {
	const second = int64(time.Second)
	out, in := rebase.New(rebase.Initial{SSRC: 9}), rebase.Reception{}
	var table rebase.Table
	table[8] = rebase.Type{PT: 8, Clock: 8000, Known: true}
	if out.Read(append([]byte{0x80, 8, 0, 1}, make([]byte, 8)...), 0, &table) != rebase.OK {
		t.Fatal("refused")
	}
	out.Write(append([]byte{0x80, 8, 0, 1}, make([]byte, 8)...))
	block := func(change func(*rtcp.ReceptionReport)) rtcp.ReceptionReport {
		b := rtcp.ReceptionReport{SSRC: 9, FractionLost: 3, TotalLost: 12, Jitter: 80, Delay: 1 << 15}
		change(&b)
		return b
	}
	heard := func(lost uint32, roundTrip int64) told {
		t := told{known: true, by: 7, lost: lost, roundTrip: roundTrip, jitters: 80, reports: 1}
		if roundTrip > 0 {
			t.roundTrips, t.rounds = uint64(roundTrip), 1
		}
		return t
	}
	var lsr uint32
	tests := []struct {
		name  string
		block func(*rtcp.ReceptionReport)
		want  told
	}{
		{"an echo", func(b *rtcp.ReceptionReport) { b.LastSenderReport = lsr }, heard(12, second/2)},
		{"no echo", func(b *rtcp.ReceptionReport) {}, heard(12, 0)},
		{"an echo of nothing of ours", func(b *rtcp.ReceptionReport) { b.LastSenderReport = lsr + 1 }, heard(12, 0)},
		{"held longer than it was away", func(b *rtcp.ReceptionReport) { b.LastSenderReport, b.Delay = lsr, 1<<16+9 }, heard(12, 1)},
		{"more twice than lost", func(b *rtcp.ReceptionReport) { b.TotalLost = 0xfffffe }, heard(0, 0)},
		{"another stream", func(b *rtcp.ReceptionReport) { b.SSRC = 8 }, told{}},
	}
	for _, tt := range tests {
		for _, sender := range []bool{false, true} {
			r := reporter{cname: "AAAAAAAAAAAAAAAA"}
			if _, err := r.compose(out, &in, 0, epoch); err != nil {
				t.Fatal(err)
			}
			if lsr = r.sent[0].lsr; lsr != uint32(ntp(epoch)>>16) {
				t.Fatalf("our report is remembered as %#x", lsr)
			}
			blocks := []rtcp.ReceptionReport{{SSRC: 1, FractionLost: 255}, block(tt.block)}
			var p rtcp.Packet = &rtcp.ReceiverReport{SSRC: 7, Reports: blocks}
			if sender {
				p = &rtcp.SenderReport{SSRC: 7, Reports: blocks}
			}
			b, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if !r.read(b, second) || r.told != tt.want {
				t.Errorf("%s (sender %t): %+v, want %+v", tt.name, sender, r.told, tt.want)
			}
			out.Packets++ // so that the next report is a sender's too
		}
	}
	// Nothing is taken of a packet that is not RTCP to its end.
	r := reporter{ours: 9}
	b, err := (&rtcp.ReceiverReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: 9, FractionLost: 9}}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if r.read(append(b, 0x80), 0) || r.told != (told{}) {
		t.Errorf("took %+v", r.told)
	}
}

// Of a whole call it is the losses of all who were there one after the other, and the mean of what all of them have reported.
func TestAPeersWordOfAWholeCall(t *testing.T) {
	const second = int64(time.Second)
	l := &leg{}
	r := &l.reporter
	r.ours = 9
	for i, said := range []struct {
		by, lost, jitter uint32
		away             int64 // the round trip; 0: no echo
	}{{7, 10, 80, second / 10}, {7, 30, 160, 3 * second / 10}, {8, 4, 240, 0}, {8, 5, 320, 0}} {
		block := rtcp.ReceptionReport{SSRC: 9, TotalLost: said.lost, Jitter: said.jitter}
		if said.away > 0 {
			block.LastSenderReport = uint32(i + 1)
			r.sent = [2]echo{{lsr: uint32(i + 1), at: 20*second - said.away}}
		}
		b, err := (&rtcp.ReceiverReport{SSRC: said.by, Reports: []rtcp.ReceptionReport{block}}).Marshal()
		if err != nil || !r.read(b, 20*second) {
			t.Fatalf("not read: %v", err)
		}
	}
	out := rebase.New(rebase.Initial{})
	var table rebase.Table
	table[8] = rebase.Type{PT: 8, Clock: 8000, Known: true}
	voice := append([]byte{0x80, 8, 0, 1}, make([]byte, 8)...)
	if out.Read(voice, 0, &table) != rebase.OK {
		t.Fatal("refused")
	}
	out.Write(voice)
	want := Heard{Known: true, Lost: 35, Jitter: 25 * time.Millisecond, RoundTrip: 200 * time.Millisecond}
	if got := l.heard(out); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if r.told.roundTrip != 3*second/10 {
		t.Errorf("the round trip of now is %v", time.Duration(r.told.roundTrip))
	}
}

func FuzzControl(f *testing.F) {
	f.Add([]byte{0x81, 203, 0, 1, 0, 0, 0, 7})
	f.Add([]byte{0x80, 200, 0, 6, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := bytes.Clone(in)
		var r reporter
		r.read(b, 1)
		if !bytes.Equal(b, in) {
			t.Error("reading changed the packet")
		}
	})
}
