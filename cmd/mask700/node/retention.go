package node

import (
	"context"
	"errors"
	"time"

	"mask700/cmd/mask700/config"
	"mask700/crash"
	"mask700/store"
	"mask700/store/audit"
)

const (
	retentionEvery = 24 * time.Hour   // between two sweeps of the store
	retentionLook  = 10 * time.Minute // between two looks whether one is due
)

// startRetention begins to delete what is over for as long as it is kept.
func (n *Node) startRetention(ctx context.Context, cfg config.Config) {
	keep := cfg.StoreRetention()
	keepAudit := time.Duration(cfg.Retention.Audit)
	if keep.Bindings == 0 && keep.Records == 0 && keepAudit == 0 {
		return
	}
	ctx, n.stopRetention = context.WithCancel(ctx)
	n.retention.Go(func() {
		defer crash.Door()
		tick := time.NewTicker(retentionLook)
		defer tick.Stop()
		var cut time.Time // when the audit log was looked at last
		for {
			if due := n.retentionDue(keep); due.Bindings > 0 || due.Records > 0 {
				n.sweepRetention(ctx, due)
			}
			if now, ok := n.sweepTime(); ok && keepAudit > 0 && time.Since(cut) >= retentionEvery {
				cut = time.Now()
				n.cutAudit(now.Add(-keepAudit), cut)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

// sweepTime is the time by which what is over may be deleted, which is not that of a clock that has jumped ahead: that is
// said, once until it is believed again. It says false where nothing may be deleted.
func (n *Node) sweepTime() (time.Time, bool) {
	t, err := n.db.SweepTime()
	if err != nil {
		n.log.Error("how far time has come cannot be written; nothing is deleted", "error", err)
		return time.Time{}, false
	}
	before := n.clockAhead.Swap(int64(t.Ahead))
	switch {
	case t.Ahead > 0 && before == 0:
		n.log.Error("the clock is ahead of what the store knows to have passed: it was set, or the server stood still for long. "+
			"What is over by that time is not deleted yet; if the clock is right, say so: mask700 retention sweep --confirm-clock",
			"ahead", t.Ahead.Round(time.Minute).String())
	case t.Ahead == 0 && before > 0:
		n.log.Info("the clock is believed again")
	}
	return t.At, true
}

// retentionDue is keep of the classes of which no sweep that came to its end began in the last day. Each goes by its own: one that a stop
// broke off, or that failed, is due though the other was swept.
func (n *Node) retentionDue(keep store.Retention) store.Retention {
	last, err := n.db.LastSweeps()
	if err != nil {
		n.log.Error("when the store was swept last is not known", "error", err)
		return keep
	}
	for _, s := range last {
		if since := time.Since(s.At); since < 0 || since >= retentionEvery {
			continue
		}
		switch s.Class {
		case store.ClassBindings:
			keep.Bindings = 0
		case store.ClassRecords:
			keep.Records = 0
		}
	}
	return keep
}

func (n *Node) sweepRetention(ctx context.Context, keep store.Retention) {
	all, err := n.db.SweepRetention(ctx, keep, n.noteSweep)
	for _, s := range all {
		if s.Deleted > 0 || s.KeyCount > 0 || s.Damaged > 0 {
			n.log.Info("rows whose time is over are deleted", "class", s.Class, "until", s.Until, "deleted", s.Deleted, "keys", s.KeyCount, "damaged", s.Damaged, "took", s.Took)
		}
	}
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, store.ErrClosed) {
		n.log.Error("rows whose time is over are not all deleted; it is tried again", "error", err)
	}
}

// cutAudit deletes the entries of the audit log from before a moment.
func (n *Node) cutAudit(before, now time.Time) {
	c, err := n.audit.Cut(before, audit.Entry{Who: "retention", What: "retention.delete", Reason: "its time is over"}, now)
	switch {
	case err != nil:
		n.log.Error("entries of the audit log whose time is over are not deleted; it is tried again", "error", err)
	case c.Last > 0:
		n.log.Info("entries of the audit log whose time is over are deleted", "first", c.First, "last", c.Last, "until", c.Until)
	}
}

// noteSweep puts the account of what is deleted into the audit log.
func (n *Node) noteSweep(s store.Sweep) error {
	_, err := n.audit.Append(audit.Entry{Who: "retention", What: "retention.delete", Object: s.String(), Reason: "its time is over"}, time.Now())
	return err
}

// closeRetention ends it, before the store is closed.
func (n *Node) closeRetention() {
	if n.stopRetention != nil {
		n.stopRetention()
		n.retention.Wait()
	}
}
