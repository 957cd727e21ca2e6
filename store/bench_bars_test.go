package store

import (
	"context"
	"testing"

	"mask700/binding"
)

// BenchmarkBarred is what block lists of 50 000 numbers cost a call: of two people who are on none, and of one who is.
func BenchmarkBarred(b *testing.B) {
	ctx := context.Background()
	db := benchStore(b, 0)
	ask := func(name string, caller, callee int, want bool) {
		from, to := testNumber(b, caller), testNumber(b, callee)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, found, err := db.Barred(ctx, from, to, binding.DefaultTenant, testStart); err != nil || found != want {
					b.Fatal(found, err)
				}
			}
		})
	}
	ask("no list", 1, 2, false)
	const n = 50_000
	work := make(chan int)
	done := make(chan error)
	for range 256 {
		go func() {
			for i := range work {
				_, err := db.AddBar(ctx, binding.Bar{
					ID: testID(i), Number: testNumber(b, 1000+i), Direction: binding.BarFrom, CreatedAt: testStart, Reason: "harassment",
				})
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for i := range n {
		work <- i
	}
	close(work)
	for range 256 {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	ask("not flushed, on none", 1, 2, false)
	if err := db.bind.Flush(); err != nil {
		b.Fatal(err)
	}
	ask("flushed, on none", 1, 2, false)
	ask("flushed, barred", 1000+n/2, 2, true)
}
