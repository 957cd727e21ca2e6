package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"mask700/binding"
	"mask700/crash"
)

// Bounds of batches. Rows are done side by side, because the store commits those that wait together with one sync; but all
// batches share so many, and what looks a number up for a call waits for a few of them at most.
const (
	batchRows   = 64  // rows at work at once, of all batches
	batchWindow = 512 // rows of one batch whose results may wait to be sent
	batches     = 4   // batches at once
	batchWait   = 10 * time.Second
)

// tooManyRows refuses a batch for its length.
var tooManyRows = fmt.Sprintf("more than %d rows; send them in several batches", MaxBatchRows)

// errBatches: there are as many batches as may be.
var errBatches = kindUnavailable.problem("other batches are at work; send it again")

// DeleteRow is a row of a batch that deletes.
type DeleteRow struct {
	ID             string `json:"id"`
	IdempotencyKey string `json:"idempotency_key,omitempty"` // the caller's name of this row, which is done once; "": none
}

// work is what is to be done for a row.
type work struct {
	do    func() (b binding.Binding, again bool, err error)
	names []string // of what it is about: rows with a name in common are done in their order
}

// batchBindings does the rows of a batch and answers with a result for each, in their order, as they come. A row that is refused does
// not stop the others.
func (a *api) batchBindings(w http.ResponseWriter, r *http.Request) {
	told := &rowConflicts{api: a, r: r}
	row := func(ctx context.Context, text []byte) work { return a.createRow(ctx, text, told) }
	switch r.URL.Query().Get("verb") {
	case "", "create":
	case "delete":
		unbind, err := a.unbind(r)
		if err != nil {
			a.fail(w, err)
			return
		}
		row = func(ctx context.Context, text []byte) work { return deleteRow(ctx, text, unbind) }
	default:
		a.fail(w, &binding.FieldError{Field: "verb", Err: errors.New("write create or delete")})
		return
	}
	if r.Header.Get(HeaderKey) != "" {
		a.fail(w, refuseKey("a batch has none; write one into each row that is to be done once"))
		return
	}
	leave, err := a.room.enter(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	defer leave()
	rows, err := readRows(w, r)
	if err != nil {
		a.fail(w, err)
		return
	}
	results := make(chan chan BatchResult, batchWindow)
	go crash.Guard(func() { a.doRows(r.Context(), rows, row, results) })()
	defer told.end()
	a.answerRows(w, results)
}

// room is what batches share.
type room struct {
	batches chan struct{} // a token for each that is read or done
	rows    chan struct{} // and for each of their rows at work
	wait    time.Duration // for one of the first
}

func newRoom() *room {
	return &room{batches: make(chan struct{}, batches), rows: make(chan struct{}, batchRows), wait: batchWait}
}

// enter waits until there is room for one more batch. Its body is not read before.
func (r *room) enter(ctx context.Context) (leave func(), err error) {
	timer := time.NewTimer(r.wait)
	defer timer.Stop()
	select {
	case r.batches <- struct{}{}:
		return func() { <-r.batches }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, errBatches
	}
}

// readRows reads the lines of a batch.
func readRows(w http.ResponseWriter, r *http.Request) ([][]byte, error) {
	data, err := readBody(w, r, maxBatchBody)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimRight(data, "\r\n")
	if bytes.Count(data, []byte("\n")) >= MaxBatchRows {
		return nil, kindTooLarge.problem(tooManyRows)
	}
	return bytes.Split(data, []byte("\n")), nil
}

// doRows begins one row after the other and hands out where the result of each will be, as far ahead as batchWindow lets it.
func (a *api) doRows(ctx context.Context, rows [][]byte, parse func(context.Context, []byte) work, results chan<- chan BatchResult) {
	defer close(results)
	last := make(map[string]chan struct{}) // when the last row with a name is done
	for i, text := range rows {
		result := make(chan BatchResult, 1)
		results <- result
		row := a.parseRow(ctx, text, parse)
		var before []chan struct{}
		done := make(chan struct{})
		for _, name := range row.names {
			if earlier := last[name]; earlier != nil && earlier != done {
				before = append(before, earlier)
			}
			last[name] = done
		}
		go func() {
			defer crash.Door()
			defer close(done)
			for _, earlier := range before {
				<-earlier
			}
			a.room.rows <- struct{}{}
			r := a.doRow(i+1, row)
			<-a.room.rows
			result <- r
		}()
	}
}

// parseRow is the work of a row. One at which parse fails by a fault of the program has this to say.
func (a *api) parseRow(ctx context.Context, text []byte, parse func(context.Context, []byte) work) (row work) {
	var fault *Problem
	defer func() {
		if fault != nil {
			row = work{do: func() (binding.Binding, bool, error) { return binding.Binding{}, false, fault }}
		}
	}()
	defer a.failedRow(&fault)
	return parse(ctx, bytes.TrimSpace(text))
}

func (a *api) doRow(n int, row work) (result BatchResult) {
	result.Row = n
	defer a.failedRow(&result.Problem)
	b, again, err := row.do()
	if err != nil {
		result.Problem = problemOf(err)
		return result
	}
	view := b.View(a.now())
	result.Binding, result.Again = &view, again
	return result
}

// createRow is the work of a row that creates. Of two that name one X, or one key, or ask for one thing that may be there, the second is to
// find what the first has done.
func (a *api) createRow(ctx context.Context, text []byte, told *rowConflicts) work {
	var req binding.Request
	if err := decode(text, &req); err != nil {
		return work{do: func() (binding.Binding, bool, error) { return binding.Binding{}, false, err }}
	}
	row := work{do: func() (binding.Binding, bool, error) {
		b, again, err := a.Bindings.CreateAgain(ctx, req)
		if err != nil {
			err = told.refused(&req, err)
		}
		return b, again, err
	}}
	for _, number := range []string{req.X, req.Y} {
		if x, err := a.Bindings.Plan.ParseX(number); err == nil {
			row.names = append(row.names, "number "+x.String())
		}
	}
	if req.IdempotencyKey != "" {
		row.names = append(row.names, "key "+req.IdempotencyKey)
	}
	if req.Reuse {
		row.names = append(row.names, "order "+req.Order)
	}
	return row
}

// deleteRow is the work of a row that deletes.
func deleteRow(ctx context.Context, text []byte, unbind func(ctx context.Context, id, key string) (binding.Binding, error)) work {
	var req DeleteRow
	if err := decodeID(text, &req); err != nil {
		return work{do: func() (binding.Binding, bool, error) { return binding.Binding{}, false, err }}
	}
	row := work{names: []string{req.ID}, do: func() (binding.Binding, bool, error) {
		b, err := unbind(ctx, req.ID, req.IdempotencyKey)
		return b, false, err
	}}
	if req.IdempotencyKey != "" {
		row.names = append(row.names, "key "+req.IdempotencyKey)
	}
	return row
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
		into.ID = whole.Binding.ID
	}
	if !goodID(into.ID) {
		return &binding.FieldError{Field: "id", Err: binding.ErrNotFound}
	}
	return nil
}

// answerRows sends the results as they come. When the client is gone the rows that are left are refused by the end of its request, and
// waited for all the same. So they are by a fault of the program here: who does them would wait for ever for somebody to take their results.
func (a *api) answerRows(w http.ResponseWriter, results <-chan chan BatchResult) {
	defer func() {
		for result := range results {
			<-result
		}
	}()
	deadline := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/jsonl")
	enc := json.NewEncoder(w)
	gone := false
	for result := range results {
		r := <-result
		if gone {
			continue
		}
		_ = deadline.SetWriteDeadline(time.Now().Add(answerTime))
		gone = enc.Encode(&r) != nil
	}
}
