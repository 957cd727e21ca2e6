package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"mask700/binding"
	"mask700/store"
)

// Keys is what the handlers ask of a store's keys; *store.DB is one.
type Keys interface {
	DataKeys() ([]store.DataKey, error)
	RotateKeys(ctx context.Context) error
	RotateMaster(ctx context.Context) (store.NewMaster, error)
	DestroyKeys(ctx context.Context, e store.Erasure, begin func(keys int) error) (store.Erased, error)
}

// KeyList is the data keys of a store.
type KeyList struct {
	Keys []store.DataKey `json:"keys"`
}

// RotateRequest asks for new keys.
type RotateRequest struct {
	Master bool `json:"master"` // for a new master key; else for new data keys
}

// Rotated says what became of that.
type Rotated struct {
	Master string `json:"master,omitempty"` // fingerprint of the new master key
	File   string `json:"file,omitempty"`   // where it is
	Put    string `json:"put,omitempty"`    // into which place it has to be put before the next start, which deletes the file
}

// DestroyRequest asks that keys be destroyed, and with them all that they sealed.
type DestroyRequest struct {
	Tenant string    `json:"tenant"`
	All    bool      `json:"all"`    // of every tenant, and of rows that have none
	Before time.Time `json:"before"` // whose month or day had ended by then
	Reason string    `json:"reason"` // for the audit log; needed
}

// Destroyed says what was destroyed.
type Destroyed struct {
	Keys  int    `json:"keys"`
	Index uint64 `json:"index_entries"` // by number and order, deleted
}

// What the audit log calls what was done with keys.
const (
	whatRotate  = "key.rotate"
	whatDestroy = "key.destroy"
)

var errNoKeys = errors.New("this store has no keys to see to")

func (a *api) listKeys(w http.ResponseWriter, _ *http.Request) {
	if a.Keys == nil {
		a.fail(w, errNoKeys)
		return
	}
	keys, err := a.Keys.DataKeys()
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, KeyList{Keys: keys})
}

// rotateKeys is noted before it is done.
func (a *api) rotateKeys(w http.ResponseWriter, r *http.Request) {
	var req RotateRequest
	if err := readJSON(w, r, &req); err != nil {
		a.fail(w, err)
		return
	}
	object := "data keys"
	if req.Master {
		object = "master key"
	}
	if a.Keys == nil {
		a.fail(w, errNoKeys)
		return
	}
	if _, err := a.note(r, whatRotate, object, "rotation"); err != nil {
		a.fail(w, err)
		return
	}
	var done Rotated
	var err error
	if req.Master {
		var m store.NewMaster
		m, err = a.Keys.RotateMaster(r.Context())
		done = Rotated{Master: m.Fingerprint, File: m.File, Put: m.Put}
	} else {
		err = a.Keys.RotateKeys(r.Context())
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, done)
}

// destroyKeys notes what is to be destroyed once nothing is in the way, and before it is.
func (a *api) destroyKeys(w http.ResponseWriter, r *http.Request) {
	var req DestroyRequest
	if err := readJSON(w, r, &req); err != nil {
		a.fail(w, err)
		return
	}
	var bad *binding.FieldError
	switch {
	case req.All == (req.Tenant != ""):
		bad = &binding.FieldError{Field: "tenant", Err: errors.New("name a tenant, or all of them")}
	case req.Before.IsZero():
		bad = &binding.FieldError{Field: "before", Err: errors.New("a moment is needed: keys are destroyed whose month or day had ended by then")}
	}
	if bad != nil {
		a.fail(w, bad)
		return
	}
	if err := a.checkReason(req.Reason); err != nil {
		a.fail(w, err)
		return
	}
	if a.Keys == nil {
		a.fail(w, errNoKeys)
		return
	}
	gone, err := a.Keys.DestroyKeys(r.Context(), store.Erasure{Tenant: req.Tenant, All: req.All, Before: req.Before}, func(n int) error {
		whose := "tenant " + req.Tenant
		if req.All {
			whose = "all tenants"
		}
		_, err := a.note(r, whatDestroy, fmt.Sprintf("%d keys of %s before %s", n, whose, req.Before.UTC().Format(time.RFC3339)), req.Reason)
		return err
	})
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, Destroyed{Keys: gone.Keys, Index: gone.Index})
}
