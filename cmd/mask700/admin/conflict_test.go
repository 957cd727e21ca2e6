package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

// TestRefusalsThatTellOfPartiesAreNoted: who names somebody and hears that he is on a number already has learnt a number that is
// masked everywhere else. What tells nothing of anybody is not noted.
func TestRefusalsThatTellOfPartiesAreNoted(t *testing.T) {
	t.Parallel()
	b, v, _ := filled(t)
	b.store.Quarantine = 24 * time.Hour
	quarantined := b.bind("13700000005", "13700000006", "700100000010077")
	b.want(200, "DELETE", "/v1/bindings/"+quarantined.ID, "", nil)
	b.want(201, "POST", "/v1/bindings", `{"mode":"axb","a":"13700000001","b":"13700000002","order":"o","idempotency_key":"key-of-a-request-1"}`, nil)
	create := func(a, to, more string) string {
		return `{"mode":"axb","a":"` + a + `","b":"13700000009","x":"` + to + `","order":"o"` + more + `}`
	}
	path := "/v1/bindings/" + v.ID
	for _, tc := range []struct {
		status             int
		method, path, body string
		object             string // of the entry; "": there is none
	}{
		{409, "POST", "/v1/bindings", create(numberA, x, ""), "x " + x + ", parties 138****0001 137****0009: binding " + v.ID},
		{409, "POST", "/v1/bindings", create("13700000005", "700100000010077", ""), "x 700100000010077, parties 137****0005 137****0009: one of them, not long ago"},
		{422, "POST", "/v1/bindings", `{"mode":"axb","a":"13700000001","b":"13700000003","order":"o","idempotency_key":"key-of-a-request-1"}`,
			"parties 137****0001 137****0003: a key that was used, with others or for something else"},
		{200, "POST", "/v1/bindings", `{"mode":"axb","a":"13700000001","b":"13700000002","order":"o","idempotency_key":"key-of-a-request-1"}`, ""},
		{400, "POST", "/v1/bindings", create(numberA, x, `,"ttl":"x"`), ""},
		{400, "POST", "/v1/bindings", create("13700000009", x, ""), ""},
		{409, "POST", "/v1/bindings", create(numberA, "700999999990001", ""), ""},
		{400, "PATCH", path, `{"a":"` + numberB + `"}`, "binding " + v.ID + ", parties 139****0002: refused"},
		{400, "PATCH", path, `{"group_add":["` + numberA + `"]}`, "binding " + v.ID + ", parties 138****0001: refused"},
		{400, "PATCH", path, `{"data":"ring 138-0000-0001"}`, "binding " + v.ID + ", data: repeats the number of a party"},
		{400, "PATCH", path, `{"consent":"` + numberB + `"}`, "binding " + v.ID + ", consent: repeats the number of a party"},
		{400, "PATCH", path, `{"industrial_id":"86` + numberA + `","ttl":"1h"}`, "binding " + v.ID + ", industrial_id: repeats the number of a party"},
		{400, "PATCH", path, `{"a":"13700000009","data":"` + numberB + `"}`, "binding " + v.ID + ", parties 137****0009: refused"},
		{200, "PATCH", path, `{"data":"13700000009"}`, ""},
		{400, "PATCH", path, `{"a":"110"}`, ""},
		{400, "PATCH", path, `{"ttl":"x"}`, ""},
		{404, "PATCH", "/v1/bindings/none", `{"a":"` + numberB + `"}`, ""},
	} {
		before := len(b.entries())
		b.want(tc.status, tc.method, tc.path, tc.body, nil)
		switch now := b.entries()[before:]; {
		case tc.object == "" && len(now) != 0:
			t.Errorf("%s %s: %+v", tc.path, tc.body, now)
		case tc.object != "" && (len(now) != 1 || now[0].What != ActionConflict || now[0].Object != tc.object || now[0].Reason != noReason || now[0].Who == ""):
			t.Errorf("%s %s: %+v, want %s", tc.path, tc.body, now, tc.object)
		}
	}

	// What cannot be noted is not told.
	b.head.fail = errors.New("stalled")
	for ask, body := range map[string]string{"POST /v1/bindings": create(numberA, x, ""), "PATCH " + path: `{"a":"` + numberB + `"}`, "PATCH  " + path: `{"data":"` + numberB + `"}`} {
		method, path, _ := strings.Cut(ask, " ")
		if out := b.want(500, method, strings.TrimSpace(path), body, nil); strings.Contains(out, v.ID) || strings.Contains(out, "party") {
			t.Errorf("%s", out)
		}
	}
}

