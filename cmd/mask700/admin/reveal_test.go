package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store/audit"
)

const why = "complaint 17"

// revealed sends what is asked from now on with a wish to see numbers.
func (b *bench) revealed(reason string) {
	b.header = http.Header{HeaderReveal: {"true"}, HeaderReason: {reason}}
}

func (b *bench) entries() (all []audit.Entry) {
	b.t.Helper()
	before := b.header
	b.header = nil
	defer func() { b.header = before }()
	for d := json.NewDecoder(strings.NewReader(b.want(http.StatusOK, "GET", "/v1/audit", "", nil))); d.More(); {
		var e audit.Entry
		if err := d.Decode(&e); err != nil {
			b.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// number reads a number.
func number(t *testing.T, s string) binding.Number {
	t.Helper()
	n, err := binding.Plan{}.ParseNumber(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// filled is a bench with a binding and the record of a call, and the requests that can show a number.
func filled(t *testing.T) (*bench, binding.View, map[string]string) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	v := b.bind(numberA, numberB, x)
	b.records.Close(cdr.Record{ID: "over", End: cdr.EndBusy, ReceivedAt: b.now,
		CallerIn: cdr.Party{Number: number(t, numberA)}, CalleeOut: cdr.Party{Number: number(t, numberB)}}, func(uint64, error) {})
	b.records.Wait()
	return b, v, map[string]string{
		"GET /v1/bindings":                "",
		"POST /v1/bindings/query":         `{"order":"o-` + x + `"}`,
		"GET /v1/bindings/" + v.ID:        "",
		"GET /v1/calls":                   "",
		"GET /v1/calls/call":              "",
		"GET /v1/calls/over":              "",
		"GET /v1/cdrs":                    "",
		"GET /v1/cdrs/over":               "",
		"GET /v1/explain?dialled=" + x:    "",
		"POST /v1/explain":                `{"dialled":"` + x + `","caller":"` + numberA + `"}`,
		"POST /v1/bindings/query?by=them": `{"number":"` + numberB + `"}`,
	}
}

// because is what a masked answer needs: a reason where a person is looked for.
func because(path string) http.Header {
	if strings.HasSuffix(path, "by=them") {
		return http.Header{HeaderReason: {why}}
	}
	return nil
}

func TestNumbersAreShownAndNoted(t *testing.T) {
	b, v, asks := filled(t)
	objects := map[string]string{
		"GET /v1/bindings":                "binding.reveal all: 1 binding " + v.ID,
		"POST /v1/bindings/query":         "binding.reveal order o-" + x + ": 1 binding " + v.ID,
		"GET /v1/bindings/" + v.ID:        "binding.reveal " + v.ID,
		"GET /v1/calls":                   "call.reveal 1 call call",
		"GET /v1/calls/call":              "call.reveal call",
		"GET /v1/calls/over":              "call.reveal over",
		"GET /v1/cdrs":                    "cdr.reveal all",
		"GET /v1/cdrs/over":               "cdr.reveal over",
		"GET /v1/explain?dialled=" + x:    "explain.reveal x " + x + ": 1 binding " + v.ID,
		"POST /v1/explain":                "explain.reveal x " + x + ", caller 138****0001: 1 binding " + v.ID,
		"POST /v1/bindings/query?by=them": "binding.reveal number 139****0002: 1 binding " + v.ID,
	}
	for ask, body := range asks {
		method, path, _ := strings.Cut(ask, " ")
		b.header = because(path)
		masked := b.want(200, method, path, body, nil)
		if !strings.Contains(masked, "138****0001") {
			t.Errorf("%s: nothing is masked in %s", ask, masked)
		}
		before := len(b.entries())
		b.revealed(why)
		shown := b.want(200, method, path, body, nil)
		if !strings.Contains(shown, numberA) || strings.Contains(shown, "****") {
			t.Errorf("%s: %s", ask, shown)
		}
		if back := strings.NewReplacer(numberA, "138****0001", numberB, "139****0002").Replace(shown); back != masked {
			t.Errorf("%s: more than the numbers differs:\n%s\n%s", ask, masked, shown)
		}
		e := b.entries()[before]
		if got := e.What + " " + e.Object; got != objects[ask] || e.Reason != why || !strings.HasPrefix(e.Who, "local uid ") || !e.At.Equal(b.now) {
			t.Errorf("%s: %+v, want %s", ask, e, objects[ask])
		}
	}
	for _, e := range b.entries() {
		if s := fmt.Sprint(e); strings.Contains(s, numberA) || strings.Contains(s, numberB) {
			t.Errorf("a real number in the log: %v", e)
		}
	}
	if r, err := json.Marshal(b.entries()); err != nil || strings.Count(string(r), ActionRecordsEnd) != 1 {
		t.Errorf("%s, %v", r, err)
	}
}

// TestNoEntryNoNumber: whatever keeps the entry from the disk keeps the number from the answer.
func TestNoEntryNoNumber(t *testing.T) {
	b, _, asks := filled(t)
	stalled := errors.New("stalled")
	for ask, body := range asks {
		method, path, _ := strings.Cut(ask, " ")
		b.revealed(why)
		b.head.fail = stalled
		if out := b.want(500, method, path, body, nil); !strings.Contains(out, "stalled") { // ask sees to the numbers
			t.Errorf("%s: %s", ask, out)
		}
		b.head.fail = nil
	}
	if all := b.entries(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	b.handler = New(Deps{Bindings: &binding.Service{Store: b.store}, Records: b.records, Node: b.node})
	for ask, body := range asks {
		method, path, _ := strings.Cut(ask, " ")
		b.want(500, method, path, body, nil)
	}
}

// TestEntryIsThereBeforeTheNumber looks at the log at the moment at which the first byte leaves.
func TestEntryIsThereBeforeTheNumber(t *testing.T) {
	b, _, asks := filled(t)
	for ask, body := range asks {
		method, path, _ := strings.Cut(ask, " ")
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set(HeaderReveal, "true")
		r.Header.Set(HeaderReason, why)
		before := b.head.head.Seq
		w := &watched{ResponseRecorder: httptest.NewRecorder(), at: func() {
			if b.head.head.Seq != before+1 || b.head.head.Next != (audit.Hash{}) {
				t.Errorf("%s: the answer begins and the log has %+v", ask, b.head.head)
			}
		}}
		b.handler.ServeHTTP(w, r)
		if w.Code != 200 || w.at != nil {
			t.Errorf("%s: %d", ask, w.Code)
		}
	}
}

// watched calls at before the first byte.
type watched struct {
	*httptest.ResponseRecorder
	at func()
}

func (w *watched) Write(b []byte) (int, error) {
	if w.at != nil {
		w.at()
		w.at = nil
	}
	return w.ResponseRecorder.Write(b)
}

func TestAskedForInTheWrongWay(t *testing.T) {
	b, v, asks := filled(t)
	for _, tc := range []struct {
		reveal, reason, says string
	}{
		{"true", "", "a reason is needed"},
		{"true", "x", "a reason is needed"},
		{"true", "asked by " + numberA, "name the case"},
		{"true", strings.Repeat("x", 501), "a reason is needed"},
		{"perhaps", why, HeaderReveal + ": true"},
	} {
		for ask, body := range asks {
			method, path, _ := strings.Cut(ask, " ")
			b.header = http.Header{HeaderReveal: {tc.reveal}, HeaderReason: {tc.reason}}
			if out := b.want(400, method, path, body, nil); !strings.Contains(out, tc.says) {
				t.Errorf("%s: no %q in %s", ask, tc.says, out)
			}
		}
	}
	b.header = http.Header{HeaderReason: {why}}
	b.want(400, "GET", "/v1/bindings", "", nil)
	b.revealed(why)
	for _, ask := range []string{"POST /v1/bindings", "DELETE /v1/bindings/" + v.ID, "DELETE /v1/calls/call", "GET /v1/status", "GET /v1/audit", "POST /v1/drain", "GET /nowhere"} {
		method, path, _ := strings.Cut(ask, " ")
		b.want(400, method, path, `{}`, nil)
	}
	if all := b.entries(); len(all) != 0 || len(b.node.hungUp) != 0 || b.node.drained != 0 {
		t.Errorf("%+v, %+v", all, b.node)
	}
	b.want(404, "GET", "/v1/bindings/none", "", nil)
	b.want(404, "GET", "/v1/calls/none", "", nil)
	b.want(404, "GET", "/v1/cdrs/none", "", nil)
	if all := b.entries(); len(all) != 0 {
		t.Errorf("noted, and nothing was shown: %+v", all)
	}
}

func TestTokenThatMayNotReveal(t *testing.T) {
	b, _, asks := filled(t)
	secret := map[bool]string{true: strings.Repeat("a1", 20), false: strings.Repeat("b2", 20)}
	var tokens []Token
	for may, s := range secret {
		token, err := NewToken(map[bool]string{true: "lead", false: "desk"}[may], s)
		if err != nil {
			t.Fatal(err)
		}
		token.Reveal = may
		tokens = append(tokens, token)
	}
	log, err := audit.Open(t.TempDir()+"/audit.jsonl", new(anchor))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	b.handler = New(Deps{Bindings: &binding.Service{Store: b.store, Now: b.store.Now}, Records: b.records, Node: b.node, Audit: log, Tokens: tokens})
	for ask, body := range asks {
		method, path, _ := strings.Cut(ask, " ")
		b.header = because(path)
		if b.header == nil {
			b.header = make(http.Header)
		}
		if ask == "POST /v1/explain" { // who may not see the caller says why it is named
			b.header.Set(HeaderReason, why)
		}
		b.header.Set("Authorization", "Bearer "+secret[false])
		b.want(200, method, path, body, nil)
		b.header = http.Header{"Authorization": {"Bearer " + secret[false]}, HeaderReveal: {"true"}, HeaderReason: {why}}
		if out := b.want(403, method, path, body, nil); !strings.Contains(out, "reveal: true") {
			t.Errorf("%s", out)
		}
		b.header["Authorization"] = []string{"Bearer " + secret[true]}
		b.want(200, method, path, body, nil)
	}
	var who []string
	if err := log.List(func(e audit.Entry) error { who = append(who, e.Who+" "+e.What); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(who)
	if who = slices.Compact(who); strings.Join(who, ", ") != "token desk binding.lookup, token desk explain.caller, token lead binding.reveal, token lead call.reveal, "+
		"token lead cdr.reveal, token lead cdr.reveal.end, token lead explain.reveal" {
		t.Errorf("%v", who)
	}
}

// TestExplainThatNamesACallerIsNoted: with the reason where one is given, though nothing is shown. One that names none
// tells nothing of anybody.
func TestExplainThatNamesACallerIsNoted(t *testing.T) {
	b, v, _ := filled(t)
	object := "x " + x + ", caller 137****0003: 1 binding " + v.ID
	for reason, want := range map[string]string{"": noReason, why: why} {
		before := len(b.entries())
		b.header = http.Header{HeaderReason: {reason}}
		b.want(200, "POST", "/v1/explain", `{"dialled":"`+x+`","caller":"13700000003"}`, nil)
		b.want(200, "POST", "/v1/explain", `{"dialled":"`+x+`"}`, nil)
		now := b.entries()[before:]
		if len(now) != 1 || now[0].What != ActionGuess || now[0].Object != object || now[0].Reason != want {
			t.Errorf("reason %q: %+v", reason, now)
		}
	}
	// What cannot be noted is not answered.
	b.handler = New(Deps{Bindings: &binding.Service{Store: b.store, Now: b.store.Now}, Records: b.records})
	b.header = nil
	if out := b.want(500, "POST", "/v1/explain", `{"dialled":"`+x+`","caller":"`+numberA+`"}`, nil); strings.Contains(out, "connected") {
		t.Errorf("%s", out)
	}
}

// TestSearchByNumberNeedsAReason: nothing is shown that the one who asks did not know, and yet it is a person who is looked
// for.
func TestSearchByNumberNeedsAReason(t *testing.T) {
	b, v, _ := filled(t)
	for _, header := range []http.Header{nil, {HeaderReason: {"  "}}} {
		b.header = header
		for _, path := range []string{"/v1/bindings/query", "/v1/blocklist/query"} {
			if got := b.want(400, "POST", path, `{"number":"`+numberA+`"}`, nil); !strings.Contains(got, `"reason"`) || strings.Contains(got, v.ID) {
				t.Errorf("%s: %s", path, got)
			}
		}
	}
	if all := b.entries(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	b.header = http.Header{HeaderReason: {why}}
	b.want(200, "POST", "/v1/bindings/query", `{"number":"`+numberA+`","live":true}`, nil)
	b.want(200, "POST", "/v1/bindings/query", `{"number":"13700000009"}`, nil)
	all := b.entries()
	if len(all) != 2 || all[0].What != ActionLookup || all[0].Object != "number 138****0001, live: 1 binding "+v.ID ||
		all[1].Object != "number 137****0009: 0 bindings" || all[0].Reason != why || all[1].Reason != why {
		t.Errorf("%+v", all)
	}
	b.head.fail = errors.New("stalled")
	b.want(500, "POST", "/v1/bindings/query", `{"number":"`+numberA+`"}`, nil)
	b.header = nil
	b.want(200, "POST", "/v1/bindings/query", `{"x":"`+x+`"}`, nil)
}

// TestHistoryByNumberNeedsAReason: it is refused without one before anything is read, and with one the entry is there
// before the answer.
func TestHistoryByNumberNeedsAReason(t *testing.T) {
	b, _, _ := filled(t)
	a := &api{Deps: b.handler.(*api).Deps, mux: http.NewServeMux()}
	a.mux.HandleFunc("POST /v1/history/number", a.nowhere)
	ask := func(reveal, reason string) error {
		r := httptest.NewRequest("POST", "/v1/history/number", nil)
		r.Header.Set(HeaderReveal, reveal)
		r.Header.Set(HeaderReason, reason)
		r, err := a.withAsk(r, Token{Reveal: true})
		if err == nil {
			err = a.because(r, "history.number", "number 138****0001: 2 bindings")
		}
		return err
	}
	for _, reason := range []string{"", "  ", "x", "asked by " + numberA, "ticket 17 " + numberA, "2026-11-26 " + numberA, numberA + " " + numberB, "+86" + numberA + " (2)",
		"138.0000.0001", "138/0000/0001 called", "case 138 0000 0001 0", "一三八〇〇〇〇〇〇〇一"} {
		if err := ask("", reason); err == nil || !strings.Contains(err.Error(), "reason") || strings.Contains(err.Error(), numberA) {
			t.Errorf("%q: %v", reason, err)
		}
	}
	if err := a.because(httptest.NewRequest("POST", "/v1/history/number", nil), "history.number", ""); !errors.Is(err, errNeedsReason) {
		t.Errorf("asked past the door: %v", err)
	}
	if all := b.entries(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	if err := ask("", why); err != nil {
		t.Fatal(err)
	}
	if all := b.entries(); len(all) != 1 || all[0].What != "history.number" || all[0].Reason != why || all[0].Object != "number 138****0001: 2 bindings" {
		t.Errorf("%+v", all)
	}
	b.head.fail = errors.New("stalled")
	if err := ask("", why); err == nil {
		t.Error("shown though it is not in the log")
	}
}

// TestOrderThatIsANumber: a tenant may have written one there.
func TestOrderThatIsANumber(t *testing.T) {
	b, _, _ := filled(t)
	b.revealed(why)
	for order, want := range map[string]string{
		numberA:                     "order ***********",
		"call " + numberB + " late": "order call *********** late",
		"20261126-000017":           "order 20261126-000017",
		"ORDER-1":                   "order ORDER-1",
	} {
		b.want(200, "GET", "/v1/bindings?order="+strings.ReplaceAll(order, " ", "+"), "", nil)
		all := b.entries()
		if got := all[len(all)-1].Object; got != want+": 0 bindings" {
			t.Errorf("%s", got)
		}
	}
}

func TestLongListsNameTheirBounds(t *testing.T) {
	var ids []string
	for i := range 1000 {
		ids = append(ids, fmt.Sprintf("%021d", i))
	}
	s := listed("binding", ids)
	if !strings.HasPrefix(s, "1000 bindings "+ids[0]+" ") || !strings.HasSuffix(s, ids[99]+" … "+ids[999]) {
		t.Errorf("%s", s)
	}
	if s := listed("call", ids[:100]); !strings.HasSuffix(s, " "+ids[99]) {
		t.Errorf("%s", s)
	}
}

// TestFollowedListIsNotedAtBothEnds: the entry of the beginning is there before the first record, that of the end says
// how many there were.
func TestFollowedListIsNotedAtBothEnds(t *testing.T) {
	b, _, _ := filled(t)
	server := httptest.NewServer(b.handler)
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/v1/cdrs?follow=1&since=2026-03-01T00:00:00Z", nil)
	maps.Copy(req.Header, http.Header{HeaderReveal: {"true"}, HeaderReason: {why}})
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	for i := range 3 {
		if i > 0 {
			b.closeRecord(fmt.Sprint("more", i), b.now)
		}
		if !lines.Scan() {
			t.Fatal(lines.Err())
		}
		if all := b.entries(); len(all) != 1 || all[0].What != ActionRecords || all[0].Object != "since 2026-03-01T00:00:00Z, followed" {
			t.Fatalf("%+v", all)
		}
	}
	cancel()
	resp.Body.Close()
	server.Close() // waits for the handler
	all := b.entries()
	if len(all) != 2 || all[1].What != ActionRecordsEnd || all[1].Object != "entry 1: 3 records, seq 1 to 3" || all[1].Reason != why {
		t.Errorf("%+v", all)
	}
}

// TestNoNumberInTheAuditLogByMistake: where a number has slipped into the place of another thing, the log has no digits of it.
func TestNoNumberInTheAuditLogByMistake(t *testing.T) {
	t.Parallel()
	b, _, _ := filled(t)
	b.revealed(why)
	b.want(400, "POST", "/v1/history", `{"x":"`+x+`","limit":`+numberA+`}`, nil)
	b.want(200, "POST", "/v1/history", `{"x":"`+x+`","limit":7}`, nil)
	b.want(200, "GET", "/v1/cdrs?limit="+numberA, "", nil)
	b.want(200, "GET", "/v1/cdrs?after_seq="+numberA, "", nil)
	b.want(200, "GET", "/v1/cdrs?limit=7&after_seq=1", "", nil)
	var objects []string
	for _, e := range b.entries() {
		if e.What != ActionRecordsEnd && e.What != ActionHistoryEnd {
			objects = append(objects, e.Object)
		}
	}
	want := []string{"x " + x, "at most more than 999999", "after the last", "after seq 1, at most 7"}
	if !slices.Equal(objects, want) {
		t.Errorf("%q", objects)
	}
}
