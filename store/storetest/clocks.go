package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// Clock is one that is set back and forth, as a machine's is by hand or by a server that was wrong.
type Clock struct{ now atomic.Int64 }

// NewClock is a clock that shows the start of all tests.
func NewClock() *Clock {
	c := new(Clock)
	c.now.Store(start.UnixNano())
	return c
}

// Now is what the clock shows.
func (c *Clock) Now() time.Time { return time.Unix(0, c.now.Load()).UTC() }

func (c *Clock) set(d time.Duration)  { c.now.Store(start.Add(d).UnixNano()) }
func (c *Clock) jump(d time.Duration) { c.now.Add(int64(d)) }

// Clocks tests what holds under a clock that is set back and forth by hours between two operations: nothing comes back to
// life, what lives stays alive, two of one party are never live on a number, nobody comes to a number within its quarantine, and the past is in one
// order. open returns an empty store under a clock, with a quarantine.
func Clocks(t *testing.T, open func(t *testing.T, now func() time.Time, rest time.Duration) (binding.Store, Dialled)) {
	for name, test := range map[string]func(*testing.T, binding.Store, Dialled, *Clock){
		"who was unbound stays so":       clockUnbound,
		"who was bound stays so":         clockAhead,
		"who was here later keeps off":   clockQuarantine,
		"who dialled later keeps off":    clockDialled,
		"a block of what comes stays":    clockBlock,
		"done once under a key":          clockKeys,
		"bound once more":                clockAgain,
		"changes":                        clockChanges,
		"rows of one moment":             clockStands,
		"anything in any order":          clockWander,
		"numbers drawn in another's day": clockDraws,
	} {
		t.Run(name, func(t *testing.T) {
			c := NewClock()
			s, dialled := open(t, c.Now, rest)
			hold(t, s, block)
			test(t, s, dialled, c)
		})
	}
}

// reached says which binding a call that comes now is carried over; empty: none.
func reached(t testing.TB, s binding.Store, x binding.X, caller binding.Number, now time.Time) string {
	t.Helper()
	rows, err := s.Candidates(context.Background(), x, now)
	if err != nil {
		t.Fatal(err)
	}
	q := binding.Query{At: now, Dialled: x, Caller: caller}
	d := binding.Resolve(q, true, binding.Settled(rows, &q))
	if d.Refusal != binding.RefusalNone {
		return ""
	}
	return d.Binding.ID
}

// jumps are the moments that a clock shows, one after the other.
var jumps = []time.Duration{0, -5 * time.Hour, 3 * time.Hour, -time.Nanosecond, time.Hour, -90 * time.Minute, 7 * time.Hour, 30 * time.Minute}

func clockUnbound(t *testing.T, s binding.Store, _ Dialled, c *Clock) {
	ctx := context.Background()
	b := onAt(t, "unbound", block.Number(1), 1, 2, 0)
	bind(t, s, b)
	expiring := onAt(t, "expiring", block.Number(2), 3, 4, 0)
	expiring.ExpiresAt = at(2 * time.Hour)
	bind(t, s, expiring)
	if reached(t, s, b.X, b.A, c.Now()) != "unbound" || reached(t, s, expiring.X, expiring.B, c.Now()) != "expiring" {
		t.Error("a call is not carried")
	}
	c.set(time.Hour)
	ended, err := s.Unbind(ctx, "unbound", c.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jumps {
		c.set(j)
		if id := reached(t, s, b.X, b.A, c.Now()); id != "" {
			t.Errorf("%v: %s carries calls, which was unbound", j, id)
		}
		if again, err := s.Unbind(ctx, "unbound", c.Now()); err != nil || !same(again, ended) {
			t.Errorf("%v: unbound again: %+v, %v", j, again, err)
		}
		_, err := s.Change(ctx, "unbound", func(b *binding.Binding) error {
			b.UpdatedAt, b.ExpiresAt = c.Now(), time.Time{}
			b.EndedAt = time.Time{}
			return nil
		})
		if err == nil {
			t.Errorf("%v: the end was taken back", j)
		}
		// What is not over yet by the clock is not over: who set it ahead by mistake finds all as it was.
		// What was bound lives also before the moment when it was.
		live := j < 2*time.Hour
		if id := reached(t, s, expiring.X, expiring.A, c.Now()); (id == "expiring") != live {
			t.Errorf("%v: of one that expires at two hours %q carries the call", j, id)
		}
	}
	c.set(-25 * time.Hour)
	if id := reached(t, s, expiring.X, expiring.A, c.Now()); id != "" {
		t.Errorf("%s carries calls by a clock that was wrong by more than a day", id)
	}
}

// clockAhead binds on one number by a clock that is ahead, more than are looked at of those that are over. When it was set back all of
// it carries calls, but what is unbound.
func clockAhead(t *testing.T, s binding.Store, _ Dialled, c *Clock) {
	const n = binding.MaxRowsOnX + 20
	x := block.Number(1)
	c.set(5 * time.Hour)
	for i := range n {
		bind(t, s, onAt(t, letters(i), x, 100+2*i, 101+2*i, 5*time.Hour+time.Duration(i)*time.Second))
	}
	c.set(0)
	gone := n / 2
	if _, err := s.Unbind(context.Background(), letters(gone), c.Now()); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		want := letters(i)
		if i == gone {
			want = ""
		}
		for _, n := range []int{100 + 2*i, 101 + 2*i} {
			if id := reached(t, s, x, subscriber(t, n), c.Now()); id != want {
				t.Errorf("%q carries calls, want %q", id, want)
			}
		}
	}
}

