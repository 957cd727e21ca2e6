package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

func TestBindingIsChangedAndExtended(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	v := b.bind(numberA, numberB, x)
	other := b.bind("13700000001", "13700000002", x)
	path := "/v1/bindings/" + v.ID
	b.now = b.now.Add(time.Minute)
	var got binding.View
	b.want(200, "PATCH", path, `{"b":"13700000003","one_way":"a-to-b","ttl":"1h","sliding":"30m","consent":"c"}`, &got)
	if got.ID != v.ID || got.X != v.X || got.B != "137****0003" || got.OneWay != "a-to-b" || got.Sliding != binding.Duration(30*time.Minute) ||
		got.UpdatedAt == nil || !got.UpdatedAt.Equal(b.now) || !got.ExpiresAt.Equal(b.now.Add(time.Hour)) || len(got.Changes) != 2 ||
		got.Changes[0].Out != "139****0002" {
		t.Errorf("changed: %+v", got)
	}
	b.want(200, "POST", path+"/extend", `{"ttl":"2h"}`, &got)
	if !got.ExpiresAt.Equal(b.now.Add(2 * time.Hour)) {
		t.Errorf("extended: %+v", got)
	}
	for _, q := range []string{`{"number":"` + numberB + `"}`, `{"number":"13700000003","live":true}`, `{"consent":"c"}`} {
		var page BindingPage
		b.header = http.Header{HeaderReason: {why}}
		if strings.Contains(q, "consent") {
			b.header = nil
		}
		if b.want(200, "POST", "/v1/bindings/query", q, &page); len(page.Bindings) != 1 || page.Bindings[0].ID != v.ID {
			t.Errorf("%s: %+v", q, page)
		}
	}
	var p Problem
	b.want(409, "PATCH", path, `{"b":"13700000002"}`, &p)
	if p.Binding != other.ID {
		t.Errorf("a party of another: %+v", p)
	}
	for body, field := range map[string]string{`{}`: "update", `{"b":"110"}`: "b", `{"ttl":"x"}`: "ttl", `{"order":"x"}`: ""} {
		if b.want(400, "PATCH", path, body, &p); p.Field != field {
			t.Errorf("%s: %+v", body, p)
		}
		p = Problem{}
	}
	b.want(400, "POST", path+"/extend", `{"ttl":"1h"}`, &p)
	if p.Field != "ttl" || !strings.Contains(p.Detail, "sooner") {
		t.Errorf("cut short by an extension: %+v", p)
	}
	b.want(404, "PATCH", "/v1/bindings/none", `{"data":"x"}`, nil)
	b.want(404, "PATCH", "/v1/bindings/"+numberA, `{"data":"x"}`, nil)
	b.want(404, "POST", "/v1/bindings/none/extend", `{"ttl":"1h"}`, nil)
	var hard HardDelete
	if b.want(200, "DELETE", path+"?hard=1", "", &hard); hard.State != binding.StateUnbound || hard.CallsEnded != 2 || len(b.node.hungUp) != 1 || b.node.hungUp[0] != v.ID {
		t.Errorf("hard: %+v, %v", hard, b.node.hungUp)
	}
	b.want(400, "DELETE", path+"?hard=maybe", "", nil)
	b.want(200, "DELETE", path, "", nil)
	if len(b.node.hungUp) != 1 {
		t.Errorf("a plain delete ended calls: %v", b.node.hungUp)
	}
	b.want(409, "PATCH", path, `{"data":"x"}`, nil)
	b.want(409, "POST", path+"/extend", `{"ttl":"9h"}`, &p)
	if !strings.Contains(p.Detail, "ended") {
		t.Errorf("extended when it had ended: %+v", p)
	}
}

