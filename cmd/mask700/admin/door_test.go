package admin

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/limit"
	"mask700/store/audit"
)

// Blocks and numbers of two tenants. numberC is bound for the other one alone.
const (
	ownBlock    = "70010000003"
	othersBlock = "70010000004"
	ownX        = "700100000030001"
	freeX       = "700100000030002"
	othersX     = "700100000040001"
	noX         = "700100000990001" // on a block that nobody holds
	numberC     = "13700000003"
	numberD     = "13600000004"
	numberE     = "13500000005"
	numberF     = "13500000006"
)

// doorBench is the interface for tenants, with two of them, and the operator's over the same.
type doorBench struct {
	*bench
	operator http.Handler
	deps     Deps
	door     TenantDoor
	token    string // of rides
	tokenID  string
	own      binding.View
	others   binding.View
	ownBar   binding.BarView
	otherBar binding.BarView
}

func newDoorBench(t *testing.T) *doorBench {
	t.Helper()
	d := &doorBench{bench: newBench(t)}
	operator := d.handler.(*api).Deps
	operator.TenantTokens, operator.Bars = d.store, d.store
	operator.Limits = &Limits{Set: limit.Set{Mode: limit.Off}}
	d.deps, d.operator = operator, New(operator)
	d.handler = d.operator
	for tenant, block := range map[string]string{"rides": ownBlock, "meals": othersBlock} {
		d.want(http.StatusCreated, "POST", "/v1/tenants", `{"name":"`+tenant+`"}`, nil)
		d.want(http.StatusCreated, "POST", "/v1/blocks", `{"block":"`+block+`","tenant":"`+tenant+`"}`, nil)
	}
	create := func(tenant, a, b, x string, into any) {
		d.want(http.StatusCreated, "POST", "/v1/bindings", `{"mode":"axb","a":"`+a+`","b":"`+b+`","x":"`+x+`","order":"o-`+tenant+`","consent":"c-`+tenant+`","tenant":"`+tenant+`"}`, into)
	}
	create("rides", numberA, numberB, ownX, &d.own)
	create("meals", numberC, numberB, othersX, &d.others)
	bar := func(tenant, number string, into any) {
		d.want(http.StatusCreated, "POST", "/v1/blocklist", `{"number":"`+number+`","tenant":"`+tenant+`","direction":"both","reason":"asked for it"}`, into)
	}
	bar("rides", numberD, &d.ownBar)
	bar("meals", numberC, &d.otherBar)
	for _, tenant := range []string{"rides", "meals"} {
		d.record(tenant+"record", tenant)
	}
	d.node.call.Record.Tenant = "meals"
	d.token, d.tokenID = d.newToken(false)
	d.door = TenantDoor{Tokens: d.store, PerSecond: 1000}
	d.handler = NewTenants(operator, d.door)
	d.header = http.Header{"Authorization": {"Bearer " + d.token}}
	return d
}

func (d *doorBench) record(id, tenant string) {
	d.t.Helper()
	done := make(chan error, 1)
	d.records.Close(cdr.Record{ID: id, Tenant: tenant, Binding: "x", ReceivedAt: d.now, ReleasedAt: d.now}, func(_ uint64, err error) { done <- err })
	if err := <-done; err != nil {
		d.t.Fatal(err)
	}
}

// newToken makes one of rides, at the operator's interface.
func (d *doorBench) newToken(reveal bool) (text, id string) {
	d.t.Helper()
	handler, header := d.handler, d.header
	d.handler, d.header = d.operator, nil
	defer func() { d.handler, d.header = handler, header }()
	var made NewTenantToken
	out := d.want(http.StatusCreated, "POST", "/v1/tenants/rides/tokens", fmt.Sprintf(`{"name":"dispatch","reveal":%v}`, reveal), &made)
	if !strings.HasPrefix(made.Token, made.ID+".") || len(made.Token) < len(made.ID)+1+43 || strings.Contains(fmt.Sprintf("%v %+v %#v", made, made, made), made.Token) {
		d.t.Errorf("not ID.SECRET, or it prints itself: %s", out)
	}
	return made.Token, made.ID
}