// TestReuseIsNoOracle: where nothing new can be bound, a binding that is there is bound once more for who names its parties, and for nobody
// else. Who tries numbers makes nothing by a wrong guess, so that the refusal is noted.
func TestReuseIsNoOracle(t *testing.T) {
	t.Parallel()
	b, v, _ := filled(t)
	b.handler.(*api).Bindings.Plan.Strangers = true
	const open = "700100000010055"
	b.want(201, "POST", "/v1/bindings", `{"mode":"ax","a":"`+numberA+`","x":"`+open+`","order":"o","ttl":"1h"}`, nil)
	b.want(204, "PATCH", "/v1/numbers/"+x, `{"locked":true}`, nil)
	on := func(at, more string) func(string) string {
		return func(number string) string {
			return `{"mode":"axb","a":"` + number + `","b":"` + numberB + `",` + at + `"order":"o-` + x + `","ttl":"1h"` + more + `}`
		}
	}
	anyone := func(number string) string {
		return `{"mode":"ax","a":"` + number + `","x":"` + open + `","order":"o","ttl":"1h","reuse":true}`
	}
	const reuse = `,"reuse":true`
	for _, tc := range []struct {
		name   string
		body   func(number string) string
		before string // what is done to the block first
		entry  string
	}{
		{"a number that is locked", on(`"x":"`+x+`",`, reuse), "", "x " + x + ", parties 138****0001 139****0002: nothing of theirs is bound that could be once more"},
		{"a number that is for anyone", anyone, "", "x " + open + ", parties 138****0001: nothing of theirs is bound that could be once more"},
		{"a block that is locked", on("", reuse), "locked", "parties 138****0001 139****0002: nothing of theirs is bound that could be once more"},
		{"not to be bound once more", on("", ""), "", ""},
	} {
		if tc.before != "" {
			b.want(200, "PATCH", "/v1/blocks/"+block, `{"state":"`+tc.before+`"}`, nil)
		}
		before := len(b.entries())
		for _, guess := range []string{"13812340001", "13899990001"} {
			b.want(409, "POST", "/v1/bindings", tc.body(guess), nil)
		}
		noted := b.entries()[before:]
		if tc.entry == "" {
			if len(noted) != 0 {
				t.Errorf("%s: noted %+v", tc.name, noted)
			}
			continue
		}
		b.want(200, "POST", "/v1/bindings", tc.body(numberA), nil)
		b.want(400, "POST", "/v1/bindings", tc.body("12"), nil)
		if len(noted) != 2 || noted[0].What != ActionConflict || noted[0].Object != tc.entry || noted[1].Object != tc.entry || len(b.entries()) != before+2 {
			t.Errorf("%s: noted %+v", tc.name, b.entries()[before:])
		}
		rows := []string{tc.body("13812340001"), tc.body("13899990001"), tc.body(numberA), tc.body("13800080001")}
		if results := b.batch("create", rows); results[2].Binding == nil || !results[2].Again || results[3].Problem == nil {
			t.Errorf("%s, a batch: %+v", tc.name, results)
		}
		if noted := b.entries()[before+2:]; len(noted) != 2 || noted[0].Object != "a batch, "+tc.entry || noted[1].What != ActionConflictEnd || !strings.Contains(noted[1].Object, ": 3 rows: ") {
			t.Errorf("%s, a batch: noted %+v", tc.name, noted)
		}
	}
	var now binding.View
	if b.want(200, "GET", "/v1/bindings/"+v.ID, "", &now); now.Refs != 1+4 {
		t.Errorf("%d times bound once more", now.Refs)
	}
}

