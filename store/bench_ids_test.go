package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"mask700/binding"
)

var idRows = flag.Int("id-rows", 1_000_000, "bindings among which BenchmarkBindLookingForIDs binds")

// BenchmarkBindLookingForIDs binds among many bindings on disk while their ids are noted in memory, and when they are not: as it is
// where there are more than may be (Options.IDMemory).
func BenchmarkBindLookingForIDs(b *testing.B) {
	rows := *idRows
	blocks := 3*rows/binding.BlockSize + 10 // each binding has a number of its own
	db := benchStore(b, blocks)
	for done := 0; done < rows; {
		bs := make([]binding.Binding, min(100_000, rows-done))
		for i := range bs {
			bs[i] = benchPair(b, done+i, blocks)
			bs[i].ID = scattered(done + i)
		}
		if err := errors.Join(db.Import(context.Background(), bs)...); err != nil {
			b.Fatal(err)
		}
		done += len(bs)
	}
	if err := db.bind.Flush(); err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	next.Store(int64(rows))
	for _, noted := range []bool{true, false} {
		if !noted {
			db.seen.giveUp()
		}
		b.Run(fmt.Sprintf("noted=%t", noted), func(b *testing.B) {
			looked, before := db.Stats().IDsLooked, processorTime(b)
			var left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			b.ResetTimer()
			for range 64 {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						n := int(next.Add(1))
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
			b.StopTimer()
			b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/1000/float64(b.N), "cpu-us/bind")
			b.ReportMetric(float64(db.Stats().IDsLooked-looked)/float64(b.N), "looked/bind")
		})
	}
}
