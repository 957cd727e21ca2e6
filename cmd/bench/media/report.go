package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"
)

// meaning says what the figures are.
const meaning = `Relaying: processor time of the relay's process and of the kernel's threads that receive for it, per packet relayed.
Whole machine: that and the rig's time, per packet, less the rig's time per packet without a relay, measured in the same run.
Times are the scheduler's account of each thread, to the nanosecond; work of interrupts outside of threads is not in them.
Delay is from before the generator's call of the kernel to the parties' interface, so the rig's own is in it: see relay "none",
which "added" is without.
`

// report prints what was measured, and keeps it.
func (b *bench) report(ctx context.Context, commands map[string]string) error {
	var text bytes.Buffer
	b.head(ctx, &text)
	fmt.Fprintf(&text, "%d two-way calls, %d packets/s of 172 bytes, %s measured per relay and run, %d runs\n\n",
		b.calls, b.calls*100, b.window, b.runs)
	b.table(&text)
	fmt.Fprintln(&text)
	b.ratios(&text)
	fmt.Fprintf(&text, "\n%s\nCommands:\n", meaning)
	for _, name := range b.relays() {
		fmt.Fprintf(&text, "  %s\n", commands[name])
	}
	return b.keep("report.txt", "samples.json", text.Bytes())
}

// keep prints a text and writes it and the samples into files.
func (b *bench) keep(textName, rawName string, text []byte) error {
	raw, err := json.MarshalIndent(b.raw, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.options.out, rawName), append(raw, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.options.out, textName), text, 0o644); err != nil {
		return err
	}
	_, err = b.out.Write(text)
	return err
}

// head says where it was measured, and with what.
func (b *bench) head(ctx context.Context, out io.Writer) {
	revision := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value[:min(len(s.Value), 12)]
			}
		}
	}
	if line, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output(); revision == "unknown" && err == nil {
		revision = strings.TrimSpace(string(line))
	}
	fmt.Fprintf(out, "mask700 %s, %s; Linux %s; %d x %s\n", revision, runtime.Version(), release(), runtime.NumCPU(), processorName())
	if path, err := findRTPengine(); b.rtpengine && b.soak == 0 && err == nil {
		version, _ := exec.CommandContext(ctx, path, "--version").CombinedOutput()
		fmt.Fprintf(out, "rtpengine: %s, in user space, %d thread(s)\n", strings.TrimSpace(string(version)), b.threads)
	}
	fmt.Fprintf(out, "relay on processor %d, generator and judge on %d; %s\n", b.relayCPU, b.rigCPU, time.Now().UTC().Format(time.RFC3339))
}

func release() string {
	data, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(data))
}

func processorName() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// table prints the middle of every figure, with least and greatest of the cost.
func (b *bench) table(out io.Writer) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "relay\trelaying us/packet\twhole machine us/packet\tprocessor\tdelay p50\tadded p50\tp99\tmax us\tlost\tof it\twrong\tSSRC/seq/time\tothers")
	control := b.of(nameControl)
	for _, name := range append([]string{nameControl}, b.relays()...) {
		list := b.of(name)
		relaying, whole := "-", "-"
		if name != nameControl {
			relaying = each(list, func(_ int, s *sample) float64 { return s.relaying() }).String()
			whole = each(list, func(i int, s *sample) float64 { return s.whole(&control[i]) }).String()
		}
		var sum sample
		for i := range list {
			sum.add(&list[i])
		}
		middle := func(f func(s *sample) float64) float64 {
			return each(list, func(_ int, s *sample) float64 { return f(s) })[1]
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.0f%%\t%.0f\t%.0f\t%.0f\t%.0f\t%d of %d\t%s\t%d\t%s\t%.0f%%\n", name, relaying, whole,
			100*middle((*sample).busy), middle(func(s *sample) float64 { return micros(s.P50) }),
			each(list, func(i int, s *sample) float64 { return micros(s.P50 - control[i].P50) })[1],
			middle(func(s *sample) float64 { return micros(s.P99) }), micros(sum.Max),
			sum.Lost, sum.Sent, sum.Losses.String(), sum.Wrong, sum.kept(),
			100*middle(func(s *sample) float64 { return float64(s.Others) / float64(s.Took) }))
	}
	_ = t.Flush() // into memory
	for _, s := range b.raw {
		if s.Wrong > 0 || s.Pace.Stalls > 0 || s.Stolen > 0 {
			fmt.Fprintf(out, "run %d, %s: %s\n", s.Run, s.Relay, s.faults())
		}
	}
}

// faults says what was not as it should be.
func (s *sample) faults() string {
	return fmt.Sprintf("%d duplicate, %d disordered, %d misdirected, %d damaged, %d renumbered, %d stray; "+
		"the generator was up to %s late, %d times by more than 5 ms, and left out %d packets; %s stolen by the host",
		s.Duplicate, s.Disordered, s.Misdirected, s.Damaged, s.Renumbered, s.Stray, s.Pace.Latest.Round(time.Microsecond), s.Pace.Stalls,
		s.Pace.Skipped, s.Stolen)
}

// add sums what the last columns show.
func (s *sample) add(o *sample) {
	s.Sent += o.Sent
	s.Received += o.Received
	s.Lost += o.Lost
	s.Wrong += o.Wrong
	s.SameSSRC += o.SameSSRC
	s.SameSeq += o.SameSeq
	s.SameTimestamp += o.SameTimestamp
	s.Max = max(s.Max, o.Max)
	s.Losses.ToRelay += o.Losses.ToRelay
	s.Losses.Sockets += o.Losses.Sockets
	s.Losses.NoPort += o.Losses.NoPort
	s.Losses.FromRelay += o.Losses.FromRelay
	s.Losses.Rig += o.Losses.Rig
}

// String says where packets were lost, as far as the kernel counts it.
func (x losses) String() string {
	var parts []string
	for _, p := range []struct {
		n    uint64
		text string
	}{{x.ToRelay, "before the relay"}, {x.Sockets, "full sockets"}, {x.NoPort, "no socket"}, {x.FromRelay, "behind the relay"}, {x.Rig, "the rig"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	if parts == nil {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// ratios prints what mask700 costs of what rtpengine does, run by run.
func (b *bench) ratios(out io.Writer) {
	theirs, control := b.of(nameRTPengine), b.of(nameControl)
	if len(theirs) == 0 {
		return
	}
	fmt.Fprintln(out, "cost of rtpengine's, of the same run: min / median / max")
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range b.relays() {
		if list := b.of(name); name != nameRTPengine {
			fmt.Fprintf(t, "%s\trelaying %s\twhole machine %s\n", name,
				each(list, func(i int, s *sample) float64 { return s.relaying() / theirs[i].relaying() }),
				each(list, func(i int, s *sample) float64 { return s.whole(&control[i]) / theirs[i].whole(&control[i]) }))
		}
	}
	_ = t.Flush() // into memory
}
