package store

import (
	"path/filepath"
	"testing"
	"time"

	"mask700/store/audit"
)

// BenchmarkLongPast looks a number up on which as many bindings were as it takes, but for two: as a call does, and as one does by which
// nothing is remembered.
func BenchmarkLongPast(b *testing.B) {
	for _, known := range []bool{false, true} {
		b.Run(map[bool]string{false: "first", true: "known"}[known], func(b *testing.B) {
			db := mustOpen(b, memOptions(b, nil))
			b.Cleanup(func() { mustClose(b, db) })
			holdBlock(b, db)
			x := testBlock.Number(1)
			now := withPast(b, db, x, maxRowsOnX-2).Add(time.Hour)
			liveOn(b, db, x, now)
			for b.Loop() {
				if !known {
					db.pasts.known = make(map[pastOf]*past)
				}
				if _, err := db.Candidates(b.Context(), x, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAuditFloor is what a note in the ring costs the entry that makes it, on the disk of the test.
func BenchmarkAuditFloor(b *testing.B) {
	o := options(b, b.TempDir())
	db := mustOpen(b, o)
	b.Cleanup(func() { mustClose(b, db) })
	b.Run("note", func(b *testing.B) {
		for seq := uint64(1); b.Loop(); seq++ {
			if err := db.SetAuditFloor(audit.Head{Seq: seq, Hash: audit.Hash{byte(seq)}}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("entry", func(b *testing.B) {
		log, err := audit.Open(filepath.Join(o.Dir, "other.jsonl"), noFloor{db, new(audit.Mark)})
		if err != nil {
			b.Fatal(err)
		}
		defer log.Close()
		for b.Loop() {
			if _, err := log.Append(audit.Entry{Who: "test", What: "test", Object: "it", Reason: "the test"}, testStart); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// noFloor is a store that notes nothing in the ring, and has the mark of a log of the test's own.
type noFloor struct {
	*DB
	mark *audit.Mark
}

func (n noFloor) AuditHead() (audit.Mark, error) { return *n.mark, nil }

func (n noFloor) SetAuditHead(m audit.Mark) error {
	*n.mark = m
	return n.DB.SetAuditHead(m)
}

func (noFloor) AuditFloor() (audit.Floor, error) { return audit.Floor{}, nil }

func (noFloor) SetAuditFloor(audit.Head) error { return nil }
