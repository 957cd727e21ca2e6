package admin

import (
	"errors"
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
