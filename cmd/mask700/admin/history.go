package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// HistoryRequest asks who held what: exactly one of the first four fields is given, a number only to /v1/history/number.
type HistoryRequest struct {
	X       string `json:"x,omitempty"`
	Number  string `json:"number,omitempty"`
	Order   string `json:"order,omitempty"`
	Consent string `json:"consent,omitempty"`

	At    time.Time `json:"at,omitzero"`     // held at this moment; instead of since and until
	Since time.Time `json:"since,omitzero"`  // held then or later
	Until time.Time `json:"until,omitzero"`  // held before then
	Calls bool      `json:"calls,omitempty"` // then the calls and texts over these bindings, those that ended in the window
	After string    `json:"after,omitempty"` // `next` of a line: what comes behind it
	Limit int       `json:"limit,omitempty"` // lines; at most 1000, 0: 100
}

// HistoryLine is a line of the answer: a stretch of time or, behind all of these, a call or text.
type HistoryLine struct {
	*HoldingView           // nil: it is a call
	Call         *cdr.View `json:"call,omitempty"`
	Next         string    `json:"next,omitempty"` // of the last line, where there are more: what to ask for as after
}

// HoldingView is a stretch of time in which 700 numbers were held, and the binding as it then was; its state is that of now.
type HoldingView struct {
	From time.Time  `json:"from"`
	To   *time.Time `json:"to"` // null: nothing says that it ends
	binding.View
}

// What the audit log calls a look at what was.
const (
	ActionHistory    = "history.number" // by a number; numbers stay masked
	ActionHistoryAll = "history.reveal"
	ActionHistoryEnd = "history.end" // how many there were, and which
)

// history answers for a 700 number, an order or a consent.
func (a *api) history(w http.ResponseWriter, r *http.Request) { a.answerHistory(w, r, false) }

// historyOfNumber answers for a subscriber's number.
func (a *api) historyOfNumber(w http.ResponseWriter, r *http.Request) { a.answerHistory(w, r, true) }

