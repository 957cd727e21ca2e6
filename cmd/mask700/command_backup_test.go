package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/cmd/mask700/admin"
	"mask700/store"
)

// TestAnOldStoreSaysWhatWaits: after a backup that is older than a day was put back, and while the clock is not believed, it is said how to confirm it.
func TestAnOldStoreSaysWhatWaits(t *testing.T) {
	const confirm = "mask700 retention sweep --confirm-clock"
	now := time.Now()
	for age, want := range map[time.Duration]bool{time.Hour: false, 23 * time.Hour: false, 25 * time.Hour: true, 1000 * time.Hour: true} {
		if text := restored("data", store.Backup{MadeAt: now.Add(-age)}, now); strings.Contains(text, confirm) != want || !strings.Contains(text, "as it was at") {
			t.Errorf("%v old: %s", age, text)
		}
	}
	for hours, want := range map[uint64]string{0: "", 1: "1 hour ahead", 40: "40 hours ahead"} {
		var b strings.Builder
		err := printStatus(&b, admin.Status{State: admin.StateReady, Counters: map[string]uint64{"store_clock_ahead_hours": hours}}, now)
		if err != nil || strings.Contains(b.String(), confirm) != (hours > 0) || !strings.Contains(b.String(), want) {
			t.Errorf("%d hours, %v: %s", hours, err, b.String())
		}
	}
}

func TestBackupAndRestore(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		v := d.bind()
		out := d.must("backup", "copy", "--check")
		if !strings.Contains(out, "keys are not in it") || !strings.Contains(out, "1 binding (1 live)") {
			t.Errorf("%s", out)
		}
		var made admin.BackupResult
		d.mustJSON(&made, "backup", "copy2")
		if made.Store == "" || made.Check != nil || made.Bytes == 0 {
			t.Errorf("%+v", made)
		}
		d.refuse(1, "a directory of its own", "backup", "copy")
		d.refuse(1, "a directory of its own", "backup", filepath.Join("mask700-data", "copy"))
		d.refuse(1, "the DIR to make", "backup")
		for _, name := range []string{numberA, "of +86-" + numberA, "sip:" + numberA + "@x", "86" + numberA, "02161126000"} {
			d.refuse(1, "reads like a subscriber's number", "backup", filepath.Join("there", name))
		}
		if all := d.log(); len(all) < 2 || all[0].What != "backup" || !strings.HasSuffix(all[0].Object, "/copy") {
			t.Errorf("%+v", all)
		}
		if d.node != nil {
			d.refuse(1, "a server is running", "restore", "copy")
			return
		}
		d.must("binding", "delete", v.ID)
		d.refuse(1, "not empty", "restore", "copy")
		d.refuse(1, "data keys, is missing", "restore", "copy", "--data-dir", "other", "--key-file", "other.key")
		d.refuse(1, "no backup that is whole", "restore", "nothing", "--data-dir", "other")
		d.refuse(1, "the DIR of a backup", "restore")
		if err := os.RemoveAll("mask700-data"); err != nil {
			t.Fatal(err)
		}
		if out := d.must("restore", "copy"); !strings.Contains(out, "as it was at") || !strings.Contains(out, "1 binding (1 live)") {
			t.Errorf("%s", out)
		}
		if out := d.must("binding", "get", v.ID); !strings.Contains(out, "live") {
			t.Errorf("%s", out)
		}
		d.must("audit", "verify")
		var b store.Backup
		d.mustJSON(&b, "restore", "copy", "--data-dir", "other", "--no-check")
		if b.Store != made.Store {
			t.Errorf("%+v", b)
		}
	})
}
