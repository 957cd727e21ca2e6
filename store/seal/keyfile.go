package seal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxKeyFile bounds what is read: a wrong path must not load a disk image into memory.
const maxKeyFile = 64 << 10

// LoadFile reads the master key of a file. fs.ErrNotExist when there is none; ErrKeyExposed when other users can
// read it or the group can write it (mode 0600, 0400 or 0440 is right); ErrKeyText and ErrKeyTyped for its text.
func LoadFile(path string) (Master, error) {
	f, err := os.Open(path)
	if err != nil {
		return Master{}, fmt.Errorf("seal: key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Master{}, fmt.Errorf("seal: key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return Master{}, fmt.Errorf("seal: key file %s is not a regular file", path)
	}
	if perm := info.Mode().Perm(); perm&0o027 != 0 {
		return Master{}, fmt.Errorf("%w: %s has mode %04o; chmod 600 it, and take a new key if others had access", ErrKeyExposed, path, perm)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return Master{}, fmt.Errorf("seal: key file: %w", err)
	}
	if len(text) > maxKeyFile {
		return Master{}, fmt.Errorf("%w: %s is too long", ErrKeyText, path)
	}
	m, err := ParseMaster(text)
	if err != nil {
		return Master{}, fmt.Errorf("%w (%s)", err, path)
	}
	return m, nil
}

// CreateFile writes m to a new file of mode 0600. When it returns, file and directory entry are on disk: rows sealed
// under the key may follow. ErrKeyExists when the path is taken, also by another process in the same moment; a crash
// leaves either the whole file or none.
func CreateFile(path string, m Master) error {
	dir := filepath.Dir(path)
	if err := makeDir(dir); err != nil {
		return fmt.Errorf("seal: make the key file's directory: %w", err)
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp") // made with mode 0600
	if err != nil {
		return fmt.Errorf("seal: make the key file: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(m.Text())
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("seal: write the key file: %w", err)
	}
	// A link, unlike a rename, never replaces: a key that exists is never lost.
	if err := os.Link(f.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%w: %s", ErrKeyExists, path)
		}
		return fmt.Errorf("seal: make the key file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("seal: make the key file: %w", err)
	}
	return syncDir(dir)
}

// makeDir makes what is missing of dir and syncs the directory above each that it made.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(dir)
	if above != dir {
		if err := makeDir(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(above)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("seal: sync the key file's directory: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("seal: sync the key file's directory: %w", err)
	}
	return nil
}

// Inside reports whether path lies within dir once symbolic links are followed. Neither has to exist yet: what is
// missing at the end of a path is taken as written.
func Inside(path, dir string) (bool, error) {
	path, err := resolve(path)
	if err != nil {
		return false, err
	}
	dir, err = resolve(dir)
	if err != nil {
		return false, err
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return false, fmt.Errorf("seal: compare paths: %w", err)
	}
	return rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}

// resolve follows the links of the longest part of path that exists.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return resolveAbs(abs, 0)
}

// maxLinks is the kernel's own bound on links followed in one path.
const maxLinks = 40

func resolveAbs(abs string, links int) (string, error) {
	real, err := filepath.EvalSymlinks(abs)
	if err == nil {
		return real, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("seal: %w", err)
	}
	parent := filepath.Dir(abs)
	if parent == abs {
		return abs, nil
	}
	// A link whose target is missing still decides where the file would be made.
	if target, err := os.Readlink(abs); err == nil {
		if links >= maxLinks {
			return "", fmt.Errorf("seal: too many links in %s", abs)
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(parent, target)
		}
		return resolveAbs(target, links+1)
	}
	real, err = resolveAbs(parent, links)
	if err != nil {
		return "", err
	}
	return filepath.Join(real, filepath.Base(abs)), nil
}

// ReplaceFile moves a key file over another, which is overwritten before its room is given free. When it returns, the
// move is on disk.
func ReplaceFile(from, to string) error {
	old, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("seal: key file: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		if old != nil {
			old.Close()
		}
		return fmt.Errorf("seal: key file: %w", err)
	}
	if err := syncDir(filepath.Dir(to)); err != nil || old == nil {
		return err
	}
	return wipe(old)
}

// RemoveFile removes a key file, and overwrites what was in it before its room is given free.
func RemoveFile(path string) error {
	old, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("seal: key file: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("seal: key file: %w", errors.Join(err, old.Close()))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return errors.Join(err, old.Close())
	}
	return wipe(old)
}

// wipe overwrites and closes a key file whose name is gone on disk: before that, a power cut could bring back the name of
// an empty file.
func wipe(old *os.File) error {
	defer old.Close()
	info, err := old.Stat()
	if err == nil {
		_, err = old.WriteAt(make([]byte, info.Size()), 0)
	}
	if err == nil {
		err = old.Sync()
	}
	if err != nil {
		return fmt.Errorf("seal: overwrite the old key: %w", err)
	}
	return nil
}
