package store

import (
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What the library does when the disk is full depends on the file. A table that cannot be written it gives up and tries again at once, for
// ever. For a log, a manifest or the marker of one it ends the process: the calls that go on would end with it. So those wait until there is
// room, and who waits for them is told ErrStalled meanwhile; and a table fails slowly. A start waits for the first files that it makes, too:
// a process that ended instead would be started again and again.

// patientFS has files wait for room on the disk. The library compares file systems: it is used by its address.
type patientFS struct {
	vfs.FS
	waits func() // called before each wait
}

// sayOnce tells the log that something waits. How the disk stands is told by the guard, which does not look before all is open.
func sayOnce(log *slog.Logger) func() {
	return sync.OnceFunc(func() { log.Error("the disk is full; what is to be written waits until there is room") })
}

// fullWait is the time between two attempts to write on a full disk.
const fullWait = 200 * time.Millisecond

// vital reports whether the process would end, or not start, for want of a file.
func vital(base string) bool {
	return strings.HasSuffix(base, logEnd) || strings.HasPrefix(base, manifestStart) || strings.HasPrefix(base, "marker.") || strings.HasPrefix(base, "OPTIONS-")
}

// isFull: the disk, or what its owner may have of it, is used up.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// Create implements vfs.FS.
func (p *patientFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	base := p.PathBase(name)
	for {
		file, err := p.FS.Create(name, category)
		switch {
		case err == nil:
			return &patientFile{File: file, vital: vital(base), waits: p.waits}, nil
		case !isFull(err):
			return nil, err
		}
		p.waits()
		time.Sleep(fullWait)
		if !vital(base) {
			return nil, err
		}
	}
}

// patientFile is one that was made.
type patientFile struct {
	vfs.File
	vital bool
	waits func()
}

// Write implements vfs.File. Of a vital file all is written when it returns, however long that takes. Whoever writes a table lets
// others go first after each block: what tidies up is never done, and would have a processor for ten milliseconds on end while
// binds, look-ups and calls wait for it.
func (f *patientFile) Write(p []byte) (n int, err error) {
	if !f.vital {
		defer runtime.Gosched()
	}
	for {
		k, err := f.File.Write(p[n:])
		n += k
		if err == nil || !isFull(err) {
			return n, err
		}
		f.waits()
		time.Sleep(fullWait)
		if !f.vital {
			return n, err
		}
	}
}
