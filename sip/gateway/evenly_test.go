package gateway

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/lookup"
	"mask700/media"
	"mask700/sip/call"
	"mask700/sip/message"
	"mask700/store"
)

// counted counts what is asked of a store.
type counted struct {
	binding.Store
	holds, onX, other atomic.Int32
}

func (c *counted) Holds(b binding.Block) bool { c.holds.Add(1); return c.Store.Holds(b) }

func (c *counted) Candidates(ctx context.Context, x binding.X, at time.Time) ([]binding.Binding, error) {
	c.onX.Add(1)
	return c.Store.Candidates(ctx, x, at)
}

func (c *counted) OnX(ctx context.Context, x binding.X) ([]binding.Binding, error) {
	c.other.Add(1)
	return c.Store.OnX(ctx, x)
}

func (c *counted) Binding(ctx context.Context, id string) (binding.Binding, error) {
	c.other.Add(1)
	return c.Store.Binding(ctx, id)
}

func (c *counted) List(ctx context.Context, f binding.Filter, each func(binding.Binding) error) error {
	c.other.Add(1)
	return c.Store.List(ctx, f, each)
}

const block = "70010000001"

// strangers are the cases that have to look the same: who calls what.
var strangers = []struct{ name, caller, dialled string }{
	{"not held", "13700000001", "700100000020001"},
	{"never bound", "13700000002", "700100000010001"},
	{"bound for others", "13700000003", "700100000010002"},
	{"bound for 60 others", "13700000004", "700100000010003"},
	{"expired", "13700000005", "700100000010004"},
	{"unbound", "13700000006", "700100000010005"},
	{"anonymous", "anonymous", "700100000010002"},
}

