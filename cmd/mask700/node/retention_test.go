package node

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/store"
	"mask700/store/audit"
)

// What is over is deleted once a day, and the audit log says so.
func TestRetentionIsSweptOnceADay(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	now := time.Now()
	db, err := store.Open(store.Options{Dir: filepath.Join(dir, "data"), KeyFile: filepath.Join(dir, "key"), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(filepath.Join(dir, "data", "audit.jsonl"), db)
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{db: db, audit: log, log: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	keep := store.Retention{Bindings: time.Hour, Records: time.Hour, RowsPerSecond: 1000}
	if due := n.retentionDue(keep); due.Bindings != keep.Bindings || due.Records != keep.Records {
		t.Errorf("the first is not due: %+v", due)
	}
	if err := db.AddBlock(ctx, binding.BlockState{Block: 70010000001, State: binding.BlockOpen, AddedAt: now}); err != nil {
		t.Fatal(err)
	}
	old := now.AddDate(-3, 0, 0)
	if err := db.Bind(ctx, binding.Binding{ID: "old", Mode: binding.ModeAXB, X: 700100000010001, CreatedAt: old, ExpiresAt: old.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	// The records are swept, and a stop breaks off what deletes bindings: they are due at the next look, and the records are not.
	n.sweepRetention(ctx, store.Retention{Records: time.Hour})
	if due := n.retentionDue(keep); due.Bindings != keep.Bindings || due.Records != 0 || due.RowsPerSecond != keep.RowsPerSecond {
		t.Errorf("the records alone were swept, and due is %+v", due)
	}
	n.sweepRetention(ctx, n.retentionDue(keep))
	if _, err := db.Binding(ctx, "old"); err == nil {
		t.Error("it is still there")
	}
	var entries []audit.Entry
	if err := log.List(func(e audit.Entry) error { entries = append(entries, e); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].What != "retention.delete" || !strings.Contains(entries[0].Object, "1 deleted; 1 keys:") {
		t.Errorf("%+v", entries)
	}
	if due := n.retentionDue(keep); due.Bindings != 0 || due.Records != 0 {
		t.Errorf("another one is due at once: %+v", due)
	}
	now = time.Now().Add(-25 * time.Hour)
	n.sweepRetention(ctx, keep)
	if due := n.retentionDue(keep); due.Bindings != keep.Bindings || due.Records != keep.Records {
		t.Errorf("none is due a day later: %+v", due)
	}
}

// What deletes does not believe a clock that has jumped ahead. It is said once, in the log and by a counter, until the clock is
// believed again.
func TestAClockThatJumpsIsSaid(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	right, steady := now, time.Duration(0)
	db, err := store.Open(store.Options{
		Dir: filepath.Join(dir, "data"), KeyFile: filepath.Join(dir, "key"), Now: func() time.Time { return now }, Steady: func() time.Duration { return steady },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	var said strings.Builder
	n := &Node{db: db, log: slog.New(slog.NewTextHandler(&said, nil))}
	look := func(errors, infos int, hours uint64, late time.Duration) {
		t.Helper()
		at, ok := n.sweepTime()
		if got := now.Sub(at); !ok || got.Round(time.Second) != late {
			t.Errorf("sweeps go by a time %v before that of the clock, %t, want %v", got, ok, late)
		}
		counters := map[string]uint64{}
		n.storeCounters(counters)
		if c := counters["store_clock_ahead_hours"]; c != hours {
			t.Errorf("%d hours ahead, want %d", c, hours)
		}
		if e, i := strings.Count(said.String(), "level=ERROR"), strings.Count(said.String(), "level=INFO"); e != errors || i != infos {
			t.Errorf("%d errors and %d others are said, want %d and %d: %s", e, i, errors, infos, said.String())
		}
	}
	look(0, 0, 0, 0)
	now = right.Add(72 * time.Hour)
	look(1, 0, 48, 48*time.Hour)
	steady = time.Hour
	look(1, 0, 46, 46*time.Hour)
	now = right.Add(time.Hour)
	look(1, 1, 0, 0)
	if !strings.Contains(said.String(), "mask700 retention sweep --confirm-clock") {
		t.Errorf("nothing says what to do: %s", said.String())
	}
}
