package ring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"mask700/store/seal"
)

// maxFile bounds what is read: a wrong path must not fill the memory. A million keys fit.
const maxFile = 512 << 20

// openFile opens and locks what stands at path.
func openFile(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("ring: %w", err)
		}
		same, err := lock(f, path)
		if err != nil {
			f.Close()
			return nil, err
		}
		if same {
			return f, nil
		}
		f.Close() // another process has just put a new one there
	}
}

// lock locks f, and says whether it still stands at path.
func lock(f *os.File, path string) (same bool, err error) {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, fmt.Errorf("%w (%s)", ErrInUse, path)
		}
		return false, fmt.Errorf("ring: lock %s: %w", path, err)
	}
	mine, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("ring: %w", err)
	}
	if !mine.Mode().IsRegular() {
		return false, fmt.Errorf("ring: %s is not a regular file", path)
	}
	if perm := mine.Mode().Perm(); perm&0o027 != 0 {
		return false, fmt.Errorf("%w: %s has mode %04o; chmod 600 it", seal.ErrKeyExposed, path, perm)
	}
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ring: %w", err)
	}
	return os.SameFile(mine, there), nil
}

func readAll(f *os.File) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(io.NewSectionReader(f, 0, maxFile+1), maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("ring: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%w (it is too long)", ErrDamaged)
	}
	return text, nil
}

// writeBeside writes a new file beside path, locked and on disk, for place to move there.
func writeBeside(path string, text []byte) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp") // made with mode 0600
	if err != nil {
		return nil, fmt.Errorf("ring: the file of keys cannot be written anew; its directory must be the server's to write in: %w", err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		return nil, fmt.Errorf("ring: %w", errors.Join(err, f.Close(), os.Remove(f.Name())))
	}
	return f, nil
}

// syncDir has the names in the directory of path on disk.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	return nil
}

// wipe overwrites what has no name any more, and closes it. On a disk that writes elsewhere (an SSD, a file system that
// copies on write) what was there may stay until that is used again.
func wipe(f *os.File, size int64) error {
	_, err := f.WriteAt(make([]byte, size), 0)
	return errors.Join(err, f.Sync(), f.Close())
}
