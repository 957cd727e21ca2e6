package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"mask700/binding"
	"mask700/media/record/archive"
	"mask700/store"
)

// Eraser is what the handlers ask of a store to have a person erased; *store.DB is one.
type Eraser interface {
	ErasePerson(ctx context.Context, who binding.Number, reason string, recordings bool, begin func(id string) error, done func(store.PersonErased) error) (store.PersonErased, error)
}

// EraseRequest asks that a subscriber's number be taken out of everything.
type EraseRequest struct {
	Number     string `json:"number"`
	Reason     string `json:"reason"`     // for the audit log; needed
	Hard       bool   `json:"hard"`       // bindings of the number that live are ended first, with their calls
	Recordings bool   `json:"recordings"` // those of its calls are deleted, whatever their time
}

// ErasedPerson is the receipt.
type ErasedPerson struct {
	store.PersonErased
	Deleted int    `json:"recordings_deleted"`
	Seq     uint64 `json:"audit_seq"`  // of the entry that says that it is done
	Hash    string `json:"audit_hash"` // of that entry
}

// What the audit log calls an erasure.
const (
	whatErase     = "person.erase"
	WhatEraseDone = "person.erased"

	WhatEraseRefused = "person.erase.refused"
)

var errNoEraser = errors.New("nobody can be erased from this store here")

// erasePerson has a person erased. The audit log has that it begins before anything is changed, and the account before it
// counts as done.
func (a *api) erasePerson(w http.ResponseWriter, r *http.Request) {
	var req EraseRequest
	err := readJSON(w, r, &req)
	var who binding.Number
	if err == nil {
		if who, err = a.Bindings.Plan.ParseNumber(req.Number); err != nil {
			err = &binding.FieldError{Field: "number", Err: err}
		}
	}
	if err == nil { // the entry outlives what is erased
		err = a.checkReason(req.Reason, who)
	}
	if err == nil && a.Eraser == nil {
		err = errNoEraser
	}
	if err == nil && req.Hard {
		err = a.endAll(r, who, req.Reason)
	}
	var done ErasedPerson
	if err == nil {
		begin := func(id string) error {
			_, err := a.note(r, whatErase, "erasure "+id+" of number "+who.String(), req.Reason)
			return err
		}
		done.PersonErased, err = a.Eraser.ErasePerson(r.Context(), who, req.Reason, req.Recordings, begin, func(p store.PersonErased) error {
			if p.DeleteRecordings {
				if done.Deleted, err = RemoveRecordings(a.Recordings, p.Recordings); err != nil {
					return err
				}
			}
			e, err := a.note(r, WhatEraseDone, ErasureDone(p, done.Deleted), req.Reason)
			done.Seq, done.Hash = e.Seq, e.Hash
			return err
		})
		err = a.refusedErasure(r, who, req.Reason, err)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, done)
}

// refusedErasure is the refusal of an erasure, noted where it tells that the number is bound, or in a call: by that alone somebody
// could look for numbers. What cannot be noted is not told.
func (a *api) refusedErasure(r *http.Request, who binding.Number, reason string, err error) error {
	what := ""
	switch {
	case errors.Is(err, store.ErrLiveBindings):
		what = "bindings of it are live"
	case errors.Is(err, store.ErrCallsGoOn):
		what = "calls of it go on"
	default:
		return err
	}
	if _, failed := a.note(r, WhatEraseRefused, "number "+who.String()+": "+what, reason); failed != nil {
		return failed
	}
	return err
}

// endAll ends what lives of a number's bindings, or will by a clock that was set back, and the calls over them. Those that it has left are of others.
func (a *api) endAll(r *http.Request, who binding.Number, reason string) error {
	var ids []string
	err := a.Bindings.Store.List(r.Context(), binding.Filter{Number: who}, func(b binding.Binding) error {
		if b.EndedAt.IsZero() && b.State(a.now()) != binding.StateExpired && b.HasParty(who) {
			ids = append(ids, b.ID)
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	if _, err := a.note(r, whatErase, "number "+who.String()+", ended first: "+listed("binding", ids), reason); err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := a.Bindings.End(r.Context(), id); err != nil {
			return err
		}
		if a.Node != nil {
			a.Node.HangupBinding(r.Context(), id)
		}
	}
	return nil
}

// RemoveRecordings deletes those that are there still. No shelf: there are none.
func RemoveRecordings(shelf *archive.Shelf, ids []string) (deleted int, err error) {
	if shelf == nil {
		return 0, nil
	}
	for _, id := range ids {
		gone, err := shelf.Remove(id)
		if err != nil {
			return deleted, err
		}
		if gone {
			deleted++
		}
	}
	return deleted, nil
}

// ErasureDone is what the audit log says of an erasure that is done, with how many recordings were deleted.
func ErasureDone(p store.PersonErased, deleted int) string {
	return fmt.Sprintf("%s; %d of %d recordings", p, deleted, len(p.Recordings))
}
