// Package mediatest is what tests and measurements of media stand on: network
// namespaces joined by cables of their own, generators that number, time and
// fingerprint every RTP packet, and judges that say of every packet received
// whether it is the one that was due, at the right port, in order, intact and
// under other identifiers.
package mediatest

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace without a name: a machine with interfaces, addresses and ports of its own. It
// lives while its file is open or a process runs in it, so that a test that is killed leaves nothing behind.
type Namespace struct{ file *os.File }

// ErrNoNamespace: this user may not make a network namespace; root may.
var ErrNoNamespace = errors.New("no network namespace may be made here; run as root")

// own is the namespace of the calling thread; the process's may be another.
const own = "/proc/thread-self/ns/net"

// NewNamespace makes an empty one. Its loopback is down.
func NewNamespace() (n *Namespace, err error) {
	err = elsewhere(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); errors.Is(err, unix.EPERM) {
			return ErrNoNamespace
		} else if err != nil {
			return fmt.Errorf("a network namespace: %w", err)
		}
		file, err := os.Open(own)
		n = &Namespace{file}
		return err
	})
	return n, err
}

// Here is the namespace of the calling thread.
func Here() (*Namespace, error) {
	file, err := os.Open(own)
	if err != nil {
		return nil, err
	}
	return &Namespace{file}, nil
}

// Do runs f in the namespace: every socket that it opens and every program that it starts is there, and stays there.
// Goroutines that it starts are not.
func (n *Namespace) Do(f func() error) error {
	return elsewhere(func() error {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("entering a network namespace: %w", err)
		}
		return f()
	})
}

// elsewhere runs f, which takes the calling thread to another namespace, and brings it back.
func elsewhere(f func() error) error {
	here, err := os.Open(own)
	if err != nil {
		return err
	}
	defer here.Close()
	runtime.LockOSThread()
	defer func() {
		// A thread that cannot go back stays locked, so that no other goroutine finds itself there.
		if unix.Setns(int(here.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	return f()
}

// File is what keeps the namespace alive, for programs that take a namespace by its file.
func (n *Namespace) File() *os.File { return n.file }

// Close lets go of the namespace.
func (n *Namespace) Close() error { return n.file.Close() }
