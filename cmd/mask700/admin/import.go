package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"sync"
	"time"

	"mask700/binding"
	"mask700/crash"
	"mask700/store"
)

// Bounds of a piece of an import: its rows are checked and written together, in memory that is about ten times as large.
const (
	// MaxImportRows and MaxImportBytes are how many rows, and bytes of them, a piece may have.
	MaxImportRows  = 100_000
	MaxImportBytes = 32 << 20

	imports     = 1   // at once
	importShare = 256 // rows that one goroutine checks at a time
)

var tooManyImported = fmt.Sprintf("more than %d rows; send them in several pieces", MaxImportRows)

// ImportLine is a line of the answer to a piece of an import: what became of a row, one of Binding and Problem, or in the last line what
// became of all.
type ImportLine struct {
	Row     int           `json:"row,omitempty"` // from 1
	Binding *binding.View `json:"binding,omitempty"`
	Problem *Problem      `json:"error,omitempty"`
	Done    *ImportDone   `json:"done,omitempty"`
}

// ImportDone is what became of the rows of a piece.
type ImportDone struct {
	Taken   int `json:"taken"`
	Before  int `json:"before,omitempty"` // of those, how many were when they were sent before
	Refused int `json:"refused"`
}

// importBindings takes a piece of an import: the rows are bound together, and the answer has those that were refused, with all=1 the
// others too, and in the last line how many there were. With name=NAME and row=N, the number of the first row in the whole of the
// import, a piece can be sent again: what was bound is not bound twice.
func (a *api) importBindings(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(HeaderKey) != "" {
		a.fail(w, refuseKey("an import has none; it has a name, and each row its number"))
		return
	}
	name, first, err := importName(r.URL.Query())
	if err != nil {
		a.fail(w, err)
		return
	}
	leave, err := a.importing.enter(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	defer leave()
	rows, err := readImport(w, r)
	if err != nil {
		a.fail(w, err)
		return
	}
	p := piece{api: a, ctx: r.Context(), name: name, first: first, rows: rows, problems: make([]*Problem, len(rows)), told: &rowConflicts{api: a, r: r}}
	defer p.told.end()
	p.do()
	p.answer(w, r.URL.Query().Get("all") == "1")
}

// importName is how an import is called, "" for one that cannot be sent again, and the number of the first row in it.
func importName(query url.Values) (name string, first int, err error) {
	if !query.Has("name") {
		return "", 1, nil
	}
	name = query.Get("name")
	if err := binding.CheckImportName(name); err != nil {
		return "", 0, &binding.FieldError{Field: "name", Err: err}
	}
	if first, err = strconv.Atoi(query.Get("row")); err != nil || first < 1 {
		return "", 0, &binding.FieldError{Field: "row", Err: errImportRow}
	}
	return name, first, nil
}

var errImportRow = errors.New("not the number of a row in the import; rows are counted from 1")

// readImport reads the lines of a piece.
func readImport(w http.ResponseWriter, r *http.Request) ([][]byte, error) {
	data, err := readBody(w, r, MaxImportBytes)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimRight(data, "\r\n")
	if bytes.Count(data, []byte("\n")) >= MaxImportRows {
		return nil, kindTooLarge.problem(tooManyImported)
	}
	return bytes.Split(data, []byte("\n")), nil
}

// piece is the rows of one request.
type piece struct {
	api      *api
	ctx      context.Context
	name     string // of the import; "": it has none
	first    int    // number of the first row in the import
	rows     [][]byte
	problems []*Problem // of each row; nil: it was taken
	told     *rowConflicts

	ready []binding.Binding // of the rows without a problem, in their order
	rowOf []int             // of each of ready

	before int // rows that were bound when they were sent before
}

// do checks the rows, on all processors, and writes those that are right.
func (p *piece) do() {
	all := make([]binding.Binding, len(p.rows))
	p.inShares(len(p.rows), func(i int) {
		defer p.api.failedRow(&p.problems[i])
		req, err := p.request(i)
		if err == nil {
			all[i], err = p.bindingOf(req, i)
		}
		if err != nil {
			p.problems[i] = problemOf(err)
		}
	})
	p.ready = all[:0]
	for i := range all {
		if p.problems[i] == nil {
			p.ready, p.rowOf = append(p.ready, all[i]), append(p.rowOf, i)
		}
	}
	if len(p.ready) == 0 {
		return
	}
	var stalled error // the disk stands: it is waited for once, not for each row
	for k, err := range p.api.Bindings.Import(p.ctx, p.ready) {
		if err == nil {
			continue
		}
		i := p.rowOf[k]
		if p.name != "" && stalled != nil {
			err = stalled
		} else if p.name != "" { // whatever is in the way by now, it may have been bound before
			switch bound, had := p.api.Bindings.Imported(p.ctx, &p.ready[k]); {
			case had == nil:
				p.ready[k], p.before = bound, p.before+1
				continue
			case errors.Is(had, store.ErrStalled):
				stalled, err = had, had
			case !errors.Is(had, binding.ErrNotFound):
				err = had
			}
		}
		if req, again := p.request(i); again == nil { // as before
			err = p.told.refused(&req, err)
		}
		p.problems[i] = problemOf(err)
	}
}

// bindingOf is what a row asks for.
func (p *piece) bindingOf(req binding.Request, i int) (binding.Binding, error) {
	if p.name == "" {
		return p.api.Bindings.Ready(p.ctx, req)
	}
	return p.api.Bindings.ReadyAs(p.ctx, req, p.name, p.first+i)
}

func (p *piece) request(i int) (req binding.Request, err error) {
	text := bytes.TrimSpace(p.rows[i])
	if req.UnmarshalJSON(text) == nil {
		return req, nil
	}
	req = binding.Request{}
	err = decode(text, &req) // which says what is wrong
	return req, err
}

// inShares calls do for every number below n, from a goroutine for each processor.
func (p *piece) inShares(n int, do func(i int)) {
	shares := make(chan int, n/importShare+1)
	for from := 0; from < n; from += importShare {
		shares <- from
	}
	close(shares)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(crash.Guard(func() {
			for from := range shares {
				for i := from; i < min(from+importShare, n); i++ {
					do(i)
				}
			}
		}))
	}
	all.Wait()
}

// answer sends what became of the rows.
func (p *piece) answer(w http.ResponseWriter, everyRow bool) {
	deadline := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/jsonl")
	enc := json.NewEncoder(w)
	tell := func(line ImportLine) bool {
		_ = deadline.SetWriteDeadline(time.Now().Add(answerTime))
		return enc.Encode(&line) == nil
	}
	done := ImportDone{Before: p.before}
	k := 0 // in ready
	for i, problem := range p.problems {
		line := ImportLine{Row: i + 1, Problem: problem}
		var b *binding.Binding
		if k < len(p.rowOf) && p.rowOf[k] == i {
			b = &p.ready[k]
			k++
		}
		switch {
		case problem != nil:
			done.Refused++
		case everyRow:
			view := b.View(p.api.now())
			line.Binding = &view
			done.Taken++
		default:
			done.Taken++
			continue
		}
		if !tell(line) {
			return
		}
	}
	tell(ImportLine{Done: &done})
}
