package quality

import "time"

// Span is how many seconds a Series remembers.
const Span = 60

// Count is what a leg has seen since it began. It only grows, but for Jitter and
// RoundTrip, which are what they are now.
type Count struct {
	Packets   uint64 // came in
	Lost      uint64 // did not
	Jitter    time.Duration
	RoundTrip time.Duration // 0: not known
}

// Second is one second of a leg.
type Second struct {
	Packets   uint32
	Lost      uint32
	Jitter    time.Duration
	RoundTrip time.Duration
}

// Loss is the share lost, 0 to 1.
func (s Second) Loss() float64 { return Loss(uint64(s.Packets), uint64(s.Lost)) }

// Loss is the share lost of what was sent: came plus lost.
func Loss(came, lost uint64) float64 {
	if lost == 0 {
		return 0
	}
	return float64(lost) / float64(came+lost)
}

// Series keeps the last Span seconds of one leg in place: it never allocates, and
// a session can hold one for each leg.
type Series struct {
	last Count
	ring [Span]packed
	next uint8
	used uint8
}

// packed is a Second in 8 bytes.
type packed struct {
	packets, lost uint16
	jitter        uint16 // in 0.1 ms
	roundTrip     uint16 // in ms
}

// Add ends a second with the counts at that time. A loss that a late packet took
// back is not taken back in a second that is over.
func (s *Series) Add(c Count) {
	s.ring[s.next] = packed{
		packets:   clip(c.Packets - min(s.last.Packets, c.Packets)),
		lost:      clip(c.Lost - min(s.last.Lost, c.Lost)),
		jitter:    clip(uint64(max(c.Jitter, 0) / (100 * time.Microsecond))),
		roundTrip: clip(uint64(max(c.RoundTrip, 0) / time.Millisecond)),
	}
	s.last = c
	s.next = (s.next + 1) % Span
	s.used = min(s.used+1, Span)
}

// Seconds appends the seconds remembered to a slice, the oldest first.
func (s *Series) Seconds(to []Second) []Second {
	for i := range s.used {
		p := s.ring[(s.next+Span-s.used+i)%Span]
		to = append(to, Second{
			Packets: uint32(p.packets), Lost: uint32(p.lost),
			Jitter:    time.Duration(p.jitter) * 100 * time.Microsecond,
			RoundTrip: time.Duration(p.roundTrip) * time.Millisecond,
		})
	}
	return to
}

func clip(n uint64) uint16 { return uint16(min(n, 1<<16-1)) }
