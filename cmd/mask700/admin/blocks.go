package admin

import (
	"errors"
	"net/http"

	"mask700/binding"
)

// BlockRequest asks for a block to be held.
type BlockRequest struct {
	Block  string `json:"block"`            // 11 digits
	Tenant string `json:"tenant,omitempty"` // whose bindings it is for; empty: "default", shared by all that have none
}

// notHeldError says of a block what binding.ErrNotHeld says of a number on it.
type notHeldError struct{}

func (notHeldError) Error() string { return "not held by this installation; list the blocks that are" }
func (notHeldError) Unwrap() error { return binding.ErrNotHeld }

// BlockList is the blocks held and how their numbers stand, in ascending order.
type BlockList struct {
	Blocks []binding.Stock `json:"blocks"`
}

func (a *api) listBlocks(w http.ResponseWriter, r *http.Request) {
	blocks, err := a.Bindings.Store.Stock(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	if blocks == nil {
		blocks = []binding.Stock{}
	}
	a.answer(w, http.StatusOK, BlockList{blocks})
}

func (a *api) addBlock(w http.ResponseWriter, r *http.Request) {
	var req BlockRequest
	if err := readJSON(w, r, &req); err != nil {
		a.fail(w, err)
		return
	}
	state, err := a.Bindings.AddBlockFor(r.Context(), req.Tenant, req.Block)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusCreated, state)
}

// BlockChange puts a block into another state: open, locked or draining.
type BlockChange struct {
	State string `json:"state"`
}

func (a *api) setBlock(w http.ResponseWriter, r *http.Request) {
	var change BlockChange
	if err := readJSON(w, r, &change); err != nil {
		a.fail(w, err)
		return
	}
	switch change.State {
	case binding.BlockOpen, binding.BlockLocked, binding.BlockDraining:
	default:
		a.fail(w, &binding.FieldError{Field: "state", Err: errors.New("not a state of a block; one of open, locked, draining")})
		return
	}
	block, err := binding.ParseBlock(r.PathValue("block"))
	var state binding.BlockState
	if err == nil {
		state, err = a.Bindings.Store.SetBlock(r.Context(), block, change.State)
	}
	if errors.Is(err, binding.ErrNotHeld) {
		err = notHeldError{}
	}
	if err != nil {
		a.fail(w, &binding.FieldError{Field: "block", Err: err})
		return
	}
	a.answer(w, http.StatusOK, state)
}

// NumberChange locks a number, or opens it again.
type NumberChange struct {
	Locked bool `json:"locked"`
}

func (a *api) lockNumber(w http.ResponseWriter, r *http.Request) {
	var change NumberChange
	if err := readJSON(w, r, &change); err != nil {
		a.fail(w, err)
		return
	}
	x, err := a.Bindings.Plan.ParseX(r.PathValue("x"))
	if err == nil {
		err = a.Bindings.Store.LockNumber(r.Context(), x, change.Locked)
	}
	if err != nil {
		a.fail(w, &binding.FieldError{Field: "x", Err: err})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *api) removeBlock(w http.ResponseWriter, r *http.Request) {
	block, err := binding.ParseBlock(r.PathValue("block"))
	if err != nil {
		a.fail(w, &binding.FieldError{Field: "block", Err: err})
		return
	}
	err = a.Bindings.Store.RemoveBlock(r.Context(), block)
	if errors.Is(err, binding.ErrNotHeld) {
		err = notHeldError{}
	}
	if err != nil {
		a.fail(w, &binding.FieldError{Field: "block", Err: err})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
