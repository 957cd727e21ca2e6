package mediatest

import "time"

// Histogram counts delays: to the microsecond below 1 ms, to 10 microseconds below
// 10 ms, and so on up to 10 s.
type Histogram struct {
	counts [4*perDecade + 1]uint64
	total  uint64
	max    int64
}

const perDecade = 1000

// Add counts a delay in ns. One below zero, of a clock that was set, counts as none.
func (h *Histogram) Add(ns int64) {
	h.total++
	h.max = max(h.max, ns)
	us := max(ns, 0) / 1000
	for decade := range int64(4) {
		if us < perDecade {
			h.counts[decade*perDecade+us]++
			return
		}
		us /= 10
	}
	h.counts[4*perDecade]++
}

// Total is how many were counted.
func (h *Histogram) Total() uint64 { return h.total }

// Max is the greatest.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max) }

// Quantile is the delay that a share of all is not above, 0 when there is none.
func (h *Histogram) Quantile(share float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := min(uint64(share*float64(h.total)), h.total-1)
	for i, n := range h.counts {
		if rank >= n {
			rank -= n
			continue
		}
		if i == 4*perDecade {
			break
		}
		unit := time.Microsecond
		for range i / perDecade {
			unit *= 10
		}
		return time.Duration(i%perDecade+1) * unit
	}
	return h.Max()
}
