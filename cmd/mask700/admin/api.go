package admin

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/remote"
	"mask700/binding/rule"
	"mask700/crash"
	"mask700/media/record/archive"
	"mask700/store"
	"mask700/store/audit"
)

// Node is what a running server adds to its store.
type Node interface {
	Status(ctx context.Context) (Status, error)
	Calls(ctx context.Context) ([]Call, error)
	Call(ctx context.Context, id string) (Call, error) // ErrNoCall
	Dial(ctx context.Context, o Order) (Placed, error) // ErrNotTaken, or a *binding.FieldError of the trunk
	Hangup(ctx context.Context, id string) error       // ErrNoCall
	HangupBinding(ctx context.Context, id string) int  // every call over it; how many there were
	Drain(ctx context.Context) error                   // begins it; returns at once
	Reload(ctx context.Context) error
}

// Check compares the indexes of a store with its rows; it is [store.DB.Check].
type Check func(context.Context) (store.Report, error)

// Deps are what the handlers ask. Bindings and Records are needed.
type Deps struct {
	Bindings       *binding.Service
	Records        cdr.Reader
	Bars           binding.BarStore // nil: no block lists are kept
	Check          Check
	Calls          binding.Calls  // who called last; nil: nobody
	Remote         *remote.Router // decides calls to numbers on which nothing is stored; nil: there are none
	Rules          rule.Chain     // asked after the match, of what is explained
	Texts          Texts
	Limits         *Limits            // nil: there are none to be seen to
	Keys           Keys               // nil: the keys cannot be seen to here
	Eraser         Eraser             // nil: nobody can be erased from here
	Keeper         Keeper             // nil: the store cannot be copied from here
	BackupFiles    []string           // of the data directory, taken with a backup
	Recordings     *archive.Shelf     // nil: none are kept
	Audit          *audit.Log         // nil: none is kept, and nothing that needs one is done
	Node           Node               // nil: no server runs, there is a store and nothing else
	TenantTokens   binding.TokenStore // nil: none are kept
	Tokens         []Token            // one of them is asked of every request; none: whoever reaches the socket is let in
	Logger         *slog.Logger       // nil: nothing is logged
	Keep           store.Retention    // how long what is over is kept
	KeepAudit      time.Duration      // of entries of the audit log; zero: for ever
	KeepRecordings time.Duration      // zero: for ever
}

// Texts is what is configured of texts, for what is explained.
type Texts struct {
	Off     bool
	Numbers string // what becomes of telephone numbers in them: binding.TextsMask and so on
}

// api is the handlers.
type api struct {
	Deps
	log *slog.Logger
	mux *http.ServeMux

	room      *room // for batches
	importing *room // for imports

	wait func(step time.Duration) // called before it is told that there is no such thing; nil: at once
}

// New returns the handler of everything under /v1/.
func New(d Deps) http.Handler {
	a := &api{Deps: d, log: d.Logger, mux: http.NewServeMux(), room: newRoom(), importing: &room{batches: make(chan struct{}, imports), wait: batchWait}}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	for pattern, h := range a.paths() {
		a.mux.HandleFunc(pattern, h)
	}
	return a
}

