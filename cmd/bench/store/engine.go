package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// engine is a store of bindings that is running.
type engine interface {
	// prepare makes what bindings up to a number need before any is there, and is no part of a bind.
	prepare(ctx context.Context, to int) error
	// load brings in bindings as fast as the engine can, durable once it returns.
	load(ctx context.Context, from, to int) error
	// bind makes one, durable once it returns.
	bind(ctx context.Context, n int) error
	// lookup finds what a call to binding n's number needs, and says whether it is there.
	lookup(ctx context.Context, n int) (bool, error)
	// settle lets it finish what it does behind its callers' backs.
	settle(ctx context.Context) error
	// size is what is on disk, and memory what it has in RAM, in bytes.
	size() (int64, error)
	memory() (int64, error)
	// again ends it without a warning and starts it: how long until it answers.
	again(ctx context.Context) (time.Duration, error)
	close() error
}

var starters = map[string]func(ctx context.Context, dir string, o options) (engine, error){
	"mask700": startOurs, "redis": startRedis, "postgresql": startPostgres,
}

// figures are what was measured of one engine.
type figures struct {
	name    string
	load    float64       // bindings a second
	rest    time.Duration // from then on until it was at rest
	binds   []rate        // by callers
	lookups rate
	fresh   float64 // bytes a binding as soon as they are loaded
	size    float64 // and once the engine is at rest
	memory  int64
	again   time.Duration
}

// rate is one measurement.
type rate struct {
	callers  int
	each     float64 // a second
	p50, p99 time.Duration
	cpu      time.Duration // of the whole machine, for one
}

// warmStride is how many bindings there are from one that is looked up before anything is measured to the next: fewer than a
// block of rows has.
const warmStride = 64

// lookupCallers look up at once.
const lookupCallers = 8

func measure(ctx context.Context, name string, o options) (f figures, err error) {
	dir := filepath.Join(o.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return f, err
	}
	f.name = name
	e, err := starters[name](ctx, dir, o)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, e.close(), os.RemoveAll(dir)) }()          // the next has the disk
	if err := errors.Join(e.prepare(ctx, o.base+later), e.settle(ctx)); err != nil { // at rest its log has no room kept on disk
		return f, err
	}
	empty, err := e.size()
	if err != nil {
		return f, err
	}
	stop, err := o.profiled(".load")
	if err != nil {
		return f, err
	}
	begun := time.Now()
	err = load(ctx, e, o)
	loaded := time.Now()
	f.load = float64(o.base) / loaded.Sub(begun).Seconds()
	if err := errors.Join(err, stop()); err != nil {
		return f, fmt.Errorf("loading: %w", err)
	}
	for _, size := range []*float64{&f.fresh, &f.size} {
		full, err := e.size()
		if err != nil {
			return f, err
		}
		*size = float64(full-empty) / float64(o.base)
		if err := e.settle(ctx); err != nil {
			return f, err
		}
		f.rest = cmp.Or(f.rest, time.Since(loaded))
	}
	if f.memory, err = e.memory(); err != nil {
		return f, err
	}
	next := atomic.Int64{}
	next.Store(int64(o.base))
	for _, callers := range o.callers {
		stop, err := o.profiled(fmt.Sprint(".", callers))
		if err != nil {
			return f, err
		}
		r, err := spin(ctx, callers, o.window, func(ctx context.Context, _ *rand.Rand) error {
			return e.bind(ctx, int(next.Add(1)-1))
		})
		if err := errors.Join(err, stop()); err != nil {
			return f, fmt.Errorf("binding: %w", err)
		}
		f.binds = append(f.binds, r)
	}
	if err := e.settle(ctx); err != nil {
		return f, err
	}
	look := func(ctx context.Context, r *rand.Rand) error {
		n := r.IntN(o.base)
		found, err := e.lookup(ctx, n)
		if err == nil && !found {
			err = fmt.Errorf("binding %d is not there", n)
		}
		return err
	}
	// Warm: as much as the engine's cache holds of what is looked up.
	if err := inParallel(lookupCallers, 0, o.base/warmStride, func(n int) error {
		_, err := e.lookup(ctx, n*warmStride)
		return err
	}); err != nil {
		return f, fmt.Errorf("warming: %w", err)
	}
	if _, err := spin(ctx, lookupCallers, o.window, look); err != nil {
		return f, fmt.Errorf("looking up: %w", err)
	}
	if f.lookups, err = spin(ctx, lookupCallers, o.window, look); err != nil {
		return f, fmt.Errorf("looking up: %w", err)
	}
	f.again, err = e.again(ctx)
	return f, err
}

