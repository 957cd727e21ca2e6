package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/digit"
	"mask700/sip/text"
	"mask700/store/audit"
)

// Headers of a request that asks for real numbers.
const (
	HeaderReveal = "Mask700-Reveal" // "true"
	HeaderReason = "Mask700-Reason" // why, in UTF-8, for the audit log
)

// What the audit log calls what was done.
const (
	ActionBindings   = "binding.reveal"
	ActionLookup     = "binding.lookup" // by a number; what came back was masked
	ActionCalls      = "call.reveal"
	ActionRecords    = "cdr.reveal"
	ActionRecordsEnd = "cdr.reveal.end" // of a list: how many records were shown
	ActionExplain    = "explain.reveal"
	ActionGuess      = "explain.caller" // one was named; what came back was masked
	ActionExport     = "recording.export"
)

// noReason stands in the log where none is asked for.
const noReason = "none given"

// Show is how a number is shown to who asks: masked, or as it is.
type Show = func(binding.Number) binding.Masked

var errMayNot = kindForbidden.problem("this token may not see real numbers or hear calls; give it `reveal: true` in admin.tokens, or use another")

var errNeedsReason error = &binding.FieldError{Field: "reason", Err: errors.New("a search by a number needs one, in " + HeaderReason + " or --reason; the audit log records it")}

// ask is what a request says of real numbers.
type ask struct {
	reveal bool
	reason string
}

type askKey struct{}

// askOf is what withAsk has found good.
func askOf(ctx context.Context) ask {
	k, _ := ctx.Value(askKey{}).(ask)
	return k
}

// mayReveal reports whether the token of a request may see real numbers.
func mayReveal(ctx context.Context) bool {
	t, _ := ctx.Value(tokenKey{}).(Token)
	return t.Reveal
}

type tokenKey struct{}

// revealing are the requests that can show a number.
var revealing = map[string]bool{
	"GET /v1/bindings": true, "POST /v1/bindings/query": true, "GET /v1/bindings/{id}": true,
	"GET /v1/blocklist": true, "POST /v1/blocklist/query": true,
	"GET /v1/explain": true, "POST /v1/explain": true,
	"GET /v1/calls": true, "GET /v1/calls/{id}": true,
	"GET /v1/cdrs": true, "GET /v1/cdrs/{id}": true,
	"POST /v1/history": true, "POST /v1/history/number": true,
}

// byNumber are the requests that find a person by a number and answer masked. They need a reason and are noted: those that
// are for nothing else (true) are refused before anything of them is read, the others once the number is seen in them. Of an explanation that names a caller the operator need not say why.
var byNumber = map[string]bool{
	"POST /v1/bindings/query":  false,
	"POST /v1/blocklist/query": false,
	"POST /v1/history/number":  true,
	"POST /v1/explain":         false,
}

// checkSearch refuses a search by a number that has no reason, and one on behalf of a tenant by who may not see numbers: as
// mayGuess says.
func (a *api) checkSearch(ctx context.Context, n binding.Number) error {
	switch {
	case n.IsZero():
		return nil
	case a.Bindings.Tenant != "" && !mayReveal(ctx):
		return errMayNotGuess
	case askOf(ctx).reason == "":
		return errNeedsReason
	}
	return reasonNamesNone(askOf(ctx).reason, n)
}

// withAsk reads whether real numbers are asked for, refuses that where it may not be, and keeps it in the context.
func (a *api) withAsk(r *http.Request, t Token) (*http.Request, error) {
	ctx := context.WithValue(r.Context(), tokenKey{}, t)
	var k ask
	switch r.Header.Get(HeaderReveal) {
	case "", "false", "0":
	case "true", "1":
		k.reveal = true
	default:
		return nil, &binding.FieldError{Field: "reveal", Err: errors.New("write " + HeaderReveal + ": true, or leave it out")}
	}
	k.reason = strings.TrimSpace(r.Header.Get(HeaderReason))
	_, pattern := a.mux.Handler(r)
	reasoned, lookup := byNumber[pattern]
	if !k.reveal && k.reason == "" && !reasoned {
		return r.WithContext(ctx), nil
	}
	switch {
	case !k.reveal && k.reason == "":
		return nil, errNeedsReason
	case !revealing[pattern] && !lookup:
		return nil, &binding.FieldError{Field: "reveal", Err: errors.New("nothing is shown here that it could be asked for")}
	case !k.reveal && !lookup:
		return nil, &binding.FieldError{Field: "reason", Err: errors.New("it goes with " + HeaderReveal + ": true")}
	case k.reveal && !t.Reveal:
		return nil, errMayNot
	case a.Audit == nil:
		return nil, errNoAudit
	}
	if err := a.checkReason(k.reason); err != nil {
		return nil, err
	}
	return r.WithContext(context.WithValue(ctx, askKey{}, k)), nil
}

