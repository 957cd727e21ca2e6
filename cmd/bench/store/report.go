package main

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"
)

// report is what is printed.
type report struct {
	options options
	all     []figures
}

func (r *report) begin(w io.Writer) {
	fmt.Fprintf(w, "%d bindings in each, on %d processors; each measurement %v; %s\n", r.options.base, runtime.NumCPU(), r.options.window,
		time.Now().UTC().Format(time.RFC3339))
}

func (r *report) add(f figures) { r.all = append(r.all, f) }

func (r *report) end(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\nengine\tloaded/s\tat rest after")
	for _, c := range r.options.callers {
		fmt.Fprintf(t, "\tdurable binds/s, %d callers\tp50\tp99\tCPU us", c)
	}
	fmt.Fprintf(t, "\tlookups/s, %d callers\tp50\tp99\tCPU us\tB/binding on disk\tat rest\tMiB in memory\topen after kill -9\n", lookupCallers)
	for _, f := range r.all {
		fmt.Fprintf(t, "%s\t%.0f\t%v", f.name, f.load, f.rest.Round(time.Second/10))
		for _, b := range f.binds {
			r.rate(t, b)
		}
		r.rate(t, f.lookups)
		fmt.Fprintf(t, "\t%.0f\t%.0f\t%d\t%v\n", f.fresh, f.size, f.memory>>20, f.again.Round(time.Millisecond))
	}
	if len(r.all) > 1 {
		r.ratios(t)
	}
	_ = t.Flush() // a broken pipe is the reader's doing
	fmt.Fprintf(w, `
A bind is durable when it is counted. CPU is the whole machine's, callers included, per operation. Rows are sealed and
indexes hashed by the same code in all. mask700 runs in the callers' process, its memory is that of both; Redis and
PostgreSQL are reached over a socket of this machine. Loading: mask700 by import, %d bindings at a time under the
conditions of a bind; Redis by pipelines of 1000, PostgreSQL by COPY. At rest after: from the end of the load until nothing
changed on disk for %v, or the engine said so. Killed: mask700 while it binds, the others at rest.
`, r.options.piece, quiet)
}

func (r *report) rate(w io.Writer, x rate) {
	fmt.Fprintf(w, "\t%.0f\t%v\t%v\t%.1f", x.each, x.p50.Round(time.Microsecond), x.p99.Round(time.Microsecond), float64(x.cpu)/1e3)
}

// ratios are to the first.
func (r *report) ratios(w io.Writer) {
	first := r.all[0]
	for _, f := range r.all[1:] {
		fmt.Fprintf(w, "%s : %s\t%.2f\t%.2f", f.name, first.name, f.load/first.load, float64(f.rest)/float64(first.rest))
		for i, b := range f.binds {
			r.ratio(w, b, first.binds[i])
		}
		r.ratio(w, f.lookups, first.lookups)
		fmt.Fprintf(w, "\t%.2f\t%.2f\t%.2f\t%.2f\n", f.fresh/first.fresh, f.size/first.size, float64(f.memory)/float64(first.memory), float64(f.again)/float64(first.again))
	}
}

func (r *report) ratio(w io.Writer, x, y rate) {
	fmt.Fprintf(w, "\t%.2f\t%.2f\t%.2f\t%.2f", x.each/y.each, float64(x.p50)/float64(y.p50), float64(x.p99)/float64(y.p99), float64(x.cpu)/float64(y.cpu))
}
