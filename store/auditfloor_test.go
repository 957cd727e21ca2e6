package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"mask700/store/audit"
)

// auditOf opens the audit log of a store; both are closed at the end.
func auditOf(t *testing.T, o Options) (*DB, *audit.Log) {
	t.Helper()
	db := mustOpen(t, o)
	log, err := audit.Open(filepath.Join(o.Dir, auditFile), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	return db, log
}

func addEntries(t *testing.T, log *audit.Log, n int) {
	t.Helper()
	for range n {
		if _, err := log.Append(audit.Entry{Who: "test", What: "test", Object: "it", Reason: "the test"}, testStart); err != nil {
			t.Fatal(err)
		}
	}
}

// auditFault opens the audit log of a store and says what is wrong with it, and up to where it is right.
func auditFault(t *testing.T, o Options) (fault string, last uint64) {
	t.Helper()
	db, log := auditOf(t, o)
	r, err := log.Verify()
	if err := errors.Join(err, log.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	return r.Fault, r.Head.Seq
}

// aLog is a store with an audit log of so many entries, which was stopped cleanly.
func aLog(t *testing.T, n int) Options {
	t.Helper()
	o := options(t, t.TempDir())
	db, log := auditOf(t, o)
	addEntries(t, log, n)
	if err := errors.Join(log.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	return o
}

// copyOf is a copy of the data directory.
func copyOf(t *testing.T, o Options) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := copyTree(o.Dir, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestAuditLogIsDeletedWithItsMark: the ring, which is elsewhere, has noted that there was one.
func TestAuditLogIsDeletedWithItsMark(t *testing.T) {
	t.Parallel()
	o := aLog(t, 5)
	if err := os.Remove(filepath.Join(o.Dir, auditFile)); err != nil {
		t.Fatal(err)
	}
	db := mustOpen(t, o)
	if err := db.bind.Delete(keyText(tableMeta, metaAudit), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	for range 2 { // also once more: nothing settles it
		if fault, _ := auditFault(t, o); !strings.Contains(fault, "it ends at line 0, and line 5 is noted in the ring") {
			t.Errorf("%q", fault)
		}
	}
	_, log := auditOf(t, o)
	if _, err := log.Append(audit.Entry{Who: "test", What: "test", Object: "it", Reason: "the test"}, testStart); !errors.Is(err, audit.ErrBroken) {
		t.Errorf("begun anew: %v", err)
	}
}

// TestAnOlderDataDirectoryIsPutBack: log and mark are of one time, and earlier than what the ring has noted.
func TestAnOlderDataDirectoryIsPutBack(t *testing.T) {
	t.Parallel()
	o := aLog(t, 5)
	older := copyOf(t, o)
	db, log := auditOf(t, o)
	addEntries(t, log, 2)
	if err := errors.Join(log.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if fault, last := auditFault(t, o); fault != "" || last != 7 {
		t.Fatalf("as it is: %q, %d", fault, last)
	}
	o.Dir = older
	if fault, last := auditFault(t, o); !strings.Contains(fault, "it ends at line 5, and line 7 is noted in the ring") || last != 5 {
		t.Errorf("%q, %d", fault, last)
	}
}

// TestRestoreSetsTheFloorBack: with an entry about it that has the line of before.
func TestRestoreSetsTheFloorBack(t *testing.T) {
	t.Parallel()
	o := aLog(t, 5)
	db, log := auditOf(t, o)
	dir := filepath.Join(t.TempDir(), "backup")
	if _, err := db.Backup(context.Background(), dir, BackupOptions{Audit: log}); err != nil {
		t.Fatal(err)
	}
	addEntries(t, log, 4)
	noted := db.ring.Noted()
	if err := errors.Join(log.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	o = restored(t, o)
	if _, err := Restore(o, dir); err != nil {
		t.Fatal(err)
	}
	if fault, last := auditFault(t, o); fault != "" || last != 6 {
		t.Errorf("%q, %d", fault, last)
	}
	db, log = auditOf(t, o)
	if n := db.ring.Noted(); n.Seq != 6 || !n.Restored.IsZero() || noted.Seq != 5 {
		t.Errorf("the ring has %+v", n)
	}
	var last audit.Entry
	if err := log.List(func(e audit.Entry) error { last = e; return nil }); err != nil {
		t.Fatal(err)
	}
	if last.What != "store.restore" || !strings.HasPrefix(last.Who, "local uid ") || !strings.Contains(last.Object, "the log before had entry 9, its hash ") {
		t.Errorf("%+v", last)
	}
}

// TestRotationKeepsTheFloor: another master key, and new data keys.
func TestRotationKeepsTheFloor(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := aLog(t, 5)
	db, _ := auditOf(t, o)
	if _, err := db.RotateMaster(ctx); err != nil {
		t.Fatal(err)
	}
	if err := db.RotateKeys(ctx); err != nil {
		t.Fatal(err)
	}
	if n := db.ring.Noted(); n.Seq != 5 {
		t.Errorf("%+v", n)
	}
	mustClose(t, db)
	if fault, last := auditFault(t, o); fault != "" || last != 5 {
		t.Errorf("%q, %d", fault, last)
	}
}

// TestCrashBeforeTheFloorIsSet: what is behind it was written, and a start goes on from there.
func TestCrashBeforeTheFloorIsSet(t *testing.T) {
	t.Parallel()
	o := aLog(t, 5)
	db, log := auditOf(t, o)
	addEntries(t, log, 3)
	if n := db.ring.Noted(); n.Seq != 5 {
		t.Fatalf("the ring has %d", n.Seq)
	}
	o.Dir = copyOf(t, o) // as a crash leaves it, with the ring of this moment
	mustClose(t, db)
	if fault, last := auditFault(t, o); fault != "" || last != 8 {
		t.Errorf("%q, %d", fault, last)
	}
}

// TestNotesFollowEachOther: each waits for the one before no longer than that takes.
func TestNotesFollowEachOther(t *testing.T) {
	t.Parallel()
	db, _ := auditOf(t, options(t, t.TempDir()))
	for seq := uint64(1); seq <= 300; seq++ {
		if err := db.SetAuditFloor(audit.Head{Seq: seq}); err != nil {
			t.Fatal(seq, err)
		}
	}
}

// TestRingThatCannotBeWritten: the store serves, says and counts it, and the entries are written.
func TestRingThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	o := aLog(t, 5)
	var text bytes.Buffer
	o.Logger = testLogger(&text)
	db, log := auditOf(t, o)
	if err := db.ring.Close(); err != nil { // nothing can be written to it any more
		t.Fatal(err)
	}
	addEntries(t, log, 40)
	if s := db.Stats(); s.AuditUnnoted != 2 {
		t.Errorf("counted %d times", s.AuditUnnoted)
	}
	if h, err := log.Noted(); h.Seq != 5 || err == nil {
		t.Errorf("line %d, %v", h.Seq, err)
	}
	if r, err := log.Verify(); err != nil || r.Fault != "" || r.Head.Seq != 45 {
		t.Errorf("%+v, %v", r, err)
	}
	mustClose(t, db)
	if n := strings.Count(text.String(), "cannot be noted in the ring"); n != 1 {
		t.Errorf("said %d times", n)
	}
}
