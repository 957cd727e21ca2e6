package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"mask700/binding"
	"mask700/binding/limit"
	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/config"
	"mask700/crash"
)

// limits is the rule that counts, and the file in which its counters outlive the process.
type limits struct {
	judge   *limit.Judge
	set     limit.Set
	tenants binding.Tenants
	using   sync.Mutex // what the store has is read and put to use by one at a time
	file    string
	log     *slog.Logger
	saved   atomic.Int64 // nanoseconds since 1970; 0: not yet
	stop    context.CancelFunc
	loop    sync.WaitGroup
}

// startLimits takes up the counters of the last run, and begins to write them. Without them, or where they are damaged, it
// begins with none.
func (n *Node) startLimits(ctx context.Context, cfg config.Config) error {
	l := &n.limits
	l.file, l.log = cfg.LimitFile(), n.log
	l.judge = limit.New(limit.Options{Key: n.db.FingerprintKey(), Memory: int(cfg.Limits.Memory)})
	l.set, l.tenants = cfg.LimitSet(), n.db
	if err := l.use(ctx); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	if err := l.load(); err != nil {
		n.log.Warn("the limits begin to count anew: what was counted before cannot be read", "error", err)
	}
	ctx, l.stop = context.WithCancel(ctx)
	l.loop.Go(crash.Guard(func() { l.saveLoop(ctx, time.Duration(cfg.Limits.Snapshot)) }))
	return nil
}

// use has the limits hold that are configured and that tenants have.
func (l *limits) use(ctx context.Context) error {
	l.using.Lock()
	defer l.using.Unlock()
	own, err := admin.Overrides(ctx, l.tenants)
	if err != nil {
		return err
	}
	return l.judge.Use(l.set, own)
}

func (l *limits) load() error {
	f, err := os.Open(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return l.judge.Load(f)
}

func (l *limits) saveLoop(ctx context.Context, every time.Duration) {
	again := time.NewTicker(every)
	defer again.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		err := l.save()
		if err != nil && !failing {
			l.log.Error("the counters of the limits are not written, and tried again", "error", err)
		}
		failing = err != nil
	}
}

// save puts a new file in the place of the old one, whole or not at all.
func (l *limits) save() error {
	next := l.file + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = l.judge.Save(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(next, l.file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	dir, err := os.Open(filepath.Dir(l.file))
	if err != nil {
		return err
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return err
	}
	l.saved.Store(time.Now().UnixNano())
	return nil
}

// close writes the counters once more. Nothing is judged any more.
func (l *limits) close() {
	if l.stop == nil {
		return
	}
	l.stop()
	l.loop.Wait()
	if err := l.save(); err != nil {
		l.log.Error("the counters of the limits are not written", "error", err)
	}
}

// status says how the counters are, and adds sums to counters.
func (l *limits) status(counters map[string]uint64) *admin.LimitStatus {
	st := l.judge.Stats()
	s := &admin.LimitStatus{Memory: st.Memory, Pushed: st.Pushed, Missed: st.LiveMissed, Tables: []admin.LimitTable{}, Rules: []admin.LimitHits{}}
	if at := l.saved.Load(); at != 0 {
		s.Saved = time.Unix(0, at).Format(time.RFC3339)
	}
	for scope, room := range st.Room {
		if room > 0 {
			s.Tables = append(s.Tables, admin.LimitTable{Of: limit.Scope(scope).String(), Keys: st.Keys[scope], Room: room})
		}
	}
	for _, r := range st.Rules {
		s.Rules = append(s.Rules, admin.LimitHits{Rule: r.Name, Refused: r.Refused, Shadowed: r.Shadowed})
		counters["limits_refused"] += r.Refused
		counters["limits_shadowed"] += r.Shadowed
	}
	counters["limits_pushed_out"], counters["limits_live_missed"] = st.Pushed, st.LiveMissed
	return s
}