func clockQuarantine(t *testing.T, s binding.Store, _ Dialled, c *Clock) {
	ctx := context.Background()
	x := block.Number(1)
	c.set(5 * time.Hour)
	b := onAt(t, "ahead", x, 1, 2, 5*time.Hour)
	bind(t, s, b)
	if _, err := s.Unbind(ctx, "ahead", at(5*time.Hour+time.Minute)); err != nil {
		t.Fatal(err)
	}
	c.set(0) // as it should have been
	next := onAt(t, "next", x, 1, 3, 0)
	next.ExpiresAt = at(time.Hour)
	wantQuarantine(t, "of a binding that a clock put ahead", s.Bind(ctx, next), x, at(5*time.Hour+time.Minute+rest))
	next.CreatedAt, next.ExpiresAt = at(5*time.Hour+time.Minute+rest-time.Second), time.Time{}
	wantQuarantine(t, "shortly before", s.Bind(ctx, next), x, at(5*time.Hour+time.Minute+rest))
	same := onAt(t, "same", x, 2, 1, 0)
	same.ExpiresAt = at(time.Hour)
	bind(t, s, same)
}

func clockDialled(t *testing.T, s binding.Store, dialled Dialled, c *Clock) {
	ctx := context.Background()
	x := block.Number(1)
	dialled(x, subscriber(t, 1), at(5*time.Hour))
	dialled(x, subscriber(t, 1), at(0)) // the clock went back: what was later stays
	wantQuarantine(t, "who dialled by a clock ahead", s.Bind(ctx, onAt(t, "refused", x, 1, 60, time.Hour)), x, at(5*time.Hour+rest))
	wantQuarantine(t, "later", s.Bind(ctx, onAt(t, "refused", x, 1, 60, rest+4*time.Hour)), x, at(5*time.Hour+rest))
	bind(t, s, onAt(t, "in time", x, 1, 60, rest+5*time.Hour+time.Second))
}

func clockBlock(t *testing.T, s binding.Store, _ Dialled, c *Clock) {
	ctx := context.Background()
	c.set(5 * time.Hour)
	bind(t, s, onAt(t, "ahead", block.Number(1), 1, 2, 5*time.Hour))
	c.set(0)
	wantError(t, "a block of a binding that begins later", s.RemoveBlock(ctx, block), binding.ErrInUse)
	if _, err := s.Unbind(ctx, "ahead", c.Now()); err != nil {
		t.Fatal(err)
	}
	wantError(t, "when that was unbound", s.RemoveBlock(ctx, block), nil)
}

