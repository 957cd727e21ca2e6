package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/store"
)

// slowStore takes time by a clock of its own: for what there is longer than for what there is not.
type slowStore struct {
	*bindingtest.Store
	clock *time.Time
}

func (s slowStore) Binding(ctx context.Context, id string) (binding.Binding, error) {
	b, err := s.Store.Binding(ctx, id)
	*s.clock = s.clock.Add(40 * time.Microsecond)
	if err == nil {
		*s.clock = s.clock.Add(3 * time.Millisecond)
	}
	return b, err
}

// each is the time that every row takes, whoever's it is.
const each = 31 * time.Millisecond

func (s slowStore) Candidates(ctx context.Context, x binding.X, at time.Time) ([]binding.Binding, error) {
	rows, err := s.Store.Candidates(ctx, x, at)
	*s.clock = s.clock.Add(time.Millisecond + each*time.Duration(len(rows)))
	return rows, err
}

func (s slowStore) History(ctx context.Context, q binding.HistoryQuery, do func(binding.Holding) error) error {
	*s.clock = s.clock.Add(time.Millisecond)
	return s.Store.History(ctx, q, func(h binding.Holding) error {
		*s.clock = s.clock.Add(each)
		return do(h)
	})
}

func (s slowStore) List(ctx context.Context, f binding.Filter, do func(binding.Binding) error) error {
	*s.clock = s.clock.Add(time.Millisecond)
	return s.Store.List(ctx, f, func(b binding.Binding) error {
		*s.clock = s.clock.Add(each)
		return do(b)
	})
}

func (s slowStore) Bind(ctx context.Context, b binding.Binding) error {
	err := s.Store.Bind(ctx, b)
	*s.clock = s.clock.Add(time.Millisecond)
	if err != nil {
		*s.clock = s.clock.Add(3 * time.Millisecond)
	}
	return err
}

// TestTenantsHearNothingFromTheClock: what is another's and what there never was are told to be missing at the same time after the
// request came, by every path that asks for an id. What is there is told at once.
func TestTenantsHearNothingFromTheClock(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	clock := d.now
	deps := d.deps
	service := *deps.Bindings
	service.Store = slowStore{d.store, &clock}
	deps.Bindings = &service
	door := NewTenants(deps, d.door).(*door)
	paused := 0
	door.evenly = evenly{now: func() time.Time { return clock }, pause: func(_ context.Context, wait time.Duration) {
		paused++
		clock = clock.Add(wait)
	}}
	d.handler = door
	took := func(status int, method, path, body string) time.Duration {
		t.Helper()
		came := clock
		d.want(status, method, path, body, nil)
		return clock.Sub(came)
	}
	for _, ask := range []string{"GET /v1/bindings/%s", "DELETE /v1/bindings/%s", "DELETE /v1/bindings/%s?hard=1", "PATCH /v1/bindings/%s", "POST /v1/bindings/%s/extend",
		"POST /v1/calls", "GET /v1/calls/%s", "DELETE /v1/calls/%s", "GET /v1/cdrs/%s", "DELETE /v1/blocklist/%s", "GET /v1/nowhere/%s"} {
		method, path, _ := strings.Cut(ask, " ")
		for _, id := range []string{"none", d.others.ID, "call", "mealsrecord", d.otherBar.ID, "700"} {
			body := ""
			switch method {
			case "PATCH":
				body = `{"data":"x"}`
			case "POST":
				if body = `{"ttl":"2h"}`; path == "/v1/calls" {
					body = `{"binding":"` + id + `"}`
				}
			}
			to := path
			if strings.Contains(path, "%s") {
				to = fmt.Sprintf(path, id)
			}
			paused = 0
			if got := took(404, method, to, body); got != notFoundTime || paused != 1 {
				t.Errorf("%s: told after %v, paused %d times", fmt.Sprintf(ask, id), got, paused)
			}
		}
	}
	paused = 0
	if got := took(200, "GET", "/v1/bindings/"+d.own.ID, ""); got >= notFoundTime || paused != 0 {
		t.Errorf("its own: after %v", got)
	}
	if took(400, "GET", "/v1/cdrs?limit=x", ""); paused != 0 {
		t.Error("a request that is wrong waits")
	}
}

