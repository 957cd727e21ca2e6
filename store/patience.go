package store

import (
	"errors"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What the library does when the disk is full depends on the file. A table that cannot be written it gives up and tries again at once, for
// ever. For a log, a manifest or the marker of one it ends the process: the calls that go on would end with it. So those wait until there is
// room, and who waits for them is told ErrStalled meanwhile; and a table fails slowly.

// patientFS has files wait for room on the disk.
type patientFS struct{ vfs.FS }

// fullWait is the time between two attempts to write on a full disk.
const fullWait = 200 * time.Millisecond

// vital reports whether the process would end for want of a file.
func vital(base string) bool {
	return strings.HasSuffix(base, logEnd) || strings.HasPrefix(base, manifestStart) || strings.HasPrefix(base, "marker.")
}

// isFull: the disk, or what its owner may have of it, is used up.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// Create implements vfs.FS.
func (p patientFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	base := p.PathBase(name)
	for {
		file, err := p.FS.Create(name, category)
		switch {
		case err == nil:
			return &patientFile{File: file, vital: vital(base)}, nil
		case !isFull(err):
			return nil, err
		}
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
}

// Write implements vfs.File. Of a vital file all is written when it returns, however long that takes.
func (f *patientFile) Write(p []byte) (n int, err error) {
	for {
		k, err := f.File.Write(p[n:])
		n += k
		if err == nil || !isFull(err) {
			return n, err
		}
		time.Sleep(fullWait)
		if !f.vital {
			return n, err
		}
	}
}
