package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// Disk is what an engine keeps its rows on, and can be cut off from its power before any of its operations.
type Disk interface {
	// Open starts the engine on what the disk holds, under a clock; on an empty disk it makes an empty engine.
	Open(t testing.TB, now func() time.Time) Checked
	// Watch has before called ahead of each operation that changes the disk, by whoever does it; nil: no more.
	Watch(before func())
	// Cut returns the disk as it is found when its power goes now: with all that was made durable, and of the rest with what
	// random leaves.
	Cut(t testing.TB, random *rand.Rand) Disk
}

// Checked is an engine that can look through all that it holds.
type Checked interface {
	Engine
	// Faults says where rows and what finds them do not agree.
	Faults(ctx context.Context) ([]string, error)
}

// Crashes cuts the power at every few operations of the disk, under one caller that does everything an engine can and under
// several that do it in any order, and opens what is left of each. Whatever was answered is there; what was under way is
// there whole, by everything that finds it, or not at all; and the engine goes on: no number that was drawn is given again.
// disk returns an empty disk.
func Crashes(t *testing.T, disk func(t *testing.T) Disk) {
	t.Run("of one caller", func(t *testing.T) {
		t.Parallel()
		crash(t, disk(t), 1, 1, 2, func(l *lane) { l.script() })
	})
	t.Run("of many callers", func(t *testing.T) {
		t.Parallel()
		crash(t, disk(t), 2, 2, 2, func(l *lane) { l.wander(24) })
	})
}

// mostCuts bounds how many disks one run leaves behind.
const mostCuts = 40

// outage is one cut and how far each caller was.
type outage struct {
	disk  Disk
	begun []int // steps, of each lane
	done  []int
}

func crash(t *testing.T, d Disk, seed uint64, lanes, each int, work func(*lane)) {
	clock := func() time.Time { return at(time.Hour) }
	e := d.Open(t, clock)
	var mu sync.Mutex // protects how far the lanes are, and the cuts
	all := make([]*lane, lanes)
	for i := range all {
		all[i] = newLane(t, e, i, seed, &mu)
	}
	random := rand.New(rand.NewPCG(seed, 700))
	var cuts []outage
	operations := 0
	d.Watch(func() {
		mu.Lock()
		defer mu.Unlock()
		if operations++; operations%each != 0 || len(cuts) == mostCuts {
			return
		}
		o := outage{disk: d.Cut(t, random)}
		for _, l := range all {
			o.begun, o.done = append(o.begun, l.begun), append(o.done, l.done)
		}
		cuts = append(cuts, o)
	})
	var working sync.WaitGroup
	for _, l := range all {
		working.Go(func() { work(l) })
	}
	working.Wait()
	d.Watch(nil)
	if err := e.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if t.Failed() {
		return
	}
	if len(cuts) < 15 {
		t.Errorf("only %d cuts in %d operations", len(cuts), operations)
	}
	for i, o := range cuts {
		outlived(t, fmt.Sprintf("cut %d", i), o, all, clock)
		if t.Failed() {
			return
		}
	}
}

// outlived opens what an outage left.
func outlived(t *testing.T, what string, o outage, all []*lane, clock func() time.Time) {
	ctx := context.Background()
	e := o.disk.Open(t, clock)
	defer func() {
		if err := e.Close(); err != nil {
			t.Errorf("%s: close: %v", what, err)
		}
	}()
	sound := func(when string) {
		if faults, err := e.Faults(ctx); err != nil || len(faults) > 0 {
			t.Errorf("%s: %s: %v, %v", what, when, faults, err)
		}
	}
	sound("opened")
	if _, err := e.CloseAbandoned(at(2 * time.Hour)); err != nil {
		t.Fatalf("%s: close what was open: %v", what, err)
	}
	seen := make([][]binding.X, len(all)) // by everybody
	for i, l := range all {
		got := l.look(e)
		was, may := l.views[o.done[i]], l.views[o.begun[i]]
		if !reflect.DeepEqual(got, was) && !reflect.DeepEqual(got, may) {
			t.Errorf("%s: caller %d, of whom %d steps of %d begun were answered (%s): not as before: %s; not as behind: %s", what, i,
				o.done[i], o.begun[i], l.names[o.begun[i]], got.unlike(was), got.unlike(may))
		}
		seen[i] = slices.Concat(was.given(), got.given())
	}
	n := uint64(0)
	for _, r := range records(t, e, cdr.Filter{}) {
		if n++; r.Seq != n {
			t.Fatalf("%s: record %d has seq %d", what, n, r.Seq)
		}
	}
	for i, l := range all {
		for k := range 3 {
			b := l.pair(l.most + k)
			b.X = 0
			b, err := e.Draw(ctx, b)
			if err != nil || slices.Contains(seen[i], b.X) {
				t.Errorf("%s: caller %d draws %v again, or %v", what, i, b.X, err)
			}
			seen[i] = append(seen[i], b.X)
		}
	}
	if seq, err := closeRecord(t, e.Journal(), record("goes on")); err != nil || seq != n+1 {
		t.Errorf("%s: the next record is %d, %v; want %d", what, seq, err, n+1)
	}
	sound("gone on")
}

