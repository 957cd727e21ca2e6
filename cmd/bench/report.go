package main

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"
)

// report is everything that was measured.
type report struct {
	options options
	load    load
	delay   delay
	memory  memory
}

func (r *report) print(out io.Writer) {
	fmt.Fprintf(out, "mask700 at %d calls/s for %d s, %s of talk, one binding a call; %d cores, %s\n\n",
		r.options.rate, r.options.seconds, r.options.talk, runtime.NumCPU(), runtime.Version())
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	row := func(name, format string, values ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, values...))
	}
	l := r.load
	row("calls", "%d", l.calls)
	row("calls per second", "%.1f", float64(l.calls)/l.took.Seconds())
	row("failed", "%d", l.failed)
	row("retransmitted", "%d by the caller's phone, %d by the callee's", l.retransmitted[0], l.retransmitted[1])
	row("dropped by full sockets", "%d", l.dropped)
	row("CPU-seconds per 1000 calls", "%.3f (user %.3f, system %.3f)",
		thousandth(l.cpu.sum(), l.calls), thousandth(l.cpu.user, l.calls), thousandth(l.cpu.system, l.calls))
	if d := r.delay; len(d.through) > 0 {
		through, direct := [2]time.Duration{quantile(d.through, 0.5), quantile(d.through, 0.99)},
			[2]time.Duration{quantile(d.direct, 0.5), quantile(d.direct, 0.99)}
		row("INVITE to 180, p50 / p99", "%s / %s ms through the gateway", ms(through[0]), ms(through[1]))
		row("", "%s / %s ms phone to phone", ms(direct[0]), ms(direct[1]))
		row("added", "%s / %s ms", ms(through[0]-direct[0]), ms(through[1]-direct[1]))
	}
	if m := r.memory; m.calls > 0 {
		row("memory per live call", "%.1f KB (%d calls held; %.1f MB before, %.1f MB with them)",
			float64(m.while-m.before)/float64(m.calls)/1e3, m.calls, float64(m.before)/1e6, float64(m.while)/1e6)
	}
	_ = table.Flush() // standard output; there is nowhere else to say it
}

// thousandth is seconds per 1000 calls.
func thousandth(d time.Duration, calls int) float64 {
	if calls == 0 {
		return 0
	}
	return d.Seconds() * 1000 / float64(calls)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }
