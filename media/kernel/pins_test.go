package kernel

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pinned puts the test's thread into a mount namespace with a bpffs, and names a
// directory on it.
func pinned(t *testing.T) string {
	t.Helper()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := unix.Mount("bpf", root, "bpf", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(root, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(root, "mask700")
}

const childDir = "MASK700_TEST_PINS"

// child is the process that is killed: it makes an entry, lets it begin, says so
// and waits.
func child(t *testing.T, dir string) {
	tb := open(t, Options{Dir: dir})
	ready(t, tb, overLo)
	fmt.Println("ready")
	select {}
}

// reaches says whether a packet to the relay's port comes out where the entry
// sends it, or else at the relay's own socket.
func reaches(t *testing.T, h place) bool {
	t.Helper()
	source := h.dial(t, overLo.source, overLo.local)
	own, sink := h.listen(t, overLo.local), h.listen(t, overLo.to)
	defer source.Close()
	defer own.Close()
	defer sink.Close()
	if _, err := source.Write(rtp(8, 0, 960, "sound")); err != nil {
		t.Fatal(err)
	}
	came := make(chan bool, 2)
	for _, c := range []struct {
		read  interface{ Read([]byte) (int, error) }
		taken bool
	}{{sink, true}, {own, false}} {
		go func() {
			if _, err := c.read.Read(make([]byte, 100)); err == nil {
				came <- c.taken
			}
		}()
	}
	select {
	case taken := <-came:
		return taken
	case <-time.After(20 * time.Second):
		t.Fatal("the packet came nowhere")
		return false
	}
}

// startChild begins such a process, as the test of this name, and waits until it is
// ready.
func startChild(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	child, _ := startProcess(t, "TestEntriesOutliveAKilledProcessAndAreCleanedUp", childDir, dir)
	return child
}

// startProcess begins a test once more in a process of its own, which finds a directory
// in its environment, and waits until it is ready. It may be told to end.
func startProcess(t *testing.T, name, variable, dir string) (child *exec.Cmd, end io.Closer) {
	t.Helper()
	child = exec.Command(os.Args[0], "-test.run=^"+name+"$")
	child.Env = append(os.Environ(), variable+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if end, err = child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(child) })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	return child, end
}

func kill(child *exec.Cmd) {
	_ = child.Process.Kill() // maybe it was already
	_ = child.Wait()         // it was killed
}

func TestEntriesOutliveAKilledProcessAndAreCleanedUp(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		child(t, dir)
	}
	space(t)
	dir := pinned(t)
	h := here(t)
	child := startChild(t, dir)
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("beside a living process: %v", err)
	}
	if !reaches(t, h) {
		t.Error("the entry does nothing")
	}
	kill(child)
	if !reaches(t, h) {
		t.Error("the entry ended with the process")
	}
	tb := open(t, Options{Dir: dir})
	if reaches(t, h) {
		t.Error("an entry of the dead process was left")
	}
	if tb.String() != "lo" || !tb.Pinned() {
		t.Errorf("on %q, pinned %t", tb, tb.Pinned())
	}
	f, _ := ready(t, tb, overLo)
	if !reaches(t, h) {
		t.Error("no entry of ours")
	}
	if err := tb.Close(); err != nil {
		t.Error(err)
	}
	if reaches(t, h) {
		t.Error("an entry outlived Close")
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("pins left after Close: %v", err)
	}
	if f.Remove().Packets == 0 || tb.Close() != nil {
		t.Error("after Close")
	}
}

func TestWherePinsCannotBe(t *testing.T) {
	space(t)
	if _, err := Open(Options{Dir: filepath.Join(t.TempDir(), "pins")}); err == nil {
		t.Error("pins on a file system that has none")
	}
	// Where the system has mounted none, there is no directory.
	if dir := Dir("name"); dir != "" && filepath.Dir(dir) != bpffs {
		t.Errorf("%q", dir)
	}
}
