package lookup_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/limit"
	"mask700/binding/lookup"
	"mask700/binding/rule"
	"mask700/binding/verify"
	"mask700/store"
)

// allows is a verification platform whose every answer holds for a day.
type allows struct{}

func (allows) Ask(context.Context, *verify.Question) (verify.Answer, error) {
	return verify.Answer{Allow: true, Ticket: "T-1", For: 24 * time.Hour}, nil
}

// BenchmarkPath is what a call of a party takes from its query to its answer, of 1000 pairs in a store on disk, which is in
// memory by then: all of it, and what each rule has of it. 1000 other numbers are on block lists; the limits are the published
// ones, each pair calls every six hours, and the platform has answered about each before.
func BenchmarkPath(b *testing.B) {
	const pairs = 1000
	dir := b.TempDir()
	db, err := store.Open(store.Options{Dir: filepath.Join(dir, "data"), KeyFile: filepath.Join(dir, "key")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	ctx, at := b.Context(), time.Now()
	clock := func() time.Time { return at }
	service := &binding.Service{Store: db, Now: clock}
	if _, err := service.AddBlock(ctx, "70010000001"); err != nil {
		b.Fatal(err)
	}
	attempts := make([]lookup.Attempt, pairs)
	for i := range attempts {
		bound, err := service.Create(ctx, binding.Request{Mode: "axb", A: fmt.Sprintf("1380000%04d", i), B: fmt.Sprintf("1390000%04d", i), Order: "T-1"})
		if err != nil {
			b.Fatal(err)
		}
		attempts[i] = lookup.Attempt{Record: fmt.Sprintf("record%d", i), Query: binding.Query{Dialled: bound.X, Caller: bound.A, At: at}}
		_, err = service.AddBar(ctx, db, binding.BarRequest{Number: fmt.Sprintf("1370000%04d", i), Direction: binding.BarBoth, Reason: "asked for it"})
		if err != nil {
			b.Fatal(err)
		}
	}
	limits := limit.New(limit.Options{Memory: 64 << 20, Now: clock})
	if err := limits.Use(limit.Defaults(), nil); err != nil {
		b.Fatal(err)
	}
	verified, err := verify.New(verify.Options{Asker: allows{}, Cache: 24 * time.Hour, Entries: 2 * pairs})
	if err != nil {
		b.Fatal(err)
	}
	tenants, bars := rule.Tenants{Tenant: db.Tenant}, rule.Bars{Store: db}
	for _, c := range []struct {
		name  string
		rules rule.Chain
	}{
		{"without rules", nil}, {"tenant", rule.Chain{tenants}}, {"block lists", rule.Chain{bars}}, {"limits", rule.Chain{limits}},
		{"verification remembered", rule.Chain{verified}}, {"all", rule.Chain{tenants, bars, limits, verified}},
	} {
		path := lookup.Path{Store: db, Rules: c.rules}
		decide := func(b *testing.B, i int) {
			a := &attempts[i%pairs]
			found, err := path.Find(ctx, &a.Query)
			if err != nil {
				b.Fatal(err)
			}
			if answer := path.Decide(ctx, a, found); answer.Err != nil || answer.Decision.Refusal != "" {
				b.Fatalf("refused as %q by %q", answer.Decision.Refusal, answer.Verdict.Rule)
			}
			c.rules.Done(&cdr.Record{ID: a.Record})
			at = at.Add(6 * time.Hour / pairs)
		}
		for i := range pairs {
			decide(b, i)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				decide(b, i)
			}
		})
	}
}