// TestThatNoneIsFreeForThemIsNoted: that a number is free and cannot be had by the parties named tells that one of them was on it, as it
// does of a number that is asked for.
func TestThatNoneIsFreeForThemIsNoted(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	d.store.Quarantine = 90 * 24 * time.Hour
	tenants, token := d.handler, d.header
	operator := func() { d.handler, d.header = d.operator, nil }
	operator()
	var was binding.View
	d.want(201, "POST", "/v1/bindings", `{"mode":"axb","a":"`+numberE+`","b":"`+numberF+`","x":"`+freeX+`","order":"o-2","tenant":"rides"}`, &was)
	d.want(200, "DELETE", "/v1/bindings/"+was.ID, "", nil)
	for i := range binding.X(binding.BlockSize) {
		if at, _ := (binding.Plan{}).ParseX(ownBlock + "0000"); (at + i).String() != freeX {
			if err := d.store.LockNumber(t.Context(), at+i, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	body := func(a string) string { return `{"mode":"axb","a":"` + a + `","b":"13700000098","order":"o-3"%s}` }
	const closed = "parties 135****0005 137****0098: free numbers were closed to them"
	for _, who := range []struct {
		name string
		take func()
		more string
	}{
		{"the operator", operator, `,"tenant":"rides"`},
		{"the tenant", func() { d.handler, d.header = tenants, token }, ""},
	} {
		before := len(d.log())
		who.take()
		out := d.want(409, "POST", "/v1/bindings", fmt.Sprintf(body(numberE), who.more), nil)
		if noted := d.log()[before:]; len(noted) != 1 || noted[0].What != ActionConflict || noted[0].Object != closed {
			t.Errorf("%s: noted %+v", who.name, noted)
		}
		if who.more == "" && strings.Contains(out, "closed") {
			t.Errorf("%s: %s", who.name, out)
		}
	}
	d.want(201, "POST", "/v1/bindings", fmt.Sprintf(body("13700000097"), ""), nil)
	before := len(d.log())
	d.want(409, "POST", "/v1/bindings", fmt.Sprintf(body("13700000096"), ""), nil) // there is none at all
	if noted := d.log()[before:]; len(noted) != 0 {
		t.Errorf("none is free: noted %+v", noted)
	}
}

// TestTextsOfTenantsAreJudgedByForm: what a tenant writes into a binding is answered alike whether its party has the number or
// nobody, however it is written, and with a party who comes.
func TestTextsOfTenantsAreJudgedByForm(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	path := "/v1/bindings/" + d.own.ID
	for _, field := range []string{"data", "consent", "industrial_id"} {
		for _, form := range []string{"%s", "+86%s", "ring %s now", "%.3[1]s-%.4[2]s-%[3]s", "%.3[1]s/%.4[2]s/%[3]s", "99%s99", "20261126%s"} {
			said := func(number string) string {
				text := strings.NewReplacer("%.3[1]s", number[:3], "%.4[2]s", number[3:7], "%[3]s", number[7:], "%s", number).Replace(form)
				return d.said("PATCH", path, `{"`+field+`":"`+text+`"}`)
			}
			if his, nobodys := said(numberA), said("13811112222"); his != nobodys || !strings.HasPrefix(his, "400") {
				t.Errorf("%s %s: %s\nand of nobody: %s", field, form, his, nobodys)
			}
		}
		if out := d.said("PATCH", path, `{"`+field+`":"order 20261126163700"}`); !strings.HasPrefix(out, "200") {
			t.Errorf("a time: %s", out)
		}
	}
	if out := d.said("PATCH", path, `{"a":"01082345678","data":"991082345678"}`); !strings.HasPrefix(out, "400") || !strings.Contains(out, "repeats") {
		t.Errorf("of a party who comes: %s", out)
	}
}

// TestConflictsOfABatchAreNoted: the first before it is told, and how many there were behind the last.
func TestConflictsOfABatchAreNoted(t *testing.T) {
	t.Parallel()
	b, v, _ := filled(t)
	row := func(a, to string) string {
		return `{"mode":"axb","a":"` + a + `","b":"13700000009","x":"` + to + `","order":"o"}`
	}
	hit, free := row(numberA, x), row("13700000001", "700100000010055")
	for _, rows := range [][]string{{free}, {hit}, {hit, row("13700000008", "700100000010056"), hit, hit}} {
		before := len(b.entries())
		hits := 0
		for _, r := range b.batch("create", rows) {
			if r.Problem != nil && r.Problem.Status == http.StatusConflict && r.Problem.Binding == v.ID {
				hits++
			}
		}
		now := b.entries()[before:]
		if hits != strings.Count(strings.Join(rows, ""), numberA) || len(now) != min(hits, 2) {
			t.Errorf("%d rows: %d conflicts, noted %+v", len(rows), hits, now)
			continue
		}
		if hits > 0 && (now[0].What != ActionConflict || now[0].Object != "a batch, x "+x+", parties 138****0001 137****0009: binding "+v.ID) {
			t.Errorf("%+v", now[0])
		}
		if hits > 1 && (now[1].What != ActionConflictEnd || !strings.HasSuffix(now[1].Object, ": 3 rows: "+strings.Join([]string{"binding " + v.ID, "binding " + v.ID, "binding " + v.ID}, ", "))) {
			t.Errorf("%+v", now[1])
		}
	}
	b.head.fail = errors.New("stalled")
	for _, r := range b.batch("create", []string{hit, hit}) {
		if r.Problem == nil || r.Problem.Status != http.StatusInternalServerError || r.Problem.Binding != "" {
			t.Errorf("%+v", r.Problem)
		}
	}
}

// TestTellingIsOfParties: that a number is for anyone tells of nobody who was named.
func TestTellingIsOfParties(t *testing.T) {
	t.Parallel()
	for _, err := range []error{&binding.ConflictError{Binding: "id", Anyone: true}, binding.ErrNotHeld, binding.ErrCrowded, binding.ErrNoFreeNumber, binding.ErrNotFound} {
		if got := telling(err); got != "" {
			t.Errorf("%v: %q", err, got)
		}
	}
	if telling(&binding.FieldError{Field: "x", Err: &binding.ConflictError{Binding: "id"}}) != "binding id" || telling(errTaken) == "" {
		t.Error("a conflict tells nothing")
	}
}
