package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
	"mask700/binding/cdr/cdrtest"
	"mask700/store"
	"mask700/store/audit"
)

// Numbers of the tests. None of them may come back in an answer.
const (
	numberA = "13800000001"
	numberB = "13900000002"
	block   = "70010000001"
	x       = "700100000017604"
)

// fakeNode is a server that carries one call.
type fakeNode struct {
	call     Call
	hungUp   []string
	drained  int
	reloaded int
	ordered  []Order
	placed   Placed // what becomes of an order
	failure  error
}

func (n *fakeNode) Status(context.Context) (Status, error) {
	return Status{State: StateReady, Calls: 1}, n.failure
}
func (n *fakeNode) Calls(context.Context) ([]Call, error) { return []Call{n.call}, n.failure }
func (n *fakeNode) Call(_ context.Context, id string) (Call, error) {
	if id != n.call.Record.ID {
		return Call{}, ErrNoCall
	}
	return n.call, nil
}
func (n *fakeNode) Dial(_ context.Context, o Order) (Placed, error) {
	n.ordered = append(n.ordered, o)
	return n.placed, n.failure
}
func (n *fakeNode) Hangup(_ context.Context, id string) error {
	if id != n.call.Record.ID {
		return ErrNoCall
	}
	n.hungUp = append(n.hungUp, id)
	return nil
}
func (n *fakeNode) HangupBinding(_ context.Context, id string) int {
	n.hungUp = append(n.hungUp, id)
	return 2
}
func (n *fakeNode) Drain(context.Context) error  { n.drained++; return n.failure }
func (n *fakeNode) Reload(context.Context) error { n.reloaded++; return n.failure }

// bench is the handlers over stores in memory.
type bench struct {
	t       *testing.T
	handler http.Handler
	store   *bindingtest.Store
	records *cdrtest.Journal
	node    *fakeNode
	head    *anchor     // of the audit log
	header  http.Header // of what ask sends
	report  store.Report
	now     time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, store: new(bindingtest.Store), records: new(cdrtest.Journal), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	number, err := binding.Plan{}.ParseNumber(numberA)
	if err != nil {
		t.Fatal(err)
	}
	b.node = &fakeNode{call: Call{State: "ringing", Record: cdr.Record{ID: "call", CallerIn: cdr.Party{Number: number}, ReceivedAt: b.now}}}
	b.store.Now = func() time.Time { return b.now }
	b.head = new(anchor)
	log, err := audit.Open(filepath.Join(t.TempDir(), "audit.jsonl"), b.head)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	b.handler = New(Deps{
		Audit:    log,
		Bindings: &binding.Service{Store: b.store, Now: b.store.Now},
		Records:  b.records,
		Check:    func(context.Context) (store.Report, error) { return b.report, nil },
		Node:     b.node,
	})
	return b
}

// ask sends a request and returns the status and the body.
func (b *bench) ask(method, path, body string) (int, string) {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	maps.Copy(r.Header, b.header)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	out := w.Body.String()
	for _, number := range []string{numberA, numberB} {
		if strings.Contains(out, number) && (w.Code >= 400 || b.header.Get(HeaderReveal) == "") {
			b.t.Errorf("%s %s: the answer has a real number", method, path)
		}
	}
	if w.Code >= 400 {
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Title == "" || p.Detail == "" || !strings.HasPrefix(p.Type, "urn:mask700:") {
			b.t.Errorf("%s %s: %d is no problem: %v %s", method, path, w.Code, err, out)
		}
		if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
			b.t.Errorf("%s %s: content type %q", method, path, ct)
		}
	}
	return w.Code, out
}

// want is ask with the status expected and, when into is not nil, the body decoded.
func (b *bench) want(status int, method, path, body string, into any) string {
	b.t.Helper()
	got, out := b.ask(method, path, body)
	if got != status {
		b.t.Fatalf("%s %s: %d, want %d: %s", method, path, got, status, out)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(out), into); err != nil {
			b.t.Fatalf("%s %s: %v in %s", method, path, err, out)
		}
	}
	return out
}

