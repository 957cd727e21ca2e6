package archive

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"mask700/media/record"
)

// sweepEvery is the time between two sweeps.
const sweepEvery = time.Hour

// Swept is what a sweep has deleted.
type Swept struct {
	Files int
	Bytes int64
	Keys  int // of whole days: copies of their recordings cannot be read any more either
}

// Sweep deletes the recordings that began longer ago than they are kept, and the keys of the days of which all are
// deleted. One that is being written stays. It goes on over what cannot be deleted, and returns those errors.
func (s *Shelf) Sweep() (Swept, error) {
	var done Swept
	if s.options.Retention <= 0 {
		return done, nil
	}
	now, may := s.options.SweepTime()
	if !may {
		return done, nil
	}
	limit := now.Add(-s.options.Retention)
	days, err := s.days()
	if err != nil {
		return done, err
	}
	kept := limit // nothing is left of the days that ended by then
	var errs []error
	for _, day := range days {
		began, _ := time.Parse(dayLayout, day)
		if !began.Before(limit) {
			break
		}
		left, err := s.sweepDay(day, limit, &done)
		errs = append(errs, err)
		if left > 0 {
			kept = earlier(kept, began)
		}
	}
	done.Keys, err = s.options.Keys.DropRecordingKeys(kept)
	return done, errors.Join(append(errs, err)...)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Oldest is the day of the oldest recording that is there; zero: there is none.
func (s *Shelf) Oldest() (time.Time, error) {
	days, err := s.days()
	if err != nil || len(days) == 0 {
		return time.Time{}, err
	}
	return time.Parse(dayLayout, days[0])
}

// sweepDay deletes what is too old of a day, and says how many are left.
func (s *Shelf) sweepDay(day string, limit time.Time, done *Swept) (left int, err error) {
	ids, err := s.files(day)
	errs := []error{err}
	for _, id := range ids {
		path := s.path(day, id)
		info, err := os.Stat(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if s.live(id) || !s.begun(path, day).Before(limit) {
			left++
			continue
		}
		if err := os.Remove(path); err != nil {
			errs = append(errs, err)
			left++
			continue
		}
		done.Files++
		done.Bytes += info.Size()
	}
	if left == 0 {
		// Something else in it keeps it, and is not ours to delete.
		_ = os.Remove(filepath.Join(s.options.Dir, day))
	}
	return left, errors.Join(errs...)
}

// begun is when a recording says that it began, or the end of its day when it does not, or not that day.
func (s *Shelf) begun(path, day string) time.Time {
	began, _ := time.Parse(dayLayout, day)
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		if h, _, err := record.ReadHeader(f); err == nil && dayDir(h.Start) == day {
			return h.Start
		}
	}
	return began.Add(wholeDay)
}

// SweepLoop sweeps now and every hour until the context ends, and tells each of what was deleted.
func (s *Shelf) SweepLoop(ctx context.Context, each func(Swept)) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		done, err := s.Sweep()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.options.Logger.Error("recordings whose time is over are not all deleted", "error", err)
		}
		if done != (Swept{}) {
			each(done)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
