// Package archive keeps the recordings of calls on disk: it writes them as the calls go, lists them, reads them back,
// and deletes them when their time is over.
//
//	DIR/2026-01-02/ID.m700rec     by the day, in UTC, on which the call began; directories 0700, files 0600
//
// A Recording takes voice on a thread of the media plane, which may not wait: it copies packets into a buffer, and
// hands a full one over to the one goroutine that seals, writes and syncs the recordings of all calls. When the disk
// is slow at most two buffers of a recording wait; what comes then is counted and becomes a gap in the file.
//
//	Voice -> buffer -> queue -> writeLoop: seal, write; once a second: sync
package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"mask700/crash"
	"mask700/media/record"
)

// Keys wraps the data key of each recording under a key of the store for its day. Its methods may wait for the disk.
type Keys interface {
	// WrapRecordingKey says under which key it wrapped.
	WrapRecordingKey(tenant string, at time.Time, id string, key []byte) (under uint32, wrapped []byte, err error)
	UnwrapRecordingKey(under uint32, id string, wrapped []byte) ([]byte, error)
	DropRecordingKeys(before time.Time) (int, error) // those of all days that ended by then; how many there were
}

// Options of Open and of NewShelf. Dir and Keys are required.
type Options struct {
	Dir       string
	Keys      Keys
	Cipher    record.Cipher // zero: AES-256-GCM
	Segment   time.Duration // how much of a call a crash may cost, beside a second until the sync; zero: 2 s
	Retention time.Duration // deleted when they began so long ago; zero: never
	Logger    *slog.Logger
	Now       func() time.Time // nil: time.Now

	// SweepTime is the time by which what is over is deleted, and false while nothing may be. nil: Now.
	SweepTime func() (time.Time, bool)

	create func(path string) (file, error) // nil: createFile; tests have disks that are full
}

// file is what a recording is written to.
type file interface {
	io.WriterAt
	Truncate(int64) error
	Sync() error
	Close() error
}

func (o Options) withDefaults() Options {
	if o.Cipher == 0 {
		o.Cipher = record.AES256GCM
	}
	if o.Segment == 0 {
		o.Segment = 2 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SweepTime == nil {
		now := o.Now
		o.SweepTime = func() (time.Time, bool) { return now(), true }
	}
	if o.create == nil {
		o.create = createFile
	}
	return o
}

// Errors of a shelf.
var (
	// ErrNotFound: no recording has this id.
	ErrNotFound = errors.New("no recording has this id; `mask700 recording list` shows them")
	// ErrID: that is no recording's id.
	ErrID = errors.New("not the id of a recording; `mask700 recording list` shows them")
)

const (
	suffix    = ".m700rec"
	dayLayout = "2006-01-02"
	wholeDay  = 24 * time.Hour
)

func dayDir(t time.Time) string { return t.UTC().Format(dayLayout) }

// createFile makes the file of a recording, and the directory of its day when it is the first. A file that is there is
// never written over.
func createFile(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	day := filepath.Dir(path)
	if err := os.MkdirAll(day, 0o700); err != nil {
		return nil, err
	}
	if err := syncDir(filepath.Dir(day)); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Archive is a shelf that recordings are written to.
type Archive struct {
	*Shelf
	writer *writer
}

// Open makes the directory when it is missing and begins to take recordings.
func Open(o Options) (*Archive, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the directory of the recordings cannot be made: %w", err)
	}
	a := &Archive{Shelf: NewShelf(o), writer: newWriter(o)}
	a.Shelf.live = a.writer.live
	go crash.Guard(a.writer.writeLoop)()
	return a, nil
}

// Start begins a recording. It does not wait for the disk; when that cannot take it, Stop says so. The id is the
// file's name and must be a good one (record.GoodID); the recording is sealed under a key of the tenant.
func (a *Archive) Start(id, tenant string) *Recording { return a.writer.start(id, tenant) }

// Stats counts since the start.
func (a *Archive) Stats() Stats { return a.writer.stats() }

// Close writes what was handed over, syncs it and ends. Recordings that were not stopped end there without their end.
func (a *Archive) Close() { a.writer.close() }
