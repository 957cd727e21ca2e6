package kernel

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	userDir  = "MASK700_TEST_USER_DIR"
	userPins = "MASK700_TEST_USER_PINS" // "yes": they can be
)

// capable copies the test's program to where anybody may run it, with the
// capabilities of a setcap.
func capable(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "program")
	from, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		t.Fatal(err)
	}
	// struct vfs_cap_data of linux/capability.h.
	const revision2, effective = 0x02000000, 1
	var has [5]uint32
	has[0] = revision2 | effective
	for _, c := range []int{unix.CAP_NET_ADMIN, unix.CAP_BPF, unix.CAP_PERFMON} {
		has[1+c/32*2] |= 1 << (c % 32)
	}
	var value []byte
	for _, w := range has {
		value = binary.LittleEndian.AppendUint32(value, w)
	}
	if err := unix.Setxattr(path, "security.capability", value, 0); err != nil {
		t.Fatal(err)
	}
	return path
}

// A user who is not root has the kernel's path by setcap alone, and pins where the
// system lets that user make some.
func TestSetcapIsEnough(t *testing.T) {
	if dir := os.Getenv(userDir); dir != "" {
		asUser(t, dir, os.Getenv(userPins) == "yes")
		return
	}
	space(t)
	wire(t)
	dir := pinned(t)
	root := filepath.Dir(dir)
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	program := capable(t, filepath.Dir(root))
	for _, c := range []struct {
		name string
		mode os.FileMode
		ro   uintptr
		pins string
	}{
		{"root's alone", 0o700, 0, "no"},
		{"to be looked at", 0o755, 0, "no"},
		{"not to be written to", os.ModeSticky | 0o777, unix.MS_RDONLY, "no"},
		{"everybody's", os.ModeSticky | 0o777, 0, "yes"},
	} {
		if err := errors.Join(unix.Mount("", root, "", unix.MS_REMOUNT, ""), os.Chmod(root, c.mode),
			unix.Mount("", root, "", unix.MS_REMOUNT|c.ro, "")); err != nil {
			t.Fatal(err)
		}
		child := exec.Command(program, "-test.run=^TestSetcapIsEnough$")
		child.Env = append(os.Environ(), userDir+"="+dir, userPins+"="+c.pins)
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
	}
	// Another user's entries are not passed over.
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(program, "-test.run=^TestSetcapIsEnough$")
	child.Env = append(os.Environ(), userDir+"="+dir, userPins+"=no")
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
	if out, err := child.CombinedOutput(); err == nil || !strings.Contains(string(out), "permission denied") {
		t.Errorf("beside another user's: %v\n%s", err, out)
	}
}

func asUser(t *testing.T, dir string, pins bool) {
	if os.Geteuid() != somebody {
		t.Fatalf("user %d", os.Geteuid())
	}
	var told []string
	tb, err := Open(Options{Entries: 8, Dir: dir, Notice: func(s string) { told = append(told, s) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []legs{over4, over6, overLo} {
		f, _ := ready(t, tb, l)
		if f.Remove().Packets != 1 {
			t.Error("nothing relayed")
		}
	}
	if tb.Pinned() != pins || pins && gone(dir) {
		t.Errorf("pinned %t", tb.Pinned())
	}
	if err := tb.Close(); err != nil {
		t.Error(err)
	}
	if pins && (len(told) != 0 || !gone(dir)) || !pins && (len(told) != 1 || !strings.Contains(told[0], "nothing is pinned")) {
		t.Errorf("told %q", told)
	}
}