// said is status and body of an answer.
func (d *doorBench) said(method, path, body string) string {
	d.t.Helper()
	status, out := d.ask(method, path, body)
	return fmt.Sprint(status, " ", out)
}

// confined says of a path how it is tried: what is the tenant's own, with the status of the answer, and in its place what
// is another's and what is nobody's. Of the last two the answers have to be the same.
type confined struct {
	own, others, nobodys request
	status               int // of own
}

type request struct{ path, body string }

// TestEveryPath: what a tenant is not let in for is not there, and what it is let in for gives its own, and of another's
// the same bytes as of what nobody has.
func TestEveryPath(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	at := func(path string) request { return request{path, ""} }
	id := strings.Repeat("q", len(d.own.ID)) // nobody's
	none := request{}
	tries := map[string]confined{
		"GET /v1/blocks":                {own: at("/v1/blocks"), status: 200},
		"GET /v1/bindings":              {at("/v1/bindings?order=o-rides"), at("/v1/bindings?order=o-meals"), at("/v1/bindings?order=o-nobody"), 200},
		"POST /v1/bindings/query":       {request{"/v1/bindings/query", `{"number":"` + numberA + `"}`}, request{"/v1/bindings/query", `{"number":"` + numberC + `"}`}, request{"/v1/bindings/query", `{"number":"` + numberD + `"}`}, 200},
		"GET /v1/bindings/{id}":         {at("/v1/bindings/" + d.own.ID), at("/v1/bindings/" + d.others.ID), at("/v1/bindings/" + id), 200},
		"PATCH /v1/bindings/{id}":       {request{"/v1/bindings/" + d.own.ID, `{"data":"x"}`}, request{"/v1/bindings/" + d.others.ID, `{"data":"x"}`}, request{"/v1/bindings/" + id, `{"data":"x"}`}, 200},
		"POST /v1/bindings/{id}/extend": {none, request{"/v1/bindings/" + d.others.ID + "/extend", `{"ttl":"2h"}`}, request{"/v1/bindings/" + id + "/extend", `{"ttl":"2h"}`}, 0},
		"DELETE /v1/bindings/{id}":      {none, at("/v1/bindings/" + d.others.ID + "?hard=1"), at("/v1/bindings/" + id + "?hard=1"), 0},
		"POST /v1/bindings": {
			request{"/v1/bindings", `{"mode":"axb","a":"` + numberE + `","b":"` + numberF + `","x":"` + freeX + `","order":"o"}`},
			request{"/v1/bindings", `{"mode":"axb","a":"` + numberE + `","b":"` + numberF + `","x":"` + othersX + `","order":"o"}`},
			request{"/v1/bindings", `{"mode":"axb","a":"` + numberE + `","b":"` + numberF + `","x":"` + noX + `","order":"o"}`}, 201},
		"POST /v1/bindings/batch": {none, request{"/v1/bindings/batch?verb=delete", `{"id":"` + d.others.ID + `"}`}, request{"/v1/bindings/batch?verb=delete", `{"id":"` + id + `"}`}, 0},
		"GET /v1/explain":         {at("/v1/explain?dialled=" + ownX), at("/v1/explain?dialled=" + othersX), at("/v1/explain?dialled=" + noX), 200},
		"POST /v1/explain": {request{"/v1/explain", `{"caller":"` + numberA + `","dialled":"` + ownX + `"}`}, request{"/v1/explain", `{"caller":"` + numberC + `","dialled":"` + othersX + `"}`},
			request{"/v1/explain", `{"caller":"` + numberC + `","dialled":"` + noX + `"}`}, 200},
		"GET /v1/calls": {own: at("/v1/calls"), status: 200},
		"POST /v1/calls": {request{"/v1/calls", `{"binding":"` + d.own.ID + `"}`}, request{"/v1/calls", `{"binding":"` + d.others.ID + `"}`},
			request{"/v1/calls", `{"binding":"` + id + `"}`}, 201},
		"GET /v1/calls/{id}":      {at("/v1/calls/ridesrecord"), at("/v1/calls/call"), at("/v1/calls/nobody"), 200},
		"DELETE /v1/calls/{id}":   {none, at("/v1/calls/call"), at("/v1/calls/nobody"), 0},
		"GET /v1/cdrs":            {at("/v1/cdrs"), at("/v1/cdrs?binding=" + d.others.ID), at("/v1/cdrs?binding=" + id), 200},
		"GET /v1/cdrs/{id}":       {at("/v1/cdrs/ridesrecord"), at("/v1/cdrs/mealsrecord"), at("/v1/cdrs/nobody"), 200},
		"POST /v1/history":        {request{"/v1/history", `{"x":"` + ownX + `"}`}, request{"/v1/history", `{"x":"` + othersX + `"}`}, request{"/v1/history", `{"x":"` + noX + `"}`}, 200},
		"POST /v1/history/number": {request{"/v1/history/number", `{"number":"` + numberA + `"}`}, request{"/v1/history/number", `{"number":"` + numberC + `"}`}, request{"/v1/history/number", `{"number":"13500000009"}`}, 200},
		"GET /v1/limits/{tenant}": {at("/v1/limits/rides"), at("/v1/limits/meals"), at("/v1/limits/nobody"), 200},
		"GET /v1/tenants/{name}":  {at("/v1/tenants/rides"), at("/v1/tenants/meals"), at("/v1/tenants/nobody"), 200},
		"GET /v1/blocklist":       {at("/v1/blocklist"), at("/v1/blocklist?tenant=meals"), at("/v1/blocklist?tenant=nobody"), 200},
		"POST /v1/blocklist": {request{"/v1/blocklist", `{"number":"` + numberA + `","direction":"to","reason":"asked"}`}, request{"/v1/blocklist", `{"number":"` + numberA + `","tenant":"meals","direction":"to","reason":"asked"}`},
			request{"/v1/blocklist", `{"number":"` + numberA + `","tenant":"nobody","direction":"to","reason":"asked"}`}, 201},
		"POST /v1/blocklist/query":  {request{"/v1/blocklist/query", `{"number":"` + numberD + `"}`}, request{"/v1/blocklist/query", `{"number":"` + numberC + `"}`}, request{"/v1/blocklist/query", `{"number":"13500000009"}`}, 200},
		"POST /v1/blocklist/batch":  {none, request{"/v1/blocklist/batch", `{"number":"` + numberB + `","tenant":"meals","direction":"to","reason":"asked"}`}, request{"/v1/blocklist/batch", `{"number":"` + numberB + `","tenant":"nobody","direction":"to","reason":"asked"}`}, 0},
		"DELETE /v1/blocklist/{id}": {at("/v1/blocklist/" + d.ownBar.ID), at("/v1/blocklist/" + d.otherBar.ID), at("/v1/blocklist/" + id), 200},
	}
	// What a path names is not among what is told of another's thing; whose it is may not be told either.
	marks := []string{d.others.ID, d.otherBar.ID, "o-meals", "c-meals", "mealsrecord", "137****0003", othersBlock}
	wild := regexp.MustCompile(`\{[^}]*\}`)
	d.header.Set(HeaderReason, "complaint 17")
	withoutReason := d.header.Clone()
	withoutReason.Del(HeaderReason)
	revealing, _ := d.newToken(true)
	nowhere := ""
	for _, pattern := range slices.Sorted(maps.Keys((&api{}).paths())) {
		method, path, _ := strings.Cut(pattern, " ")
		d.header = withoutReason
		if _, lookup := byNumber[pattern]; lookup {
			d.header = withoutReason.Clone()
			d.header.Set(HeaderReason, "complaint 17")
		}
		if _, lookup := byNumber[pattern]; lookup { // whoever names somebody may see numbers
			d.header.Set("Authorization", "Bearer "+revealing)
		}
		try, allowed := tries[pattern]
		if _, served := tenantPaths[pattern]; served != allowed {
			t.Errorf("%s: let in %v, tried %v", pattern, served, allowed)
			continue
		}
		if pattern == "/" {
			continue
		}
		if !allowed {
			said := d.said(method, wild.ReplaceAllString(path, "rides"), `{"reason":"complaint 17"}`)
			if nowhere == "" {
				d.header = withoutReason
				nowhere = d.said(method, "/v1/nothing", "")
			}
			if said != nowhere && !strings.HasPrefix(said, "405 ") || strings.HasPrefix(said, "405 ") && servedOtherwise(path) == "" {
				t.Errorf("%s is denied with %s", pattern, said)
			}
			continue
		}
		if try.others.path != "" {
			others, nobodys := d.said(method, try.others.path, try.others.body), d.said(method, try.nobodys.path, try.nobodys.body)
			// What was asked for itself stands in the answer to an explanation.
			others, nobodys = strings.ReplaceAll(others, othersX, ownX), strings.ReplaceAll(nobodys, noX, ownX)
			if others != nobodys {
				t.Errorf("%s: of another's\n%s\nof nobody's\n%s", pattern, others, nobodys)
			}
		}
		if try.own.path != "" {
			said := d.said(method, try.own.path, try.own.body)
			if !strings.HasPrefix(said, fmt.Sprint(try.status)) || strings.HasSuffix(said, " ") {
				t.Errorf("%s: of the own %s, want %d", pattern, said, try.status)
			}
			for _, mark := range marks {
				if strings.Contains(said, mark) {
					t.Errorf("%s: %q is another's: %s", pattern, mark, said)
				}
			}
		}
	}
	// Nothing of the other's was changed by all that.
	d.handler, d.header = d.operator, nil
	var now binding.View
	d.want(200, "GET", "/v1/bindings/"+d.others.ID, "", &now)
	if now.State != binding.StateLive || now.Data != "" || len(d.node.hungUp) != 0 {
		t.Errorf("of the other's: %+v, hung up %v", now, d.node.hungUp)
	}
	if len(d.node.ordered) != 1 || d.node.ordered[0].Binding != d.own.ID {
		t.Errorf("calls asked for: %+v", d.node.ordered)
	}
	var page BarPage
	d.want(200, "GET", "/v1/blocklist?tenant=meals", "", &page)
	if len(page.Entries) != 1 {
		t.Errorf("the other's block list: %+v", page)
	}
}

