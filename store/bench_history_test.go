package store

import (
	"context"
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

var historyRows = flag.Int("history-rows", 300_000, "bindings in the two years of BenchmarkHistory")

// twoYears fills a store with bindings of two years, each of two hours and ended early for one in three: of subscribers
// who have some ten of them, of one courier who has a hundred a day, and on one 700 number that was given out thirty times
// a day. They go past the checks of Bind, which is measured elsewhere.
func twoYears(b *testing.B, db *DB, n int) (end time.Time) {
	b.Helper()
	ctx := context.Background()
	const days = 730
	tenant, err := db.tenantID(ctx, binding.DefaultTenant)
	if err != nil {
		b.Fatal(err)
	}
	batch := db.bind.NewBatch()
	for i := range n {
		p := testPair(b, testID(i), 0)
		p.A, p.B = testNumber(b, 10+i*7919%(n/10)), testNumber(b, 50_000_000+i%(n/5))
		p.X = (testBlock + binding.Block(i*31%1000)).Number(10 + i*7919%9990)
		p.CreatedAt = testStart.Add(time.Duration(float64(i) / float64(n) * days * 24 * float64(time.Hour)))
		p.ExpiresAt = p.CreatedAt.Add(2 * time.Hour)
		if every := max(1, n/(days*100)); i%every == 0 {
			p.A = testNumber(b, 1)
		}
		if every := max(1, n/(days*30)); i%every == 1%every {
			p.X = testBlock.Number(1)
		}
		h := rowHeader{version: bindingRow, tenant: tenant}
		if i%3 == 0 {
			p.EndedAt = p.CreatedAt.Add(time.Hour)
			h.ended, _ = nanos(p.EndedAt)
		}
		h.expires, _ = nanos(p.ExpiresAt)
		id, box, err := db.bindKeys.forNew(ctx, tenant, p.CreatedAt)
		if err != nil {
			b.Fatal(err)
		}
		h.dataKey = id
		at := place{x: p.X, start: uint64(p.CreatedAt.UnixNano())}
		rows, err := sealRows(box, &p, h, at.start, []binding.X{p.X})
		if err == nil {
			err = putAll(batch, append(rows, db.indexRows(&p, at)...))
		}
		if err == nil && (batch.Len() > 1<<20 || i == n-1) {
			err = batch.Commit(pebble.NoSync)
			batch.Close()
			batch = db.bind.NewBatch()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	batch.Close()
	if err := db.bind.Flush(); err != nil {
		b.Fatal(err)
	}
	return testStart.AddDate(0, 0, days)
}

// BenchmarkHistory asks what a regulator asks. The rows are more than the cache holds; a quantile is of one question,
// in microseconds.
func BenchmarkHistory(b *testing.B) {
	o := options(b, b.TempDir())
	o.CacheSize = 64 << 20
	db := mustOpen(b, o)
	b.Cleanup(func() { mustClose(b, db) })
	n := *historyRows
	end := twoYears(b, db, n)
	random := rand.New(rand.NewPCG(1, 2))
	day := func() time.Time { return testStart.AddDate(0, 0, random.IntN(730)) }
	week := func(q binding.HistoryQuery) binding.HistoryQuery {
		q.Since = day()
		q.Until = q.Since.AddDate(0, 0, 7)
		return q
	}
	number := func() binding.Number { return testNumber(b, 10+random.IntN(n/10)) }
	for _, c := range []struct {
		name string
		ask  func() binding.HistoryQuery
	}{
		{"x at a moment", func() binding.HistoryQuery {
			return binding.HistoryQuery{X: (testBlock + binding.Block(random.IntN(1000))).Number(10 + random.IntN(9990))}.At(day())
		}},
		{"busy x at a moment", func() binding.HistoryQuery { return binding.HistoryQuery{X: testBlock.Number(1)}.At(day()) }},
		{"number in all time", func() binding.HistoryQuery { return binding.HistoryQuery{Number: number()} }},
		{"number in a week", func() binding.HistoryQuery { return week(binding.HistoryQuery{Number: number()}) }},
		{"courier in a week", func() binding.HistoryQuery { return week(binding.HistoryQuery{Number: testNumber(b, 1)}) }},
		{"courier in a week, the first 100", func() binding.HistoryQuery {
			q := week(binding.HistoryQuery{Number: testNumber(b, 1)})
			q.Limit = 101 // one more says whether there are others
			return q
		}},
		{"courier at a moment", func() binding.HistoryQuery { return binding.HistoryQuery{Number: testNumber(b, 1)}.At(day()) }},
		{"courier in the last week", func() binding.HistoryQuery {
			return binding.HistoryQuery{Number: testNumber(b, 1), Since: end.AddDate(0, 0, -7)}
		}},
		{"order", func() binding.HistoryQuery { return binding.HistoryQuery{Order: "order " + testID(random.IntN(n))} }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			found := 0
			for b.Loop() {
				q := c.ask()
				began := time.Now()
				err := db.History(context.Background(), q, func(binding.Holding) error { found++; return nil })
				took = append(took, time.Since(began))
				if err != nil {
					b.Fatal(err)
				}
			}
			slices.Sort(took)
			for name, q := range map[string]int{"p50-us": 50, "p99-us": 99} {
				b.ReportMetric(float64(took[min(len(took)-1, len(took)*q/100)].Nanoseconds())/1000, name)
			}
			b.ReportMetric(float64(found)/float64(len(took)), "found")
		})
	}
	b.Logf("%d bindings, %d MB on disk", n, db.bind.Metrics().Total().TablesSize>>20)
}