// populate makes the bindings that strangers stand outside of.
func populate(t testing.TB, s binding.Store) {
	t.Helper()
	now := time.Now()
	service := binding.Service{Store: s, Now: func() time.Time { return now }}
	if _, err := service.AddBlock(t.Context(), block); err != nil {
		t.Fatal(err)
	}
	bind := func(a, b, x string, ttl time.Duration) binding.Binding {
		made, err := service.Create(t.Context(), binding.Request{Mode: "axb", A: a, B: b, X: x, Order: "o", TTL: ttl})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	bind("13800000001", "13900000001", strangers[2].dialled, 0)
	for i := range 60 {
		bind(fmt.Sprintf("138%08d", 100+i), fmt.Sprintf("139%08d", 100+i), strangers[3].dialled, 0)
	}
	now = now.Add(-time.Hour)
	bind(strangers[4].caller, "13900000004", strangers[4].dialled, time.Minute)
	now = now.Add(time.Hour)
	if _, err := service.Delete(t.Context(), bind(strangers[5].caller, "13900000005", strangers[5].dialled, 0).ID); err != nil {
		t.Fatal(err)
	}
}

// TestStrangersCostTheSame: whatever becomes of a number, the same is asked of the store, and a refusal is told at the
// same time after the call came, however long the store took within it.
func TestStrangersCostTheSame(t *testing.T) {
	c := &counted{Store: new(bindingtest.Store)}
	populate(t, c)
	g := &Gateway{path: lookup.Path{Store: c}}
	for _, s := range strangers {
		x, err := binding.Plan{}.ParseX(s.dialled)
		if err != nil {
			t.Fatal(err)
		}
		q := binding.Query{Dialled: x, At: time.Now()}
		if s.caller != "anonymous" {
			if q.Caller, err = (binding.Plan{}).ParseNumber(s.caller); err != nil {
				t.Fatal(err)
			}
		}
		c.holds.Store(0)
		c.onX.Store(0)
		d := g.decide(t.Context(), decide{query: q}, func() {})
		if d.Err != nil || d.Decision.Refusal == "" {
			t.Fatalf("%s: %+v", s.name, d)
		}
		if c.holds.Load() != 1 || c.onX.Load() != 1 || c.other.Load() != 0 {
			t.Errorf("%s: asked for the block %d times, for the number %d times, for more %d times", s.name, c.holds.Load(), c.onX.Load(), c.other.Load())
		}
		for took, want := range map[time.Duration]time.Duration{
			-time.Second: refusalTime, 0: refusalTime, time.Microsecond: refusalTime, refusalTime - 1: refusalTime,
			refusalTime: 2 * refusalTime, refusalTime + 1: 2 * refusalTime, 7*refusalTime + 3: 8 * refusalTime,
		} {
			if got := max(took, 0) + due(q.At, q.At.Add(took), d); got != want {
				t.Errorf("%s: looked up in %v, told after %v, want %v", s.name, took, got, want)
			}
		}
	}
	now := time.Now()
	for _, d := range []call.Decided{
		{}, {Decision: binding.Decision{Refusal: binding.RefusalOneWay}}, {Decision: binding.Decision{Refusal: binding.RefusalBlocked}},
		{Err: errors.New("stalled"), Decision: binding.Decision{Refusal: binding.RefusalNoBinding}},
	} {
		if got := due(now, now, d); got != 0 {
			t.Errorf("%+v waits %v", d, got)
		}
	}
}

// TestRefusalsWait: on the wire nobody is refused before the time has come, and a party is not kept waiting.
func TestRefusalsWait(t *testing.T) {
	type kept struct {
		wait time.Duration
		tell func()
	}
	waiting := make(chan kept, 1)
	w := newWorldWith(t, func(o *Options) {
		s := new(bindingtest.Store)
		populate(t, s)
		o.Bindings = s
		o.later = func(d time.Duration, f func()) { waiting <- kept{d, f} }
	})
	for i, s := range strangers {
		id := fmt.Sprint("stranger", i)
		w.send(w.peer, w.request("INVITE", id, s.caller, s.dialled, offer))
		k := <-waiting
		if k.wait <= 0 || k.wait > refusalTime {
			t.Errorf("%s waits %v", s.name, k.wait)
		}
		if closed := w.journal.Closed(); len(closed) != i {
			t.Fatalf("%s: %d records before it is told", s.name, len(closed))
		}
		k.tell()
		m := w.expect(404, "INVITE")
		for m.CallID != id { // one that was not acknowledged is sent again
			m = w.expect(404, "INVITE")
		}
		w.send(w.peer, ackOf(w, id, s.caller, s.dialled, m))
	}
	w.send(w.peer, w.request("INVITE", "party", "13800000001", strangers[2].dialled, offer))
	for {
		if m := w.receive(); m.Status == 0 && m.Method == "INVITE" {
			break
		}
	}
	if len(waiting) != 0 {
		t.Error("a party waits")
	}
}

func ackOf(w *world, id, caller, dialled string, to *message.Message) string {
	text := w.request("ACK", id, caller, dialled, "")
	text = strings.Replace(text, "branch=z9hG4bKACK", "branch=z9hG4bKINVITE", 1)
	return strings.Replace(text, fmt.Sprintf("To: <sip:%s@gateway>", dialled), "To: "+to.To.Text, 1)
}

// BenchmarkStrangersRefused measures how long the answer takes in each case, the cases in turn, with a store on disk, and the ratio of
// the medians:
// go test -run - -bench StrangersRefused -benchtime 20000x ./sip/gateway
func BenchmarkStrangersRefused(b *testing.B) {
	dir := b.TempDir()
	db, err := store.Open(store.Options{Dir: filepath.Join(dir, "data"), KeyFile: filepath.Join(dir, "key")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	populate(b, db)
	w := newWorldWith(b, func(o *Options) {
		o.Bindings, o.Journal = db, db.Journal()
		o.Media = func(MediaEvents) (media.Engine, error) { return media.NewRelay(media.Options{}) }
	})
	const window = 8 // calls at once
	begun := make(map[string]time.Time, window)
	took := make([][]time.Duration, len(strangers))
	sent := 0
	next := func() {
		if sent == b.N {
			return
		}
		s := strangers[sent%len(strangers)]
		id := fmt.Sprintf("%dx%d", sent%len(strangers), sent)
		text := w.request("INVITE", id, s.caller, s.dialled, offer)
		sent++
		begun[id] = time.Now()
		w.send(w.peer, text)
	}
	b.ResetTimer()
	for range min(window, b.N) {
		next()
	}
	for done := 0; done < b.N; {
		m := w.expect(404, "INVITE")
		at, ok := begun[m.CallID]
		if ok {
			delete(begun, m.CallID)
			done++
		}
		var which, n int
		if _, err := fmt.Sscanf(m.CallID, "%dx%d", &which, &n); err != nil {
			b.Fatal(err)
		}
		s := strangers[which]
		if ok {
			took[which] = append(took[which], time.Since(at))
		}
		w.send(w.peer, ackOf(w, m.CallID, s.caller, s.dialled, m))
		if ok {
			next()
		}
	}
	b.StopTimer()
	first := 0.0
	for i, all := range took {
		if len(all) == 0 {
			continue
		}
		slices.Sort(all)
		at := func(q float64) float64 { return float64(all[int(q*float64(len(all)-1))]) / float64(time.Millisecond) }
		if i == 0 {
			first = at(0.5)
		}
		b.Logf("%-20s %6d answers  p1 %.2f  p50 %.3f  p90 %.2f  p99 %.2f ms, median %.4f of the first", strangers[i].name, len(all), at(0.01), at(0.5), at(0.9), at(0.99), at(0.5)/first)
	}
}
