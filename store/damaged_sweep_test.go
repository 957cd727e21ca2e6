package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// hurtTables flips bytes in the first block of each table of a database that has many rows.
func hurtTables(t *testing.T, dir string) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	hurt := 0
	for _, path := range tables {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(content) < 16<<10 {
			continue
		}
		hurt++
		for i := 200; i < 264; i++ {
			content[i] ^= 0xff
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if hurt == 0 {
		t.Fatal("nothing is damaged")
	}
}

// TestDamageEndsNoSweepAndNoErasure: what stands in a damaged block stays as it is and is told; all else whose time is over is
// deleted, and a person is taken out of all else.
func TestDamageEndsNoSweepAndNoErasure(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bind", "cdr"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const rows, person = 400, 399
			ctx := context.Background()
			k := newKept(t, 30)
			k.o.blockSize = 1 << 10
			k.reopen()
			for i := range rows {
				k.bind(i+1, time.Hour)
				k.call(i + 1)
			}
			k.now = k.now.AddDate(0, 0, 40)
			k.bind(1000, time.Hour)
			k.call(1000)
			if err := errors.Join(k.db.bind.Flush(), k.db.cdr.Flush()); err != nil {
				t.Fatal(err)
			}
			mustClose(t, k.db)
			hurtTables(t, filepath.Join(k.o.Dir, name))
			k.o.WriteTimeout = 2 * time.Second // of which it is given four to write damaged files anew
			k.db = mustOpen(t, k.o)
			if err := k.db.ConfirmClock(); err != nil {
				t.Fatal(err)
			}

			p, err := k.db.ErasePerson(ctx, testNumber(t, 2*person), "he asked", false, func(string) error { return nil }, func(PersonErased) error { return nil })
			if err != nil {
				t.Fatalf("erasure: %v", err)
			}
			if len(p.Unread) == 0 || !strings.Contains(p.String(), p.Unread[0]) {
				t.Errorf("nothing is said of what was not searched: %s", p)
			}
			if p.Bindings != 1 || p.Records != 1 {
				t.Errorf("%d bindings and %d records are without the number", p.Bindings, p.Records)
			}
			if err := k.db.FinishErasures(ctx, func(PersonErased, string) error { t.Error("it was not done"); return nil }); err != nil {
				t.Error(err)
			}

			all, err := k.db.SweepRetention(ctx, k.r, func(Sweep) error { return nil })
			if err != nil || len(all) != 2 {
				t.Fatalf("%d classes, %v", len(all), err)
			}
			if all[0].Damaged+all[1].Damaged == 0 || all[0].KeyCount > 0 && name == "cdr" || all[1].KeyCount > 0 && name == "bind" {
				t.Errorf("of damage is told: %+v", all)
			}
			bindings, records := 0, 0
			for i := range rows {
				if _, err := k.db.Binding(ctx, testID(i+1)); err == nil {
					bindings++
				} else if !errors.Is(err, ErrCorrupt) && !errors.Is(err, binding.ErrNotFound) {
					t.Fatal(err)
				}
				if _, err := k.db.Record(ctx, "call "+testID(i+1)); err == nil {
					records++
				} else if !errors.Is(err, ErrCorrupt) && !errors.Is(err, cdr.ErrNotFound) {
					t.Fatal(err)
				}
			}
			if bindings+records > 1 { // one that stands just behind the block may be lost with it
				t.Errorf("%d bindings and %d records that are over can be read", bindings, records)
			}
			k.there(1000)
		})
	}
}