// TestListsTellNothingByTheClock: what others have on a number, with a party or under an order is read and left out, and the answer is the
// same bytes at the same time as where there is nothing.
func TestListsTellNothingByTheClock(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	clock := d.now
	deps := d.deps
	service := *deps.Bindings
	service.Store = slowStore{d.store, &clock}
	deps.Bindings = &service
	door := NewTenants(deps, d.door).(*door)
	paused := 0
	door.evenly = evenly{now: func() time.Time { return clock }, pause: func(_ context.Context, wait time.Duration) {
		paused++
		clock = clock.Add(wait)
	}}
	d.handler = door
	d.token, _ = d.newToken(true)
	d.header = http.Header{"Authorization": {"Bearer " + d.token}}
	const sharedX = "700100000010009"
	for _, c := range []struct {
		ask, others, nobodys string
		want                 time.Duration
	}{
		{`GET /v1/bindings?order=%s`, "o-meals", "o-nobody", listTime},
		{`GET /v1/bindings?consent=%s`, "c-meals", "c-nobody", listTime},
		{`GET /v1/bindings?x=%s`, othersX, "700100000040002", listTime},
		{`POST /v1/bindings/query {"number":"%s"}`, numberC, numberD, listTime},
		{`GET /v1/explain?dialled=%s`, othersX, "700100000040002", listTime},
		{`POST /v1/explain {"dialled":"%s","caller":"` + numberE + `"}`, othersX, "700100000040002", listTime},
		{`POST /v1/history {"x":"%s"}`, othersX, "700100000040002", listTime},
		{`POST /v1/history {"order":"%s"}`, "o-meals", "o-nobody", listTime},
		{`POST /v1/history {"consent":"%s","calls":true}`, "c-meals", "c-nobody", listTime},
		{`POST /v1/history/number {"number":"%s"}`, numberC, numberD, listTime},
		{`POST /v1/blocklist/query {"number":"%s"}`, numberC, numberF, notFoundTime},
	} {
		method, path, _ := strings.Cut(c.ask, " ")
		path, body, _ := strings.Cut(path, " ")
		if d.header.Del(HeaderReason); strings.Contains(body, "number") || strings.Contains(body, "caller") {
			d.header.Set(HeaderReason, "complaint 17")
		}
		tell := func(what string) (string, time.Duration) {
			fill := func(text string) string { return strings.ReplaceAll(text, "%s", what) }
			came := clock
			paused = 0
			said := strings.ReplaceAll(d.said(method, fill(path), fill(body)), what, "…")
			if paused != 1 {
				t.Errorf("%s: paused %d times", c.ask, paused)
			}
			return said, clock.Sub(came)
		}
		others, after := tell(c.others)
		none, at := tell(c.nobodys)
		if others != none || after != at || at != c.want {
			t.Errorf("%s: of others after %v %s\nof nobody after %v %s", c.ask, after, others, at, none)
		}
		if !strings.HasPrefix(none, "200 ") {
			t.Errorf("%s: %s", c.ask, none)
		}
	}
	d.header.Del(HeaderReason)
	// Who is bound with others is bound, and refused on a number that is not the tenant's own, at the same time as anybody.
	for status, numbers := range map[int][2]string{http.StatusCreated: {freeX, "700100000030003"}, http.StatusConflict: {sharedX, sharedX}} {
		for i, party := range []string{numberC, numberD} {
			came := clock
			paused = 0
			d.want(status, "POST", "/v1/bindings", `{"mode":"axb","a":"`+party+`","b":"`+numberF+`","x":"`+numbers[i]+`","order":"o"}`, nil)
			if took := clock.Sub(came); paused != 1 || took != notFoundTime {
				t.Errorf("%d told after %v, paused %d times", status, took, paused)
			}
		}
	}
}

// TestHeldAnswers: nothing of an answer that is held leaves before it is sent, whatever is done to it, and all of it then.
func TestHeldAnswers(t *testing.T) {
	t.Parallel()
	to := httptest.NewRecorder()
	h := &held{ResponseWriter: to}
	h.Header().Set("Content-Type", "application/jsonl")
	h.WriteHeader(http.StatusConflict)
	h.WriteHeader(http.StatusOK)
	_, _ = h.Write([]byte("a line\n"))
	if err := http.NewResponseController(h).Flush(); err != nil || to.Flushed || to.Body.Len() > 0 {
		t.Errorf("flushed: %v, %q", err, to.Body)
	}
	_, _ = h.Write([]byte("another\n"))
	if h.send(); to.Code != http.StatusConflict || to.Body.String() != "a line\nanother\n" || to.Header().Get("Content-Type") != "application/jsonl" {
		t.Errorf("%d %q %v", to.Code, to.Body, to.Header())
	}
	if (&held{ResponseWriter: to}).Unwrap() != to {
		t.Error("deadlines are set on something else")
	}
	bare := httptest.NewRecorder()
	if (&held{ResponseWriter: bare}).send(); bare.Code != http.StatusOK {
		t.Errorf("an answer without a status: %d", bare.Code)
	}
}

