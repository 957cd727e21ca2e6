// Command store measures the store of bindings beside Redis and PostgreSQL, which it starts itself: the same bindings,
// in one run, on the same disk. A bind is durable when it is counted: synced to disk, with its row on the number, its
// row by id, the index of both parties, the order's index and its time of expiry. Rows are sealed and indexes are keyed
// hashes in all three.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	base    int           // bindings before anything is measured
	callers []int         // at once
	window  time.Duration // of each measurement
	dir     string        // where the data goes
	engines []string
	cache   int64  // bytes of ours
	keys    int    // bindings in each store that lacks keys; 0: none is measured
	profile string // where profiles of the processors go
	piece   int    // bindings that one import of ours takes
	disk    int64  // GiB that an engine may have loaded
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == victimCommand {
		if err := victim(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench-store:", err)
			os.Exit(1)
		}
		return
	}
	o, err := parse(os.Args[1:])
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "bench-store:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-store:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench-store", flag.ContinueOnError)
	flags.IntVar(&o.base, "base", 1_000_000, "live bindings before anything is measured")
	callers := flags.String("callers", "64,256", "callers at once, one measurement for each")
	flags.DurationVar(&o.window, "window", 5*time.Second, "length of each measurement")
	flags.StringVar(&o.dir, "dir", "", "directory on the disk to be measured; default a temporary one")
	engines := flags.String("engines", "mask700,redis,postgresql", "which")
	flags.Int64Var(&o.cache, "cache", 1<<30, "cache of mask700's store, bytes")
	flags.IntVar(&o.keys, "keys", 100_000, "bindings in each of the stores that say what each key of a binding costs; 0: do not measure it")
	flags.StringVar(&o.profile, "profile", "", "files for profiles of the processors: of the load, and of the binds by callers")
	flags.IntVar(&o.piece, "piece", 1_000_000, "bindings that mask700 imports at once, in memory")
	flags.Int64Var(&o.disk, "disk", 20, "GiB that an engine may load; more ends the run")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for s := range strings.SplitSeq(*callers, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-callers: %q is not a number of callers", s)
		}
		o.callers = append(o.callers, n)
	}
	for s := range strings.SplitSeq(*engines, ",") {
		if starters[s] == nil {
			return o, fmt.Errorf("-engines: there is no %q: take of mask700, redis and postgresql", s)
		}
		o.engines = append(o.engines, s)
	}
	if o.piece < 1 || o.disk < 1 {
		return o, errors.New("-piece, -disk: at least 1")
	}
	if o.base < 1000 {
		return o, errors.New("-base: at least 1000 bindings, or the lookups measure nothing")
	}
	return o, nil
}

func run(ctx context.Context, o options) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "bench-store-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	r := report{options: o}
	r.begin(os.Stdout)
	for _, name := range o.engines {
		f, err := measure(ctx, name, o)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.add(f)
	}
	r.end(os.Stdout)
	if o.keys == 0 || !slices.Contains(o.engines, "mask700") {
		return nil
	}
	costs, err := measureKeys(ctx, o)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	reportKeys(os.Stdout, o, costs)
	return nil
}
