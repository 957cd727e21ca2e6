package admin

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"mask700/binding"
	"mask700/crash"
)

// barRow is a row of a batch for block lists.
type barRow struct {
	req     binding.BarRequest
	problem *Problem // nil: it can be read
}

// batchBars adds the rows and answers with a result for each, in their order. The audit log has each of them before the first is added.
func (a *api) batchBars(w http.ResponseWriter, r *http.Request) {
	if a.Bars == nil {
		a.fail(w, errNoBars)
		return
	}
	leave, err := a.room.enter(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	defer leave()
	texts, err := readRows(w, r)
	if err != nil {
		a.fail(w, err)
		return
	}
	rows := make([]barRow, len(texts))
	for i := range rows {
		a.readBar(texts[i], &rows[i])
	}
	if err := a.noteBars(r, rows); err != nil {
		a.fail(w, err)
		return
	}
	results := make([]BarResult, len(rows))
	inParallel(len(rows), func(i int) { results[i] = a.addBarRow(r.Context(), i+1, &rows[i]) })
	out := &lineWriter{w: w, control: http.NewResponseController(w)}
	for i := range results {
		if out.write(&results[i]) != nil {
			return
		}
	}
	out.begin()
}

// readBar reads a row.
func (a *api) readBar(text []byte, row *barRow) {
	defer a.failedRow(&row.problem)
	err := decode(bytes.TrimSpace(text), &row.req)
	if err == nil {
		err = a.checkReason(row.req.Reason)
	}
	if err != nil {
		row.problem = problemOf(err)
	}
}

// barsNoted is how many rows an entry of the audit log names: its line has an end, and each waits for the disk.
const barsNoted = 64

// ownReasons is the reason of an entry for rows that have several.
const ownReasons = "several; each entry of the list has its own"

// noteBars notes the rows that can be read, masked. Whom an entry bars is learnt from the calls that it refuses, by which it is named, and
// from one that was there already and is answered in its place: who puts all numbers on a list that a masked one may stand for finds which it
// is. So a batch of them is to be seen in the log, as each entry by itself is.
func (a *api) noteBars(r *http.Request, rows []barRow) error {
	for from := 0; from < len(rows); from += barsNoted {
		part := rows[from:min(from+barsNoted, len(rows))]
		words, reason := a.barWords(part)
		if words == "" {
			continue
		}
		object := fmt.Sprintf("rows %d to %d of %d: %s", from+1, from+len(part), len(rows), words)
		if _, err := a.note(r, whatBarAdd, object, reason); err != nil {
			return err
		}
	}
	return nil
}

// barWords is rows in words, without a real number, and why they are there. Rows that follow each other and read alike are counted.
func (a *api) barWords(rows []barRow) (words, reason string) {
	var all []string
	last, times := "", 0
	flush := func() {
		if times > 1 {
			last += fmt.Sprintf(" (%d times)", times)
		}
		if times > 0 {
			all = append(all, last)
		}
	}
	for i := range rows {
		if rows[i].problem != nil {
			continue
		}
		req := &rows[i].req
		b := binding.Bar{}
		b.Number, _ = a.Bindings.Plan.ParseNumber(req.Number) // the row is refused for what cannot be read
		b.Peer, _ = a.Bindings.Plan.ParseNumber(req.Peer)
		if b.Number.IsZero() {
			continue
		}
		if t, ok := a.Bindings.Store.Tenant(req.Tenant); ok {
			b.Tenant = t.Name
		}
		switch req.Direction {
		case binding.BarFrom, binding.BarTo, binding.BarBoth:
			b.Direction = req.Direction
		}
		if why := strings.TrimSpace(req.Reason); reason == "" {
			reason = why
		} else if reason != why {
			reason = ownReasons
		}
		if s := strings.TrimSpace(described(&b)); s == last {
			times++
		} else {
			flush()
			last, times = s, 1
		}
	}
	flush()
	return strings.Join(all, "; "), reason
}

// addBarRow does a row of a batch.
func (a *api) addBarRow(ctx context.Context, n int, row *barRow) (result BarResult) {
	result.Row = n
	if result.Problem = row.problem; result.Problem != nil {
		return result
	}
	defer a.failedRow(&result.Problem)
	b, err := a.Bindings.AddBar(ctx, a.Bars, row.req)
	if err != nil {
		result.Problem = problemOf(err)
		return result
	}
	v := b.View(a.now(), binding.Number.Masked)
	result.Entry = &v
	return result
}

// barsAtOnce is how many entries of a batch are written at once.
const barsAtOnce = 32

// inParallel calls each for 0 to n-1, so many at once as the store commits together, and waits for all. None may
// panic: nobody is above them to recover.
func inParallel(n int, each func(i int)) {
	var running sync.WaitGroup
	slots := make(chan struct{}, barsAtOnce)
	for i := range n {
		slots <- struct{}{}
		running.Go(func() {
			defer crash.Door()
			defer func() { <-slots }()
			each(i)
		})
	}
	running.Wait()
}
