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
)

// TenantDoor is how the interface for tenants is kept.
type TenantDoor struct {
	Tokens    binding.TokenStore
	PerSecond int // requests of a token; twice as many at once
}

// tenantPaths are the requests that a tenant's token is let in for. What is not here is answered like a path that is not
// there. Each asks nothing but what confine gives it.
var tenantPaths = map[string]func(*api, http.ResponseWriter, *http.Request){
	"GET /v1/blocks":                (*api).listBlocks,
	"GET /v1/bindings":              (*api).listBindings,
	"POST /v1/bindings":             (*api).createBinding,
	"POST /v1/bindings/query":       (*api).queryBindings,
	"POST /v1/bindings/batch":       (*api).batchBindings,
	"GET /v1/bindings/{id}":         (*api).getBinding,
	"DELETE /v1/bindings/{id}":      (*api).deleteBinding,
	"PATCH /v1/bindings/{id}":       (*api).updateBinding,
	"POST /v1/bindings/{id}/extend": (*api).extendBinding,
	"GET /v1/explain":               (*api).explainDialled,
	"POST /v1/explain":              (*api).explain,
	"GET /v1/calls":                 (*api).listCalls,
	"POST /v1/calls":                (*api).dial,
	"GET /v1/calls/{id}":            (*api).getCall,
	"DELETE /v1/calls/{id}":         (*api).hangUp,
	"GET /v1/cdrs":                  (*api).listRecords,
	"GET /v1/cdrs/{id}":             (*api).getRecord,
	"POST /v1/history":              (*api).history,
	"POST /v1/history/number":       (*api).historyOfNumber,
	"GET /v1/limits/{tenant}":       (*api).showLimits,
	"GET /v1/tenants/{name}":        (*api).getTenant,
	"GET /v1/blocklist":             (*api).listBars,
	"POST /v1/blocklist":            (*api).addBar,
	"POST /v1/blocklist/query":      (*api).queryBars,
	"POST /v1/blocklist/batch":      (*api).batchBars,
	"DELETE /v1/blocklist/{id}":     (*api).removeBar,
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
	for pattern, h := range tenantPaths {
		b.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { h(confinedOf(r.Context()), w, r) })
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
	service.NumberLike = func(text string) bool { return a.written(text).Numbers > 0 }
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
	tell := b.evenly.since(r.Context())
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
	a.evenly = tell
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
