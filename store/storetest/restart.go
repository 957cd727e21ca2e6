package storetest

import (
	"context"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// restart tests what must be there when an engine is opened again.
func restart(t *testing.T, open func(t *testing.T) Engine) {
	for name, test := range map[string]func(*testing.T, func() Engine){
		"bindings are there again":        bindingsAgain,
		"locked numbers are there again":  locksAgain,
		"tenants are there again":         tenantsAgain,
		"block lists are there again":     barsAgain,
		"tokens are there again":          tokensAgain,
		"records go on where they ended":  recordsAgain,
		"open records are closed by name": abandoned,
		"records of a clock set back":     clockRecords,
	} {
		t.Run(name, func(t *testing.T) {
			var e Engine
			shut := func() {
				if e != nil {
					if err := e.Close(); err != nil {
						t.Fatalf("close: %v", err)
					}
				}
			}
			test(t, func() Engine {
				shut()
				e = open(t)
				return e
			})
			shut()
		})
	}
}

func tenantsAgain(t *testing.T, again func() Engine) {
	e := again()
	put(t, e, fullTenant("zoo"))
	put(t, e, binding.Tenant{Name: "ant", State: binding.TenantActive})
	b := pair(t, "learnt", block.Number(9), 9)
	b.Tenant = "learnt"
	hold(t, e, block)
	bind(t, e, b)
	for range 2 {
		e = again()
		if got, ok := e.Tenant("zoo"); !ok || !sameTenant(got, fullTenant("zoo")) {
			t.Errorf("%+v\nwant %+v", got, fullTenant("zoo"))
		}
		if all, err := e.Tenants(context.Background()); err != nil || len(all) < 3 || all[0].Name != "ant" {
			t.Errorf("%+v, %v", all, err)
		}
		if got, err := e.Binding(context.Background(), b.ID); err != nil || got.Tenant != "learnt" {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func bindingsAgain(t *testing.T, again func() Engine) {
	ctx := context.Background()
	e := again()
	hold(t, e, block)
	hold(t, e, block+1)
	if err := e.RemoveBlock(ctx, block+1); err != nil {
		t.Fatal(err)
	}
	bind(t, e, full(t))
	want := changed(t, e, "full", time.Minute, func(b *binding.Binding) { b.Group[0], b.Consent = subscriber(t, 5), "another" })
	ended := pair(t, "ended", block.Number(9), 9)
	bind(t, e, ended)
	ended, err := e.Unbind(ctx, "ended", at(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		e = again()
		held, err := e.Blocks(ctx)
		if err != nil || len(held) != 1 || held[0].Block != block || held[0].Tenant != binding.DefaultTenant ||
			!held[0].AddedAt.Equal(start) || !e.Holds(block) || e.Holds(block+1) {
			t.Errorf("blocks %+v, %v", held, err)
		}
		if rows := onX(t, e, want.Y); len(rows) != 1 || !same(rows[0], want) {
			t.Errorf("on its number: %+v", rows)
		}
		if rows := list(t, e, binding.Filter{Number: want.Group[1]}); ids(rows) != "full" {
			t.Errorf("by its member: %s", ids(rows))
		}
		for _, f := range []binding.Filter{{Number: subscriber(t, 3)}, {Number: subscriber(t, 5)}, {Consent: "consent"}, {Consent: "another"}} {
			if rows := list(t, e, f); len(rows) != 1 || !same(rows[0], want) {
				t.Errorf("by what it was or is: %s", ids(rows))
			}
		}
		if got, err := e.Binding(ctx, "ended"); err != nil || !same(got, ended) {
			t.Errorf("ended: %+v, %v", got, err)
		}
		wantError(t, "id", e.Bind(ctx, pair(t, "ended", block.Number(20), 30)), binding.ErrExists)
		b := pair(t, "new", want.X, 10)
		b.A = want.B
		wantConflict(t, "on its number", e.Bind(ctx, b), "full")
	}
}

func recordsAgain(t *testing.T, again func() Engine) {
	ctx := context.Background()
	n := 0
	for run := range 4 {
		e := again()
		if e.LastSeq() != uint64(n) {
			t.Fatalf("run %d begins at seq %d, want %d", run, e.LastSeq(), n)
		}
		_, err := closeRecord(t, e.Journal(), record(letters(0)))
		if n > 0 {
			wantError(t, "closed in an earlier run", err, cdr.ErrClosed)
		} else if n++; err != nil {
			t.Fatal(err)
		}
		answers := make(chan closing, 600)
		for range 600 {
			rec := fullRecord(t, letters(n))
			rec.ReleasedAt = at(time.Duration(n) * time.Second)
			e.Journal().Close(rec, func(seq uint64, err error) { answers <- closing{seq, err} })
			n++
		}
		for range 600 {
			if c := await(t, answers); c.err != nil {
				t.Fatal(c.err)
			}
		}
		all := records(t, e, cdr.Filter{})
		if len(all) != n {
			t.Fatalf("run %d: %d records, want %d", run, len(all), n)
		}
		for i, r := range all {
			if r.Seq != uint64(i+1) || r.ID != letters(i) {
				t.Fatalf("record %d is %s with seq %d", i, r.ID, r.Seq)
			}
		}
		if late := records(t, e, cdr.Filter{Since: at(time.Duration(n-10) * time.Second)}); len(late) != 10 {
			t.Errorf("run %d: %d of the last ten seconds", run, len(late))
		}
		if got, err := e.Record(ctx, letters(n-1)); err != nil || got.Seq != uint64(n) {
			t.Errorf("the last: seq %d, %v", got.Seq, err)
		}
	}
}

func abandoned(t *testing.T, again func() Engine) {
	ctx := context.Background()
	e := again()
	const left = 300
	opened := make(chan error, left)
	for i := range left {
		r := fullRecord(t, letters(i))
		r.ReleasedAt, r.ReleasedBy, r.End = time.Time{}, "", ""
		e.Journal().Open(r, func(err error) { opened <- err })
	}
	for range left {
		if err := await(t, opened); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := e.CloseAbandoned(at(time.Hour)); n != 0 || err != nil {
		t.Errorf("%d of this run's own were closed, %v", n, err)
	}
	if _, err := closeRecord(t, e.Journal(), fullRecord(t, letters(7))); err != nil {
		t.Fatal(err)
	}
	e = again()
	if err := openRecord(t, e.Journal(), record("goes on")); err != nil {
		t.Fatal(err)
	}
	wantError(t, "open since the run before", openRecord(t, e.Journal(), record(letters(0))), cdr.ErrOpen)
	if n, err := e.CloseAbandoned(at(time.Hour)); n != left-1 || err != nil {
		t.Errorf("%d were closed, want %d, %v", n, left-1, err)
	}
	if n, err := e.CloseAbandoned(at(2 * time.Hour)); n != 0 || err != nil {
		t.Errorf("%d were closed again, %v", n, err)
	}
	want := fullRecord(t, letters(3))
	want.ReleasedAt, want.ReleasedBy, want.End = at(time.Hour), cdr.ByPlatform, cdr.EndRestart
	got, err := e.Record(ctx, want.ID)
	if want.Seq = got.Seq; err != nil || !sameRecord(got, want) {
		t.Errorf("closed as %+v, %v\nwant %+v", got, err, want)
	}
	if got, err := e.Record(ctx, letters(7)); err != nil || got.End != cdr.EndCompleted {
		t.Errorf("closed before: %+v, %v", got, err)
	}
	e = again()
	if n, err := e.CloseAbandoned(at(3 * time.Hour)); n != 1 || err != nil {
		t.Errorf("%d were closed, want the one, %v", n, err)
	}
	if all := records(t, e, cdr.Filter{}); len(all) != left+1 || all[left].Seq != left+1 || all[left].ID != "goes on" {
		t.Errorf("%d records", len(all))
	}
}