// TestEvenly: the moment is the next whole number of times, however long it took until then; the true clock is waited for, and a client
// that is gone is not.
func TestEvenly(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{
		-time.Second: notFoundTime, 0: notFoundTime, time.Microsecond: notFoundTime, notFoundTime - 1: notFoundTime,
		notFoundTime: 2 * notFoundTime, 7*notFoundTime + 3: 8 * notFoundTime,
	} {
		clock := time.Unix(0, 0)
		var waited time.Duration
		e := evenly{now: func() time.Time { return clock }, pause: func(_ context.Context, d time.Duration) { waited = d }}
		tell := e.since(t.Context())
		clock = clock.Add(took)
		if tell(notFoundTime); max(took, 0)+waited != want {
			t.Errorf("after %v: told after %v, want %v", took, max(took, 0)+waited, want)
		}
	}
	begun := time.Now()
	newEvenly().since(t.Context())(notFoundTime)
	if took := time.Since(begun); took < notFoundTime {
		t.Errorf("told after %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	newEvenly().pause(ctx, time.Hour)
}

// BenchmarkTenantsNotFound asks for bindings that a tenant does not have, in turn: such as never were, another tenant's, and for
// comparison both as fast as they can be found out. It prints medians, and the ratio to what never was.
//
//	go test -run '^$' -bench TenantsNotFound -benchtime 2000x ./cmd/mask700/admin
func BenchmarkTenantsNotFound(b *testing.B) {
	dir := b.TempDir()
	db, err := store.Open(store.Options{Dir: filepath.Join(dir, "data"), KeyFile: filepath.Join(dir, "key")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	s := &binding.Service{Store: db}
	if _, err := s.AddBlock(b.Context(), block); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"rides", "meals"} {
		if _, err := s.AddTenant(b.Context(), name, binding.TenantSettings{}); err != nil {
			b.Fatal(err)
		}
	}
	others := make([]string, 500)
	for i := range others {
		made, err := s.Create(b.Context(), binding.Request{Mode: "axb", A: fmt.Sprintf("138%08d", i), B: fmt.Sprintf("139%08d", i), Order: "o", Tenant: "meals"})
		if err != nil {
			b.Fatal(err)
		}
		others[i] = made.ID
	}
	_, token, err := s.AddToken(b.Context(), db, "rides", "bench", false)
	if err != nil {
		b.Fatal(err)
	}
	told := NewTenants(Deps{Bindings: s}, TenantDoor{Tokens: db, PerSecond: 1 << 20})
	found := NewTenants(Deps{Bindings: s}, TenantDoor{Tokens: db, PerSecond: 1 << 20}).(*door)
	found.evenly.pause = func(context.Context, time.Duration) {}
	for name, handler := range map[string]http.Handler{"told": told, "found-out": found} {
		b.Run(name, func(b *testing.B) {
			kinds := []string{"never was", "another's"}
			var took [2][]time.Duration
			for i := range b.N {
				for k := range kinds {
					k = (k + i) % 2
					id := others[i%len(others)]
					if k == 0 {
						id = strings.Map(func(r rune) rune { return 'a' + (r-'a'+13)%26 }, id)
					}
					r := httptest.NewRequest("GET", "/v1/bindings/"+id, nil)
					r.Header.Set("Authorization", "Bearer "+token)
					w := httptest.NewRecorder()
					begun := time.Now()
					handler.ServeHTTP(w, r)
					took[k] = append(took[k], time.Since(begun))
					if w.Code != http.StatusNotFound {
						b.Fatalf("%s: %d %s", kinds[k], w.Code, w.Body)
					}
				}
			}
			median := func(k int) float64 {
				slices.Sort(took[k])
				return float64(took[k][len(took[k])/2])
			}
			for k := range kinds {
				b.Logf("%-10s %-10s %6d answers  median %9.2f us  %.4f times", name, kinds[k], len(took[k]), median(k)/1000, median(k)/median(0))
			}
		})
	}
}