// show says how numbers are shown to who sent a request. Where that is as they are, who asked, what for and why is on
// disk when it returns: no entry, no number. Those that are at hand are not in the reason, in whatever form.
func (a *api) show(r *http.Request, what, object string, numbers ...binding.Number) (Show, error) {
	k := askOf(r.Context())
	if !k.reveal {
		return binding.Number.Masked, nil
	}
	if err := reasonNamesNone(k.reason, numbers...); err != nil {
		return nil, err
	}
	if _, err := a.note(r, what, object, k.reason); err != nil {
		return nil, err
	}
	return a.whole, nil
}

// whole is a number as it is: in national form, a foreign one with 00 before it.
func (a *api) whole(n binding.Number) binding.Masked {
	if n.IsErased() {
		return n.Masked()
	}
	return binding.Masked(a.Bindings.Plan.Format(n, binding.National))
}

// note puts an entry into the audit log.
func (a *api) note(r *http.Request, what, object, reason string) (audit.Entry, error) {
	if a.Audit == nil {
		return audit.Entry{}, errNoAudit
	}
	return a.Audit.Append(audit.Entry{Who: who(r.Context()), What: what, Object: object, Reason: reason}, a.now())
}

// showPage is show for a page of bindings. One that was found by a number is noted though its numbers stay masked: it
// tells which 700 numbers and orders somebody has.
func (a *api) showPage(r *http.Request, f binding.Filter, found []binding.Binding) (Show, error) {
	k := askOf(r.Context())
	if !k.reveal && f.Number.IsZero() {
		return binding.Number.Masked, nil
	}
	ids := make([]string, len(found))
	var numbers []binding.Number
	for i := range found {
		ids[i] = found[i].ID
		numbers = append(numbers, found[i].Parties()...)
	}
	object := a.filtered(f) + ": " + listed("binding", ids)
	if k.reveal {
		return a.show(r, ActionBindings, object, numbers...)
	}
	_, err := a.note(r, ActionLookup, object, k.reason)
	return binding.Number.Masked, err
}

// because notes that a person was looked for by a number, and why: it is on disk when it returns nil, and nothing may be
// shown before. The reason is that of the request's header; withAsk has found it good.
func (a *api) because(r *http.Request, what, object string) error {
	reason := askOf(r.Context()).reason
	if reason == "" {
		return errNeedsReason
	}
	_, err := a.note(r, what, object, reason)
	return err
}

// filtered is a filter in words, without a real number.
func (a *api) filtered(f binding.Filter) string {
	var words []string
	if !f.Number.IsZero() {
		words = append(words, "number "+f.Number.String())
	}
	if f.X != 0 {
		words = append(words, "x "+f.X.String())
	}
	if f.Order != "" {
		words = append(words, "order "+a.blot(f.Order))
	}
	if f.Consent != "" {
		words = append(words, "consent "+a.blot(f.Consent))
	}
	if !f.LiveAt.IsZero() {
		words = append(words, "live")
	}
	if f.After != "" {
		words = append(words, "after "+f.After)
	}
	if words == nil {
		return "all"
	}
	return strings.Join(words, ", ")
}

// atMost is a limit in words. A large one may be a number that slipped into its place.
func atMost(limit int) string {
	const large = 999_999
	if limit > large {
		return fmt.Sprintf("at most more than %d", large)
	}
	return fmt.Sprintf("at most %d", limit)
}

// maxListed is how many ids an entry names; a list in their order is bounded by the first and the last.
const maxListed = 100

