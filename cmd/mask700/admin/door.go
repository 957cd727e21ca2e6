package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"mask700/binding"
	"mask700/sip/text"
)

// TenantDoor is how the interface for tenants is kept.
type TenantDoor struct {
	Tokens    binding.TokenStore
	PerSecond int // requests of a token; twice as many at once
}

// tenantPaths are the requests that a tenant's token is let in for. What is not here is answered like a path that is not
// there. Each asks nothing but what confine gives it. Where that is picked from what all tenants have, the answer is told after a whole
// number of steps.
var tenantPaths = map[string]struct {
	answer func(*api, http.ResponseWriter, *http.Request)
	step   time.Duration // 0: told at once
}{
	"GET /v1/blocks":                {(*api).listBlocks, 0},
	"GET /v1/bindings":              {(*api).listBindings, listTime},
	"POST /v1/bindings":             {(*api).createBinding, notFoundTime},
	"POST /v1/bindings/query":       {(*api).queryBindings, listTime},
	"POST /v1/bindings/batch":       {(*api).batchBindings, listTime},
	"GET /v1/bindings/{id}":         {(*api).getBinding, 0},
	"DELETE /v1/bindings/{id}":      {(*api).deleteBinding, 0},
	"PATCH /v1/bindings/{id}":       {(*api).updateBinding, notFoundTime},
	"POST /v1/bindings/{id}/extend": {(*api).extendBinding, 0},
	"GET /v1/explain":               {(*api).explainDialled, listTime},
	"POST /v1/explain":              {(*api).explain, listTime},
	"GET /v1/calls":                 {(*api).listCalls, 0},
	"POST /v1/calls":                {(*api).dial, notFoundTime},
	"GET /v1/calls/{id}":            {(*api).getCall, 0},
	"DELETE /v1/calls/{id}":         {(*api).hangUp, 0},
	"GET /v1/cdrs":                  {(*api).listRecords, 0},
	"GET /v1/cdrs/{id}":             {(*api).getRecord, 0},
	"POST /v1/history":              {(*api).history, listTime},
	"POST /v1/history/number":       {(*api).historyOfNumber, listTime},
	"GET /v1/limits/{tenant}":       {(*api).showLimits, 0},
	"GET /v1/tenants/{name}":        {(*api).getTenant, 0},
	"GET /v1/blocklist":             {(*api).listBars, 0},
	"POST /v1/blocklist":            {(*api).addBar, notFoundTime},
	"POST /v1/blocklist/query":      {(*api).queryBars, notFoundTime},
	"POST /v1/blocklist/batch":      {(*api).batchBars, listTime},
	"DELETE /v1/blocklist/{id}":     {(*api).removeBar, 0},
}

// Bounds of what one client may ask of the interface for tenants.
const (
	maxTokenRequests = 16              // of one token at once, lists that are followed included
	failuresAtOnce   = 10              // requests of one address without a good token
	failureEvery     = 6 * time.Second // and one more after each
	maxClients       = 1 << 14         // addresses, and tokens, that are kept in mind
)

// door is the handler of the interface for tenants.
type door struct {
	TenantDoor
	deps     Deps
	log      *slog.Logger
	mux      *http.ServeMux
	room     *room   // for batches, apart from that of the operator
	tokens   *bounds // by id
	failures *bounds // by address
	evenly   evenly
}

// NewTenants returns the handler of what tenants may ask for: what New serves, confined to the tenant whose token a
// request has.
func NewTenants(d Deps, t TenantDoor) http.Handler {
	// What is the operator's own is not at hand here at all.
	d.Check, d.Keys, d.Keeper, d.Recordings, d.Remote, d.Tokens, d.TenantTokens, d.Eraser = nil, nil, nil, nil, nil, nil, nil, nil
	b := &door{
		TenantDoor: t, deps: d, log: d.Logger, mux: http.NewServeMux(), room: newRoom(),
		tokens:   newBounds(maxClients, time.Second/time.Duration(max(t.PerSecond, 1)), 2*max(t.PerSecond, 1)),
		failures: newBounds(maxClients, failureEvery, failuresAtOnce),
		evenly:   newEvenly(),
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	for pattern, p := range tenantPaths {
		b.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			a := confinedOf(r.Context())
			if p.step == 0 {
				p.answer(a, w, r)
				return
			}
			wait := a.wait
			a.wait = nil
			h := &held{ResponseWriter: w}
			p.answer(a, h, r)
			wait(p.step)
			h.send()
		})
	}
	b.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { confinedOf(r.Context()).nowhere(w, r) })
	return b
}

type confinedKey struct{}

// confinedOf is what a request was given that came past the door. One that did not has none, and ends in a fault.
func confinedOf(ctx context.Context) *api { return ctx.Value(confinedKey{}).(*api) }

// confine gives the handlers what they may ask on behalf of a token.
func (b *door) confine(t binding.TenantToken) *api {
	a := &api{Deps: b.deps, log: b.log, mux: b.mux, room: b.room}
	service := *b.deps.Bindings
	service.Store, service.Tenant = confinedStore{service.Store, t.Tenant}, t.Tenant
	service.NumberLike = func(words string) bool { return text.Holds(&service.Plan, []byte(words)) }
	a.Bindings = &service
	a.Records = confinedRecords{b.deps.Records, t.Tenant, func() error {
		if _, ok := b.Tokens.Token(t.ID); !ok {
			return errTenantToken
		}
		return nil
	}}
	if b.deps.Bars != nil {
		a.Bars = confinedBars{b.deps.Bars, t.Tenant}
	}
	if b.deps.Node != nil {
		a.Node = confinedNode{b.deps.Node, t.Tenant}
	}
	return a
}

var (
	errTenantToken = kindToken.problem("a token of a tenant is needed; send it as `Authorization: Bearer ID.SECRET`, or with --token-file FILE")
	errTooMany     = kindTooMany.problem("more requests than may be; wait a little, and ask for less at a time")
)

// ServeHTTP asks for a token, sees that it is not used more than it may be, and hands the request on as the tenant's.
func (b *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wait := b.evenly.since(r.Context())
	a := &api{log: b.log}
	defer a.broken()
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token, ok := binding.FindToken(b.Tokens, text)
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		if !b.failures.take(network(r.RemoteAddr)) {
			a.fail(w, errTooMany)
			return
		}
		w.Header().Set("WWW-Authenticate", "Bearer")
		a.fail(w, errTenantToken)
		return
	}
	leave, ok := b.tokens.enter(token.ID, maxTokenRequests)
	if !ok {
		a.fail(w, errTooMany)
		return
	}
	defer leave()
	a = b.confine(token)
	a.wait = wait
	r = r.WithContext(withWho(r.Context(), "token "+token.Tenant+"/"+token.Name+" "+token.ID))
	r, err := a.withAsk(r, Token{Name: token.Name, Reveal: token.Reveal})
	if err != nil {
		a.fail(w, err)
		return
	}
	b.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), confinedKey{}, a)))
}

// network is whom failures are counted for: an address of IPv4, a /64 of IPv6.
func network(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
