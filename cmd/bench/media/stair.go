package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
)

// stairSteps is how many steps lead to the top.
const stairSteps = 15

// climb finds how much each relay carries: all its calls are open, and more of
// them have traffic step by step, until packets are lost or a processor is full.
func (b *bench) climb(ctx context.Context) error {
	var text bytes.Buffer
	b.head(ctx, &text)
	for _, name := range b.relays() {
		if err := b.climbWith(ctx, name, &text); err != nil {
			return err
		}
	}
	fmt.Fprintf(&text, "\n%s", meaning)
	return b.keep("stair.txt", "stair.json", text.Bytes())
}

func (b *bench) climbWith(ctx context.Context, name string, text *bytes.Buffer) (err error) {
	var steps []sample
	err = b.alone(func() error {
		l, err := b.lane(ctx, name, b.stairTop)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.close()) }()
		if err := l.run(ctx, b.warm); err != nil {
			return err
		}
		// What waits in a relay that all calls are too many for.
		if err := l.traffic.Drain(late); err != nil {
			return err
		}
		for step := 1; step <= stairSteps; step++ {
			l.limit(b.stairTop * step / stairSteps)
			s, err := l.measure(ctx, b.window)
			if err != nil {
				return err
			}
			s.Run = step
			steps = append(steps, s)
			if s.Lost*100 > s.Sent || s.P50 > settle/50 {
				break
			}
		}
		return err
	})
	b.raw = append(b.raw, steps...)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(text, "\n%s\n", name)
	t := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "calls\tpackets/s\trelaying us/packet\tprocessor\tdelay p50\tp99 us\tlost\tof it\twrong\tgenerator late ms")
	for i := range steps {
		s := &steps[i]
		fmt.Fprintf(t, "%d\t%.0f\t%.2f\t%.0f%%\t%.0f\t%.0f\t%d of %d\t%s\t%d\t%.1f\n", s.Rate/100, float64(s.Sent)/b.window.Seconds(), s.relaying(),
			100*s.busy(), micros(s.P50), micros(s.P99), s.Lost, s.Sent, s.Losses, s.Wrong, micros(s.Pace.Latest)/1e3)
	}
	_ = t.Flush() // into memory
	top := summit(steps)
	fmt.Fprintf(text, "without loss up to %.0f packets/s", top.lossless)
	if top.full > 0 {
		fmt.Fprintf(text, "; 90 %% of the processor at %.0f packets/s", top.full)
	} else {
		fmt.Fprint(text, "; 90 % of the processor was not reached")
	}
	fmt.Fprintln(text)
	return nil
}

// peak is what a stair shows: packets a second.
type peak struct {
	lossless float64 // the highest step before the first with a loss
	full     float64 // where 90 % of the processor is busy, between two steps; 0: nowhere
}

func summit(steps []sample) (p peak) {
	lost := false
	for i := range steps {
		s := &steps[i]
		rate := float64(s.Rate)
		lost = lost || s.Lost > 0
		if !lost {
			p.lossless = rate
		}
		if s.busy() < 0.9 || p.full > 0 {
			continue
		}
		p.full = rate
		if i > 0 {
			below := &steps[i-1]
			share := (0.9 - below.busy()) / (s.busy() - below.busy())
			p.full = float64(below.Rate) + share*(rate-float64(below.Rate))
		}
	}
	return p
}
