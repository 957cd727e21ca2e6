package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"mask700/binding"
)

// keySet is a kind of binding: what each has more than the one before says what that costs.
type keySet struct {
	name string
	keys int
	made func(n int) binding.Binding
}

// fullSet is the index of the bind that is measured beside the other engines.
const fullSet = 4

var keySets = [...]keySet{
	{"row and id", 2, with()},
	{"and the index of A", 3, with(ofA)},
	{"and the index of B", 4, with(ofA, ofB)},
	{"and the order, with its index", 5, with(ofA, ofB, ofOrder)},
	{"and the expiry, in the row: the full bind", 5, with(ofA, ofB, ofOrder, ofExpiry)},
	{"and a consent, with its index", 6, with(ofA, ofB, ofOrder, ofExpiry, ofConsent)},
	{"and a second number, in place of the consent", 6, with(ofA, ofB, ofOrder, ofExpiry, ofY)},
}

func with(fields ...func(b *binding.Binding, n int)) func(n int) binding.Binding {
	return func(n int) binding.Binding {
		b := binding.Binding{
			ID: idOf(n), Mode: binding.ModeAXB, X: numberOf(n), Tenant: binding.DefaultTenant,
			CreatedAt: began.Add(time.Duration(n) * createdEvery),
		}
		for _, set := range fields {
			set(&b, n)
		}
		return b
	}
}

func ofA(b *binding.Binding, n int)       { b.A = subscriber(2 * n) }
func ofB(b *binding.Binding, n int)       { b.B = subscriber(2*n + 1) }
func ofOrder(b *binding.Binding, n int)   { b.Order = padded("order-", 12, n) }
func ofExpiry(b *binding.Binding, _ int)  { b.ExpiresAt = b.CreatedAt.Add(lives) }
func ofConsent(b *binding.Binding, n int) { b.Consent = padded("consent-", 10, n) }

// ofY gives a second number, of blocks that no first one is of.
func ofY(b *binding.Binding, n int) {
	const far = 10_000_000 // blocks
	b.Mode, b.Y = binding.ModeAXYB, (b.X.Block() + far).Number(int(b.X%binding.BlockSize))
}

// keyCost is what was measured of one set.
type keyCost struct {
	size float64       // bytes a binding, at rest
	each float64       // durable binds a second
	cpu  time.Duration // of this process, for one
}

// rounds of each set, in turn: what else the machine does meets all of them.
const rounds = 5

// measureKeys measures each set in a store of its own, with so many callers as come last.
func measureKeys(ctx context.Context, o options) (costs []keyCost, err error) {
	o.cache = 64 << 20
	stores := make([]*ours, len(keySets))
	defer func() {
		for _, e := range stores {
			if e != nil {
				err = errors.Join(err, e.close())
			}
		}
	}()
	costs = make([]keyCost, len(keySets))
	for i, s := range keySets {
		e, err := startOurs(ctx, filepath.Join(o.dir, fmt.Sprint("keys", i)), o)
		if err != nil {
			return nil, err
		}
		stores[i] = e.(*ours)
		stores[i].made = s.made
		err = errors.Join(e.prepare(ctx, o.keys+later), e.settle(ctx))
		empty, serr := e.size()
		if err = errors.Join(err, serr); err == nil {
			err = e.load(ctx, 0, o.keys)
		}
		if err == nil {
			err = e.settle(ctx)
		}
		full, serr := e.size()
		if err := errors.Join(err, serr); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		costs[i].size = float64(full-empty) / float64(o.keys)
	}
	next := make([]atomic.Int64, len(keySets))
	used := make([]time.Duration, len(keySets))
	bound := make([]float64, len(keySets))
	for range rounds {
		for i, e := range stores {
			from, err := processorTime()
			if err != nil {
				return nil, err
			}
			r, err := spin(ctx, o.callers[len(o.callers)-1], o.window/rounds, func(ctx context.Context, _ *rand.Rand) error {
				return e.bind(ctx, o.keys+int(next[i].Add(1)-1))
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", keySets[i].name, err)
			}
			to, err := processorTime()
			if err != nil {
				return nil, err
			}
			used[i] += to - from
			bound[i] += r.each / rounds
		}
	}
	for i := range costs {
		costs[i].each = bound[i]
		costs[i].cpu = used[i] / time.Duration(max(next[i].Load(), 1))
	}
	return costs, nil
}

// processorTime is what this process has used.
func processorTime() (time.Duration, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

func reportKeys(w io.Writer, o options, costs []keyCost) {
	fmt.Fprintf(w, "\nWhat each key of a bind costs: %d callers, %d bindings in each store before, %d rounds in turn\n\n",
		o.callers[len(o.callers)-1], o.keys, rounds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "a binding with\tkeys\tdurable binds/s\tCPU us of the process\tmore\tB/binding at rest\tmore")
	for i, c := range costs {
		before := c // the first has nothing before it
		if i > 0 {
			before = costs[i-1]
		}
		if i > fullSet {
			before = costs[fullSet]
		}
		fmt.Fprintf(t, "%s\t%d\t%.0f\t%.1f\t%+.1f\t%.0f\t%+.0f\n", keySets[i].name, keySets[i].keys, c.each,
			float64(c.cpu)/1e3, float64(c.cpu-before.cpu)/1e3, c.size, c.size-before.size)
	}
	_ = t.Flush() // a broken pipe is the reader's doing
}