// listed is how many things there were, and which.
func listed(thing string, ids []string) string {
	plural := "s"
	if len(ids) == 1 {
		plural = ""
	}
	s := fmt.Sprintf("%d %s%s", len(ids), thing, plural)
	switch {
	case len(ids) == 0:
		return s
	case len(ids) > maxListed:
		return s + " " + strings.Join(ids[:maxListed], " ") + " … " + ids[len(ids)-1]
	}
	return s + " " + strings.Join(ids, " ")
}

// shownRecords counts the records of a list that are shown with their numbers; nil: they are masked.
type shownRecords struct {
	api         *api
	r           *http.Request
	begun       audit.Entry
	count       int
	first, last uint64
}

// showRecords is show for a list of call records, of which nobody knows how long it is going to be: an entry before the
// first, and one behind the last with their number, however the list ends.
func (a *api) showRecords(r *http.Request, f cdr.Filter, follow bool) (Show, *shownRecords, error) {
	k := askOf(r.Context())
	if !k.reveal {
		return binding.Number.Masked, nil, nil
	}
	var words []string
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"since", f.Since}, {"until", f.Until}} {
		if !t.at.IsZero() {
			words = append(words, t.name+" "+t.at.Format(time.RFC3339))
		}
	}
	if f.Binding != "" {
		words = append(words, "binding "+f.Binding)
	}
	switch last := a.Records.LastSeq(); {
	case f.AfterSeq > last:
		words = append(words, "after the last")
	case f.AfterSeq > 0:
		words = append(words, fmt.Sprintf("after seq %d", f.AfterSeq))
	}
	if f.Limit > 0 {
		words = append(words, atMost(f.Limit))
	}
	if words == nil {
		words = append(words, "all")
	}
	if follow {
		words = append(words, "followed")
	}
	e, err := a.note(r, ActionRecords, strings.Join(words, ", "), k.reason)
	if err != nil {
		return nil, nil, err
	}
	return a.whole, &shownRecords{api: a, r: r, begun: e}, nil
}

// add counts a record that is about to be shown.
func (s *shownRecords) add(seq uint64) {
	if s == nil {
		return
	}
	if s.count++; s.count == 1 {
		s.first = seq
	}
	s.last = seq
}

// end notes how many there were. Where that fails the entry of the beginning stands, which has no bound.
func (s *shownRecords) end() {
	if s == nil {
		return
	}
	object := fmt.Sprintf("entry %d: no record", s.begun.Seq)
	if s.count > 0 {
		object = fmt.Sprintf("entry %d: %d records, seq %d to %d", s.begun.Seq, s.count, s.first, s.last)
	}
	if _, err := s.api.note(s.r, ActionRecordsEnd, object, s.begun.Reason); err != nil {
		s.api.log.Error("that the showing of call records ended is not in the audit log", "entry", s.begun.Seq, "error", err)
	}
}

// checkReason refuses a reason that is none, or that names a subscriber: the log is read by those who may not know. Numbers that the
// request names are found in it whatever their form.
func (a *api) checkReason(reason string, named ...binding.Number) error {
	if err := audit.CheckReason(reason); err != nil {
		return &binding.FieldError{Field: "reason", Err: err}
	}
	if text.Holds(&a.Bindings.Plan, []byte(reason)) {
		return errReasonNames
	}
	return reasonNamesNone(reason, named...)
}

// reasonNamesNone is checkReason for numbers that are seen behind it. Who may be shown them, or has named them, is told nothing by that.
func reasonNamesNone(reason string, numbers ...binding.Number) error {
	if binding.Mentions(reason, numbers...) {
		return errReasonNames
	}
	return nil
}

var errReasonNames error = &binding.FieldError{Field: "reason", Err: errors.New("it holds what reads like a subscriber's number; name the case, not the number")}

// blot masks what reads like a subscriber's number in the text of a tenant, and all digits where one may be within others.
func (a *api) blot(words string) string {
	plan := &a.Bindings.Plan
	words = string(text.Screen(plan, text.Mask, []byte(words)).Body)
	if !text.Holds(plan, []byte(words)) {
		return words
	}
	return strings.Map(func(r rune) rune {
		if _, _, ok := digit.Of(r); ok {
			return '*'
		}
		return r
	}, words)
}
