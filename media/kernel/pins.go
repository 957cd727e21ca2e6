package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

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
}

// takePins makes the directory ours and empties it: links first, so that no
// program is left with half of its maps. What a dead process pinned is detached
// with that.
func takePins(dir string) (*pins, error) {
	if !mounted(filepath.Dir(dir)) {
		return nil, fmt.Errorf("pins in %s: not on a file system of type bpf", dir)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("pins: %w", err)
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("pins: %w", err)
	}
	p := &pins{dir: dir, lock: f}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, errors.Join(fmt.Errorf("pins in %s: %w", dir, err), f.Close())
	}
	if err := p.empty(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

const linkPrefix = "link-"

func (p *pins) empty() error {
	links, err := filepath.Glob(filepath.Join(p.dir, linkPrefix+"*"))
	if err != nil {
		return fmt.Errorf("pins: %w", err)
	}
	// Removing the last pin of a link takes its program off some time later, so it
	// is taken off first. What cannot be read as a link is only removed.
	var errs []error
	for _, name := range links {
		if l, err := tcx.LoadPinnedLink(name, nil); err == nil {
			errs = append(errs, takeOff(l), l.Close())
		}
		errs = append(errs, os.Remove(name))
	}
	rest, err := os.ReadDir(p.dir)
	errs = append(errs, err)
	for _, e := range rest {
		errs = append(errs, os.Remove(filepath.Join(p.dir, e.Name())))
	}
	return errors.Join(errs...)
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
