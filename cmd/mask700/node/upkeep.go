package node

import (
	"context"
	"errors"
	"time"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
	"mask700/crash"
	"mask700/store"
	"mask700/store/audit"
)

// contactSweep is how often it is looked for what is kept longer than it may be.
const contactSweep = time.Hour

// drainCheck is how often it is looked whether a block that drains is empty.
const drainCheck = time.Minute

// erasureCheck is how often it is looked whether the erasure of a person was begun and is not done.
const erasureCheck = 10 * time.Minute

// startUpkeep begins what a server does by itself now and then.
func (n *Node) startUpkeep(ctx context.Context) {
	ctx, n.stopUpkeep = context.WithCancel(ctx)
	n.upkeep.Go(crash.Guard(func() { every(ctx, contactSweep, n.sweepContacts) }))
	n.upkeep.Go(crash.Guard(func() { every(ctx, erasureCheck, n.finishErasures) }))
	n.upkeep.Go(crash.Guard(func() { every(ctx, drainCheck, n.giveUpDrained) }))
	n.upkeep.Go(crash.Guard(func() { every(ctx, stockCheck, n.watchStock) }))
}

// every does something now and after each time that goes by, until ctx ends.
func every(ctx context.Context, d time.Duration, do func(context.Context)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		do(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// giveUpDrained gives up the blocks that drain and on which no binding lives any more.
func (n *Node) giveUpDrained(ctx context.Context) {
	blocks, err := n.db.Blocks(ctx)
	if err != nil {
		return // the server ends
	}
	if n.clockAhead.Load() > 0 {
		return // what lives there may only seem to be over
	}
	for _, b := range blocks {
		if b.State != binding.BlockDraining {
			continue
		}
		switch err := n.db.RemoveBlock(ctx, b.Block); {
		case err == nil:
			n.log.Info("a block has drained and is no longer held", "block", b.Block)
		case errors.Is(err, binding.ErrInUse), errors.Is(err, binding.ErrNotHeld), ctx.Err() != nil:
		default:
			n.log.Error("a block that drains is not given up; it is tried again", "block", b.Block, "error", err)
		}
	}
}

// sweepContacts deletes who dialled what before the quarantine.
func (n *Node) sweepContacts(ctx context.Context) {
	now, ok := n.sweepTime()
	if !ok {
		return
	}
	deleted, left, err := n.db.SweepContacts(ctx, now)
	switch {
	case ctx.Err() != nil: // the server ends
	case err != nil:
		n.log.Error("who dialled what longer ago than the quarantine is not deleted; it is tried again", "error", err)
	case deleted > 0:
		n.log.Info("who dialled what longer ago than the quarantine is deleted", "deleted", deleted, "left", left)
	}
}

// finishErasures goes on with erasures that a crash, or a call that went on, kept from being done, and deletes the recordings of those
// for which that was asked.
func (n *Node) finishErasures(ctx context.Context) {
	err := n.db.FinishErasures(ctx, func(p store.PersonErased, reason string) error {
		deleted := 0
		if p.DeleteRecordings {
			var err error
			if deleted, err = admin.RemoveRecordings(n.recordings.Shelf, p.Recordings); err != nil {
				return err
			}
		}
		_, err := n.audit.Append(audit.Entry{Who: "erasure", What: admin.WhatEraseDone, Object: admin.ErasureDone(p, deleted), Reason: reason}, time.Now())
		if err == nil {
			n.log.Info("the erasure of a person is done", "erasure", p.ID, "bindings", p.Bindings, "records", p.Records)
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		n.log.Error("the erasure of a person is not done; it is tried again", "error", err)
	}
}

// storeCounters are what an operator watches of the store: of the numbers, and of the disk. Of store_disk_full 1 means that
// new bindings are refused now; while store_clock_ahead_hours is not 0 the clock is not believed by what deletes.
func (n *Node) storeCounters(c map[string]uint64) {
	s := n.db.Stats()
	c["contacts"] = s.Contacts
	c["contacts_not_kept"] = s.ContactsLost
	c["bindings_closed_to_parties"] = 0
	for _, refused := range n.db.ClosedToParties() {
		c["bindings_closed_to_parties"] += refused
	}
	c["audit_unnoted"] = s.AuditUnnoted
	c["store_ids"] = s.IDs
	c["store_ids_looked_for"] = s.IDsLooked
	c["store_clock_ahead_hours"] = uint64((time.Duration(n.clockAhead.Load()) + time.Hour - 1) / time.Hour) // of part of an hour it is one
	c["store_disk_full"] = 0
	if s.DiskFull {
		c["store_disk_full"] = 1
	}
	c["store_damaged_blocks"] = s.Bindings.Corruptions + s.Records.Corruptions
	c["store_failed_writes"] = s.Bindings.Errors + s.Records.Errors
	c["store_stalls"] = s.Bindings.Stalls + s.Records.Stalls
	c["store_slow_disk"] = s.Bindings.SlowDisk + s.Records.SlowDisk
}

// closeUpkeep ends what startUpkeep began, before the store is closed.
func (n *Node) closeUpkeep() {
	if n.stopUpkeep != nil {
		n.stopUpkeep()
		n.upkeep.Wait()
	}
}