// lane is one caller with a tenant, a block, ids and subscribers of its own, and what it sees after each of its steps.
type lane struct {
	t      testing.TB
	e      Engine
	n      int
	most   int // steps at most
	block  binding.Block
	tenant string
	random *rand.Rand

	mu          *sync.Mutex // protects begun and done
	begun, done int
	names       []string // of the steps, from 1 on
	views       []view   // after so many steps

	bound, keys, bars, tokens, opened, locked []int // by what number they are made of
}

// mostFound is how many bindings are looked for in every way at each look.
const mostFound = 2

// view is all that an engine says of one lane.
type view struct {
	Bindings []binding.Binding
	Found    []string // by what the last of them are found; of the others that is Faults to say
	Repeated []string // ids, in the order in which they were asked for under a key
	Tenant   binding.Tenant
	Blocks   []binding.BlockState
	Locked   []binding.X
	Bars     []binding.Bar
	Tokens   []binding.TenantToken
	Records  []cdr.Record
	Open     []string // ids of records that no more than opened
}

// given are the numbers of all bindings there ever were.
func (v view) given() (all []binding.X) {
	for _, b := range v.Bindings {
		all = append(all, b.X)
		if b.Y != 0 {
			all = append(all, b.Y)
		}
	}
	return all
}

// unlike names what differs.
func (v view) unlike(w view) string {
	var names []string
	for a, b, i := reflect.ValueOf(v), reflect.ValueOf(w), 0; i < a.NumField(); i++ {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			names = append(names, a.Type().Field(i).Name)
		}
	}
	return strings.Join(names, ", ")
}

func newLane(t testing.TB, e Engine, n int, seed uint64, mu *sync.Mutex) *lane {
	l := &lane{
		t: t, e: e, n: n, most: 64, block: block + binding.Block(10*n), tenant: "lane-" + letters(n), mu: mu,
		random: rand.New(rand.NewPCG(seed, uint64(n))), names: []string{"nothing"},
	}
	l.want(l.putTenant(binding.TenantActive))
	l.want(e.AddBlock(context.Background(), binding.BlockState{Block: l.block, State: binding.BlockOpen, AddedAt: start, Tenant: l.tenant}))
	l.views = append(l.views, l.look(e))
	return l
}

// step does one thing that is one transaction, and looks at what came of it.
func (l *lane) step(name string, do func() error) {
	if l.t.Failed() {
		return
	}
	l.mu.Lock()
	l.begun++
	l.mu.Unlock()
	l.names = append(l.names, name)
	if err := do(); err != nil {
		l.t.Errorf("caller %d: %s: %v", l.n, name, err)
	}
	l.views = append(l.views, l.look(l.e))
	l.mu.Lock()
	l.done++
	l.mu.Unlock()
}

func (l *lane) want(err error) {
	if err != nil {
		l.t.Errorf("caller %d: %v", l.n, err)
	}
}

func (l *lane) id(i int) string { return letters(l.n*1000 + i) }

func (l *lane) putTenant(state string) error {
	_, err := l.e.PutTenant(context.Background(), l.tenant, func(row *binding.Tenant, _ bool) error {
		row.State, row.AddedAt, row.Since = state, start, start
		return nil
	})
	return err
}

// pair is a binding of two subscribers that no other step has, on a number that no step draws.
func (l *lane) pair(i int) binding.Binding {
	b := pair(l.t, l.id(i), l.block.Number(binding.BlockSize-1-i), l.n*1000+i)
	b.Tenant, b.Consent = l.tenant, "consent "+l.id(i)
	return b
}

