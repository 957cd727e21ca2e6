package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mask700/binding"
	"mask700/binding/cdr"
)

// benchStore is a store on the real disk with blocks enough that numbers are used once or twice.
func benchStore(b *testing.B, blocks int) *DB {
	b.Helper()
	o := options(b, b.TempDir())
	o.CacheSize = 64 << 20
	db := mustOpen(b, o)
	b.Cleanup(func() { mustClose(b, db) })
	for i := range blocks {
		err := db.AddBlock(context.Background(), binding.BlockState{
			Block: testBlock + binding.Block(i), State: binding.BlockOpen, AddedAt: testStart, Tenant: binding.DefaultTenant,
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return db
}

// benchPair is binding n; numbers are taken in an order that jumps through all blocks.
func benchPair(b testing.TB, n, blocks int) binding.Binding {
	p := testPair(b, testID(n), n%40_000_000)
	at := n * 7919 % (blocks * binding.BlockSize)
	p.X = (testBlock + binding.Block(at/binding.BlockSize)).Number(at % binding.BlockSize)
	p.CreatedAt = testStart.Add(time.Duration(n) * time.Millisecond)
	p.ExpiresAt = p.CreatedAt.Add(24 * time.Hour)
	return p
}

// processorTime is what this process has used, which neighbours on the machine do not change as much as how long it took.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkBind(b *testing.B) {
	const blocks = 100
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			db := benchStore(b, blocks)
			var next atomic.Int64
			var all sync.WaitGroup
			before := processorTime(b)
			b.ResetTimer()
			for range callers {
				all.Go(func() {
					for n := int(next.Add(1)); n <= b.N; n = int(next.Add(1)) {
						if err := db.Bind(context.Background(), benchPair(b, n, blocks)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.StopTimer()
			s := db.Stats().Bindings
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "binds/s")
			b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/1000/float64(b.N), "cpu-us/bind")
			b.ReportMetric(float64(s.Writes)/float64(max(s.Groups, 1)), "binds/sync")
			if err := db.bind.Flush(); err != nil {
				b.Fatal(err)
			}
			if b.N > 1000 {
				b.ReportMetric(float64(db.bind.Metrics().Total().TablesSize)/float64(b.N), "disk-B/bind")
			}
		})
	}
}

func BenchmarkOnX(b *testing.B) {
	for _, rows := range []int{0, 1, 8} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			const numbers = 2000
			db := benchStore(b, 1)
			var all sync.WaitGroup
			for w := range 64 {
				all.Go(func() {
					for n := w; n < numbers*rows; n += 64 {
						p := testPair(b, testID(n), n)
						p.X = testBlock.Number(n % numbers)
						if err := db.Bind(context.Background(), p); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			if err := db.bind.Flush(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for n := 0; pb.Next(); n++ {
					got, err := db.OnX(context.Background(), testBlock.Number(n%numbers))
					if err != nil || len(got) != rows {
						b.Errorf("%d rows, %v", len(got), err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkCandidates looks a number up on which so many bindings live and so many more are over.
func BenchmarkCandidates(b *testing.B) {
	for _, n := range []struct{ live, ended int }{{1, 0}, {64, 0}, {200, 0}, {1, 1000}, {200, 1000}, {3000, 0}, {1, 10000}} {
		b.Run(fmt.Sprintf("live=%d,ended=%d", n.live, n.ended), func(b *testing.B) {
			db := benchStore(b, 1)
			db.opts.LimitOnX = n.live + 1
			x := testBlock.Number(1)
			for i := range n.live + n.ended {
				p := testPair(b, testID(i), i)
				p.X, p.CreatedAt = x, testStart.Add(time.Duration(i)*time.Second)
				if i >= n.live {
					p.ExpiresAt = p.CreatedAt.Add(time.Millisecond)
				}
				mustBind(b, db, p)
			}
			if err := db.bind.Flush(); err != nil {
				b.Fatal(err)
			}
			at := testStart.Add(time.Hour)
			b.ReportAllocs()
			for b.Loop() {
				got, err := db.Candidates(context.Background(), x, at)
				if err != nil || len(got) < n.live {
					b.Fatalf("%d rows, %v", len(got), err)
				}
			}
		})
	}
}

// BenchmarkJournal opens and closes records with so many calls at once, each waiting for its rows as a call does.
func BenchmarkJournal(b *testing.B) {
	for _, calls := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("calls=%d", calls), func(b *testing.B) {
			db := benchStore(b, 1)
			one := fullRow(b)
			var next atomic.Int64
			var all sync.WaitGroup
			b.ResetTimer()
			for range calls {
				all.Go(func() {
					answers := make(chan error, 1)
					for n := int(next.Add(1)); n <= b.N; n = int(next.Add(1)) {
						r := one
						r.ID = testID(n)
						db.Journal().Open(r, func(err error) { answers <- err })
						if err := <-answers; err != nil {
							b.Error(err)
							return
						}
						db.Journal().Close(r, func(_ uint64, err error) { answers <- err })
						if err := <-answers; err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.StopTimer()
			s := db.Stats().Records
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
			b.ReportMetric(float64(s.Writes)/float64(max(s.Groups, 1)), "rows/sync")
			if err := db.cdr.Flush(); err != nil {
				b.Fatal(err)
			}
			if b.N > 1000 {
				b.ReportMetric(float64(db.cdr.Metrics().Total().TablesSize)/float64(b.N), "disk-B/call")
			}
		})
	}
}

func BenchmarkRecords(b *testing.B) {
	db := benchStore(b, 1)
	const n = 50_000
	answers := make(chan error, n)
	for i := range n {
		r := fullRow(b)
		r.ID = testID(i)
		db.Journal().Close(r, func(_ uint64, err error) { answers <- err })
	}
	for range n {
		if err := <-answers; err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for b.Loop() {
		seen := 0
		err := db.Records(context.Background(), cdr.Filter{}, func(cdr.Record) error { seen++; return nil })
		if err != nil || seen != n {
			b.Fatalf("%d, %v", seen, err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkImport takes in a hundred thousand bindings at a time, on a store that has as many as were taken in before.
func BenchmarkImport(b *testing.B) {
	const at, blocks = 100_000, 200
	db := benchStore(b, blocks)
	made := make([]binding.Binding, at)
	before, n := time.Duration(0), 0
	for b.Loop() {
		b.StopTimer()
		for i := range made {
			made[i] = benchPair(b, n+i, blocks)
		}
		from := processorTime(b)
		b.StartTimer()
		for i, err := range db.Import(context.Background(), made) {
			if err != nil {
				b.Fatalf("%d: %v", n+i, err)
			}
		}
		n += at
		before += processorTime(b) - from
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "bindings/s")
	b.ReportMetric(float64(before.Nanoseconds())/1000/float64(n), "cpu-us/binding")
	b.ReportMetric(float64(db.bind.Metrics().Total().TablesSize)/float64(n), "disk-B/binding")
}