// servedOtherwise is a method under which a tenant is let in for a path.
func servedOtherwise(path string) string {
	for pattern := range tenantPaths {
		if method, p, _ := strings.Cut(pattern, " "); regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(p, "{}") == regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, "{}") {
			return method
		}
	}
	return ""
}

// TestTenantsOwn: what a token makes is its tenant's, also where the request does not say so, and it cannot be another's.
func TestTenantsOwn(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	body := func(rest string) string {
		return `{"mode":"axb","a":"` + numberC + `","b":"` + numberD + `","order":"o-2"` + rest + `}`
	}
	var v binding.View
	d.want(http.StatusCreated, "POST", "/v1/bindings", body(""), &v)
	if v.Tenant != "rides" || !strings.HasPrefix(v.X.String(), ownBlock) {
		t.Errorf("made %+v", v)
	}
	d.want(200, "DELETE", "/v1/bindings/"+v.ID+"?hard=1", "", nil)
	if !slices.Equal(d.node.hungUp, []string{v.ID}) {
		t.Errorf("hung up %v", d.node.hungUp)
	}
	if a, b := d.said("POST", "/v1/bindings", body(`,"tenant":"meals"`)), d.said("POST", "/v1/bindings", body(`,"tenant":"nobody"`)); a != b || !strings.HasPrefix(a, "400") {
		t.Errorf("for another tenant %s, for none %s", a, b)
	}
	out := d.want(200, "POST", "/v1/bindings/batch", body("")+"\n"+body(`,"tenant":"meals"`), nil)
	if strings.Count(out, `"tenant":"rides"`) != 1 || strings.Count(out, `"error"`) != 1 {
		t.Errorf("a batch: %s", out)
	}
	var bar binding.BarView
	d.want(http.StatusCreated, "POST", "/v1/blocklist", `{"number":"`+numberA+`","direction":"both","reason":"asked"}`, &bar)
	if bar.Tenant != "rides" {
		t.Errorf("an entry for every tenant: %+v", bar)
	}
	// All bindings of all are not gone through for those of one.
	d.want(400, "GET", "/v1/bindings", "", nil)
	d.want(404, "GET", "/v1/status", "", nil)
}