func TestBindingIsSharedByThoseWhoAskForIt(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	body := `{"mode":"axb","a":"` + numberA + `","b":"` + numberB + `","order":"o","reuse":true}`
	var first, got binding.View
	b.want(201, "POST", "/v1/bindings", body, &first)
	if b.want(200, "POST", "/v1/bindings", body, &got); got.ID != first.ID || got.Refs != 2 {
		t.Errorf("again: %+v", got)
	}
	rows := b.batch("create", []string{body, strings.Replace(body, `"o"`, `"p"`, 1)})
	if !rows[0].Again || rows[0].Binding.ID != first.ID || rows[0].Binding.Refs != 3 || rows[1].Again || rows[1].Binding.Refs != 1 {
		t.Errorf("in a batch: %+v", rows)
	}
	path := "/v1/bindings/" + first.ID
	if b.want(200, "DELETE", path, "", &got); got.State != binding.StateLive || got.Refs != 2 {
		t.Errorf("deleted once: %+v", got)
	}
	rows = b.batch("delete", []string{`{"id":"` + first.ID + `"}`})
	if v := rows[0].Binding; v == nil || v.State != binding.StateLive || v.Refs != 1 {
		t.Errorf("deleted by a batch: %+v", rows)
	}
	b.want(200, "POST", "/v1/bindings", body, nil)
	b.want(400, "DELETE", path+"?all=maybe", "", nil)
	if b.want(200, "DELETE", path+"?all=1", "", &got); got.State != binding.StateUnbound || got.Refs != 0 || len(b.node.hungUp) != 0 {
		t.Errorf("all of them: %+v, %v", got, b.node.hungUp)
	}
	b.want(201, "POST", "/v1/bindings", body, &first)
	b.want(200, "POST", "/v1/bindings", body, nil)
	rows = b.batch("delete&all=1", []string{`{"id":"` + first.ID + `"}`})
	if v := rows[0].Binding; v == nil || v.State != binding.StateUnbound {
		t.Errorf("all of them by a batch: %+v", rows)
	}
	var p Problem
	if b.want(400, "POST", "/v1/bindings", strings.Replace(body, "true", `"yes"`, 1), &p); p.Field != "reuse" {
		t.Errorf("not a flag: %+v", p)
	}
}

// TestDeleteIsDoneOnceUnderItsKey: who deletes again because no answer came does not take back what another bound.
func TestDeleteIsDoneOnceUnderItsKey(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	body := `{"mode":"axb","a":"` + numberA + `","b":"` + numberB + `","order":"o","reuse":true}`
	var v binding.View
	b.want(201, "POST", "/v1/bindings", body, &v)
	for range 4 {
		b.want(200, "POST", "/v1/bindings", body, nil)
	}
	path := "/v1/bindings/" + v.ID
	b.header = http.Header{HeaderKey: {"k"}}
	for range 3 {
		if b.want(200, "DELETE", path, "", &v); v.Refs != 4 || v.State != binding.StateLive {
			t.Errorf("under a key: %+v", v)
		}
	}
	var p Problem
	for _, bad := range []http.Header{{HeaderKey: {"k", "l"}}, {HeaderKey: {""}}, {HeaderKey: {strings.Repeat("k", 256)}}} {
		b.header = bad
		if b.want(400, "DELETE", path, "", &p); p.Field != "idempotency_key" {
			t.Errorf("%.9v: %+v", bad, p)
		}
	}
	b.header = nil
	row := `{"id":"` + v.ID + `","idempotency_key":"l"}`
	for _, result := range b.batch("delete", []string{row, row, `{"binding":{"id":"` + v.ID + `"},"idempotency_key":"l"}`}) {
		if result.Binding == nil || result.Binding.Refs != 3 {
			t.Errorf("by rows: %+v", result)
		}
	}
	if p := b.batch("delete", []string{`{"id":"` + v.ID + `x","idempotency_key":"l"}`})[0].Problem; p == nil || p.Status != 404 {
		t.Errorf("of a binding that is not there: %+v", p)
	}
	b.header = http.Header{HeaderKey: {"k"}}
	if b.want(422, "POST", "/v1/bindings", strings.Replace(body, `"o"`, `"p"`, 1), &p); p.Type != "urn:mask700:idempotency-key" {
		t.Errorf("the same key for a bind: %+v", p)
	}
	if b.want(200, "DELETE", path+"?all=1", "", &v); v.State != binding.StateUnbound {
		t.Errorf("all of them: %+v", v)
	}
	b.header = http.Header{HeaderKey: {"m"}}
	if b.want(200, "DELETE", path, "", &v); v.State != binding.StateUnbound {
		t.Errorf("when it had ended: %+v", v)
	}
}

