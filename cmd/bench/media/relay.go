package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"

	"mask700/media/mediatest"
)

// call is a two-way call: where its parties are, and the relay's ports toward them.
type call struct {
	ID    uint32            `json:"id"`
	Party [2]netip.AddrPort `json:"party"`
	Relay [2]netip.AddrPort `json:"relay"`
}

// relay is a program that relays media, already running.
type relay interface {
	// open opens calls and fills in the relay's ports.
	open(calls []call) error
	// end ends calls.
	end(calls []call) error
	// dropped says in words what the relay says that it did not relay.
	dropped() (string, error)
	// command is how it was started.
	command() string
	pid() int
	stop() error
}

// Addresses of a relay toward its two sides, and of all parties there. Every relay
// has a network of its own, so that they are the same for all.
var (
	gates   = [2]netip.Prefix{netip.MustParsePrefix("10.71.0.1/24"), netip.MustParsePrefix("10.72.0.1/24")}
	parties = [2]netip.Addr{netip.MustParseAddr("10.71.0.2"), netip.MustParseAddr("10.72.0.2")}
)

// Ports: those of the parties from the first, those of a relay in a range.
const (
	firstParty = 10000
	lowestPort = 20000
	topPort    = 65001
)

// maxCalls is how many calls have ports.
const maxCalls = (topPort - lowestPort) / 2 / 2 // some rest, some are drawn badly

// start starts a program in a namespace, on a processor of its own if it has one:
// then it goes before what else there is on the machine. It may open as many files
// as this program may.
func start(ctx context.Context, in *mediatest.Namespace, processor int, cmd *exec.Cmd) error {
	return in.Do(func() error {
		// A program starts with what the thread has that starts it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if processor >= 0 {
			var before unix.CPUSet
			if err := unix.SchedGetaffinity(0, &before); err != nil {
				return err
			}
			if err := errors.Join(mediatest.Pin(0, processor), prefer(0)); err != nil {
				return err
			}
			defer func() {
				// As it was before, which is always allowed.
				_ = unix.SchedSetaffinity(0, &before)
				_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 0)
			}()
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		var files unix.Rlimit
		pid := cmd.Process.Pid
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &files); err != nil {
			return err
		}
		files.Cur = files.Max
		return errors.Join(unix.Prlimit(pid, unix.RLIMIT_NOFILE, &files, nil), ctx.Err())
	})
}

// prefer gives a thread the most of its processor that others can be kept from,
// and leaves how it and others that are preferred take turns.
func prefer(tid int) error {
	if err := unix.Setpriority(unix.PRIO_PROCESS, tid, -20); err != nil {
		return fmt.Errorf("thread %d: %w", tid, err)
	}
	return nil
}
