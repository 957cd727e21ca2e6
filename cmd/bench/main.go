// Command bench measures the gateway as a whole: SIPp calls at a fixed rate through a real mask700 with its store on
// disk, a different caller and 700 number for every call. It prints calls per second, how many failed, how many
// messages were sent again, the gateway's CPU time, the delay that it adds between INVITE and 180, and its memory per
// live call. Everything stays on loopback addresses of its own.
//
//	go run ./cmd/bench -rate 500 -seconds 10 -hold 1000
//
// With -flood it measures something else: what the gateway's memory does while packets come in from millions of
// sources, 127/8 having as many addresses. It needs no SIPp.
//
//	go run ./cmd/bench -flood -packets 1000000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"mask700/cmd/mask700/e2e/rig"
)

// options are the flags.
type options struct {
	binary  string
	rate    int           // calls per second
	seconds int           // of the run at that rate
	hold    int           // calls held for the memory
	talk    time.Duration // from ACK to BYE
	probe   int           // calls of each of the two delay measurements

	flood     bool
	packets   int64 // of each of the two floods
	floodRate int   // packets per second; 0: as many as the gateway reads
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		cancel()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.binary, "binary", "", "the mask700 to measure; built when empty")
	flags.IntVar(&o.rate, "rate", 200, "calls per second")
	flags.IntVar(&o.seconds, "seconds", 10, "length of the run")
	flags.IntVar(&o.hold, "hold", 1000, "calls held at once to measure memory; 0: not measured")
	flags.DurationVar(&o.talk, "talk", 100*time.Millisecond, "from ACK to BYE")
	flags.IntVar(&o.probe, "probe", 600, "calls to measure the delay with, at 200 a second; 0: not measured")
	flags.BoolVar(&o.flood, "flood", false, "measure the memory under a flood, and nothing else")
	flags.Int64Var(&o.packets, "packets", 10_000_000, "packets of each of the two floods, each from a source of its own")
	flags.IntVar(&o.floodRate, "flood-rate", 0, "packets per second; 0: as many as the gateway reads")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.packets < points || o.floodRate < 0 {
		return fmt.Errorf("-packets must be at least %d, -flood-rate at least 0", points)
	}
	if o.rate < 1 || o.seconds < 1 || o.hold < 0 || o.probe < 0 {
		return errors.New("-rate and -seconds must be at least 1, -hold and -probe at least 0")
	}
	if _, err := exec.LookPath("sipp"); err != nil && !o.flood {
		return errors.New("sipp is not installed; testdata/setup/needs.sh installs it")
	}
	dir, err := os.MkdirTemp("", "m7-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.binary == "" {
		o.binary, err = rig.Build(ctx, dir, false)
	} else {
		o.binary, err = filepath.Abs(o.binary)
	}
	if err != nil {
		return err
	}
	if o.flood {
		return measureFlood(ctx, dir, o, out)
	}
	if err := writeScenarios(dir); err != nil {
		return err
	}

	var r report
	r.options = o
	if r.load, err = measureLoad(ctx, dir, o); err != nil {
		return fmt.Errorf("run at %d calls/s: %w", o.rate, err)
	}
	if o.probe > 0 {
		if r.delay, err = measureDelay(ctx, dir, o); err != nil {
			return fmt.Errorf("delay: %w", err)
		}
	}
	if o.hold > 0 {
		if r.memory, err = measureMemory(ctx, dir, o); err != nil {
			return fmt.Errorf("memory of %d calls: %w", o.hold, err)
		}
	}
	r.print(out)
	if r.load.failed > 0 {
		return fmt.Errorf("%d calls failed", r.load.failed)
	}
	return nil
}
