package store

import (
	"context"
	"testing"

	"mask700/store/seal"
)

// BenchmarkDataKeys: what it costs that a row is sealed under the key of its tenant and month, beside one key for all: a row
// of a binding is sealed, and opened, under either. 120 keys are in use, in turn.
func BenchmarkDataKeys(b *testing.B) {
	ctx := context.Background()
	db := benchStore(b, 1)
	const tenants, months = 10, 12
	type key struct {
		tenant uint32
		month  int
		id     uint32
		sealed []byte
	}
	var keys []key
	pair := benchPair(b, 1, 1)
	plain, err := appendBinding(nil, &pair, 0)
	if err != nil {
		b.Fatal(err)
	}
	place := placeOf((place{x: pair.X, start: 1}).key(), (&rowHeader{}).append(nil, 1))
	for m := range months {
		for t := range tenants {
			k := key{tenant: uint32(t + 1), month: m}
			id, box, err := db.bindKeys.forNew(ctx, k.tenant, testStart.AddDate(0, m, 0))
			if err != nil {
				b.Fatal(err)
			}
			k.id, k.sealed = id, box.Seal(nil, plain, place)
			keys = append(keys, k)
		}
	}
	one, err := seal.NewBox(seal.NewKey())
	if err != nil {
		b.Fatal(err)
	}
	underOne := one.Seal(nil, plain, place)
	buf := make([]byte, 0, 2*len(underOne))
	for name, f := range map[string]func(*key) error{
		"seal/tenant-and-month": func(k *key) error {
			_, box, err := db.bindKeys.forNew(ctx, k.tenant, testStart.AddDate(0, k.month, 0))
			if err == nil {
				box.Seal(buf, plain, place)
			}
			return err
		},
		"seal/one-key": func(*key) error { one.Seal(buf, plain, place); return nil },
		"open/tenant-and-month": func(k *key) error {
			box, err := db.bindKeys.box(k.id)
			if err == nil {
				_, err = box.Open(buf, k.sealed, place)
			}
			return err
		},
		"open/one-key": func(*key) error { _, err := one.Open(buf, underOne, place); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if err := f(&keys[n%len(keys)]); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}
