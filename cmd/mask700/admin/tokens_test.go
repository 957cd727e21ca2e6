package admin

import (
	"net/http"
	"strings"
	"testing"
)

// TestATokenMakesNoneThatMaySeeMore: what a token lacks it does not give to another, for whichever tenant; and none is left of what was
// refused.
func TestATokenMakesNoneThatMaySeeMore(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	deps := d.deps
	tokens := map[string]string{"desk": strings.Repeat("b2", 20), "chief": strings.Repeat("c3", 20)}
	for name, secret := range tokens {
		token, err := NewToken(name, secret)
		if err != nil {
			t.Fatal(err)
		}
		token.Reveal = name == "chief"
		deps.Tokens = append(deps.Tokens, token)
	}
	tenants := d.handler
	d.handler = New(deps)
	for name, secret := range tokens {
		for _, tenant := range []string{"rides", "meals", "default"} {
			d.header = http.Header{"Authorization": {"Bearer " + secret}}
			path := "/v1/tenants/" + tenant + "/tokens"
			d.want(http.StatusCreated, "POST", path, `{"name":"plain"}`, nil)
			if name == "desk" {
				d.want(http.StatusForbidden, "POST", path, `{"name":"seer","reveal":true}`, nil)
				continue
			}
			d.want(http.StatusCreated, "POST", path, `{"name":"seer","reveal":true}`, nil)
		}
	}
	var l TokenList
	d.want(200, "GET", "/v1/tokens", "", &l)
	seers := 0
	for _, token := range l.Tokens {
		if token.Reveal {
			seers++
		}
	}
	if seers != 3 {
		t.Errorf("%d tokens may see numbers, want the three that chief has made: %+v", seers, l.Tokens)
	}
	// At the door of tenants nobody makes any.
	d.handler, d.header = tenants, http.Header{"Authorization": {"Bearer " + d.token}}
	d.want(http.StatusNotFound, "POST", "/v1/tenants/rides/tokens", `{"name":"seer"}`, nil)
}