func clockKeys(t *testing.T, s binding.Store, _ Dialled, c *Clock) {
	ctx := context.Background()
	r := binding.Repeat{Key: "key", Request: "what is asked for"}
	ask := func(n int) (binding.Binding, bool) {
		t.Helper()
		b := pair(t, letters(n), 0, n)
		b.CreatedAt = c.Now()
		got, again, err := s.BindAgain(ctx, b, r)
		if err != nil {
			t.Fatal(err)
		}
		return got, again
	}
	first, again := ask(1)
	if again {
		t.Error("done before")
	}
	n := 2
	// Around midnight too: what is kept goes by days.
	for _, j := range append(slices.Clone(jumps), 15*time.Hour, 17*time.Hour, -9*time.Hour, 23*time.Hour, 16*time.Hour, -7*time.Hour) {
		c.set(j)
		if got, again := ask(n); !again || got.ID != first.ID {
			t.Errorf("%v: done again, as %s", j, got.ID)
		}
		n++
		// Another request has what is over deleted.
		b := pair(t, letters(n), 0, n)
		b.CreatedAt = c.Now()
		if _, _, err := s.BindAgain(ctx, b, binding.Repeat{Key: "key " + letters(n), Request: "another"}); err != nil {
			t.Fatal(err)
		}
		n++
	}
	c.set(binding.KeyLife)
	if got, again := ask(n); again || got.ID == first.ID {
		t.Errorf("after its time: %s", got.ID)
	}
}

func clockAgain(t *testing.T, s binding.Store, _ Dialled, c *Clock) {
	ctx := context.Background()
	c.set(5 * time.Hour)
	first, again, err := s.BindAgain(ctx, asked(t, 1, 5*time.Hour), reuse)
	if err != nil || again {
		t.Fatal(again, err)
	}
	if first, err = s.Unbind(ctx, first.ID, c.Now()); err != nil {
		t.Fatal(err)
	}
	for i, j := range jumps {
		c.set(j)
		b, again, err := s.BindAgain(ctx, asked(t, 10+i, j), reuse)
		if err != nil || b.ID == first.ID || again && !b.EndedAt.IsZero() {
			t.Errorf("%v: %s, %v, %v: what was unbound is bound once more", j, b.ID, again, err)
		}
		if got, err := s.Binding(ctx, first.ID); err != nil || !same(got, first) {
			t.Errorf("%v: what was unbound is now %+v, %v", j, got, err)
		}
	}
}

func clockChanges(t *testing.T, s binding.Store, _ Dialled, c *Clock) {
	b := onAt(t, "changed", block.Number(1), 1, 2, 0)
	bind(t, s, b)
	last := b.CreatedAt
	for i, j := range jumps {
		c.set(j)
		got := changed(t, s, b.ID, j, func(b *binding.Binding) { b.A = subscriber(t, 100+i) })
		if got.UpdatedAt.Before(last) || len(got.Changes) != i+1 || got.Changes[i].At.Before(last) {
			t.Errorf("%v: changed at %v, behind %v: %+v", j, got.UpdatedAt, last, got.Changes)
		}
		last = got.UpdatedAt
	}
	var before time.Time
	for _, h := range past(t, s, binding.HistoryQuery{X: b.X}) {
		if !before.IsZero() && !h.To.Equal(before) {
			t.Errorf("a stretch ends at %v, and the next begins at %v", h.To, before)
		}
		before = h.From
	}
}

// clockStands has many bindings made by a clock that stands still, and by one that is set back to a moment of before.
func clockStands(t *testing.T, s binding.Store, _ Dialled, c *Clock) {
	x := block.Number(1)
	n := 0
	for round := range 3 {
		c.set(time.Duration(round%2) * time.Hour)
		for range 20 {
			b := onAt(t, letters(n), x, 100+2*n, 101+2*n, 0)
			b.CreatedAt = c.Now()
			bind(t, s, b)
			n++
		}
	}
	ordered(t, s, binding.HistoryQuery{X: x}, n)
	for i := range n {
		if got, err := s.Binding(context.Background(), letters(i)); err != nil || got.ID != letters(i) || got.A != subscriber(t, 100+2*i) {
			t.Errorf("binding %d is %+v, %v", i, got, err)
		}
	}
}

