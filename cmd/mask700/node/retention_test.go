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
	if !n.retentionDue() {
		t.Error("the first is not due")
	}
	if err := db.AddBlock(ctx, binding.BlockState{Block: 70010000001, State: binding.BlockOpen, AddedAt: now}); err != nil {
		t.Fatal(err)
	}
	old := now.AddDate(-3, 0, 0)
	if err := db.Bind(ctx, binding.Binding{ID: "old", Mode: binding.ModeAXB, X: 700100000010001, CreatedAt: old, ExpiresAt: old.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	n.sweepRetention(ctx, store.Retention{Bindings: time.Hour, Records: time.Hour})
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
	if n.retentionDue() {
		t.Error("another one is due at once")
	}
	now = time.Now().Add(-25 * time.Hour)
	n.sweepRetention(ctx, store.Retention{Bindings: time.Hour, Records: time.Hour})
	if !n.retentionDue() {
		t.Error("none is due a day later")
	}
}
