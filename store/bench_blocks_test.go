package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

// BenchmarkBindAmongBlocks binds for a tenant that has one block of so many and takes no number of another: on a number that is asked
// for and on one that is drawn, which should cost the same whatever others have.
func BenchmarkBindAmongBlocks(b *testing.B) {
	for _, blocks := range []int{2, 10_000} {
		db := amongBlocks(b, blocks)
		clock := testStart
		s := binding.Service{Store: db, Now: func() time.Time { return clock }}
		for _, drawn := range []bool{false, true} {
			b.Run(fmt.Sprintf("blocks=%d,drawn=%t", blocks, drawn), func(b *testing.B) {
				for n := 0; b.Loop(); n++ {
					clock = clock.Add(2 * time.Second) // each is over before the next: one block is enough for all
					r := binding.Request{
						Mode: "axb", A: fmt.Sprintf("138%08d", n%100_000_000), B: fmt.Sprintf("139%08d", n%100_000_000),
						Order: "order", Tenant: "alone", TTL: time.Second,
					}
					if !drawn {
						r.X = testBlock.Number(n % binding.BlockSize).String()
					}
					if _, err := s.Create(context.Background(), r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// amongBlocks is a store with so many blocks, the first of which is the own one of a tenant that takes no other. They are written
// as rows: AddBlock makes the table of all anew for each.
func amongBlocks(b *testing.B, blocks int) *DB {
	b.Helper()
	ctx := context.Background()
	o := options(b, b.TempDir())
	db := mustOpen(b, o)
	_, err := db.PutTenant(ctx, "alone", func(t *binding.Tenant, _ bool) error {
		t.State, t.OwnBlocks = binding.TenantActive, true
		return nil
	})
	batch := db.bind.NewBatch()
	for i, tenant := 0, "alone"; i < blocks && err == nil; i, tenant = i+1, binding.DefaultTenant {
		id, noID := db.tenantID(ctx, tenant)
		block := testBlock + binding.Block(i)
		row := blockValue(binding.BlockState{Block: block, State: binding.BlockOpen, AddedAt: testStart}, id)
		err = errors.Join(noID, batch.Set(key64(tableBlock, uint64(block)), row, nil))
	}
	if err = errors.Join(err, batch.Commit(pebble.Sync), batch.Close()); err != nil {
		b.Fatal(err)
	}
	mustClose(b, db)
	db = mustOpen(b, o)
	b.Cleanup(func() { mustClose(b, db) })
	return db
}
