package limit

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/binding/rule"
)

// BenchmarkJudge is a call that passes, under the published defaults, in tables of the default size: its verdict, and
// its end. Each pair calls every six hours, so that none is refused.
func BenchmarkJudge(b *testing.B) {
	for name, keys := range map[string]int{"1000 pairs": 1000, "50000 pairs": 50_000} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, 64<<20, Defaults())
			calls, records := make([]*rule.Attempt, keys), make([]*cdr.Record, keys)
			for i := range calls {
				calls[i] = w.attempt(rule.Call, rand.IntN(keys/2), rand.IntN(keys), rand.IntN(keys), "shop")
				records[i] = &cdr.Record{ID: calls[i].Record, AnsweredAt: w.at, ReleasedAt: w.at.Add(time.Minute)}
			}
			ctx, i := b.Context(), 0
			b.ReportAllocs()
			for b.Loop() {
				if w.after(6 * time.Hour / time.Duration(keys)); i == keys {
					i = 0
				}
				if v := w.Judge.Judge(ctx, calls[i]); v.Rule != "" {
					b.Fatalf("refused by %s", v.Rule)
				}
				w.Done(records[i])
				i++
			}
		})
	}
}

// BenchmarkParallel is the verdict alone, of all processors at once over one tenant, by the real clock.
func BenchmarkParallel(b *testing.B) {
	j := New(Options{Memory: 64 << 20})
	set := rules(b, Shadow, "pair 3/5m, pair 6/10m, pair 10/24h, caller 60/1h, caller 400/24h, callees 300/24h, x 300/1h, tenant 1000000000/1h")
	if err := j.Use(set, nil); err != nil {
		b.Fatal(err)
	}
	w := &world{TB: b}
	calls := make([]*rule.Attempt, 20_000)
	for i := range calls {
		calls[i] = w.attempt(rule.Call, i/2, i, i, "shop")
	}
	var next atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		i := int(next.Add(9000))
		for pb.Next() {
			i++
			a := *calls[i%len(calls)]
			j.Judge(b.Context(), &a)
		}
	})
}

// BenchmarkSave writes tables that are half full.
func BenchmarkSave(b *testing.B) {
	w := newWorld(b, 64<<20, Defaults())
	for i := range 50_000 {
		w.call(i/2, i)
	}
	for b.Loop() {
		b.SetBytes(int64(len(w.saved())))
	}
}