func (b *bench) bind(a, c, at string) binding.View {
	b.t.Helper()
	var v binding.View
	body := `{"mode":"axb","a":"` + a + `","b":"` + c + `","x":"` + at + `","order":"o-` + at + `","ttl":"2h"}`
	b.want(http.StatusCreated, "POST", "/v1/bindings", body, &v)
	return v
}

func TestBlocks(t *testing.T) {
	b := newBench(t)
	var list BlockList
	if out := b.want(200, "GET", "/v1/blocks", "", &list); strings.TrimSpace(out) != `{"blocks":[]}` {
		t.Errorf("no block: %s", out)
	}
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	b.want(409, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	b.want(400, "POST", "/v1/blocks", `{"block":"`+numberA+`"}`, nil)
	b.want(200, "GET", "/v1/blocks", "", &list)
	if len(list.Blocks) != 1 || list.Blocks[0].Block.String() != block || list.Blocks[0].State != binding.BlockOpen {
		t.Errorf("%+v", list)
	}
	b.want(409, "DELETE", "/v1/blocks/70010000002", "", nil)
	b.want(400, "DELETE", "/v1/blocks/01", "", nil)
	b.want(409, "DELETE", "/v1/blocks/1700012", "", nil)
	b.want(400, "POST", "/v1/blocks", `{"block":"1700012"}`, nil) // there is no such range
	b.want(204, "DELETE", "/v1/blocks/"+block, "", nil)
}

func TestBindingFromItsMakingToItsEnd(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	made := b.bind(numberA, numberB, x)
	if made.State != binding.StateLive || made.A != "138****0001" || made.X.String() != x || len(made.Legs) != 2 {
		t.Errorf("%+v", made)
	}
	b.want(409, "DELETE", "/v1/blocks/"+block, "", nil)
	var got binding.View
	b.want(200, "GET", "/v1/bindings/"+made.ID, "", &got)
	if got.ID != made.ID {
		t.Errorf("%+v", got)
	}
	b.now = b.now.Add(time.Minute)
	b.want(200, "DELETE", "/v1/bindings/"+made.ID, "", &got)
	if got.State != binding.StateUnbound || got.EndedAt == nil || !got.EndedAt.Equal(b.now) {
		t.Errorf("deleted: %+v", got)
	}
	b.want(204, "DELETE", "/v1/blocks/"+block, "", nil)
}

func TestRefusedBindingsNameFieldAndBinding(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	made := b.bind(numberA, numberB, x)
	for _, tc := range []struct {
		body    string
		status  int
		field   string
		binding string
	}{
		{`{"mode":"axb","a":"` + numberA + `","b":"13900000003","x":"` + x + `","order":"o"}`, 409, "x", made.ID},
		{`{"mode":"axb","a":"13700000001","b":"13900000003","x":"700200000000001","order":"o"}`, 409, "x", ""},
		{`{"mode":"axb","a":"` + numberA + `x","b":"` + numberB + `","order":"o"}`, 400, "a", ""},
		{`{"mode":"axb","a":"` + numberA + `","b":"+86 138-0000-0001","order":"o"}`, 400, "b", ""},
		{`{"mode":"axb","a":"` + numberA + `","b":"` + numberB + `"}`, 400, "order", ""},
		{`{"mode":"axb","a":"` + numberA + `","b":"` + numberB + `","order":"o","ttl":"` + numberA + `"}`, 400, "ttl", ""},
		{`{"mode":"axb","a":` + numberA + `}`, 400, "a", ""},
		{`{"` + numberA + `":1}`, 400, "", ""},
		{`{"mode":"axb"} ` + numberA, 400, "", ""},
		{numberA, 400, "", ""},
		{`["` + numberA + `"]`, 400, "", ""},
		{"", 400, "", ""},
		{strings.Repeat("x", maxBody+1), 413, "", ""},
	} {
		var p Problem
		b.want(tc.status, "POST", "/v1/bindings", tc.body, &p)
		if p.Field != tc.field || p.Binding != tc.binding {
			t.Errorf("%.60s: field %q, binding %q", tc.body, p.Field, p.Binding)
		}
	}
}

func TestNumbersDoNotBelongInURLs(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{
		"/v1/bindings?number=" + numberA,
		"/v1/explain?dialled=" + x + "&caller=" + numberA,
	} {
		b.want(400, "GET", path, "", nil)
	}
	for _, path := range []string{"/v1/bindings/" + numberA, "/v1/calls/" + numberA, "/v1/cdrs/" + numberA} {
		b.want(404, "GET", path, "", nil)
	}
	b.want(404, "DELETE", "/v1/bindings/"+numberA, "", nil)
}

func TestQueriesSelectAndPage(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	var made []binding.View
	for _, last := range []string{"1", "2", "3", "4", "5"} {
		made = append(made, b.bind("1380000000"+last, "1390000000"+last, block+"000"+last))
	}
	b.want(200, "DELETE", "/v1/bindings/"+made[4].ID, "", nil)
	for _, tc := range []struct {
		query string
		ids   int
	}{
		{`{}`, 5},
		{`{"number":"+8613800000002"}`, 1},
		{`{"number":"13800000009"}`, 0},
		{`{"x":"` + made[2].X.String() + `"}`, 1},
		{`{"order":"` + made[3].Order + `"}`, 1},
		{`{"order":"none"}`, 0},
		{`{"live":true}`, 4},
		{`{"limit":2}`, 2},
	} {
		var page BindingPage
		if b.header = nil; strings.Contains(tc.query, "number") {
			b.header = http.Header{HeaderReason: {why}}
		}
		b.want(200, "POST", "/v1/bindings/query", tc.query, &page)
		if len(page.Bindings) != tc.ids {
			t.Errorf("%s: %d bindings", tc.query, len(page.Bindings))
		}
	}
	b.header = nil
	seen := make(map[string]bool)
	for after, pages := "", 0; ; pages++ {
		var page BindingPage
		b.want(200, "GET", "/v1/bindings?limit=2&after="+after, "", &page)
		for _, v := range page.Bindings {
			seen[v.ID] = true
		}
		if after = page.Next; after == "" {
			if pages != 2 {
				t.Errorf("%d pages before the last", pages)
			}
			break
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d of 5 on all pages", len(seen))
	}
	for _, bad := range []string{`{"limit":1001}`, `{"limit":-1}`, `{"x":"7001"}`, `{"number":"110"}`, `{"after":"` + numberA + `"}`, `{"colour":1}`} {
		b.want(400, "POST", "/v1/bindings/query", bad, nil)
	}
	b.want(400, "GET", "/v1/bindings?live=maybe", "", nil)
	b.want(400, "GET", "/v1/bindings?limit=many", "", nil)
}

func TestBatchAnswersRowByRow(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	rows := []string{
		`{"mode":"axb","a":"` + numberA + `","b":"` + numberB + `","x":"` + x + `","order":"1"}`,
		`{"mode":"axb","a":"` + numberA + `","b":"` + numberB + `","order":"2"}`,
		`{"mode":"axb","a":"` + numberA + `","b":"13700000001","x":"` + x + `","order":"3"}`,
		`{"mode":"axb","a":"` + numberA + `","b":"` + numberA + `","order":"4"}`,
		`{"` + numberA + `"`,
	}
	results := b.batch("create", rows)
	if len(results) != len(rows) {
		t.Fatalf("%d results", len(results))
	}
	for i, ok := range []bool{true, true, false, false, false} {
		r := results[i]
		if r.Row != i+1 || (r.Binding != nil) != ok || (r.Problem != nil) == ok {
			t.Errorf("row %d: %+v", i+1, r)
		}
	}
	if p := results[2].Problem; p == nil || p.Binding != results[0].Binding.ID {
		t.Errorf("the conflict with the row before: %+v", p)
	}
	first, _ := json.Marshal(results[0])
	second, _ := json.Marshal(results[1].Binding)
	results = b.batch("delete", []string{string(first), string(second), `{"id":"` + numberA + `"}`, `{"id":"none"}`, "x"})
	for i, ok := range []bool{true, true, false, false, false} {
		if (results[i].Binding != nil) != ok {
			t.Errorf("delete row %d: %+v", i+1, results[i])
		}
	}
	b.want(400, "POST", "/v1/bindings/batch?verb=change", "{}", nil)
	b.want(413, "POST", "/v1/bindings/batch", strings.Repeat("{}\n", MaxBatchRows+1), nil)
}

func (b *bench) batch(verb string, rows []string) []BatchResult {
	b.t.Helper()
	out := b.want(200, "POST", "/v1/bindings/batch?verb="+verb, strings.Join(rows, "\n")+"\n", nil)
	var results []BatchResult
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var r BatchResult
		if err := d.Decode(&r); err != nil {
			b.t.Fatal(err)
		}
		results = append(results, r)
	}
	return results
}

func TestExplain(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	made := b.bind(numberA, numberB, x)
	for _, tc := range []struct {
		body    string
		answer  int
		refusal binding.Refusal
		rings   binding.Masked
	}{
		{`{"caller":"` + numberA + `","dialled":"` + x + `"}`, 0, "", "139****0002"},
		{`{"caller":"86` + numberB + `","dialled":"+86` + x + `"}`, 0, "", "138****0001"},
		{`{"caller":"13700000001","dialled":"` + x + `"}`, 404, binding.RefusalNoBinding, ""},
		{`{"dialled":"` + x + `"}`, 404, binding.RefusalNoCaller, ""},
		{`{"caller":"` + numberA + `","dialled":"` + x + `","at":"2026-03-01T15:00:00Z"}`, 404, binding.RefusalExpired, ""},
		{`{"caller":"` + numberA + `","dialled":"700200000000001"}`, 404, binding.RefusalNoBinding, ""},
	} {
		var e Explanation
		b.want(200, "POST", "/v1/explain", tc.body, &e)
		if e.Answer != tc.answer || e.Refusal != tc.refusal || e.Rings != tc.rings || e.Connected != (tc.refusal == "") {
			t.Errorf("%s: %+v", tc.body, e)
		}
		if e.Connected && (e.Shows.String() != x || e.Binding != made.ID || len(e.Candidates) != 1 || e.Candidates[0].Why == "") {
			t.Errorf("%s: %+v", tc.body, e)
		}
	}
	var e Explanation
	b.want(200, "GET", "/v1/explain?dialled="+x+"&at=2026-03-01T12:00:00Z", "", &e)
	if e.Refusal != binding.RefusalNoCaller || len(e.Candidates) != 2 {
		t.Errorf("%+v", e)
	}
	for _, bad := range []string{`{"dialled":"7001"}`, `{"caller":"110","dialled":"` + x + `"}`, `{"dialled":"` + x + `","at":"` + numberA + `"}`} {
		b.want(400, "POST", "/v1/explain", bad, nil)
	}
	b.want(400, "GET", "/v1/explain?dialled="+x+"&at=yesterday", "", nil)
	b.want(400, "POST", "/v1/explain", `{"dialled":"`+x+`","kind":"`+numberA+`"}`, nil)
	text := `{"kind":"text","caller":"` + numberA + `","dialled":"` + x + `"}`
	if b.want(200, "POST", "/v1/explain", text, &e); e.Kind != "text" || !e.Connected || e.Numbers != binding.TextsMask {
		t.Errorf("a text: %+v", e)
	}
}

// TestExplainWhereTextsAreOff: a number that has everything else is answered as the signalling answers it.
func TestExplainWhereTextsAreOff(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	b.bind(numberA, numberB, x)
	deps := b.handler.(*api).Deps
	deps.Texts = Texts{Off: true}
	b.handler = New(deps)
	var e Explanation
	b.want(200, "POST", "/v1/explain", `{"kind":"text","caller":"`+numberA+`","dialled":"`+x+`"}`, &e)
	if e.Connected || e.Answer != 405 || e.Rule != ruleTexts || e.Rings != "" || e.Numbers != "" {
		t.Errorf("a text: %+v", e)
	}
	e = Explanation{}
	if b.want(200, "POST", "/v1/explain", `{"kind":"call","caller":"`+numberA+`","dialled":"`+x+`"}`, &e); !e.Connected || e.Kind != "call" {
		t.Errorf("a call: %+v", e)
	}
}

func TestNode(t *testing.T) {
	b := newBench(t)
	var list CallList
	b.want(200, "GET", "/v1/calls", "", &list)
	if len(list.Calls) != 1 || list.Calls[0].ID != "call" || list.Calls[0].CallerIn != "138****0001" {
		t.Errorf("%+v", list)
	}
	var call CallView
	b.want(200, "GET", "/v1/calls/call", "", &call)
	if call.ID != "call" || !call.Live || call.State != "ringing" {
		t.Errorf("%+v", call)
	}
	b.want(404, "GET", "/v1/calls/other", "", nil)
	b.want(204, "DELETE", "/v1/calls/call", "", nil)
	b.want(404, "DELETE", "/v1/calls/other", "", nil)
	b.want(200, "GET", "/v1/status", "", nil)
	b.want(204, "POST", "/v1/drain", "", nil)
	b.want(204, "POST", "/v1/reload", "", nil)
	if len(b.node.hungUp) != 1 || b.node.drained != 1 || b.node.reloaded != 1 {
		t.Errorf("%+v", b.node)
	}
	b.node.failure = errors.New("the file has " + numberA + " in line 3")
	if out := b.want(500, "POST", "/v1/reload", "", nil); !strings.Contains(out, "in line 3") {
		t.Errorf("the reason is lost: %s", out)
	}
}

// TestCallThatEnded: a call that is not live any more is told by its record, in the same shape, with a server and without.
func TestCallThatEnded(t *testing.T) {
	b := newBench(t)
	ended := b.node.call.Record
	ended.ID, ended.ReleasedAt, ended.End, ended.ReleasedBy, ended.SIPStatus = "ended", b.now, cdr.EndBusy, cdr.ByCallee, 486
	done := make(chan error, 1)
	b.records.Close(ended, func(_ uint64, err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	live := b.want(200, "GET", "/v1/calls/call", "", nil)
	for _, served := range []bool{true, false} {
		if !served {
			b.handler = New(Deps{Bindings: &binding.Service{Store: b.store}, Records: b.records})
		}
		var v CallView
		out := b.want(200, "GET", "/v1/calls/ended", "", &v)
		if v.Live || v.State != StateEnded || v.Held != "" || v.CallerIn != "138****0001" || v.Why != "the callee's phone was busy (486)" {
			t.Errorf("%s", out)
		}
		var one, other map[string]any
		if err := errors.Join(json.Unmarshal([]byte(live), &one), json.Unmarshal([]byte(out), &other)); err != nil {
			t.Fatal(err)
		}
		delete(other, "released_at") // the one moment that a call that goes on has not come to
		if a, b := slices.Sorted(maps.Keys(one)), slices.Sorted(maps.Keys(other)); !slices.Equal(a, b) {
			t.Errorf("a live call has %v, one that ended %v", a, b)
		}
		b.want(404, "GET", "/v1/calls/other", "", nil)
	}
}

func TestWithoutNode(t *testing.T) {
	b := newBench(t)
	b.handler = New(Deps{Bindings: &binding.Service{Store: b.store}, Records: b.records})
	for _, ask := range []string{"GET /v1/status", "GET /v1/calls", "DELETE /v1/calls/a", "POST /v1/drain", "POST /v1/reload"} {
		method, path, _ := strings.Cut(ask, " ")
		var p Problem
		b.want(503, method, path, "", &p)
		if p.Type != "urn:mask700:no-server" {
			t.Errorf("%s: %+v", ask, p)
		}
	}
	b.want(200, "GET", "/v1/blocks", "", nil)
	b.want(500, "POST", "/v1/check", "", nil)
}

func TestCheck(t *testing.T) {
	b := newBench(t)
	var r CheckReport
	if out := b.want(200, "POST", "/v1/check", "", &r); !strings.Contains(out, `"problems":[]`) {
		t.Error(out)
	}
	b.report = store.Report{Bindings: 3, Live: 2, Blocks: 1, Records: 5, Open: 1, Problems: []string{"a row is gone"}}
	b.want(200, "POST", "/v1/check", "", &r)
	if r.Bindings != 3 || r.Live != 2 || r.Blocks != 1 || r.Records != 5 || r.Open != 1 || len(r.Problems) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestStoreErrorsHaveTheirStatus(t *testing.T) {
	b := newBench(t)
	for err, status := range map[error]int{
		store.ErrBusy:             503,
		store.ErrStalled:          503,
		store.ErrDiskFull:         507,
		store.ErrCorrupt:          500,
		context.Canceled:          503,
		errors.New("x" + numberA): 500,
	} {
		b.store.Fail(err)
		r := httptest.NewRequest("GET", "/v1/blocks", nil)
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		if w.Code != status || strings.Contains(w.Body.String(), numberA) || (status == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%v: %d %s", status, w.Code, w.Body)
		}
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	b := newBench(t)
	b.want(404, "GET", "/", "", nil)
	b.want(404, "GET", "/v2/blocks", "", nil)
	b.want(404, "GET", "/v1/"+numberA, "", nil)
	b.want(405, "PUT", "/v1/blocks", "", nil)
	r := httptest.NewRequest("PUT", "/v1/bindings/abc", nil)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	if w.Code != 405 || strings.Join(w.Header()["Allow"], ",") != "GET,PATCH,DELETE" {
		t.Errorf("%d, allow %v", w.Code, w.Header()["Allow"])
	}
}

func TestContentType(t *testing.T) {
	b := newBench(t)
	for ct, status := range map[string]int{"": 201, "application/json; charset=utf-8": 201, "text/plain": 415, "a": 415} {
		r := httptest.NewRequest("POST", "/v1/blocks", strings.NewReader(`{"block":"`+block+`"}`))
		if r.Header.Del("Content-Type"); ct != "" {
			r.Header.Set("Content-Type", ct)
		}
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%q: %d", ct, w.Code)
		}
		if err := b.store.RemoveBlock(context.Background(), 70010000001); (err == nil) != (status == 201) {
			t.Errorf("%q: %v", ct, err)
		}
	}
}

func TestTokens(t *testing.T) {
	b := newBench(t)
	secret := strings.Repeat("s", minToken)
	one, err := NewToken("ops", secret)
	if err != nil {
		t.Fatal(err)
	}
	two, err := NewToken("billing", secret+"2")
	if err != nil {
		t.Fatal(err)
	}
	b.handler = New(Deps{Bindings: &binding.Service{Store: b.store}, Records: b.records, Tokens: []Token{one, two}})
	for header, status := range map[string]int{
		"Bearer " + secret: 200, "bearer " + secret + "2": 200,
		"": 401, "Bearer": 401, "Bearer ": 401, "Bearer " + secret[1:]: 401, "Basic " + secret: 401, secret: 401,
	} {
		r := httptest.NewRequest("GET", "/v1/blocks", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		if w.Code != status || strings.Contains(w.Body.String(), secret) {
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		}
	}
	for _, bad := range []string{"", "short", strings.Repeat("s", 20) + " " + strings.Repeat("s", 20)} {
		if _, err := NewToken("ops", bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// closeRecord puts a closed record into the journal.
func (b *bench) closeRecord(id string, at time.Time) {
	b.t.Helper()
	number, _ := binding.Plan{}.ParseNumber(numberA)
	done := make(chan error, 1)
	b.records.Close(cdr.Record{ID: id, Binding: "bound", ReceivedAt: at, ReleasedAt: at, CallerIn: cdr.Party{Number: number}, End: cdr.EndBusy},
		func(_ uint64, err error) { done <- err })
	if err := <-done; err != nil {
		b.t.Fatal(err)
	}
}

func TestRecordsAreLines(t *testing.T) {
	b := newBench(t)
	if out := b.want(200, "GET", "/v1/cdrs", "", nil); out != "" {
		t.Errorf("no record: %q", out)
	}
	for i, id := range []string{"one", "two", "three"} {
		b.closeRecord(id, b.now.Add(time.Duration(i)*time.Hour))
	}
	for query, ids := range map[string]string{
		"":                              "one two three",
		"since=2026-03-01T13:00:00Z":    "two three",
		"until=2026-03-01T14:00:00Z":    "one two",
		"after_seq=2":                   "three",
		"limit=1":                       "one",
		"limit=2&follow=1":              "one two",
		"binding=bound":                 "one two three",
		"binding=other":                 "",
		"follow=0&after_seq=1&limit=10": "two three",
	} {
		out := b.want(200, "GET", "/v1/cdrs?"+query, "", nil)
		var got []string
		for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
			var v cdr.View
			if err := d.Decode(&v); err != nil {
				t.Fatal(err)
			}
			got = append(got, v.ID)
			if v.CallerIn != "138****0001" {
				t.Errorf("caller %q", v.CallerIn)
			}
		}
		if strings.Join(got, " ") != ids {
			t.Errorf("%s: %v", query, got)
		}
	}
	for _, bad := range []string{"since=now", "until=1", "after_seq=-1", "limit=x", "follow=perhaps", "binding=" + numberA} {
		b.want(400, "GET", "/v1/cdrs?"+bad, "", nil)
	}
	b.want(200, "GET", "/v1/cdrs/two", "", nil)
	b.want(404, "GET", "/v1/cdrs/four", "", nil)
}

func TestRecordsAreFollowed(t *testing.T) {
	b := newBench(t)
	b.closeRecord("one", b.now)
	server := httptest.NewServer(b.handler)
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/v1/cdrs?follow=1&limit=3", nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for i, id := range []string{"one", "two", "three"} {
		if i > 0 { // each is written only when the one before has come
			b.closeRecord(id, b.now)
		}
		if !lines.Scan() || !bytes.Contains(lines.Bytes(), []byte(`"id":"`+id+`"`)) {
			t.Fatalf("want %s, got %q, %v", id, lines.Text(), lines.Err())
		}
	}
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("after the limit: %q, %v", rest, err)
	}
}

// TestFaultOfTheProgram: its text, which may be anything, is logged nowhere.
func TestFaultOfTheProgram(t *testing.T) {
	var log bytes.Buffer
	b := newBench(t)
	b.handler = New(Deps{Bindings: &binding.Service{Store: b.store}, Records: b.records, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Check: func(context.Context) (store.Report, error) { panic("a call to " + numberA) }})
	server := httptest.NewUnstartedServer(b.handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&log, nil), slog.LevelWarn)
	server.Start()
	if resp, err := http.Post(server.URL+"/v1/check", "application/json", nil); err == nil {
		t.Errorf("answered with %d", resp.StatusCode)
	}
	server.Close()
	if s := log.String(); !strings.Contains(s, "panic=string") || !strings.Contains(s, "admin.(*api).check()") || strings.Contains(s, numberA) || strings.Contains(s, "(0x") {
		t.Errorf("%s", s)
	}
}

// TestNoDebugging: what the standard library serves for debugging is not served, with a token or without.
func TestNoDebugging(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine?debug=2", "/debug/pprof/cmdline", "/debug/vars", "/debug/requests", "/metrics"} {
		b.want(404, "GET", path, "", nil)
	}
}
