package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Clean removes the pins that a dead process left in a directory, and with them
// its entries, which would go on taking packets from the ports of whoever has them
// next. Pins of a living process stay, and none at all, or "", are no error. It
// needs no privilege but that of the directory's owner.
func Clean(dir string) error {
	if dir == "" {
		return nil
	}
	return clean(dir, lockWait)
}

func clean(dir string, wait time.Duration) error {
	p, err := lockPins(dir, wait)
	switch {
	case err == nil:
		err = p.close()
	case errors.Is(err, ErrInUse), errors.Is(err, errReplaced), errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrPermission) && hidden(filepath.Dir(dir)):
		return fmt.Errorf("%w: %w", ErrHidden, err)
	}
	if err != nil {
		return fmt.Errorf("what a dead process may have left in the kernel cannot be removed: %w: "+
			"as its owner, remove the directory %s", err, dir)
	}
	return nil
}

// ErrHidden says that it cannot be seen whether there are pins.
var ErrHidden = errors.New("whether a dead process left pins cannot be seen")

// CleanOthers does the same for every directory beside dir whose name begins alike,
// and tells what stays.
func CleanOthers(dir, prefix string) []error {
	if dir == "" {
		return nil
	}
	// A pattern that is well formed has no other error.
	others, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), prefix+"*"))
	var errs []error
	for _, other := range others {
		if other == dir {
			continue
		}
		if err := clean(other, 0); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// hidden says whether we may not look up names in a directory.
func hidden(dir string) bool {
	return unix.Faccessat(unix.AT_FDCWD, dir, unix.X_OK, unix.AT_EACCESS) != nil
}
