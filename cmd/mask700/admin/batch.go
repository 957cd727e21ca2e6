package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"mask700/binding"
)

// batchWorkers is how many rows of a batch are at work at once: the store commits them together.
const batchWorkers = 32

// DeleteRow is a row of a batch that deletes.
type DeleteRow struct {
	ID string `json:"id"`
}

// batchBindings does a row after the other and answers with a result for each, in their order. Rows that leave the
// choice of X to us cannot be in each other's way and are done side by side.
func (a *api) batchBindings(w http.ResponseWriter, r *http.Request) {
	do := a.createRow
	switch r.URL.Query().Get("verb") {
	case "", "create":
	case "delete":
		unbind, err := a.unbind(r)
		if err != nil {
			a.fail(w, err)
			return
		}
		do = func(ctx context.Context, row []byte) (func() (binding.Binding, bool, error), bool) {
			return deleteRow(ctx, row, unbind)
		}
	default:
		a.fail(w, &binding.FieldError{Field: "verb", Err: errors.New("write create or delete")})
		return
	}
	if r.Header.Get(headerKey) != "" {
		a.fail(w, refuseKey("a batch has none; write one into each row that is to be done once"))
		return
	}
	data, err := readBody(w, r, maxBatchBody)
	if err != nil {
		a.fail(w, err)
		return
	}
	rows := bytes.Split(bytes.TrimRight(data, "\r\n"), []byte("\n"))
	if len(rows) > MaxBatchRows {
		a.fail(w, kindTooLarge.problem("more than 1000 rows; send them in several batches"))
		return
	}
	results := make([]BatchResult, len(rows))
	var running sync.WaitGroup
	slots := make(chan struct{}, batchWorkers)
	for i, row := range rows {
		row = bytes.TrimSpace(row)
		work, alone := do(r.Context(), row)
		if alone {
			running.Wait()
		}
		finish := func() {
			results[i] = BatchResult{Row: i + 1}
			b, again, err := work()
			if err != nil {
				results[i].Problem = problemOf(err)
				return
			}
			view := b.View(a.now())
			results[i].Binding, results[i].Again = &view, again
		}
		if alone {
			finish()
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			finish()
		})
	}
	running.Wait()
	a.answerRows(w, results)
}

// createRow returns the work of a row that creates, and whether it must be done alone: when it names its X, what
// was asked before must be there first and what is asked after must find it.
func (a *api) createRow(ctx context.Context, row []byte) (work func() (binding.Binding, bool, error), alone bool) {
	var req binding.Request
	err := decode(row, &req)
	return func() (binding.Binding, bool, error) {
		if err != nil {
			return binding.Binding{}, false, err
		}
		return a.Bindings.CreateAgain(ctx, req)
	}, req.X != "" || req.Y != ""
}

// deleteRow returns the work of a row that deletes.
func deleteRow(ctx context.Context, row []byte, unbind func(context.Context, string) (binding.Binding, error)) (work func() (binding.Binding, bool, error), alone bool) {
	var req DeleteRow
	err := decodeID(row, &req)
	return func() (binding.Binding, bool, error) {
		if err != nil {
			return binding.Binding{}, false, err
		}
		b, err := unbind(ctx, req.ID)
		return b, false, err
	}, false
}

// decodeID reads a row that names a binding; its other fields may be there, so that what a batch that created has
// answered, or a list, can be given back as it is.
func decodeID(row []byte, into *DeleteRow) error {
	var whole struct {
		DeleteRow
		Binding *DeleteRow `json:"binding"`
	}
	if err := json.Unmarshal(row, &whole); err != nil {
		return kindInvalid.problem("not a JSON object with an id; write {\"id\":\"…\"}")
	}
	*into = whole.DeleteRow
	if into.ID == "" && whole.Binding != nil {
		*into = *whole.Binding
	}
	if !goodID(into.ID) {
		return &binding.FieldError{Field: "id", Err: binding.ErrNotFound}
	}
	return nil
}

func (a *api) answerRows(w http.ResponseWriter, results []BatchResult) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime))
	w.Header().Set("Content-Type", "application/jsonl")
	enc := json.NewEncoder(w)
	for i := range results {
		if enc.Encode(&results[i]) != nil {
			return
		}
	}
}
