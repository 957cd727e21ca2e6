package rebase

import (
	"testing"
	"time"
)

// feed gives a reception packets of 20 ms at 8000 Hz, on time.
func feed(r *Reception, ssrc uint32, seqs ...uint16) {
	for _, s := range seqs {
		r.update(ssrc, s, uint32(s)*160, int64(s)*20*ms, 8000)
	}
}

func span(from, to int) []uint16 {
	var out []uint16
	for i := from; i <= to; i++ {
		out = append(out, uint16(i))
	}
	return out
}

func TestReceptionCounts(t *testing.T) {
	tests := []struct {
		name    string
		seqs    []uint16
		lost    int32
		highest uint32
	}{
		{"none lost", span(10, 19), 0, 19},
		{"two lost", []uint16{10, 11, 14}, 2, 14},
		{"late", []uint16{10, 12, 11, 13}, 0, 13},
		{"twice", []uint16{10, 11, 11, 11}, -2, 11},
		{"over the end", []uint16{65534, 65535, 0, 1}, 0, 65537},
		{"late over the end", []uint16{65534, 0, 65535, 1}, 0, 65537},
		{"one far off", []uint16{10, 11, 20000, 12}, 0, 12},
		{"begun anew", []uint16{10, 11, 20000, 20001, 20002}, 0, 20002},
	}
	for _, tt := range tests {
		var r Reception
		feed(&r, 7, tt.seqs...)
		rep, ok := r.Report()
		if !ok || rep.SSRC != 7 || rep.Lost != tt.lost || rep.Highest != tt.highest {
			t.Errorf("%s: %+v, %t", tt.name, rep, ok)
		}
		if r.Packets() != uint64(len(tt.seqs)) || r.Lost() != uint64(max(tt.lost, 0)) {
			t.Errorf("%s: %d packets, %d lost", tt.name, r.Packets(), r.Lost())
		}
	}
}

func TestFractionIsOfTheInterval(t *testing.T) {
	var r Reception
	if _, ok := r.Report(); ok {
		t.Error("a report of nothing")
	}
	feed(&r, 7, 1, 2, 3, 4)
	if rep, _ := r.Report(); rep.Fraction != 0 {
		t.Errorf("first interval: %+v", rep)
	}
	if _, ok := r.Report(); ok {
		t.Error("a report of an empty interval")
	}
	feed(&r, 7, 5, 8) // 4 expected, 2 lost
	if rep, _ := r.Report(); rep.Fraction != 128 || rep.Lost != 2 {
		t.Errorf("second interval: %+v", rep)
	}
	feed(&r, 7, 6, 7, 9) // they were only late
	if rep, _ := r.Report(); rep.Fraction != 0 || rep.Lost != 0 {
		t.Errorf("third interval: %+v", rep)
	}
}

func TestLossesOfEverySourceAreKept(t *testing.T) {
	var r Reception
	feed(&r, 1, 1, 3)
	feed(&r, 2, 100, 103)
	if rep, _ := r.Report(); rep.SSRC != 2 || rep.Lost != 2 {
		t.Errorf("%+v", rep)
	}
	if r.Lost() != 3 || r.Packets() != 4 {
		t.Errorf("%d lost of %d", r.Lost(), r.Packets())
	}
}

func TestJitterIsTheEstimateOfTheRFC(t *testing.T) {
	var r Reception
	// Every second packet 10 ms late: |D| is 80 ticks from the second packet on, to
	// which the estimate J += (|D| - J)/16 converges.
	want := 0.0
	for i := range 400 {
		late := int64(i%2) * 10 * ms
		r.update(1, uint16(i), uint32(i)*160, int64(i)*20*ms+late, 8000)
		if i > 0 {
			want += (80 - want) / 16
		}
	}
	rep, _ := r.Report()
	if got := float64(rep.Jitter); got < want-2 || got > want+2 {
		t.Errorf("jitter %v, want %v", got, want)
	}
	if got := r.Jitter(); got < 9500*time.Microsecond || got > 10500*time.Microsecond {
		t.Errorf("jitter %v", got)
	}
}

func TestWhatIsNoJitter(t *testing.T) {
	var r Reception
	feed(&r, 1, 1, 2, 3)
	for i := range uint16(20) { // a telephone event: one timestamp, many packets
		r.update(1, 4+i, 640, int64(80+20*int(i))*ms, 8000)
	}
	r.update(1, 24, 1e9, 500*ms, 8000) // timestamps begun anew
	r.update(1, 25, 1e9+160, 520*ms, 8000)
	if got := r.Jitter(); got != 0 {
		t.Errorf("jitter %v", got)
	}
	if at, ok := r.Seen(); !ok || at != 520*ms {
		t.Errorf("seen %d, %t", at, ok)
	}
}

func TestAnotherClockKeepsTheJitterInTime(t *testing.T) {
	var r Reception
	r.update(1, 1, 0, 0, 8000)
	r.update(1, 2, 160, 180*ms, 8000)
	before := r.Jitter()
	r.update(1, 3, 0, 200*ms, 48000)
	if after := r.Jitter(); before == 0 || after < before-time.Millisecond || after > before+time.Millisecond {
		t.Errorf("%v became %v", before, after)
	}
}