// ordered fails unless the past is of so many bindings, each once, the last one first.
func ordered(t testing.TB, s binding.Store, q binding.HistoryQuery, want int) {
	t.Helper()
	all := past(t, s, q)
	seen := make(map[string]bool)
	var last binding.Binding
	for i, h := range all {
		b := h.Binding
		// Within a thousandth of a second rows may stand in the order in which they were made.
		if i > 0 && b.ID != last.ID && (seen[b.ID] || b.CreatedAt.After(last.CreatedAt.Add(time.Millisecond))) {
			t.Errorf("%s of %v comes behind %s of %v", b.ID, b.CreatedAt, last.ID, last.CreatedAt)
		}
		seen[b.ID], last = true, b
	}
	if len(seen) != want {
		t.Errorf("%d bindings in the past, want %d", len(seen), want)
	}
	if again := past(t, s, q); !slices.EqualFunc(all, again, func(a, b binding.Holding) bool { return a.Binding.ID == b.Binding.ID && a.From.Equal(b.From) }) {
		t.Error("the past is in another order when asked again")
	}
}

// contactAt is when somebody dialled a number last.
type contactAt struct {
	x   binding.X
	who int
}

// clockWander does anything to a few numbers and people while the clock goes anywhere, and holds what comes of it to the
// rules.
func clockWander(t *testing.T, s binding.Store, dialled Dialled, c *Clock) {
	ctx := context.Background()
	random := rand.New(rand.NewPCG(700, 7))
	const people, numbers, steps = 8, 3, 240
	var all []binding.Binding // as they are now, in the order in which they were made
	contacts := make(map[contactAt]time.Time)
	carried := 0
	for n := range steps {
		switch random.IntN(4) {
		case 0:
			c.jump(time.Duration(random.IntN(13)-6) * time.Hour)
		case 1:
			c.jump(time.Duration(random.IntN(120)-20) * time.Minute)
		case 2:
			c.jump(rest / 2) // or nobody could be bound any more
		}
		now := c.Now()
		x := block.Number(1 + random.IntN(numbers))
		a, b := random.IntN(people), random.IntN(people-1)
		if b >= a {
			b++
		}
		switch random.IntN(6) {
		case 0, 1, 2:
			row := onAt(t, letters(n), x, a, b, 0)
			if row.CreatedAt = now; random.IntN(3) > 0 {
				row.ExpiresAt = now.Add(time.Duration(1+random.IntN(300)) * time.Minute)
			}
			err := s.Bind(ctx, row)
			var kept *binding.QuarantineError
			var conflict *binding.ConflictError
			if err == nil {
				mayBind(t, all, contacts, row, a, b)
				all = append(all, row)
			} else if !errors.As(err, &kept) && !errors.As(err, &conflict) {
				t.Fatalf("bind: %v", err)
			}
		case 3, 4:
			if len(all) > 0 {
				i := random.IntN(len(all))
				ended, err := s.Unbind(ctx, all[i].ID, now)
				if err != nil {
					t.Fatal(err)
				}
				all[i] = ended
			}
		case 5:
			dialled(x, subscriber(t, a), now)
			if k := (contactAt{x, a}); now.After(contacts[k]) {
				contacts[k] = now
			}
		}
		for i := range all {
			row := &all[i]
			id := reached(t, s, row.X, row.A, now)
			if id == row.ID {
				if carried++; !row.EndedAt.IsZero() || row.State(now) != binding.StateLive && !row.Ahead(now) {
					t.Fatalf("step %d: %s carries a call, and is %s", n, id, row.State(now))
				}
			}
		}
		if t.Failed() {
			t.Fatalf("at step %d", n)
		}
	}
	if len(all) < 20 || carried < 20 {
		t.Errorf("only %d were bound, and %d calls carried", len(all), carried)
	}
	for i := range all {
		if got, err := s.Binding(ctx, all[i].ID); err != nil || !same(got, all[i]) {
			t.Errorf("%+v, %v\nwant %+v", got, err, all[i])
		}
	}
	for k := range numbers {
		x := block.Number(1 + k)
		on := slices.DeleteFunc(slices.Clone(all), func(b binding.Binding) bool { return b.X != x || len(b.Holdings()) == 0 })
		ordered(t, s, binding.HistoryQuery{X: x}, len(on))
		for i := range on {
			for j := range i {
				a, b := &on[i], &on[j]
				if a.SharesParty(b) && endOf(a).After(b.CreatedAt) && endOf(b).After(a.CreatedAt) {
					t.Errorf("%s and %s have one party, and held %v at the same time", a.ID, b.ID, x)
				}
			}
		}
	}
}

