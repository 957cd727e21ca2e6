package quality

import (
	"testing"
	"time"
)

func TestASeriesHoldsTheLastMinute(t *testing.T) {
	var s Series
	if got := s.Seconds(nil); len(got) != 0 {
		t.Errorf("before the first: %v", got)
	}
	var c Count
	for i := range uint64(100) {
		c.Packets += 50 - i%2
		c.Lost += i % 2
		c.Jitter, c.RoundTrip = time.Duration(i)*ms, time.Duration(i)*ms
		s.Add(c)
		got := s.Seconds(nil)
		if want := min(int(i)+1, Span); len(got) != want {
			t.Fatalf("after %d: %d seconds", i+1, len(got))
		}
		want := Second{Packets: uint32(50 - i%2), Lost: uint32(i % 2), Jitter: time.Duration(i) * ms, RoundTrip: time.Duration(i) * ms}
		if last := got[len(got)-1]; last != want {
			t.Fatalf("second %d: %+v, want %+v", i, last, want)
		}
	}
	if first := s.Seconds(nil)[0]; first.Jitter != 40*ms {
		t.Errorf("the oldest is %v", first)
	}
}

func TestASecondOverIsNotTakenBack(t *testing.T) {
	var s Series
	s.Add(Count{Packets: 48, Lost: 2})
	s.Add(Count{Packets: 100, Lost: 0}) // both had only been late
	s.Add(Count{Packets: 10, Lost: 1 << 40, Jitter: time.Hour, RoundTrip: -1})
	got := s.Seconds(nil)
	if got[0].Loss() != .04 || got[1] != (Second{Packets: 52}) || got[2].Packets != 0 || got[2].Lost != 65535 {
		t.Errorf("%+v", got)
	}
}

func TestASeriesDoesNotAllocate(t *testing.T) {
	var s Series
	room := make([]Second, 0, Span)
	if n := testing.AllocsPerRun(200, func() {
		s.Add(Count{Packets: 50})
		s.Seconds(room)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
