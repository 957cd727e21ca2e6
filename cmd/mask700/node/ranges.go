package node

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

// rangeWarnings are how long before the end of an older range it is warned, each time once, while blocks of it are held;
// the last one is the end itself.
var rangeWarnings = [...]time.Duration{30 * 24 * time.Hour, 7 * 24 * time.Hour, 24 * time.Hour, 0}

// rangeWatch knows how the older ranges stand.
type rangeWatch struct {
	plan binding.Plan

	mu     sync.Mutex // protects what follows
	warned []int      // of each range: how many of the warnings were given
	last   []admin.RangeStatus
}

// look takes how the blocks stand now, and says of which ranges it is to be warned that was not before.
func (w *rangeWatch) look(now time.Time, blocks []binding.Stock) (warn []admin.RangeStatus) {
	all := make([]admin.RangeStatus, len(w.plan.Legacy))
	for i, r := range w.plan.Legacy {
		all[i] = admin.RangeStatus{Prefix: r.Prefix, Length: r.Length, Until: r.End(), Ended: !r.Until.IsZero() && now.After(r.Until)}
		for _, b := range blocks {
			if r.Has(b.Block) {
				all[i].Blocks++
				all[i].InUse += b.InUse
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.warned == nil {
		w.warned = make([]int, len(all))
	}
	w.last = all
	for i := range all {
		due := 0
		for due < len(rangeWarnings) && !all[i].Until.IsZero() && all[i].Until.Sub(now) <= rangeWarnings[due] {
			due++
		}
		if due > w.warned[i] && all[i].Blocks > 0 {
			w.warned[i] = due
			warn = append(warn, all[i])
		}
	}
	return warn
}

// status is how the ranges stood at the last look.
func (w *rangeWatch) status() []admin.RangeStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.last)
}

// warnOfRanges says which ranges end before long, or have ended.
func (n *Node) warnOfRanges(ctx context.Context, ranges []admin.RangeStatus, now time.Time) {
	for _, r := range ranges {
		text := "an older range of numbers ends; have its tenants bind on 700 numbers"
		if r.Ended {
			text = "an older range of numbers has ended: calls to it are refused; remove its blocks when nothing is bound on them any more"
		}
		n.log.LogAttrs(ctx, slog.LevelWarn, text, slog.String("range", r.Prefix+strings.Repeat("x", r.Length-len(r.Prefix))),
			slog.Time("until", r.Until), slog.Duration("left", max(r.Until.Sub(now), 0).Round(time.Minute)), slog.Int("blocks", r.Blocks), slog.Int("in_use", r.InUse))
	}
}

// warnOfStrays says which blocks are held of an older range that is not configured. Their numbers cannot be dialled.
func (n *Node) warnOfStrays(ctx context.Context) error {
	blocks, err := n.db.Blocks(ctx)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if _, ok := n.ranges.plan.Served(b.Block); !ok {
			n.log.Warn("a block is held of an older range that numbering.legacy_ranges does not have: calls to it are refused", "block", b.Block)
		}
	}
	return nil
}
