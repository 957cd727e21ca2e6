package store

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// scattered is an id of letters that does not follow the one before it, as those that are drawn do not.
func scattered(n int) string {
	v := rand.New(rand.NewPCG(uint64(n), 1))
	var id [idLetters]byte
	for i := range id {
		id[i] = 'a' + byte(v.IntN(26))
	}
	return string(id[:])
}

// BenchmarkBytes says what each table of a binding takes: as it is written, and on disk once all is in its lowest level.
func BenchmarkBytes(b *testing.B) {
	const blocks, n = 20, 150_000
	db := benchStore(b, blocks)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 256 {
		all.Go(func() {
			for n := int(next.Add(1)); n <= 150_000; n = int(next.Add(1)) {
				p := benchPair(b, n, blocks)
				p.ID = scattered(n)
				if err := db.Bind(context.Background(), p); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	for b.Loop() {
		if err := db.bind.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := db.bind.Compact(context.Background(), []byte{0}, []byte{0xff}, true); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(db.bind.Metrics().Total().TablesSize)/n, "disk-B")
	for _, table := range []byte{tableRow, tableID, tableWho} {
		raw := 0
		if err := scan(db.bind, []byte{table}, []byte{table + 1}, func(key, value []byte) (bool, error) {
			raw += len(key) + len(value)
			return true, nil
		}); err != nil {
			b.Fatal(err)
		}
		disk, err := db.bind.EstimateDiskUsage([]byte{table}, []byte{table + 1})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(raw)/n, string(table)+"-raw-B")
		b.ReportMetric(float64(disk)/n, string(table)+"-disk-B")
	}
}
