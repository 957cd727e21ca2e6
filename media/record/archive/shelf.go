package archive

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mask700/media/record"
)

// Shelf is the recordings that are there, for reading and for throwing away.
type Shelf struct {
	options Options
	live    func(id string) bool // is being written in this process
}

// NewShelf needs no server: nothing is written but by Sweep.
func NewShelf(o Options) *Shelf {
	return &Shelf{options: o.withDefaults(), live: func(string) bool { return false }}
}

// State is how a recording stands.
type State string

// The states.
const (
	Live       State = "live"       // it is being written
	Whole      State = "whole"      // from beginning to end
	Cut        State = "cut"        // without its end: a crash cut it off
	Unreadable State = "unreadable" // its key is gone, or its beginning is damaged
)

// Info is one recording of a list.
type Info struct {
	ID      string        `json:"id"` // that of the call, ".2" behind it after a transfer
	Start   time.Time     `json:"started_at,omitzero"`
	State   State         `json:"state"`
	Bytes   int64         `json:"bytes"`
	Cipher  string        `json:"cipher,omitempty"`
	Length  time.Duration `json:"-"`
	Seconds float64       `json:"seconds"` // of a whole one
	Packets uint64        `json:"packets"` // of a whole one, both sides
	Lost    uint64        `json:"lost"`    // of a whole one: not written, because the disk was too slow
}

// days lists the directories there are, oldest first.
func (s *Shelf) days() ([]string, error) {
	entries, err := os.ReadDir(s.options.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var days []string
	for _, e := range entries {
		if _, err := time.Parse(dayLayout, e.Name()); err == nil && e.IsDir() {
			days = append(days, e.Name())
		}
	}
	slices.Sort(days)
	return days, nil
}

// files lists the recordings of a day.
func (s *Shelf) files(day string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.options.Dir, day))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // swept meanwhile
	}
	var names []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), suffix); ok && record.GoodID(id) && e.Type().IsRegular() {
			names = append(names, id)
		}
	}
	return names, err
}

// List calls each for every recording, those of each day in the order of their beginning.
func (s *Shelf) List(ctx context.Context, each func(Info) error) error {
	days, err := s.days()
	if err != nil {
		return err
	}
	for _, day := range days {
		ids, err := s.files(day)
		if err != nil {
			return err
		}
		var infos []Info
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				return err
			}
			info, err := s.info(day, id)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			infos = append(infos, info)
		}
		slices.SortFunc(infos, func(a, b Info) int { return a.Start.Compare(b.Start) })
		for _, info := range infos {
			if err := each(info); err != nil {
				return err
			}
		}
	}
	return nil
}

// info looks at the beginning and the end of a recording.
func (s *Shelf) info(day, id string) (Info, error) {
	f, err := os.Open(s.path(day, id))
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	live := s.live(id)
	info := Info{ID: id, Bytes: stat.Size(), State: Cut}
	h, end, err := record.Last(f, stat.Size(), s.unwrap(id))
	switch {
	case err != nil:
		info.State = Unreadable
	case end != nil:
		info.State, info.Packets, info.Lost = Whole, end.Packets[0]+end.Packets[1], end.Lost
		info.Length, info.Seconds = end.Length, end.Length.Round(100*time.Millisecond).Seconds()
	}
	if live {
		info.State = Live
	}
	if err == nil {
		info.Start, info.Cipher = h.Start, h.Cipher.String()
	}
	return info, nil
}

func (s *Shelf) path(day, id string) string { return filepath.Join(s.options.Dir, day, id+suffix) }

// unwrap gives the key of a header, which has to be that of the id that was asked for.
func (s *Shelf) unwrap(id string) record.Unwrap {
	return func(h record.Header) ([]byte, error) {
		if h.ID != id {
			return nil, record.ErrDamaged // another recording was put under this name
		}
		return s.options.Keys.UnwrapRecordingKey(h.Key, id, h.Wrapped)
	}
}

// Find returns the path of a recording. Errors: ErrID, ErrNotFound.
func (s *Shelf) Find(id string) (string, error) {
	if !record.GoodID(id) {
		return "", ErrID
	}
	days, err := s.days()
	if err != nil {
		return "", err
	}
	for _, day := range slices.Backward(days) {
		path := s.path(day, id)
		if _, err := os.Lstat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", ErrNotFound
}

// Remove deletes a recording before its time, and says whether there was one. The key of its day goes with the last one of the
// day. ErrID besides those of the system.
func (s *Shelf) Remove(id string) (gone bool, err error) {
	path, err := s.Find(id)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return err == nil, err
}

// Export makes a recording a file of a format. begin is asked for the writer once it is certain that it can be written.
// Errors are those of Find, of record.MeasureWAV or MeasurePCAP, and of begin.
func (s *Shelf) Export(id string, as record.Format, begin func(record.Result, int64) (io.Writer, error)) (record.Result, error) {
	path, err := s.Find(id)
	if err != nil {
		return record.Result{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return record.Result{}, err
	}
	defer f.Close()
	return as.Measure(func() (*record.Reader, error) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return record.NewReader(f, s.unwrap(id))
	}, begin)
}
