package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// compare measures all relays in turn, as often as it was told to. All of them are
// running all the time, but only one has traffic: what is compared was measured
// within seconds of each other.
func (b *bench) compare(ctx context.Context) (err error) {
	names := append([]string{nameControl}, b.relays()...)
	lanes := make([]*lane, len(names))
	defer func() {
		for _, l := range lanes {
			if l != nil {
				err = errors.Join(err, l.close())
			}
		}
	}()
	err = b.alone(func() error {
		for i, name := range names {
			if lanes[i], err = b.lane(ctx, name, b.calls); err != nil {
				return err
			}
			warm := b.warm
			if name == nameControl {
				warm = min(warm, settle)
			}
			if err := lanes[i].run(ctx, warm); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	order := slices.Clone(lanes)
	for n := range b.runs {
		err := b.alone(func() error {
			for _, l := range order {
				s, err := l.measure(ctx, b.window)
				if err != nil {
					return fmt.Errorf("%s: %w", l.name, err)
				}
				s.Run = n + 1
				b.raw = append(b.raw, s)
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.Reverse(order)
	}
	commands := map[string]string{}
	for _, l := range lanes {
		if l.relay != nil {
			commands[l.name] = l.relay.command()
		}
	}
	return b.report(ctx, commands)
}

// of are the samples of a relay, in order of the runs.
func (b *bench) of(name string) (list []sample) {
	for _, s := range b.raw {
		if s.Relay == name {
			list = append(list, s)
		}
	}
	return list
}

// spread is the least, the middle and the greatest of some figures.
type spread [3]float64

func spreadOf(figures []float64) spread {
	if len(figures) == 0 {
		return spread{}
	}
	s := slices.Sorted(slices.Values(figures))
	middle := s[len(s)/2]
	if len(s)%2 == 0 {
		middle = (s[len(s)/2-1] + middle) / 2
	}
	return spread{s[0], middle, s[len(s)-1]}
}

func (s spread) String() string { return fmt.Sprintf("%.2f / %.2f / %.2f", s[0], s[1], s[2]) }

// each makes a spread of a figure of every sample.
func each(list []sample, figure func(i int, s *sample) float64) spread {
	var figures []float64
	for i := range list {
		figures = append(figures, figure(i, &list[i]))
	}
	return spreadOf(figures)
}

func micros(d time.Duration) float64 { return float64(d) / 1e3 }
