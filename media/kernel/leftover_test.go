package kernel

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

const somebody = 12345 // a user that is not us

// leave makes a directory with a pin as a dead process of some user left it.
func leave(t *testing.T, dir string, user int) {
	t.Helper()
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	pin := filepath.Join(dir, "map")
	if err := errors.Join(os.Mkdir(dir, 0o700), m.Pin(pin), os.Chown(pin, user, user), os.Chown(dir, user, user)); err != nil {
		t.Fatal(err)
	}
}

func gone(dir string) bool {
	_, err := os.Lstat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

// powerless takes the capabilities of the test's thread, which ends with the test,
// and gives a way to have them again.
func powerless(t *testing.T) (again func()) {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had [2]unix.CapUserData
	if err := unix.Capget(&header, &had[0]); err != nil {
		t.Fatal(err)
	}
	none := had
	none[0].Effective, none[1].Effective = 0, 0
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Capset(&header, &had[0]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLeftoversAreRemovedWithoutTheKernelsPath(t *testing.T) {
	space(t)
	dir := pinned(t)
	h := here(t)
	other := dir + "-other"
	for name, clean := range map[string]func() error{
		"ours":      func() error { return Clean(dir) },
		"another's": func() error { return errors.Join(CleanOthers(other, "mask700")...) },
	} {
		child := startChild(t, dir)
		if err := clean(); err != nil || !reaches(t, h) {
			t.Errorf("%s: a living process lost its entries, %v", name, err)
		}
		kill(child)
		if !reaches(t, h) {
			t.Errorf("%s: nothing was left", name)
		}
		if err := clean(); err != nil || !gone(dir) {
			t.Errorf("%s: not removed: %v", name, err)
		}
		if reaches(t, h) {
			t.Errorf("%s: an entry works on", name)
		}
		if err := clean(); err != nil {
			t.Errorf("%s: with nothing left: %v", name, err)
		}
	}
	// Those of another user are removed too, where we may.
	child := startChild(t, dir)
	kill(child)
	if err := os.Chown(dir, somebody, somebody); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); err == nil {
		t.Error("pins of ours in another user's directory")
	}
	if errs := CleanOthers(other, "mask700"); errs != nil || !gone(dir) {
		t.Errorf("another user's: %v", errs)
	}
	until(t, "the end of another user's entries", func() bool { return !reaches(t, h) })
}

func TestLeftoversThatCannotBeRemoved(t *testing.T) {
	space(t)
	dir := pinned(t)
	other := dir + "-other"
	leave(t, dir, somebody)
	again := powerless(t)
	if err := Clean(dir); err == nil || errors.Is(err, ErrHidden) || !strings.Contains(err.Error(), "remove the directory "+dir) {
		t.Errorf("ours: %v", err)
	}
	if errs := CleanOthers(other, "mask700"); len(errs) != 1 || !strings.Contains(errs[0].Error(), dir) {
		t.Errorf("another's: %v", errs)
	}
	again()
	if gone(dir) {
		t.Error("removed without a right to")
	}
	// A file system of pins that is root's alone, as some systems mount it.
	root := filepath.Dir(dir)
	if err := errors.Join(os.Chown(root, somebody, somebody), os.Chmod(root, 0o700)); err != nil {
		t.Fatal(err)
	}
	again = powerless(t)
	if err := Clean(dir); !errors.Is(err, ErrHidden) {
		t.Errorf("hidden: %v", err)
	}
	again()
	if err := Clean(""); err != nil || CleanOthers("", "mask700") != nil {
		t.Errorf("without such a file system: %v", err)
	}
}

// Who may make directories cannot have pins of others removed.
func TestALinkIsNotFollowed(t *testing.T) {
	space(t)
	dir := pinned(t)
	precious := filepath.Join(filepath.Dir(dir), "precious")
	leave(t, precious, 0)
	if err := os.Symlink(precious, dir); err != nil {
		t.Fatal(err)
	}
	if err := Clean(dir); err == nil {
		t.Error("a link was taken for a directory")
	}
	if errs := CleanOthers(dir+"-other", "mask700"); len(errs) != 1 {
		t.Errorf("%v", errs)
	}
	if gone(filepath.Join(precious, "map")) {
		t.Error("the pin behind the link was removed")
	}
}
