package pool

import "time"

// How often the free numbers are looked at for a forecast, and how far back it
// looks: a day, as orders come and go with the hours.
const (
	SampleEvery = 5 * time.Minute
	sampleSpan  = 24 * time.Hour
	maxSamples  = int(sampleSpan/SampleEvery) + 1
	// recent is what is looked at beside the whole day: a rush shows there first.
	recent = time.Hour
)

// Forecast tells when numbers run out, by how many were free until now. The
// zero value knows nothing. It is used by one goroutine.
type Forecast struct {
	samples []sample // oldest first
	size    int      // of the pool at the last sample
}

type sample struct {
	at   time.Time
	free int
}

// Add notes how many numbers of a pool of size are free. One that comes no more
// than SampleEvery after the last but one takes the last one's place, as does one of an
// earlier time than that: a clock may be set back. Numbers that were added to the
// pool or taken out are no use of it.
func (f *Forecast) Add(at time.Time, free, size int) {
	if grown := size - f.size; grown != 0 {
		for i := range f.samples {
			f.samples[i].free += grown
		}
		f.size = size
	}
	for n := len(f.samples); n > 0 && at.Before(f.samples[n-1].at); n-- {
		f.samples = f.samples[:n-1]
	}
	if n := len(f.samples); n > 1 && at.Sub(f.samples[n-2].at) <= SampleEvery {
		f.samples = f.samples[:n-1]
	}
	if len(f.samples) == maxSamples || len(f.samples) > 0 && at.Sub(f.samples[0].at) > sampleSpan {
		f.samples = f.samples[:copy(f.samples, f.samples[1:])]
	}
	f.samples = append(f.samples, sample{at, free})
}

// Rate is how many numbers an hour are taken more than come back: the faster
// of the last hour's and the last day's. Negative: they come back. ok: there
// are samples of at least SampleEvery.
func (f *Forecast) Rate() (perHour float64, ok bool) {
	n := len(f.samples)
	if n < 2 || f.samples[n-1].at.Sub(f.samples[0].at) < SampleEvery {
		return 0, false
	}
	last := f.samples[n-1]
	begin := 0
	for begin < n-2 && last.at.Sub(f.samples[begin].at) > recent {
		begin++
	}
	return max(slope(f.samples), slope(f.samples[begin:])), true
}

// slope is how many numbers an hour are taken, by the line with the least
// squares.
func slope(s []sample) float64 {
	var t, y, tt, ty float64
	for _, v := range s {
		h := v.at.Sub(s[0].at).Hours()
		t, y, tt, ty = t+h, y+float64(v.free), tt+h*h, ty+h*float64(v.free)
	}
	n := float64(len(s))
	if d := n*tt - t*t; d > 0 {
		return -(n*ty - t*y) / d
	}
	return 0
}

// RunsOut is when no number is left, if they are taken as until now. ok: they
// are taken, and it is within ten years; at once when none is free.
func (f *Forecast) RunsOut() (at time.Time, ok bool) {
	n := len(f.samples)
	if n == 0 {
		return time.Time{}, false
	}
	last := f.samples[n-1]
	if last.free <= 0 {
		return last.at, true
	}
	const tenYears = 10 * 365 * 24
	perHour, ok := f.Rate()
	if !ok || perHour <= 0 || float64(last.free)/perHour > tenYears {
		return time.Time{}, false
	}
	return last.at.Add(time.Duration(float64(last.free) / perHour * float64(time.Hour))), true
}
