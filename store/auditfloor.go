package store

import (
	"context"
	"fmt"
	"os"
	"time"

	"mask700/crash"
	"mask700/store/audit"
	"mask700/store/ring"
)

// noting is the floor of the audit log on its way into the ring. The ring may be on a disk that hangs while the others do not.
type noting struct {
	gate   chan struct{} // cap 1: who writes holds it, also after he was told ErrStalled
	failed bool          // the last time; whoever has the audit log's turn has it
}

// AuditFloor is a line that the audit log has had, as the ring has it: it is outside of the data directory.
func (db *DB) AuditFloor() (audit.Floor, error) {
	if err := db.enter(context.Background()); err != nil {
		return audit.Floor{}, err
	}
	defer db.leave()
	n := db.ring.Noted()
	f := audit.Floor{Head: audit.Head{Seq: n.Seq, Hash: n.Hash}, Restored: n.Restored}
	if !n.Restored.IsZero() {
		f.By = fmt.Sprintf("local uid %d", n.By)
	}
	return f, nil
}

// SetAuditFloor notes a line of the audit log in the ring; it is on disk when it returns. ErrStalled: the disk hangs, or has hung since
// before and nobody waits for it again.
func (db *DB) SetAuditFloor(h audit.Head) error {
	if err := db.enter(context.Background()); err != nil {
		return err
	}
	defer db.leave()
	err := db.noteInRing(ring.Noted{Seq: h.Seq, Hash: h.Hash})
	if err != nil {
		db.auditUnnoted.Add(1)
	}
	if failed := err != nil; failed != db.noting.failed {
		if db.noting.failed = failed; failed {
			db.opts.Logger.Error("the end of the audit log cannot be noted in the ring; whoever takes it away with its mark is not noticed beyond the entry that is noted",
				"ring", db.opts.Ring, "error", err)
		} else {
			db.opts.Logger.Info("the end of the audit log is noted in the ring again", "ring", db.opts.Ring)
		}
	}
	return err
}

func (db *DB) noteInRing(n ring.Noted) error {
	select {
	case db.noting.gate <- struct{}{}:
	default:
		return ErrStalled
	}
	done := make(chan error, 1)
	go func() {
		defer crash.Door()
		err := db.ring.Note(n)
		<-db.noting.gate // before the answer, behind which the next may come at once
		done <- err
	}()
	timer := time.NewTimer(db.opts.WriteTimeout)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return ErrStalled
	}
}

// noteRestored has a ring say that the audit log is that of a backup from now on, and need not have the line that was noted. It is
// noted as late as may be: before the bindings are moved to their place, without which there is no store.
func noteRestored(r *ring.Ring, now time.Time) error {
	n := r.Noted()
	n.Restored, n.By = now, uint32(os.Getuid())
	return r.Note(n)
}
