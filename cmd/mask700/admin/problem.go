package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/record"
	"mask700/media/record/archive"
	"mask700/store"
	"mask700/store/audit"
)

// Problem is an error of the interface (RFC 9457).
type Problem struct {
	Type    string `json:"type"`              // "urn:mask700:" and a word that stays the same between versions
	Title   string `json:"title"`             // what the type means
	Status  int    `json:"status"`            // of HTTP
	Detail  string `json:"detail"`            // one line: what, where, what to do
	Field   string `json:"field,omitempty"`   // the field of the request at fault
	Binding string `json:"binding,omitempty"` // id of the binding in the way
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// kind is a type of problem.
type kind struct {
	word, title string
	status      int
}

// The types of problems, by word.
var (
	kindInvalid     = kind{"invalid", "The request is not valid", http.StatusBadRequest}
	kindToken       = kind{"unauthorized", "A token is needed", http.StatusUnauthorized}
	kindForbidden   = kind{"forbidden", "The token may not do this", http.StatusForbidden}
	kindNotFound    = kind{"not-found", "There is no such thing", http.StatusNotFound}
	kindMethod      = kind{"method", "The method is not served here", http.StatusMethodNotAllowed}
	kindConflict    = kind{"conflict", "Something is in the way", http.StatusConflict}
	kindTooLarge    = kind{"too-large", "The request is too large", http.StatusRequestEntityTooLarge}
	kindMediaType   = kind{"media-type", "The body is of another type", http.StatusUnsupportedMediaType}
	kindFailed      = kind{"failed", "The server failed", http.StatusInternalServerError}
	kindNoServer    = kind{"no-server", "No server is running", http.StatusServiceUnavailable}
	kindExhausted   = kind{"no-free-number", "No number is free", http.StatusConflict}
	kindTooMany     = kind{"too-many-requests", "Too many requests", http.StatusTooManyRequests}
	kindDiskFull    = kind{"disk-full", "The disk is nearly full", http.StatusInsufficientStorage}
	kindKeyUsed     = kind{"idempotency-key", "The idempotency key was used for another request", http.StatusUnprocessableEntity}
	kindUnavailable = kind{"unavailable", "The store cannot take it now", http.StatusServiceUnavailable}
)

func (k kind) problem(detail string) *Problem {
	return &Problem{Type: "urn:mask700:" + k.word, Title: k.title, Status: k.status, Detail: detail}
}

// Errors that a Node gives and that are known here.
var (
	// ErrNoCall: no call has the id that was asked for.
	ErrNoCall = errors.New("no call that goes on has this id; `mask700 call list` shows them")
	// ErrUnknownCall: no call has the id that was asked for, and none had.
	ErrUnknownCall = errors.New("no call that goes on has this id, and no record either; `mask700 call list` and `mask700 cdr list` show them")
	// ErrNoServer: what was asked for is in a running server only.
	ErrNoServer = errors.New("no server is running; start one with `mask700 serve`")
)

// problemOf turns an error of the domain, the store or the node into what the client is told.
func problemOf(err error) *Problem {
	var own *Problem
	if errors.As(err, &own) {
		return own
	}
	k := kindFailed
	switch {
	case errors.Is(err, binding.ErrKeyUsed):
		k = kindKeyUsed
	case errors.Is(err, binding.ErrNotFound), errors.Is(err, cdr.ErrNotFound), errors.Is(err, ErrNoCall), errors.Is(err, ErrUnknownCall),
		errors.Is(err, archive.ErrNotFound), errors.Is(err, archive.ErrID), errors.Is(err, store.ErrNoKeys), errors.Is(err, store.ErrNoTenant), errors.Is(err, binding.ErrNoBar), errors.Is(err, binding.ErrNoToken),
		errors.Is(err, binding.ErrNoTenant) && !errors.As(err, new(*binding.FieldError)):
		k = kindNotFound
	case errors.Is(err, ErrNoServer):
		k = kindNoServer
	case errors.Is(err, store.ErrDiskFull):
		k = kindDiskFull
	case errors.Is(err, ErrNotTaken), errors.Is(err, store.ErrBusy), errors.Is(err, store.ErrStalled), errors.Is(err, store.ErrClosed),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		k = kindUnavailable
	case errors.Is(err, record.ErrCodec), errors.Is(err, record.ErrTooLong), errors.Is(err, store.ErrNoRecordingKey), errors.Is(err, audit.ErrBroken),
		errors.Is(err, record.ErrCut), errors.Is(err, store.ErrLiveBindings), errors.Is(err, store.ErrCallsGoOn), errors.Is(err, store.ErrReadAsItWas), errors.Is(err, store.ErrErasing), errors.Is(err, store.ErrErased), errors.Is(err, store.ErrBackupPlace):
		k = kindConflict
	case errors.Is(err, binding.ErrNoFreeNumber):
		k = kindExhausted
	case errors.Is(err, binding.ErrSuspended), errors.Is(err, binding.ErrManyBars), errors.Is(err, binding.ErrTenantBars), errors.Is(err, binding.ErrAllBars), errors.Is(err, binding.ErrManyTokens), errors.Is(err, binding.ErrTooManyTenants), errors.Is(err, binding.ErrExists), errors.Is(err, binding.ErrInUse), errors.Is(err, binding.ErrNotHeld),
		errors.Is(err, binding.ErrCrowded), errors.Is(err, binding.ErrKeyGone), errors.Is(err, binding.ErrImported), errors.Is(err, binding.ErrEnded), errors.Is(err, binding.ErrQuarantine), errors.Is(err, binding.ErrChanges), errors.As(err, new(*binding.ConflictError)):
		k = kindConflict
	case errors.As(err, new(*binding.FieldError)):
		k = kindInvalid
	}
	p := k.problem(err.Error())
	switch {
	case k == kindFailed:
		p.Detail = withoutNumbers(p.Detail)
	case errors.Is(err, binding.ErrNotFound):
		p.Detail = "no binding has this id; list the bindings to find it"
	}
	var field *binding.FieldError
	if errors.As(err, &field) {
		p.Field = field.Field
	}
	var conflict *binding.ConflictError
	if errors.As(err, &conflict) {
		p.Binding = conflict.Binding
	}
	return p
}

// numberLike is a run of digits long enough to be a subscriber's.
var numberLike = regexp.MustCompile(`[0-9]{7,}`)

// withoutNumbers blots out what looks like a number in the text of an error from beneath, of which nothing is known.
func withoutNumbers(s string) string { return numberLike.ReplaceAllString(s, "…") }

// fail answers a request with an error.
func (a *api) fail(w http.ResponseWriter, err error) {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && p.Type != kindNoServer.problem("").Type {
		a.log.Warn("admin request failed", "status", p.Status, "error", p.Detail)
	}
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	if a.wait != nil && p.Status == http.StatusNotFound {
		a.wait(notFoundTime)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone; there is nobody left to tell
}