// endOf is when a binding is over.
func endOf(b *binding.Binding) time.Time {
	end := time.Unix(1<<40, 0)
	for _, t := range []time.Time{b.ExpiresAt, b.EndedAt} {
		if !t.IsZero() && t.Before(end) {
			end = t
		}
	}
	return end
}

// mayBind fails when a binding that was taken lets somebody come to a number too early.
func mayBind(t testing.TB, all []binding.Binding, contacts map[contactAt]time.Time, row binding.Binding, who ...int) {
	t.Helper()
	back := false
	for i := range all {
		b := &all[i]
		end := endOf(b)
		if b.X != row.X {
			continue
		}
		if row.SamePeople(b) {
			back = back || !end.After(row.CreatedAt) || b.CreatedAt.After(row.CreatedAt)
			continue
		}
		if b.SharesParty(&row) && end.Add(rest).After(row.CreatedAt) {
			t.Errorf("%s comes to %v at %v, on which one of its people was in %s until %v", row.ID, row.X, row.CreatedAt, b.ID, end)
		}
	}
	for _, n := range who {
		if last := contacts[contactAt{row.X, n}]; !back && !last.IsZero() && last.Add(rest).After(row.CreatedAt) {
			t.Errorf("%s comes to %v at %v, which one of its people dialled at %v", row.ID, row.X, row.CreatedAt, last)
		}
	}
}

// clockDraws draws while the clock goes anywhere: nobody has a number that another has.
func clockDraws(t *testing.T, s binding.Store, _ Dialled, c *Clock) {
	random := rand.New(rand.NewPCG(700, 8))
	held := make(map[binding.X]string)
	for n := range 300 {
		c.set(time.Duration(random.IntN(48*60)-24*60) * time.Minute)
		b, err := drawFor(t, s, n, func(b *binding.Binding) { b.CreatedAt = c.Now() })
		if err != nil || held[b.X] != "" {
			t.Fatalf("draw %d: %v, which %s has; %v", n, b.X, held[b.X], err)
		}
		if held[b.X] = b.ID; random.IntN(3) == 0 {
			if _, err := s.Unbind(context.Background(), b.ID, c.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// clockRecords has records closed by a clock that goes anywhere, and those that are open closed by one that was set back.
func clockRecords(t *testing.T, again func() Engine) {
	e := again()
	const n = 1100 // more than one span of the engine that is tested most
	answers := make(chan closing, n)
	for i := range n {
		r := record(letters(i))
		r.ReceivedAt = at(time.Duration(i*7919%1000-500) * time.Minute)
		r.ReleasedAt = r.ReceivedAt.Add(time.Duration(i%60-30) * time.Second) // set back during a call, too
		e.Journal().Close(r, func(seq uint64, err error) { answers <- closing{seq, err} })
	}
	for range n {
		if a := await(t, answers); a.err != nil {
			t.Fatal(a.err)
		}
	}
	left := record("left")
	left.ReceivedAt, left.ReleasedAt, left.End = at(5*time.Hour), time.Time{}, ""
	if err := openRecord(t, e.Journal(), left); err != nil {
		t.Fatal(err)
	}
	e = again()
	all := records(t, e, cdr.Filter{})
	for _, hours := range []int{-9, -5, 0, 3, 8} {
		f := cdr.Filter{Since: at(time.Duration(hours) * time.Hour), Until: at(time.Duration(hours+2) * time.Hour)}
		var want []uint64
		for i := range all {
			if f.Match(&all[i]) {
				want = append(want, all[i].Seq)
			}
		}
		var got []uint64
		for _, r := range records(t, e, f) {
			got = append(got, r.Seq)
		}
		if !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("of two hours: %d records, want %d", len(got), len(want))
		}
	}
	if closed, err := e.CloseAbandoned(at(-5 * time.Hour)); err != nil || closed != 1 {
		t.Errorf("%d were closed by a clock that was set back, %v", closed, err)
	}
	r, err := e.Record(context.Background(), "left")
	if err != nil || r.Seq != n+1 || r.End != cdr.EndRestart {
		t.Errorf("closed as %s with seq %d, %v", fmt.Sprint(r.End), r.Seq, err)
	}
}