// TestSharedNumbers: on blocks that tenants share a number cannot be asked for, and nothing is told of those of others.
func TestSharedNumbers(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	if err := d.store.RemoveBlock(t.Context(), 70010000003); err == nil {
		t.Fatal("a block in use is given up")
	}
	d.want(200, "DELETE", "/v1/bindings/"+d.own.ID, "", nil)
	if err := d.store.RemoveBlock(t.Context(), 70010000003); err != nil {
		t.Fatal(err)
	}
	d.handler, d.header = d.operator, nil
	d.want(http.StatusCreated, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	d.bind(numberA, numberB, x)
	tenants := func() {
		d.handler, d.header = NewTenants(d.deps, TenantDoor{Tokens: d.store, PerSecond: 1000}), http.Header{"Authorization": {"Bearer " + d.token}}
	}
	tenants()
	body := func(a, at string) string {
		return `{"mode":"axb","a":"` + a + `","b":"` + numberD + `","order":"o-2"` + at + `}`
	}
	taken, free := d.said("POST", "/v1/bindings", body(numberA, `,"x":"`+x+`"`)), d.said("POST", "/v1/bindings", body(numberC, `,"x":"`+block+`0009"`))
	if taken != free || !strings.HasPrefix(taken, "400") && !strings.HasPrefix(taken, "409") {
		t.Errorf("a number in use: %s\none that is free: %s", taken, free)
	}
	var v binding.View
	d.want(http.StatusCreated, "POST", "/v1/bindings", body(numberC, ""), &v)
	if v.Tenant != "rides" || !strings.HasPrefix(v.X.String(), block) {
		t.Errorf("%+v", v)
	}
	// Whether somebody is bound there by another, was until a moment ago, or never was: it is the same answer.
	d.handler, d.header = d.operator, nil
	d.bind(numberA, numberB, v.X.String())
	ended := d.bind(numberE, numberF, v.X.String())
	d.want(200, "DELETE", "/v1/bindings/"+ended.ID, "", nil)
	tenants()
	refused := make(map[string]bool)
	for _, body := range []string{`{"a":"` + numberA + `"}`, `{"a":"` + numberB + `"}`, `{"b":"` + numberF + `"}`, `{"a":"13700000099"}`, `{"a":"` + numberC + `"}`, `{"b":"` + numberD + `"}`} {
		refused[d.said("PATCH", "/v1/bindings/"+v.ID, body)] = true
	}
	for said := range refused {
		if len(refused) != 1 || !strings.HasPrefix(said, "409") || !strings.Contains(said, "tenants share") {
			t.Errorf("another party: %s", said)
		}
	}
	d.want(200, "PATCH", "/v1/bindings/"+v.ID, `{"data":"x"}`, nil)
}

// TestNumbersThatOthersHad: a block that tenants shared is one's now. Who is still kept off a number of it, since he was bound there
// by another, is not told of whoever is named: neither by asking for it nor by a change of who was drawn onto it. A number that
// nobody else had is asked for as on any block.
func TestNumbersThatOthersHad(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	d.store.Quarantine = 90 * 24 * time.Hour
	tenants := d.handler
	token := d.header
	d.handler, d.header = d.operator, nil
	d.want(http.StatusCreated, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	before := d.bind(numberA, numberB, x)
	d.now = d.now.Add(time.Hour)
	d.want(200, "DELETE", "/v1/bindings/"+before.ID, "", nil)
	d.want(http.StatusNoContent, "DELETE", "/v1/blocks/"+block, "", nil)
	d.now = d.now.Add(time.Hour)
	d.want(http.StatusCreated, "POST", "/v1/blocks", `{"block":"`+block+`","tenant":"rides"}`, nil)
	var drawn binding.View // the operator may, for the tenant
	d.want(http.StatusCreated, "POST", "/v1/bindings", `{"mode":"axb","a":"`+numberD+`","b":"`+numberE+`","x":"`+x+`","order":"o-2","tenant":"rides"}`, &drawn)
	d.handler, d.header = tenants, token
	said := make(map[string]bool)
	for _, a := range []string{numberA, numberB, numberC, numberD, "13700000099"} {
		said[d.said("POST", "/v1/bindings", `{"mode":"axb","a":"`+a+`","b":"`+numberF+`","x":"`+x+`","order":"o-3"}`)] = true
	}
	for s := range said {
		if len(said) != 1 || !strings.HasPrefix(s, "409") {
			t.Errorf("asked for: %s", s)
		}
	}
	clear(said)
	for _, a := range []string{numberA, numberB, numberC, numberD, "13700000099"} { // numberD is its A
		said[d.said("PATCH", "/v1/bindings/"+drawn.ID, `{"a":"`+a+`"}`)] = true
	}
	for s := range said {
		if len(said) != 1 || !strings.HasPrefix(s, "409") {
			t.Errorf("another party: %s", s)
		}
	}
	d.want(200, "PATCH", "/v1/bindings/"+drawn.ID, `{"data":"x"}`, nil)
	var v binding.View
	d.want(http.StatusCreated, "POST", "/v1/bindings", `{"mode":"axb","a":"`+numberA+`","b":"`+numberB+`","x":"`+block+`0009","order":"o-3"}`, &v)
	d.want(200, "PATCH", "/v1/bindings/"+v.ID, `{"a":"`+numberC+`"}`, nil)
	d.now = d.now.Add(time.Hour)
	d.want(200, "DELETE", "/v1/bindings/"+v.ID, "", nil)
	d.want(http.StatusCreated, "POST", "/v1/bindings", `{"mode":"axb","a":"13700000098","b":"13700000099","x":"`+block+`0009","order":"o-4"}`, nil)
}

func TestTokenLetsIn(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	id, secret, _ := strings.Cut(d.token, ".")
	said := make(map[string]bool)
	for _, text := range []string{
		"", "Bearer", "Bearer ", "Bearer " + id, "Bearer " + id + ".", "Bearer " + secret, "Bearer x." + secret, "Bearer " + id + "." + secret[1:], "Basic " + d.token, d.token,
	} {
		d.header = http.Header{}
		if text != "" {
			d.header.Set("Authorization", text)
		}
		said[d.said("GET", "/v1/blocks", "")] = true
	}
	for out := range said {
		if len(said) != 1 || !strings.HasPrefix(out, "401 ") || strings.Contains(out, id) {
			t.Errorf("not let in: %s", out)
		}
	}
	// What is sent without a good token is answered more slowly after a while, and a good one is let in all the same.
	d.ask("GET", "/v1/nothing", "")
	d.want(http.StatusTooManyRequests, "GET", "/v1/blocks", "", nil)
	d.header = http.Header{"Authorization": {"bearer " + d.token}}
	d.want(200, "GET", "/v1/blocks", "", nil)
	if _, err := d.store.RemoveToken(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	d.want(http.StatusTooManyRequests, "GET", "/v1/blocks", "", nil)
}

// TestTokenIsBounded: one that asks too much is told so, and others are not concerned.
func TestTokenIsBounded(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	d.handler = NewTenants(d.deps, TenantDoor{Tokens: d.store, PerSecond: 1})
	now := time.Unix(1e9, 0)
	d.handler.(*door).tokens.now = func() time.Time { return now }
	for _, status := range []int{200, 200, 429, 429} {
		d.want(status, "GET", "/v1/blocks", "", nil)
	}
	r := httptest.NewRequest("GET", "/v1/blocks", nil)
	r.Header = d.header.Clone()
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	if w.Header().Get("Retry-After") == "" {
		t.Error("it is not said when to come again")
	}
	other, _ := d.newToken(false)
	d.header = http.Header{"Authorization": {"Bearer " + other}}
	d.want(200, "GET", "/v1/blocks", "", nil)
	d.header = http.Header{"Authorization": {"Bearer " + d.token}}
	now = now.Add(time.Second)
	d.want(200, "GET", "/v1/blocks", "", nil)
	d.want(429, "GET", "/v1/blocks", "", nil)
}

func TestBoundsForgetTheOldest(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	b := newBounds(2, time.Second, 1)
	b.now = func() time.Time { return now }
	for _, try := range []struct {
		who string
		ok  bool
	}{{"a", true}, {"a", false}, {"b", true}, {"c", true}, {"a", true}, {"c", false}} {
		if b.take(try.who) != try.ok {
			t.Errorf("%+v", try)
		}
	}
	now = now.Add(time.Hour)
	first, ok := b.enter("a", 1)
	now = now.Add(time.Hour)
	if _, second := b.enter("a", 1); !ok || second {
		t.Error("two run at once")
	}
	first()
	if _, ok := b.enter("a", 1); !ok {
		t.Error("the one that ended still runs")
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.7:1": "192.0.2.7", "[::ffff:192.0.2.7]:1": "192.0.2.7", "[2001:db8:1:2:3::4]:1": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64", "@": "@",
	} {
		if got := network(remote); got != want {
			t.Errorf("%s: %s", remote, got)
		}
	}
}

// TestTokensReveal: only one that may is shown numbers, for a reason, which the audit log has with whose token it was.
func TestTokensReveal(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	d.header.Set(HeaderReveal, "true")
	d.header.Set(HeaderReason, "complaint 17")
	d.want(http.StatusForbidden, "GET", "/v1/bindings/"+d.own.ID, "", nil)
	text, id := d.newToken(true)
	d.header.Set("Authorization", "Bearer "+text)
	var v binding.View
	if out := d.want(200, "GET", "/v1/bindings/"+d.own.ID, "", &v); string(v.A) != numberA {
		t.Errorf("masked: %s", out)
	}
	d.want(404, "GET", "/v1/bindings/"+d.others.ID, "", nil)
	d.header.Set(HeaderReason, "")
	d.want(400, "GET", "/v1/bindings/"+d.own.ID, "", nil)
	d.handler, d.header = d.operator, nil
	log := d.want(200, "GET", "/v1/audit", "", nil)
	for _, part := range []string{`"token rides/dispatch ` + id + `","what":"binding.reveal","object":"` + d.own.ID + `","reason":"complaint 17"`, `"what":"token.add","object":"token ` + id + ` dispatch of tenant rides, may reveal"`} {
		if !strings.Contains(log, part) {
			t.Errorf("the audit log lacks %s:\n%s", part, log)
		}
	}
	if strings.Contains(log, d.others.ID) || strings.Contains(log, text) {
		t.Error("it has what was not shown, or the token")
	}
}

// TestFollowedByTokenThatIsRevoked: a list that goes on ends with the token.
// TestTenantsLookForNobody: whether a search by a number finds something tells the digits that are masked to who tries them all, as
// explain does. A token that may not see them is refused alike for whomever it names, and nothing is noted.
func TestTenantsLookForNobody(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	noted := func() int {
		handler, header := d.handler, d.header
		d.handler, d.header = d.operator, nil
		defer func() { d.handler, d.header = handler, header }()
		return len(d.entries())
	}
	before := noted()
	d.header = http.Header{"Authorization": {"Bearer " + d.token}, HeaderReason: {"complaint 17"}}
	for path, more := range map[string]string{"/v1/bindings/query": `,"order":"o-rides"`, "/v1/history/number": "", "/v1/blocklist/query": ""} {
		said := make(map[string]bool)
		for _, number := range []string{numberA, numberB, numberC, numberD, "13500000009"} {
			said[d.said("POST", path, `{"number":"`+number+`"`+more+`}`)] = true
		}
		for out := range said {
			if len(said) != 1 || !strings.HasPrefix(out, "403 ") {
				t.Errorf("%s: %s", path, out)
			}
		}
	}
	if n := noted() - before; n != 0 {
		t.Errorf("%d are noted", n)
	}
	d.header.Del(HeaderReason)
	d.want(200, "POST", "/v1/bindings/query", `{"order":"o-rides"}`, nil)
}

// TestTenantsExplainThatNamesACaller: whether somebody is a party tells the digits of it that are masked to who tries them
// all. A token that may not see them may not, another one says why, and every try is noted.
func TestTenantsExplainThatNamesACaller(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	noted := func() []audit.Entry {
		t.Helper()
		handler, header := d.handler, d.header
		d.handler, d.header = d.operator, nil
		defer func() { d.handler, d.header = handler, header }()
		return d.entries()
	}
	revealing, id := d.newToken(true)
	before := len(noted())
	body := func(caller, to string) string { return `{"caller":"` + caller + `","dialled":"` + to + `"}` }
	said := make(map[string]bool)
	for _, why := range []string{"", "complaint 17"} {
		d.header = http.Header{"Authorization": {"Bearer " + d.token}, HeaderReason: {why}}
		for _, guess := range []string{body(numberA, ownX), body(numberD, ownX), body(numberC, othersX)} {
			said[d.said("POST", "/v1/explain", guess)] = true
		}
	}
	for out := range said {
		if len(said) != 1 || !strings.HasPrefix(out, "403 ") || strings.Contains(out, "connected") {
			t.Errorf("by a token that may see no number: %s", out)
		}
	}
	d.header = http.Header{"Authorization": {"Bearer " + d.token}}
	d.want(200, "POST", "/v1/explain", `{"dialled":"`+ownX+`"}`, nil)
	d.header = http.Header{"Authorization": {"Bearer " + revealing}}
	if out := d.want(400, "POST", "/v1/explain", body(numberA, ownX), nil); !strings.Contains(out, HeaderReason) || strings.Contains(out, "connected") {
		t.Errorf("without a reason: %s", out)
	}
	if now := noted(); len(now) != before {
		t.Errorf("noted: %+v", now[before:])
	}
	d.header.Set(HeaderReason, "complaint 17")
	var e Explanation
	if out := d.want(200, "POST", "/v1/explain", body(numberA, ownX), &e); !e.Connected || strings.Contains(out, numberA) {
		t.Errorf("a party: %s", out)
	}
	if d.want(200, "POST", "/v1/explain", body(numberC, othersX), &e); e.Connected {
		t.Errorf("another's: %+v", e)
	}
	now := noted()[before:]
	want := []string{"x " + ownX + ", caller 138****0001: 1 binding " + d.own.ID, "x " + othersX + ", caller 137****0003: 0 bindings"}
	if len(now) != len(want) {
		t.Fatalf("noted: %+v", now)
	}
	for i, n := range now {
		if n.What != ActionGuess || n.Object != want[i] || n.Reason != "complaint 17" || n.Who != "token rides/dispatch "+id {
			t.Errorf("noted: %+v, want %s", n, want[i])
		}
	}
}

func TestFollowedByTokenThatIsRevoked(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	server := httptest.NewServer(d.handler)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/v1/cdrs?follow=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = d.header
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := d.store.RemoveToken(ctx, d.tokenID); err != nil {
		t.Fatal(err)
	}
	d.record("later", "rides")
	out, err := io.ReadAll(resp.Body)
	if err != nil || strings.Contains(string(out), "later") || strings.Contains(string(out), "mealsrecord") || !strings.Contains(string(out), "ridesrecord") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestTokensOfTenants: the operator's side.
func TestTokensOfTenants(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	d.handler, d.header = d.operator, nil
	d.want(404, "POST", "/v1/tenants/nobody/tokens", `{"name":"n"}`, nil)
	d.want(400, "POST", "/v1/tenants/rides/tokens", `{"name":""}`, nil)
	d.want(400, "POST", "/v1/tenants/rides/tokens", `{"name":"`+numberA+`"}`, nil)
	d.want(400, "POST", "/v1/tenants/rides/tokens", `{"name":"138-0000_0001"}`, nil)
	d.want(404, "GET", "/v1/tokens?tenant=nobody", "", nil)
	var l TokenList
	_, secret, _ := strings.Cut(d.token, ".")
	if out := d.want(200, "GET", "/v1/tokens?tenant=rides", "", &l); len(l.Tokens) != 1 || l.Tokens[0].ID != d.tokenID || strings.Contains(out, secret) || strings.Contains(out, "ash") {
		t.Errorf("%s", out)
	}
	d.want(404, "DELETE", "/v1/tokens/"+numberA, "", nil)
	d.want(200, "DELETE", "/v1/tokens/"+d.tokenID, "", nil)
	d.want(404, "DELETE", "/v1/tokens/"+d.tokenID, "", nil)
	if d.want(200, "GET", "/v1/tokens", "", &l); len(l.Tokens) != 0 {
		t.Errorf("%+v", l)
	}
}
