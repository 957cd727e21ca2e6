package store

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ballast is a file that holds room on the disk, to be given up when there is none: calls are recorded in that until somebody
// makes some. New bindings do not get it, they are refused long before.
type ballast struct {
	path string
	size uint64 // wanted
	held bool
}

// ballastFile is its name in the data directory.
const ballastFile = "reserve"

// Parts of the disk in percent: below the first it is given up, and it is at most so much as the second.
const (
	ballastLimit = 1
	ballastMost  = 2
)

// newBallast finds what an earlier process left.
func newBallast(dir string, size uint64) *ballast {
	b := &ballast{path: filepath.Join(dir, ballastFile), size: size}
	info, err := os.Stat(b.path)
	b.held = err == nil && info.Size() > 0
	return b
}

// see makes the file while there is plenty of room, and gives it up when there is none. It says whether it did the latter.
func (b *ballast) see(free, total uint64) (gone bool, err error) {
	size := min(b.size, total/100*ballastMost)
	switch {
	case b.held && free < total/100*ballastLimit:
		if err := os.Remove(b.path); err != nil && !errors.Is(err, iofs.ErrNotExist) {
			return false, fmt.Errorf("store: the reserve is not given up: %w", err)
		}
		b.held = false
		return true, nil
	case !b.held && size > 0 && free > total/100*leastFree+2*size:
		if err := b.hold(size); err != nil {
			return false, fmt.Errorf("store: no room is reserved: %w", errors.Join(err, os.Remove(b.path)))
		}
		b.held = true
	}
	return false, nil
}

func (b *ballast) hold(size uint64) error {
	f, err := os.OpenFile(b.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, int64(size))
	if errors.Is(err, unix.EOPNOTSUPP) { // a disk that gives room only to what is written
		zeros := make([]byte, 1<<20)
		err = nil
		for left := size; left > 0 && err == nil; left -= min(left, uint64(len(zeros))) {
			_, err = f.Write(zeros[:min(left, uint64(len(zeros)))])
		}
	}
	return errors.Join(err, f.Sync(), f.Close())
}