// answerHistory writes the stretches asked for, a JSON object a line, those that began last first, and then calls and
// texts, those that ended first first. Who looks for a person or is shown numbers is noted before the first, and
// behind the last what was shown.
func (a *api) answerHistory(w http.ResponseWriter, r *http.Request, byNumber bool) {
	var req HistoryRequest
	err := readJSON(w, r, &req)
	h := history{limit: req.Limit, calls: req.Calls}
	var q binding.HistoryQuery
	if err == nil {
		q, err = a.historyQuery(req, byNumber)
	}
	if err == nil {
		err = h.from(req.After)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	q.After = h.after
	show, shown, err := a.showHistory(r, q, byNumber)
	if err != nil {
		a.fail(w, err)
		return
	}
	defer shown.end()
	h.out, h.shown, h.show, h.now = &lineWriter{w: w, control: http.NewResponseController(w)}, shown, show, a.now()
	if !h.inCalls {
		err = h.holdings(r.Context(), a.Bindings.Store, q)
	}
	if err == nil && h.calls && !h.more {
		err = h.records(r.Context(), a.Records, q)
	}
	if err == nil {
		err = h.flush()
	}
	switch {
	case err == nil:
		h.out.begin()
	case !h.out.begun:
		a.fail(w, err)
	}
}

// history writes an answer. A line waits for the next, so that the last can say whether there is one.
type history struct {
	limit   int
	calls   bool   // they are asked for
	inCalls bool   // what is asked for begins among them
	seq     uint64 // behind this one
	after   string // or behind this stretch

	out   *lineWriter
	shown *shownHistory
	show  Show
	now   time.Time

	waits HistoryLine
	next  string // behind the line that waits
	lines int
	more  bool // there are more than may be
}

// callsAt is what the cursors of calls begin with: the number of a record follows.
const callsAt = "calls."

// from reads where an answer is to go on.
func (h *history) from(after string) (err error) {
	seq, inCalls := strings.CutPrefix(after, callsAt)
	if h.limit == 0 {
		h.limit = defaultPage
	}
	if !inCalls || !h.calls {
		h.after = after
		return nil
	}
	h.inCalls = true
	if h.seq, err = strconv.ParseUint(seq, 10, 64); err != nil {
		return &binding.FieldError{Field: "after", Err: binding.ErrCursor}
	}
	return nil
}

// add takes a line, and what comes behind it. errEnough: there is no room for it.
func (h *history) add(line HistoryLine, next string) error {
	if h.lines == h.limit {
		h.more = true
		return errEnough
	}
	err := h.write()
	h.waits, h.next = line, next
	h.lines++
	return err
}

func (h *history) write() error {
	if h.lines == 0 {
		return nil
	}
	return h.out.write(h.waits)
}

// flush writes the last line.
func (h *history) flush() error {
	if h.more {
		h.waits.Next = h.next
	}
	return h.write()
}

func (h *history) holdings(ctx context.Context, s binding.Store, q binding.HistoryQuery) error {
	q.Limit = h.limit + 1
	err := s.History(ctx, q, func(held binding.Holding) error {
		v := HoldingView{From: held.From, View: held.Binding.ViewWith(h.now, h.show)}
		if !held.To.IsZero() {
			v.To = &held.To
		}
		if err := h.add(HistoryLine{HoldingView: &v}, held.Cursor); err != nil {
			return err
		}
		h.shown.add(held.Binding.ID)
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	if h.calls && err == nil {
		h.next = callsAt + "0"
	}
	return err
}

func (h *history) records(ctx context.Context, all cdr.Reader, q binding.HistoryQuery) error {
	f := cdr.Filter{X: q.X, Number: q.Number, Order: q.Order, Consent: q.Consent, Since: q.Since, Until: q.Until, AfterSeq: h.seq, Limit: h.limit - h.lines + 1}
	err := all.Records(ctx, f, func(r cdr.Record) error {
		v := r.ViewWith(h.show)
		if err := h.add(HistoryLine{Call: &v}, callsAt+strconv.FormatUint(r.Seq, 10)); err != nil {
			return err
		}
		h.shown.addCall(r.Seq)
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (a *api) historyQuery(req HistoryRequest, byNumber bool) (binding.HistoryQuery, error) {
	q := binding.HistoryQuery{Order: req.Order, Consent: req.Consent, Since: req.Since, Until: req.Until}
	var err error
	switch {
	case byNumber != (req.Number != ""):
		return q, &binding.FieldError{Field: "number", Err: errors.New("a subscriber's number is asked for at /v1/history/number, and nothing else is there")}
	case !req.At.IsZero() && !(req.Since.IsZero() && req.Until.IsZero()):
		return q, &binding.FieldError{Field: "at", Err: errors.New("one moment, or a window: not both")}
	case req.Limit < 0 || req.Limit > maxPage:
		return q, &binding.FieldError{Field: "limit", Err: errors.New("from 1 to 1000")}
	case req.Calls && !req.At.IsZero():
		return q, &binding.FieldError{Field: "calls", Err: errors.New("they are listed in a window, not at a moment")}
	}
	if req.Number != "" {
		if q.Number, err = a.Bindings.Plan.ParseNumber(req.Number); err != nil {
			return q, &binding.FieldError{Field: "number", Err: err}
		}
	}
	if req.X != "" {
		if q.X, err = a.Bindings.Plan.ParseX(req.X); err != nil {
			return q, &binding.FieldError{Field: "x", Err: err}
		}
	}
	if !req.At.IsZero() {
		q = q.At(req.At)
	}
	return q, q.Check()
}

// shownHistory counts what is shown of a history that is noted; nil: it is not.
type shownHistory struct {
	api   *api
	r     *http.Request
	begun uint64 // number of the entry of its beginning
	count int
	ids   []string // the first ones
	last  string
	calls int
	seqs  [2]uint64 // the first and the last call
}

// showHistory says how numbers are shown, and notes that they are, or that a person is looked for.
func (a *api) showHistory(r *http.Request, q binding.HistoryQuery, byNumber bool) (Show, *shownHistory, error) {
	k := askOf(r.Context())
	if err := a.checkSearch(r.Context(), q.Number); err != nil {
		return nil, nil, err
	}
	if !k.reveal && !byNumber {
		return binding.Number.Masked, nil, nil
	}
	if k.reason == "" { // who came past the door
		return nil, nil, errNeedsReason
	}
	what, show := ActionHistory, Show(binding.Number.Masked)
	if k.reveal {
		what, show = ActionHistoryAll, a.whole
	}
	e, err := a.note(r, what, a.asked(q), k.reason)
	if err != nil {
		return nil, nil, err
	}
	return show, &shownHistory{api: a, r: r, begun: e.Seq}, nil
}

// asked is a question in words, without a real number.
func (a *api) asked(q binding.HistoryQuery) string {
	words := []string{a.filtered(binding.Filter{X: q.X, Number: q.Number, Order: q.Order})}
	if q.Consent != "" {
		words = []string{"consent " + a.blot(q.Consent)}
	}
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"since", q.Since}, {"until", q.Until}} {
		if !t.at.IsZero() {
			words = append(words, t.name+" "+t.at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.After != "" {
		words = append(words, "from a cursor on")
	}
	return strings.Join(words, ", ")
}

// add counts a binding that is about to be shown.
func (s *shownHistory) add(id string) {
	if s == nil {
		return
	}
	if s.count++; len(s.ids) < maxListed {
		s.ids = append(s.ids, id)
	}
	s.last = id
}

// addCall counts a call that is about to be shown.
func (s *shownHistory) addCall(seq uint64) {
	if s == nil {
		return
	}
	if s.calls++; s.calls == 1 {
		s.seqs[0] = seq
	}
	s.seqs[1] = seq
}

// end notes which there were. Where that fails the entry of the beginning stands, which has no bound.
func (s *shownHistory) end() {
	if s == nil {
		return
	}
	object := fmt.Sprintf("entry %d: %s", s.begun, listed("binding", s.ids))
	if s.count > len(s.ids) {
		object = fmt.Sprintf("entry %d: %d bindings %s … %s", s.begun, s.count, strings.Join(s.ids, " "), s.last)
	}
	if s.calls > 0 {
		object += fmt.Sprintf("; %d calls and texts, seq %d to %d", s.calls, s.seqs[0], s.seqs[1])
	}
	if _, err := s.api.note(s.r, ActionHistoryEnd, object, askOf(s.r.Context()).reason); err != nil {
		s.api.log.Error("what was shown of a history is not in the audit log", "entry", s.begun, "error", err)
	}
}
