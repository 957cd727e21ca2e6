// Command media measures the relay of package media beside Debian's rtpengine: in one run, on the same generated
// streams, in networks of its own. A relay and the kernel's threads that receive for it have one processor, the
// generator and the judge of all packets another, so that what relaying costs is accounted to who does it.
//
//	go run ./cmd/bench/media -calls 1000 -runs 5
//
// Every packet is numbered, timed and fingerprinted, and judged where it comes out: right port, right order, intact,
// under which identifiers. It needs root, two processors, iproute2 and, unless -rtpengine=false, rtpengine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mask700/cmd/bench/media/trial"
	"mask700/media/mediatest"
)

// Paths that packets may take through mask700.
const (
	pathUser   = "user"
	pathKernel = "kernel"
	pathBoth   = "both"
)

// options are the flags.
type options struct {
	calls     int
	window    time.Duration
	warm      time.Duration
	runs      int
	path      string
	rtpengine bool
	trial     bool
	threads   int
	tick      time.Duration
	relayCPU  int
	rigCPU    int
	calm      bool
	out       string
	lock      string

	stair    bool
	stairTop int

	soak   time.Duration
	change time.Duration
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == relayCommand {
		if err := serve(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "relay:", err)
			os.Exit(1)
		}
		return
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench-media:", err)
		}
		cancel()
		os.Exit(1)
	}
}

// parse reads the flags.
func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("media", flag.ContinueOnError)
	flags.IntVar(&o.calls, "calls", 1000, "two-way calls at once")
	flags.DurationVar(&o.window, "window", 4*time.Second, "measured of each relay in each run")
	flags.DurationVar(&o.warm, "warm", 4*time.Second, "traffic before the first run; rtpengine takes 3 s to learn where its parties are")
	flags.IntVar(&o.runs, "runs", 5, "runs; in each, every relay is measured once, in changing order")
	flags.StringVar(&o.path, "path", pathBoth, "of mask700: user, kernel or both")
	flags.BoolVar(&o.rtpengine, "rtpengine", true, "measure rtpengine beside it")
	flags.BoolVar(&o.trial, "trial", false, "measure beside them bare relays that ask the kernel for packets in other ways")
	flags.IntVar(&o.threads, "rtpengine-threads", 1, "threads of rtpengine")
	flags.DurationVar(&o.tick, "tick", 100*time.Microsecond, "how often the generator wakes up to send what is due")
	flags.IntVar(&o.relayCPU, "relay-cpu", 0, "processor of the relays")
	flags.IntVar(&o.rigCPU, "rig-cpu", 1, "processor of generator and judge")
	flags.StringVar(&o.out, "out", "artifacts/bench-media", "directory for the figures, the commands and what the relays say")
	flags.StringVar(&o.lock, "lock", "", "file to lock while something is measured (flock), for benches that share a machine")
	flags.BoolVar(&o.stair, "stair", false, "find the highest rates instead: more calls step by step")
	flags.IntVar(&o.stairTop, "stair-calls", 3000, "calls at the top of the stair")
	flags.DurationVar(&o.soak, "soak", 0, "keep mask700's calls busy for so long instead, and see that nothing is lost or misdelivered")
	flags.DurationVar(&o.change, "change", 200*time.Millisecond, "of a soak: a call ends and another begins so often; 0: none")
	flags.BoolVar(&o.calm, "calm", true, "go before all other work of the machine; without, the figures are those of a busy machine")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("%q is not a flag", flags.Arg(0))
	case o.calls < 1 || o.calls > maxCalls || o.stairTop < stairSteps || o.stairTop > maxCalls:
		return o, fmt.Errorf("-calls must be from 1 to %d, -stair-calls from %d", maxCalls, stairSteps)
	case o.window < 100*time.Millisecond || o.runs < 1 || o.warm < 0 || o.threads < 1 || o.tick < 10*time.Microsecond:
		return o, errors.New("-window must be at least 100ms, -tick 10us, -runs and -rtpengine-threads 1, -warm 0")
	case o.soak < 0 || o.change < 0 || o.change > 0 && o.change < 20*time.Millisecond:
		return o, errors.New("-soak must not be below 0, -change 0 or at least 20ms")
	case o.soak > 0 && o.path == pathBoth:
		return o, errors.New("-soak takes one path")
	case o.path != pathUser && o.path != pathKernel && o.path != pathBoth:
		return o, fmt.Errorf("-path must be %s, %s or %s", pathUser, pathKernel, pathBoth)
	case o.relayCPU == o.rigCPU || min(o.relayCPU, o.rigCPU) < 0 || max(o.relayCPU, o.rigCPU) >= runtime.NumCPU():
		return o, fmt.Errorf("-relay-cpu and -rig-cpu must be two of the %d processors", runtime.NumCPU())
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	if err := pinSelf(o.rigCPU); err != nil {
		return err
	}
	b := &bench{options: o, where: layout{relay: o.relayCPU, rig: o.rigCPU, urgent: o.calm}, out: out}
	if b.notes, err = os.Create(filepath.Join(o.out, "relays.log")); err != nil {
		return err
	}
	defer b.notes.Close()
	switch {
	case o.soak > 0:
		return b.soakLong(ctx)
	case o.stair:
		return b.climb(ctx)
	}
	return b.compare(ctx)
}

// bench is a measurement.
type bench struct {
	options
	where layout
	out   io.Writer
	notes *os.File // what the relays say
	raw   []sample
}

// relays are the names of those to measure.
func (b *bench) relays() (names []string) {
	if b.rtpengine {
		names = append(names, nameRTPengine)
	}
	if b.path != pathKernel {
		names = append(names, nameUser)
	}
	if b.path != pathUser {
		names = append(names, nameKernel)
	}
	if b.trial {
		for _, way := range trial.Ways {
			names = append(names, trialName+way)
		}
	}
	return names
}

// Names in tables and figures.
const (
	nameControl   = "none"
	nameRTPengine = "rtpengine"
	nameUser      = "mask700 user"
	nameKernel    = "mask700 kernel"
)

// lane builds the lane of a relay, with its calls open.
func (b *bench) lane(ctx context.Context, name string, calls int) (l *lane, err error) {
	if l, err = newLane(ctx, name, name != nameControl, b.where); err != nil {
		return nil, err
	}
	switch name {
	case nameRTPengine:
		l.relay, err = asRelay(startRTPengine(ctx, l.through(), b.where, b.threads, b.notes))
	case nameUser:
		l.relay, err = asRelay(startOurs(ctx, l.through(), b.where, []string{"-path=" + pathUser}, b.notes))
	case nameKernel:
		l.relay, err = asRelay(startOurs(ctx, l.through(), b.where, []string{"-path=" + pathKernel}, b.notes))
	}
	if way, ok := strings.CutPrefix(name, trialName); ok {
		l.relay, err = asRelay(startOurs(ctx, l.through(), b.where, []string{trialFlag, way}, b.notes))
	}
	if err == nil {
		err = l.fill(calls, 0, b.where, b.tick)
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// asRelay keeps a relay that was not started from looking like one.
func asRelay[R relay](r R, err error) (relay, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// pinSelf binds every thread of this program, and so all it will have.
func pinSelf(processor int) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		if err := mediatest.Pin(tid, processor); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// alone runs f while the lock file, if any, is locked.
func (b *bench) alone(f func() error) error {
	if b.lock == "" {
		return f()
	}
	file, err := os.OpenFile(b.lock, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer file.Close() // which unlocks it
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("%s: %w", b.lock, err)
	}
	return f()
}