// later is for how many bindings more than the base things are prepared: those that are bound when callers are measured.
const later = 1_500_000

// load loads the base, and says how it goes on where that takes long.
func load(ctx context.Context, e engine, o options) error {
	const step = 1_000_000
	begun := time.Now()
	for from := 0; from < o.base; from += step {
		to := min(from+step, o.base)
		if err := e.load(ctx, from, to); err != nil {
			return err
		}
		size, err := e.size()
		if err != nil {
			return err
		}
		if size > o.disk<<30 {
			return fmt.Errorf("%d bindings take %.1f GiB on disk; -disk allows %d", to, float64(size)/(1<<30), o.disk)
		}
		if to%(10*step) == 0 {
			fmt.Fprintf(os.Stderr, "bench-store: %d bindings loaded, %.0f a second, %.1f GiB\n", to, float64(to)/time.Since(begun).Seconds(), float64(size)/(1<<30))
		}
	}
	return nil
}

// spin has callers do something for a while, each as soon as its last is done.
func spin(ctx context.Context, callers int, window time.Duration, do func(context.Context, *rand.Rand) error) (rate, error) {
	took := make([][]time.Duration, callers)
	errs := make([]error, callers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before, err := machine()
	if err != nil {
		return rate{}, err
	}
	begun := time.Now()
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(c), 1))
			for time.Since(begun) < window {
				at := time.Now()
				if errs[c] = do(ctx, random); errs[c] != nil {
					cancel()
					return
				}
				took[c] = append(took[c], time.Since(at))
			}
		})
	}
	all.Wait()
	elapsed := time.Since(begun)
	after, err := machine()
	if err := errors.Join(first(errs), err); err != nil {
		return rate{}, err
	}
	each := slices.Concat(took...)
	slices.Sort(each)
	n := len(each)
	return rate{callers: callers, each: float64(n) / elapsed.Seconds(), p50: each[n/2], p99: each[n*99/100], cpu: (after - before) / time.Duration(n)}, nil
}

// profiled writes what the processors do from now on to a file, until stop is called.
func (o options) profiled(what string) (stop func() error, err error) {
	if o.profile == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(o.profile + what)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// residentOf is what a process has in RAM.
func residentOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	var total, resident, shared int64
	if _, err := fmt.Sscan(string(text), &total, &resident, &shared); err != nil {
		return 0, err
	}
	return resident * int64(unix.Getpagesize()), nil
}

// machine is the processor time of all that ran since the machine started.
func machine() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	var name string
	var user, nice, system, idle, wait, irq, softirq int64
	if _, err := fmt.Sscan(string(text), &name, &user, &nice, &system, &idle, &wait, &irq, &softirq); err != nil {
		return 0, err
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 wherever Linux runs
	return time.Duration(user+nice+system+irq+softirq) * tick, nil
}

// sizeOf is what a directory takes on disk.
func sizeOf(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // it was just deleted
		}
		if err != nil || d.IsDir() {
			return err
		}
		var st unix.Stat_t
		if e := unix.Lstat(path, &st); e == nil {
			sum += st.Blocks * 512
		}
		return nil
	})
	return sum, err
}
