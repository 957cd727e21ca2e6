package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/binding/bindingtest"
)

// faultyStore fails by a panic that says a number, at what is odd.
type faultyStore struct{ *bindingtest.Store }

func (s faultyStore) Draw(ctx context.Context, b binding.Binding) (binding.Binding, error) {
	if b.Data == "odd" {
		panic("a binding of " + numberA)
	}
	return s.Store.Draw(ctx, b)
}

func (s faultyStore) AddBar(ctx context.Context, b binding.Bar) (binding.Bar, error) {
	if b.Reason == "odd" {
		panic("an entry of " + numberA)
	}
	return s.Store.AddBar(ctx, b)
}

// TestFaultInABatch: a row at which the program fails says so, the others are done, and the process lives. What the fault
// was about is neither told nor logged.
func TestFaultInABatch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	var log bytes.Buffer
	deps := b.handler.(*api).Deps
	deps.Bindings = &binding.Service{Store: faultyStore{b.store}, Now: b.store.Now}
	deps.Bars = faultyStore{b.store}
	deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
	b.handler = New(deps)

	const n = 200 // more than are at work at once
	rows, bars := make([]string, n), make([]string, n)
	for i := range rows {
		kind := []string{"even", "odd"}[i%2]
		rows[i] = batchRow(i, `,"data":"`+kind+`"`)
		bars[i] = fmt.Sprintf(`{"number":"137%08d","direction":"both","reason":"%s"}`, i, kind)
	}
	check := func(what string, row, i int, done bool, p *Problem) {
		t.Helper()
		if row != i+1 || done != (i%2 == 0) || (p != nil) != (i%2 == 1) {
			t.Fatalf("%s, row %d: %d, done %v, %+v", what, i+1, row, done, p)
		}
		if p != nil && (p.Status != http.StatusInternalServerError || !strings.HasSuffix(p.Type, ":failed") || strings.Contains(p.Detail, numberA)) {
			t.Errorf("%s, row %d: %+v", what, row, p)
		}
	}
	results := b.batch("create", rows)
	if len(results) != n {
		t.Fatalf("%d results", len(results))
	}
	for i, r := range results {
		check("a binding", r.Row, i, r.Binding != nil, r.Problem)
	}
	entries := json.NewDecoder(strings.NewReader(b.want(200, "POST", "/v1/blocklist/batch", strings.Join(bars, "\n"), nil)))
	for i := range n {
		var r BarResult
		if err := entries.Decode(&r); err != nil {
			t.Fatal(err)
		}
		check("an entry", r.Row, i, r.Entry != nil, r.Problem)
	}
	if s := log.String(); strings.Count(s, "panic=string") != n || !strings.Contains(s, "faultyStore.Draw()") || strings.Contains(s, numberA) || strings.Contains(s, "(0x") {
		t.Errorf("%.3000s", s)
	}
	if leaves := b.handler.(*api).room; len(leaves.rows) != 0 || len(leaves.batches) != 0 {
		t.Errorf("%d rows and %d batches still have their room", len(leaves.rows), len(leaves.batches))
	}

	// A fault before a row is done, in what says what it is about.
	row := b.handler.(*api).parseRow(t.Context(), nil, func(context.Context, []byte) work { panic(numberA) })
	if r := b.handler.(*api).doRow(7, row); r.Row != 7 || r.Binding != nil || r.Problem == nil || r.Problem.Status != 500 {
		t.Errorf("%+v", r)
	}
}
