package admin

import (
	"errors"
	"net/http"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// DialRequest asks for a call over a binding: one party is called first, and the other once it has answered.
type DialRequest struct {
	Binding     string `json:"binding"`                // its id
	From        string `json:"from,omitempty"`         // who is called first: "a" or "b"; empty: a
	Trunk       string `json:"trunk,omitempty"`        // that this party is called by; empty: the only one that has targets
	RingTimeout string `json:"ring_timeout,omitempty"` // how long its phone may ring, such as "20s"; empty: as any
}

// Order is a call that a Node is to make.
type Order struct {
	Binding string
	Edge    binding.Edge // of who is called first
	Trunk   string
	Ring    time.Duration
}

// Placed is what has become of an Order: the first party is being called, or the call is over before.
type Placed struct {
	ID      string // of the call and its record
	End     string // how it ended; "": the party is being called
	Status  int
	Refusal binding.Refusal
}

// ErrNotTaken: the server makes no calls now.
var ErrNotTaken = errors.New("the server takes no new calls: it is full, or being shut down; try again later")

// dial makes a call that the platform asks for, and answers as soon as its first party is being called.
func (a *api) dial(w http.ResponseWriter, r *http.Request) {
	var req DialRequest
	if err := readJSON(w, r, &req); err != nil {
		a.fail(w, err)
		return
	}
	order, err := a.order(r, &req)
	if err != nil {
		a.fail(w, err)
		return
	}
	placed, err := a.Node.Dial(r.Context(), order)
	if err == nil {
		err = placed.problem()
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	view, err := a.callView(r, placed.ID)
	if errors.Is(err, ErrUnknownCall) { // it has ended, and its record is on its way to the disk
		view, err = CallView{State: StateEnded, View: cdr.View{ID: placed.ID, Binding: order.Binding, Origin: cdr.OriginDial}}, nil
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusCreated, view)
}

// order finds what is asked for.
func (a *api) order(r *http.Request, req *DialRequest) (Order, error) {
	o := Order{Binding: req.Binding, Trunk: req.Trunk}
	if a.Node == nil {
		return o, ErrNoServer
	}
	if req.RingTimeout != "" {
		var err error
		if o.Ring, err = time.ParseDuration(req.RingTimeout); err != nil || o.Ring <= 0 {
			return o, &binding.FieldError{Field: "ring_timeout", Err: errors.New("is to be a time such as 20s")}
		}
	}
	if !goodID(req.Binding) {
		return o, binding.ErrNotFound
	}
	b, err := a.Bindings.Store.Binding(r.Context(), req.Binding)
	if err != nil {
		return o, err
	}
	switch b.State(a.now()) {
	case binding.StateExpired, binding.StateUnbound:
		return o, errEnded
	}
	o.Edge, err = b.CallFrom(req.From)
	return o, err
}

// errEnded: the number of a binding that is over may be another's by now.
var errEnded = kindConflict.problem("the binding has ended; make a new one, and ask for the call over that")

// problem is why nobody is called; nil: the first party is.
func (p *Placed) problem() error {
	if p.End == "" {
		return nil
	}
	r := cdr.Record{End: p.End, ReleasedBy: cdr.ByPlatform, SIPStatus: p.Status, Refusal: p.Refusal, Origin: cdr.OriginDial}
	k := kindConflict
	switch {
	case p.Status == http.StatusServiceUnavailable:
		k = kindUnavailable
	case p.Refusal == binding.RefusalNone:
		k = kindFailed
	}
	return k.problem("nobody was called: " + r.Why() + "; the record is " + p.ID)
}
