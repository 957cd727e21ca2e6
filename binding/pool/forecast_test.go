package pool

import (
	"math"
	"testing"
	"time"
)

var morning = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

// run adds a sample each step, of a pool of which so many an hour are taken.
func (f *Forecast) run(from time.Time, steps int, step time.Duration, free *float64, perHour float64) time.Time {
	for range steps {
		f.Add(from, int(*free), 10000)
		*free -= perHour * step.Hours()
		from = from.Add(step)
	}
	return from
}

func TestForecast(t *testing.T) {
	var f Forecast
	if at, ok := f.RunsOut(); ok {
		t.Errorf("nothing known, and runs out at %v", at)
	}
	free := 10000.0
	end := f.run(morning, 13, SampleEvery, &free, 120)
	rate, ok := f.Rate()
	at, runs := f.RunsOut()
	if !ok || math.Abs(rate-120) > 1 || !runs {
		t.Fatalf("%v an hour, %v, %v", rate, ok, runs)
	}
	want := end.Add(-SampleEvery).Add(time.Duration((free + 10) / 120 * float64(time.Hour)))
	if d := at.Sub(want).Abs(); d > time.Hour {
		t.Errorf("runs out at %v, want %v", at, want)
	}
}

// TestForecastOfARush: ten times as many in the last hour count as such though the day was quiet; and a night that gives
// numbers back does not hide the day.
func TestForecastOfARush(t *testing.T) {
	var f Forecast
	free := 10000.0
	end := f.run(morning, 20*12, SampleEvery, &free, 10)
	end = f.run(end, 13, SampleEvery, &free, 1200)
	if rate, _ := f.Rate(); rate < 1000 || rate > 1300 {
		t.Errorf("in a rush %v an hour", rate)
	}
	f.run(end, 20, SampleEvery, &free, -100)
	if rate, _ := f.Rate(); rate <= 0 {
		t.Errorf("after the rush %v an hour; the day took more than it gave back", rate)
	}
}

func TestForecastOfAGrownPool(t *testing.T) {
	var f Forecast
	for i := range 12 {
		f.Add(morning.Add(time.Duration(i)*SampleEvery), 5000-i*10, 10000)
	}
	before, _ := f.Rate()
	f.Add(morning.Add(12*SampleEvery), 5000-120+10000, 20000)
	if after, _ := f.Rate(); math.Abs(before-after) > 1 {
		t.Errorf("%v an hour before a block was added, %v after", before, after)
	}
}

func TestForecastIsBounded(t *testing.T) {
	var f Forecast
	for i := range 100000 {
		f.Add(morning.Add(time.Duration(i)*time.Minute), 5000, 10000)
	}
	if n := len(f.samples); n > maxSamples {
		t.Errorf("%d samples", n)
	}
	if at, ok := f.RunsOut(); ok {
		t.Errorf("nothing is taken, and runs out at %v", at)
	}
	f.Add(morning, 0, 10000) // the clock is set back
	if len(f.samples) != 1 {
		t.Errorf("%d samples after the clock was set back", len(f.samples))
	}
	if at, ok := f.RunsOut(); !ok || !at.Equal(morning) {
		t.Errorf("none is free: %v, %v", at, ok)
	}
}

// TestForecastTakesTheNewest: looked at each minute, it keeps one of five.
func TestForecastTakesTheNewest(t *testing.T) {
	var f Forecast
	for i := range 60 {
		f.Add(morning.Add(time.Duration(i)*time.Minute), 10000-i, 10000)
	}
	if n := len(f.samples); n < 11 || n > 14 {
		t.Errorf("%d samples of an hour", n)
	}
	if last := f.samples[len(f.samples)-1]; last.free != 10000-59 {
		t.Errorf("the newest is %+v", last)
	}
	if rate, ok := f.Rate(); !ok || math.Abs(rate-60) > 1 {
		t.Errorf("%v an hour, %v", rate, ok)
	}
}