// What a source had not to send is not lost, nor is how it went on after that jitter, whatever its numbers and its time did
// meanwhile; what is missing before and after that is.
func TestASourceThatHadNotToSend(t *testing.T) {
	for _, tt := range []struct {
		name      string
		meanwhile []uint16 // sequence numbers that come nevertheless
		after     []uint16
		lost      uint64
	}{
		{"silent, and its numbers stood still", nil, []uint16{13, 14, 15}, 1},
		{"silent, and its numbers went on", nil, []uint16{513, 514, 515}, 1},
		{"and one was lost then", nil, []uint16{513, 515}, 2},
		{"and one was overtaken then", nil, []uint16{514, 513, 515}, 1},
		{"it began anew, near by", nil, []uint16{1000, 1001}, 1},
		{"it began anew, far off", nil, []uint16{30000, 30001, 30002}, 1},
		{"it sent some", []uint16{20, 21, 30}, []uint16{50, 51}, 1},
		{"it sent, and was lost", []uint16{14}, []uint16{15, 17}, 2},
		{"over the end", []uint16{65500}, []uint16{3, 4}, 1},
	} {
		var r Reception
		at := int64(0)
		come := func(seqs []uint16) {
			for _, seq := range seqs {
				at += 20 * ms
				r.update(7, seq, uint32(at/ms)*8, at, 8000)
			}
		}
		come([]uint16{9, 10, 12}) // 11 is lost
		r.Due(false)
		if tt.name == "over the end" {
			r = Reception{}
			come([]uint16{65400, 65402})
			r.Due(false)
		}
		at += 3000 * ms
		come(tt.meanwhile)
		r.Due(true)
		at += 3000 * ms
		come(tt.after)
		if r.Lost() != tt.lost || r.Jitter() != 0 {
			t.Errorf("%s: %d lost, want %d, jitter %v", tt.name, r.Lost(), tt.lost, r.Jitter())
		}
		rep, ok := r.Report()
		if !ok || rep.Highest&0xffff != uint32(tt.after[len(tt.after)-1]) {
			t.Errorf("%s: %+v", tt.name, rep)
		}
	}
}

// In time as in number: a clock that stood still during a hold is no jitter.
func TestAHoldIsNoJitter(t *testing.T) {
	var r Reception
	feed(&r, 7, 1, 2, 3)
	r.Due(false)
	r.Due(true)
	for i := range int64(3) {
		r.update(7, uint16(4+i), uint32(4+i)*160, (80+20*i)*ms+5000*ms, 8000)
	}
	if r.Jitter() != 0 || r.Lost() != 0 {
		t.Errorf("jitter %v, %d lost", r.Jitter(), r.Lost())
	}
	// One that is due and stands still is late.
	r.update(7, 7, 7*160, 6000*ms, 8000)
	if r.Jitter() < 10*time.Millisecond {
		t.Errorf("jitter %v", r.Jitter())
	}
}

// The jitter of a call is that of all its packets, of every source and by whatever engine, not of its last moment.
func TestTheJitterOfACall(t *testing.T) {
	var r Reception
	seq, at := uint16(0), int64(0)
	second := func(ssrc uint32, late int64, clock uint32) {
		for i := range int64(50) {
			seq++
			at += 20 * ms
			r.update(ssrc, seq, uint32(at/ms)*clock/1000, at+i%2*late, clock)
		}
	}
	if r.Note(); r.MeanJitter() != 0 || r.MaxJitter() != 0 {
		t.Errorf("of nothing %v and %v", r.MeanJitter(), r.MaxJitter())
	}
	for range 3 {
		second(1, 0, 8000)
		r.Note()
	}
	for i := range 3 {
		second(1, 32*ms, 8000)
		if i < 2 {
			r.Note()
		}
	}
	high := r.Jitter()
	if high < 28*time.Millisecond || high > 32*time.Millisecond {
		t.Fatalf("jitter %v", high)
	}
	second(2, 0, 8000) // what the first source had is noted
	for range 2 {
		second(2, 0, 48000)
	}
	r.Note()
	r.Note() // nothing more
	if r.Jitter() > time.Millisecond {
		t.Errorf("the last source's jitter is %v", r.Jitter())
	}
	if mean := r.MeanJitter(); mean < 9*time.Millisecond || mean > 12*time.Millisecond {
		t.Errorf("the mean is %v", mean)
	}
	if worst := r.MaxJitter(); worst < high || worst > high+time.Millisecond {
		t.Errorf("at most %v, want %v", worst, high)
	}
}

func TestNotingCostsNoMemory(t *testing.T) {
	var r Reception
	feed(&r, 7, 1, 2, 3)
	if n := testing.AllocsPerRun(100, func() {
		r.Due(false)
		feed(&r, 7, r.max+1)
		r.Due(true)
		r.Note()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
