package node

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"mask700/binding"
	"mask700/binding/pool"
	"mask700/cmd/mask700/admin"
)

// stockCheck is how often the free numbers are looked at.
const stockCheck = time.Minute

// When it is warned that the numbers of a tenant run out: so long before, or as soon as less than this share of them is free.
const (
	runsOutSoon = 24 * time.Hour
	fewFree     = 20 // one in so many
)

// stockWatch knows how the numbers of each tenant stand, and when they run out.
type stockWatch struct {
	mu        sync.Mutex // protects what follows
	forecasts map[string]*pool.Forecast
	warned    map[string]bool
	last      []admin.NumberStatus
}

// look takes how the blocks stand now, and says of which tenants it is to be warned that was not before.
func (w *stockWatch) look(now time.Time, blocks []binding.Stock) (warn []admin.NumberStatus) {
	all := make(map[string]*admin.NumberStatus)
	size := make(map[string]int) // numbers of the open blocks
	for _, b := range blocks {
		tenant := cmp.Or(b.Tenant, binding.DefaultTenant)
		s := all[tenant]
		if s == nil {
			s = &admin.NumberStatus{Tenant: tenant}
			all[tenant] = s
		}
		s.Blocks++
		s.InUse += b.InUse
		s.Worn += b.Worn
		s.Locked += len(b.LockedNumbers)
		if b.State != binding.BlockOpen || b.Unread || b.Ended || b.Decided { // nothing is drawn from it
			continue
		}
		s.Open++
		s.Free += b.Free
		s.Fresh += b.Fresh
		s.Resting += b.Resting
		size[tenant] += binding.BlockSize - b.Absent
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before, warned := w.forecasts, w.warned
	w.forecasts, w.warned, w.last = make(map[string]*pool.Forecast, len(all)), make(map[string]bool), nil
	for tenant, s := range all {
		f := before[tenant]
		if f == nil {
			f = new(pool.Forecast)
		}
		w.forecasts[tenant] = f
		f.Add(now, s.Free, size[tenant])
		s.PerHour, _ = f.Rate()
		s.RunsOut, _ = f.RunsOut()
		w.last = append(w.last, *s)
		if low(s, size[tenant], now) {
			w.warned[tenant] = true
			if !warned[tenant] {
				warn = append(warn, *s)
			}
		}
	}
	byTenant := func(a, b admin.NumberStatus) int { return cmp.Compare(a.Tenant, b.Tenant) }
	slices.SortFunc(w.last, byTenant)
	slices.SortFunc(warn, byTenant)
	return warn
}

// low reports whether the numbers of a tenant run out before long.
func low(s *admin.NumberStatus, size int, now time.Time) bool {
	return s.Free*fewFree < size || !s.RunsOut.IsZero() && s.RunsOut.Sub(now) < runsOutSoon
}

// status is how the numbers stood at the last look.
func (w *stockWatch) status() []admin.NumberStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.last)
}

// withClosed puts to each tenant how many bindings its free numbers were closed to.
func withClosed(numbers []admin.NumberStatus, closed map[string]uint64) []admin.NumberStatus {
	for i := range numbers {
		numbers[i].Closed = closed[numbers[i].Tenant]
	}
	return numbers
}

// watchStock looks at the free numbers, and warns before they are gone.
func (n *Node) watchStock(ctx context.Context) {
	blocks, err := n.db.Stock(ctx)
	if err != nil {
		if ctx.Err() == nil {
			n.log.Error("it is not known how many numbers are free; it is looked again", "error", err)
		}
		return
	}
	now := time.Now()
	n.warnOfRanges(ctx, n.ranges.look(now, blocks), now)
	for _, s := range n.stock.look(now, blocks) {
		attrs := []slog.Attr{slog.String("tenant", s.Tenant), slog.Int("blocks", s.Open), slog.Int("free", s.Free)}
		if !s.RunsOut.IsZero() {
			attrs = append(attrs, slog.Time("run_out", s.RunsOut))
		}
		n.log.LogAttrs(ctx, slog.LevelWarn, "few numbers are free; add a block for the tenant or unbind what has ended", attrs...)
	}
}
