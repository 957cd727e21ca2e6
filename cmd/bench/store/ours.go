package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"mask700/binding"
	"mask700/store"
)

// ours is mask700's store, in this process as it is in the server's.
type ours struct {
	dir     string
	options store.Options
	db      *store.DB
	made    func(n int) binding.Binding
	piece   int // bindings that one call imports
	blocks  struct {
		sync.Mutex // protects held, and that a block is added once
		held       int
	}
}

func startOurs(_ context.Context, dir string, o options) (engine, error) {
	e := &ours{dir: dir, made: bindingOf, piece: o.piece, options: store.Options{
		Dir: filepath.Join(dir, "data"), KeyFile: filepath.Join(dir, "key"), CacheSize: o.cache,
		Logger: slog.New(slog.DiscardHandler),
		// What a server keeps free of its disk is no part of the measurement.
		DiskUsage: func() (free, total uint64, err error) { return 1 << 40, 1 << 40, nil },
	}}
	var err error
	e.db, err = store.Open(e.options)
	return e, err
}

// hold adds the blocks up to that of a binding.
func (e *ours) hold(ctx context.Context, n int) error {
	want := n/perBlock + 1
	e.blocks.Lock()
	defer e.blocks.Unlock()
	for ; e.blocks.held < want; e.blocks.held++ {
		b := e.made(e.blocks.held * perBlock)
		for _, x := range []binding.X{b.X, b.Y} {
			if x == 0 {
				continue
			}
			err := e.db.AddBlock(ctx, binding.BlockState{
				Block: x.Block(), State: binding.BlockOpen, AddedAt: began, Tenant: binding.DefaultTenant,
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *ours) prepare(ctx context.Context, to int) error { return e.hold(ctx, to) }

func (e *ours) load(ctx context.Context, from, to int) error {
	for ; from < to; from += e.piece {
		some := make([]binding.Binding, min(e.piece, to-from))
		const share = 1000 // bindings that one goroutine makes at a time
		err := inParallel(runtime.NumCPU(), 0, (len(some)+share-1)/share, func(k int) error {
			for i := k * share; i < min((k+1)*share, len(some)); i++ {
				some[i] = e.made(from + i)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := first(e.db.Import(ctx, some)); err != nil {
			return err
		}
	}
	return nil
}

// inParallel does something for each number of a range, from so many goroutines.
func inParallel(goroutines, from, to int, do func(n int) error) error {
	var next atomic.Int64
	next.Store(int64(from))
	errs := make([]error, goroutines)
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for n := int(next.Add(1) - 1); n < to && errs[g] == nil; n = int(next.Add(1) - 1) {
				errs[g] = do(n)
			}
		})
	}
	all.Wait()
	return first(errs)
}

// first is the first error of many that are likely to be the same.
func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *ours) bind(ctx context.Context, n int) error {
	if n%perBlock == 0 {
		if err := e.hold(ctx, n); err != nil {
			return err
		}
	}
	return e.db.Bind(ctx, e.made(n))
}

func (e *ours) lookup(ctx context.Context, n int) (bool, error) {
	rows, err := e.db.Candidates(ctx, numberOf(n), time.Now())
	return len(rows) > 0 && rows[0].ID == idOf(n), err
}

// quiet is for how long nothing on disk may change of a store at rest.
const quiet = 2 * time.Second

func (e *ours) settle(ctx context.Context) error {
	// Closing flushes what is in memory.
	if err := e.db.Close(); err != nil {
		return err
	}
	var err error
	if e.db, err = store.Open(e.options); err != nil {
		return err
	}
	tick := time.NewTicker(quiet / 10)
	defer tick.Stop()
	before, since := e.db.Stats().Bindings.Bytes, time.Now()
	for time.Since(since) < quiet {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if now := e.db.Stats().Bindings.Bytes; now != before {
			before, since = now, time.Now()
		}
	}
	return nil
}

func (e *ours) size() (int64, error) { return sizeOf(e.options.Dir) }

// memory is without what the load has left to be collected: no server has that many bindings in hand at once.
func (e *ours) memory() (int64, error) {
	debug.FreeOSMemory()
	return residentOf(os.Getpid())
}

func (e *ours) close() error { return e.db.Close() }

// victimCommand as first argument makes this program a process that binds until it is killed.
const victimCommand = "victim"

// again has a process of its own bind as fast as it can, kills it and opens what it left.
func (e *ours) again(ctx context.Context) (took time.Duration, err error) {
	if err := e.db.Close(); err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			return
		}
		begun := time.Now()
		if e.db, err = store.Open(e.options); err == nil {
			_, err = e.lookup(ctx, 0)
		}
		took = time.Since(begun)
	}()
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, victimCommand, e.dir, strconv.Itoa(e.blocks.held))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, err = bufio.NewReader(out).ReadString('\n') // it has bound its share
	err = errors.Join(err, cmd.Process.Kill())
	_, _ = io.Copy(io.Discard, out)
	if state := cmd.Wait(); state == nil {
		err = errors.Join(err, errors.New("the process that was to be killed ended by itself"))
	}
	return 0, err
}

// victimBinds is how much a victim has bound when it is killed: a table's worth and more is in its log.
const victimBinds = 50_000

func victim(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%s DIR BLOCKS", victimCommand)
	}
	e, err := startOurs(context.Background(), args[0], options{cache: 64 << 20})
	if err != nil {
		return err
	}
	o := e.(*ours)
	held, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	o.blocks.held = held
	from := held * perBlock
	return inParallel(256, from, from+1<<40, func(n int) error {
		if n == from+victimBinds {
			fmt.Println("bound")
		}
		return o.bind(context.Background(), n)
	})
}