func TestRequestIsDoneOnceUnderItsKey(t *testing.T) {
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	request := func(more string) string {
		return `{"mode":"axb","a":"` + numberA + `","b":"` + numberB + `","order":"o"` + more + `}`
	}
	var first, got binding.View
	b.want(201, "POST", "/v1/bindings", request(`,"idempotency_key":"k"`), &first)
	same := func(what string, status int, body string) {
		t.Helper()
		if b.want(status, "POST", "/v1/bindings", body, &got); got.ID != first.ID {
			t.Errorf("%s: %+v", what, got)
		}
	}
	same("in the body", 200, request(`,"idempotency_key":"k"`))
	same("the default tenant by name", 200, request(`,"tenant":"default","idempotency_key":"k"`))
	for _, header := range []string{"k", `"k"`, " k "} {
		b.header = http.Header{HeaderKey: {header}}
		same("in the header", 200, request(""))
		same("in both", 200, request(`,"idempotency_key":"k"`))
	}
	var p Problem
	if b.want(422, "POST", "/v1/bindings", request(`,"data":"x"`), &p); p.Type != "urn:mask700:idempotency-key" || p.Field != "idempotency_key" {
		t.Errorf("another request: %+v", p)
	}
	for _, bad := range []http.Header{{HeaderKey: {"k", "l"}}, {HeaderKey: {"l"}}, {HeaderKey: {""}}, {HeaderKey: {`""`}}} {
		b.header = bad
		if b.want(400, "POST", "/v1/bindings", request(`,"idempotency_key":"k"`), &p); p.Field != "idempotency_key" {
			t.Errorf("%v: %+v", bad, p)
		}
	}
	b.header = http.Header{HeaderKey: {"k"}}
	if b.want(400, "POST", "/v1/bindings/batch", request(""), &p); p.Field != "idempotency_key" {
		t.Errorf("of a batch: %+v", p)
	}
	b.header = nil
	for _, bad := range []string{strings.Repeat("k", 256), "a\\tb"} {
		if b.want(400, "POST", "/v1/bindings", request(`,"idempotency_key":"`+bad+`"`), &p); p.Field != "idempotency_key" {
			t.Errorf("%.9s: %+v", bad, p)
		}
	}
	rows := b.batch("create", []string{request(`,"idempotency_key":"k"`), request(`,"data":"x","idempotency_key":"k"`)})
	if v := rows[0].Binding; v == nil || v.ID != first.ID || !rows[0].Again || rows[1].Problem == nil || rows[1].Problem.Status != 422 {
		t.Errorf("in rows: %+v", rows)
	}
	b.now = b.now.Add(time.Minute)
	b.want(200, "DELETE", "/v1/bindings/"+first.ID, "", nil)
	if same("when it had ended", 200, request(`,"idempotency_key":"k"`)); got.State != binding.StateUnbound {
		t.Errorf("it is %s", got.State)
	}
	b.want(200, "POST", "/v1/tenants/default/suspend", `{"reason":"a test"}`, nil)
	same("when its tenant is suspended", 200, request(`,"idempotency_key":"k"`))
	b.want(200, "POST", "/v1/tenants/default/resume", "", nil)
	b.now = b.now.Add(binding.KeyLife)
	if b.want(201, "POST", "/v1/bindings", request(`,"idempotency_key":"k"`), &got); got.ID == first.ID {
		t.Error("after a day it is not forgotten")
	}
}
