package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	tcx "github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// bpffs is where systems mount the file system of pins.
const bpffs = "/sys/fs/bpf"

// Dir is the directory for pins of a process with some name of its own, or ""
// where the file system of pins is not mounted.
func Dir(name string) string {
	if !mounted(bpffs) {
		return ""
	}
	return filepath.Join(bpffs, name)
}

func mounted(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.BPF_FS_MAGIC
}

// pins is a directory of pinned maps and links. Its lock ends with the process,
// so that who finds pins and gets the lock knows that they are a dead one's.
type pins struct {
	dir  string
	lock *os.File
	ours bool // of our user
}

// lockWait is how long a lock is waited for: somebody who cleans up after the dead
// holds it for moments, a living process for good.
const lockWait = 500 * time.Millisecond

// errReplaced says that a directory was removed while its lock was taken.
var errReplaced = errors.New("removed by another process")

// lockPins takes the lock of a directory that exists. A link in its place is not
// followed: who may make directories here must not lead us to pins of others.
func lockPins(dir string, wait time.Duration) (*pins, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("pins: %w", &fs.PathError{Op: "open", Path: dir, Err: err})
	}
	f := os.NewFile(uintptr(fd), dir)
	for end := time.Now().Add(wait); ; time.Sleep(10 * time.Millisecond) {
		err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
		if time.Now().After(end) {
			err = ErrInUse
			break
		}
	}
	var held, there unix.Stat_t
	if err == nil {
		err = unix.Fstat(fd, &held)
	}
	if err == nil && (unix.Lstat(dir, &there) != nil || there.Ino != held.Ino || there.Dev != held.Dev) {
		err = errReplaced
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pins in %s: %w", dir, err), f.Close())
	}
	return &pins{dir: dir, lock: f, ours: int(held.Uid) == os.Geteuid()}, nil
}

// notOurs says that pins failed because their file system is for others: as systemd
// mounts it, for root. A directory that we see there is another matter: it has
// another user's entries.
func notOurs(dir string, err error) bool {
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, unix.EROFS) {
		return false
	}
	_, there := os.Lstat(dir)
	return there != nil
}

// takePins makes the directory ours and empties it: links first, so that no
// program is left with half of its maps. What a dead process pinned is detached
// with that.
func takePins(dir string) (*pins, error) {
	if !mounted(filepath.Dir(dir)) {
		return nil, fmt.Errorf("pins in %s: not on a file system of type bpf", dir)
	}
	var p *pins
	for range 10 { // who removes it beside us does so once
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("pins: %w", err)
		}
		var err error
		if p, err = lockPins(dir, lockWait); err == nil {
			break
		} else if !errors.Is(err, errReplaced) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if p == nil {
		return nil, fmt.Errorf("pins in %s: %w", dir, errReplaced)
	}
	if !p.ours {
		return nil, errors.Join(fmt.Errorf("pins in %s: another user's directory", dir), p.lock.Close())
	}
	if err := p.empty(); err != nil {
		return nil, errors.Join(err, p.lock.Close())
	}
	return p, nil
}

const linkPrefix = "link-"

func (p *pins) empty() error {
	rest, err := os.ReadDir(p.dir)
	if err != nil {
		return fmt.Errorf("pins: %w", err)
	}
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return fmt.Errorf("pins: %w", err)
	}
	var links, maps []string
	for _, e := range rest {
		if strings.HasPrefix(e.Name(), linkPrefix) {
			links = append(links, e.Name())
		} else {
			maps = append(maps, e.Name())
		}
	}
	// Removing the last pin of a link takes its program off some time later, so it
	// is taken off first. What cannot be read as a link is only removed, and so is
	// what another user made, which may be a symbolic link to anybody's.
	var errs []error
	for _, name := range links {
		if p.ours {
			if l, err := tcx.LoadPinnedLink(filepath.Join(p.dir, name), nil); err == nil {
				errs = append(errs, takeOff(l), l.Close())
			}
		}
		errs = append(errs, root.Remove(name))
	}
	for _, name := range maps {
		errs = append(errs, root.Remove(name))
	}
	return errors.Join(append(errs, root.Close())...)
}

func (p *pins) maps(m *relayMaps) error {
	return errors.Join(
		m.Ports.Pin(filepath.Join(p.dir, relayMapPorts)),
		m.Slots.Pin(filepath.Join(p.dir, relayMapSlots)),
		m.Lease.Pin(filepath.Join(p.dir, relayMapLease)))
}

func (p *pins) link(l tcx.Link, index int) error {
	return l.Pin(filepath.Join(p.dir, linkPrefix+strconv.Itoa(index)))
}

// close removes the pins, the directory, and with it the lock.
func (p *pins) close() error {
	return errors.Join(p.empty(), os.Remove(p.dir), p.lock.Close())
}