// look asks an engine for all of a lane, in every way there is.
func (l *lane) look(e Engine) (v view) {
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			l.t.Errorf("caller %d: %v", l.n, err)
		}
	}
	must(e.List(ctx, binding.Filter{}, func(b binding.Binding) error {
		if b.Tenant == l.tenant {
			v.Bindings = append(v.Bindings, b)
		}
		return nil
	}))
	for i := max(len(v.Bindings)-mostFound, 0); i < len(v.Bindings); i++ {
		v.Found = append(v.Found, l.found(e, &v.Bindings[i]))
	}
	for _, i := range l.keys {
		b, err := e.Repeated(ctx, l.tenant, l.key(i), start)
		if err == nil {
			v.Repeated = append(v.Repeated, b.ID)
		} else if err != binding.ErrNotFound {
			must(err)
		}
	}
	v.Tenant, _ = e.Tenant(l.tenant)
	stock, err := e.Stock(ctx)
	must(err)
	for _, s := range stock {
		if s.Tenant == l.tenant {
			v.Blocks = append(v.Blocks, s.BlockState)
			v.Locked = append(v.Locked, s.LockedNumbers...)
		}
	}
	must(e.Bars(ctx, binding.BarFilter{Tenant: l.tenant}, func(b binding.Bar) error {
		v.Bars = append(v.Bars, b)
		if !b.Peer.IsZero() {
			if by, ok, err := e.Barred(ctx, b.Number, b.Peer, l.tenant, at(time.Minute)); err != nil || !ok || by != b {
				l.t.Errorf("caller %d: entry %s of a block list bars nobody: %v", l.n, b.ID, err)
			}
		}
		return nil
	}))
	tokens, err := e.Tokens(ctx, l.tenant)
	must(err)
	v.Tokens = append(v.Tokens, tokens...) // none is nil
	must(e.Records(ctx, cdr.Filter{Tenant: l.tenant}, func(r cdr.Record) error {
		if r.End == cdr.EndRestart {
			v.Open = append(v.Open, r.ID)
			return nil
		}
		v.Records = append(v.Records, r)
		if one, err := e.Record(ctx, r.ID); err != nil || !reflect.DeepEqual(one, r) {
			l.t.Errorf("caller %d: record %s is not found by its id: %v", l.n, r.ID, err)
		}
		return nil
	}))
	if e == l.e {
		for _, i := range l.opened {
			v.Open = append(v.Open, l.id(i))
		}
	}
	slices.Sort(v.Open)
	return v
}

// found looks a binding up by all that finds one, and says how often it was found.
func (l *lane) found(e Engine, b *binding.Binding) string {
	ctx := context.Background()
	var text strings.Builder
	count := func(what string, n int, err error) {
		if err != nil || n == 0 {
			l.t.Errorf("caller %d: binding %s is not found by %s: %v", l.n, b.ID, what, err)
		}
		fmt.Fprintf(&text, "%s %d ", what, n)
	}
	for _, x := range []binding.X{b.X, b.Y} {
		if x != 0 {
			rows, err := e.OnX(ctx, x)
			n := 0
			for i := range rows {
				if rows[i].ID == b.ID && reflect.DeepEqual(rows[i], *b) {
					n++
				}
			}
			count("a number", n, err)
		}
	}
	numbers := b.Parties()
	for _, c := range b.Changes {
		if !c.Out.IsZero() {
			numbers = append(numbers, c.Out)
		}
	}
	filters := []binding.Filter{{Order: b.Order}, {Consent: b.Consent}}
	for _, n := range numbers {
		filters = append(filters, binding.Filter{Number: n})
	}
	for _, f := range filters {
		listed, past := 0, 0
		err := e.List(ctx, f, func(row binding.Binding) error {
			if row.ID == b.ID {
				listed++
			}
			return nil
		})
		count("a list", listed, err)
		q := binding.HistoryQuery{Number: f.Number, Order: f.Order, Consent: f.Consent}
		err = e.History(ctx, q, func(h binding.Holding) error {
			if h.Binding.ID == b.ID {
				past++
			}
			return nil
		})
		count("its past", past, err)
	}
	return text.String()
}