// paths are the requests that are served, and by what.
func (a *api) paths() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /v1/blocks":                  a.listBlocks,
		"POST /v1/blocks":                 a.addBlock,
		"PATCH /v1/blocks/{block}":        a.setBlock,
		"DELETE /v1/blocks/{block}":       a.removeBlock,
		"PATCH /v1/numbers/{x}":           a.lockNumber,
		"GET /v1/bindings":                a.listBindings,
		"POST /v1/bindings":               a.createBinding,
		"POST /v1/bindings/query":         a.queryBindings,
		"POST /v1/bindings/batch":         a.batchBindings,
		"GET /v1/bindings/{id}":           a.getBinding,
		"DELETE /v1/bindings/{id}":        a.deleteBinding,
		"PATCH /v1/bindings/{id}":         a.updateBinding,
		"POST /v1/bindings/{id}/extend":   a.extendBinding,
		"GET /v1/explain":                 a.explainDialled,
		"POST /v1/explain":                a.explain,
		"GET /v1/calls":                   a.listCalls,
		"POST /v1/calls":                  a.dial,
		"GET /v1/calls/{id}":              a.getCall,
		"DELETE /v1/calls/{id}":           a.hangUp,
		"GET /v1/cdrs":                    a.listRecords,
		"GET /v1/cdrs/{id}":               a.getRecord,
		"GET /v1/recordings":              a.listRecordings,
		"POST /v1/recordings/{id}/export": a.exportRecording,
		"POST /v1/history":                a.history,
		"POST /v1/history/number":         a.historyOfNumber,
		"GET /v1/audit":                   a.listAudit,
		"POST /v1/audit/verify":           a.verifyAudit,
		"GET /v1/keys":                    a.listKeys,
		"POST /v1/keys/rotate":            a.rotateKeys,
		"POST /v1/keys/destroy":           a.destroyKeys,
		"GET /v1/limits":                  a.showLimits,
		"GET /v1/limits/{tenant}":         a.showLimits,
		"POST /v1/limits/{tenant}":        a.setLimits,
		"GET /v1/tenants":                 a.listTenants,
		"POST /v1/tenants":                a.addTenant,
		"GET /v1/tenants/{name}":          a.getTenant,
		"POST /v1/tenants/{name}":         a.updateTenant,
		"POST /v1/tenants/{name}/suspend": a.suspendTenant,
		"POST /v1/tenants/{name}/resume":  a.resumeTenant,
		"POST /v1/tenants/{name}/tokens":  a.addToken,
		"GET /v1/tokens":                  a.listTokens,
		"DELETE /v1/tokens/{id}":          a.revokeToken,
		"POST /v1/erase":                  a.erasePerson,
		"GET /v1/retention":               a.listRetention,
		"POST /v1/retention/sweep":        a.sweep,
		"POST /v1/backup":                 a.backup,
		"POST /v1/import":                 a.importBindings,
		"GET /v1/blocklist":               a.listBars,
		"POST /v1/blocklist":              a.addBar,
		"POST /v1/blocklist/query":        a.queryBars,
		"POST /v1/blocklist/batch":        a.batchBars,
		"DELETE /v1/blocklist/{id}":       a.removeBar,
		"GET /v1/status":                  a.status,
		"POST /v1/check":                  a.check,
		"POST /v1/drain":                  a.drain,
		"POST /v1/reload":                 a.reload,
		"/":                               a.nowhere,
	}
}

// ServeHTTP asks for a token where one is needed and hands the request on.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer a.broken()
	token, ok := allowed(a.Tokens, r.Header.Get("Authorization"))
	if !ok {
		w.Header().Set("WWW-Authenticate", "Bearer")
		a.fail(w, kindToken.problem("a token of admin.tokens is needed; send it as `Authorization: Bearer TOKEN`, or with --token-file FILE"))
		return
	}
	if token.Name != "" {
		r = r.WithContext(withWho(r.Context(), "token "+token.Name))
	}
	r, err := a.withAsk(r, token)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// broken breaks an answer off in which the program failed. What was found is logged by its kind and place alone: the
// server would log its text, and the words that functions were given.
func (a *api) broken() {
	v := recover()
	if v == nil {
		return
	}
	if v != http.ErrAbortHandler {
		a.logFault("a request is broken off by a fault of the program", v)
	}
	panic(http.ErrAbortHandler)
}

// logFault logs what was found where the program failed, as broken says. It is called by who has recovered.
func (a *api) logFault(what string, v any) {
	a.log.Error(what, "panic", crash.Kind(v), "stack", crash.Bare(debug.Stack()))
}

// errFault is what a row says in which the program failed: the others of its batch go on.
var errFault = kindFailed.problem("the server failed at this row; its log says where")

// failedRow, deferred where a row of a batch is done beside its request, makes a fault of the program the problem of the row.
func (a *api) failedRow(problem **Problem) {
	if v := recover(); v != nil {
		a.logFault("a row of a batch fails by a fault of the program", v)
		*problem = errFault
	}
}

// nowhere answers what no pattern matches: another method of a path that is known, or a path that is not.
func (a *api) nowhere(w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(other); pattern != "/" && pattern != "" {
			w.Header().Add("Allow", method)
		}
	}
	if w.Header().Get("Allow") != "" {
		a.fail(w, kindMethod.problem("this path is served under another method"))
		return
	}
	a.fail(w, kindNotFound.problem("there is no such path; the interface is under /v1/"))
}

// now is the time by the clock of the domain.
func (a *api) now() time.Time {
	if a.Bindings.Now != nil {
		return a.Bindings.Now()
	}
	return time.Now()
}
