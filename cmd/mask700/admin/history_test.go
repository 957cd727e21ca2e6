package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// held is what a question is answered, an object a line.
func (b *bench) held(path, body string) (all []HoldingView) {
	b.t.Helper()
	for d := json.NewDecoder(strings.NewReader(b.want(http.StatusOK, "POST", path, body, nil))); d.More(); {
		var v HoldingView
		if err := d.Decode(&v); err != nil {
			b.t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func TestHistory(t *testing.T) {
	b, v, _ := filled(t)
	began := b.now.Format(time.RFC3339)
	b.now = b.now.Add(time.Hour)
	b.want(200, "DELETE", "/v1/bindings/"+v.ID, "", nil)
	ended := b.now
	b.now = b.now.Add(time.Hour)
	for body, want := range map[string]int{
		`{"x":"` + x + `"}`:                                                       1,
		`{"x":"` + x + `","at":"` + began + `"}`:                                  1,
		`{"x":"` + x + `","at":"` + ended.Format(time.RFC3339) + `"}`:             0,
		`{"order":"o-` + x + `","until":"` + began + `"}`:                         0,
		`{"order":"o-` + x + `","since":"` + began + `","limit":1}`:               1,
		`{"consent":"o-` + x + `"}`:                                               0,
		`{"x":"` + x + `","since":"` + ended.Format(time.RFC3339) + `"}`:          0,
		`{"x":"` + x + `","at":"` + ended.Add(-1).Format(time.RFC3339Nano) + `"}`: 1,
	} {
		got := b.held("/v1/history", body)
		if len(got) != want {
			t.Errorf("%s: %+v", body, got)
			continue
		}
		if want == 1 && (got[0].ID != v.ID || got[0].A != "138****0001" || got[0].To == nil || !got[0].To.Equal(ended) || got[0].State != "unbound") {
			t.Errorf("%s: %+v", body, got[0])
		}
	}
	if all := b.entries(); len(all) != 0 {
		t.Errorf("a look at a 700 number that shows none is noted: %+v", all)
	}
	for body, field := range map[string]string{
		`{}`: "query", `{"x":"` + x + `","order":"o"}`: "query", `{"x":"1"}`: "x",
		`{"number":"` + numberA + `"}`: "number", `{"order":"o","limit":-1}`: "limit", `{"order":"o","limit":1001}`: "limit", `{"order":"o","after":"no cursor"}`: "after",
		`{"x":"` + x + `","calls":true,"at":"` + began + `"}`: "calls", `{"order":"o","calls":true,"at":"` + began + `"}`: "calls", `{"order":"o","calls":true,"after":"calls.x"}`: "after",
		`{"order":"o","at":"` + began + `","since":"` + began + `"}`:    "at",
		`{"order":"o","since":"` + began + `","until":"` + began + `"}`: "until",
	} {
		var p Problem
		if b.want(400, "POST", "/v1/history", body, &p); p.Field != field {
			t.Errorf("%s: %+v", body, p)
		}
	}
	b.header = http.Header{HeaderReason: {why}}
	b.want(400, "POST", "/v1/history/number", `{"order":"o"}`, nil)
	b.want(400, "POST", "/v1/history/number", `{"number":"1"}`, nil)
}

// A person is looked for with a reason alone, which is on disk before anything is answered; what was found is noted behind.
func TestHistoryOfANumberIsNoted(t *testing.T) {
	b, v, _ := filled(t)
	ask := `{"number":"` + numberB + `","since":"2026-01-01T00:00:00Z"}`
	b.want(400, "POST", "/v1/history/number", ask, nil)
	b.header = http.Header{HeaderReason: {why}}
	if got := b.held("/v1/history/number", ask); len(got) != 1 || got[0].B != "139****0002" || got[0].X.String() != x || got[0].To == nil {
		t.Errorf("%+v", got)
	}
	b.revealed(why)
	if out := b.want(200, "POST", "/v1/history/number", ask, nil); !strings.Contains(out, numberA) {
		t.Errorf("%s", out)
	}
	if out := b.want(200, "POST", "/v1/history", `{"order":"nobody's"}`, nil); out != "" {
		t.Errorf("%s", out)
	}
	b.header = nil
	var got []string
	for _, e := range b.entries() {
		if e.Reason != why {
			t.Errorf("%+v", e)
		}
		got = append(got, e.What+" "+e.Object)
	}
	want := []string{
		"history.number number 139****0002, since 2026-01-01T00:00:00Z", "history.end entry 1: 1 binding " + v.ID,
		"history.reveal number 139****0002, since 2026-01-01T00:00:00Z", "history.end entry 3: 1 binding " + v.ID,
		"history.reveal order nobody's", "history.end entry 5: 0 bindings",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	b.header = http.Header{HeaderReason: {why}}
	b.head.fail = errors.New("stalled")
	b.want(500, "POST", "/v1/history/number", ask, nil)
}
