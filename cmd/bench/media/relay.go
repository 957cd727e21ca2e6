package main

import (
	"context"
	"errors"
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

// Addresses of a relay toward its two sides, of the router there, and of the
// network of the parties behind it. Every relay has a network of its own, so that
// they are the same for all.
var (
	gates   = [2]netip.Prefix{netip.MustParsePrefix("10.71.0.1/24"), netip.MustParsePrefix("10.72.0.1/24")}
	routers = [2]netip.Addr{netip.MustParseAddr("10.71.0.2"), netip.MustParseAddr("10.72.0.2")}
	behind  = [2]netip.Prefix{netip.MustParsePrefix("10.73.0.0/16"), netip.MustParsePrefix("10.74.0.0/16")}
)

// party is the address of a party: each has its own.
func party(side, place int) netip.AddrPort {
	a := behind[side].Addr().As4()
	a[2], a[3] = byte(place>>8), byte(place)
	return netip.AddrPortFrom(netip.AddrFrom4(a), uint16(firstParty+2*place))
}

// Ports: those of the parties from the first, those of a relay in a range.
const (
	firstParty = 10000
	lowestPort = 20000
	topPort    = 65001
)

// maxCalls is how many calls have ports.
const maxCalls = (topPort - lowestPort) / 2 / 2 // some rest, some are drawn badly

// start starts a program in a namespace, on a processor of its own if it has one:
// then it goes before all else that is there, but not before the threads that
// receive for it. It may open as many files as this program may.
func start(ctx context.Context, in *mediatest.Namespace, where layout, cmd *exec.Cmd) error {
	return in.Do(func() error {
		// A program starts with what the thread has that starts it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if where.relay >= 0 {
			var before unix.CPUSet
			if err := unix.SchedGetaffinity(0, &before); err != nil {
				return err
			}
			if err := errors.Join(mediatest.Pin(0, where.relay), mediatest.Urge(0, where.priority(mediatest.Urgent))); err != nil {
				return err
			}
			defer func() {
				// As it was before, which is always allowed.
				_ = unix.SchedSetaffinity(0, &before)
				_ = mediatest.Urge(0, mediatest.Normal)
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
