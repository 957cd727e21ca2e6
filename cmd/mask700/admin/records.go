package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// listRecords writes the records selected, a JSON object a line, in order of seq; with follow=1 it then waits for
// more until the client goes.
func (a *api) listRecords(w http.ResponseWriter, r *http.Request) {
	f, err := recordFilter(r.URL.Query())
	follow := false
	if err == nil {
		follow, err = boolean(r.URL.Query(), "follow")
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	show, shown, err := a.showRecords(r, f, follow)
	if err != nil {
		a.fail(w, err)
		return
	}
	defer shown.end()
	out := &lineWriter{w: w, control: http.NewResponseController(w)}
	limit := f.Limit
	for {
		changed := a.Records.Changed()
		err := a.Records.Records(r.Context(), f, func(record cdr.Record) error {
			f.AfterSeq = max(f.AfterSeq, record.Seq)
			shown.add(record.Seq)
			return out.write(record.ViewWith(show))
		})
		if err != nil {
			if !out.begun {
				a.fail(w, err)
			}
			return // the answer has begun: that it breaks off is all that can be said
		}
		if limit > 0 && out.lines >= limit || !follow {
			out.begin()
			return
		}
		if limit > 0 {
			f.Limit = limit - out.lines
		}
		out.flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (a *api) getRecord(w http.ResponseWriter, r *http.Request) {
	record, err := a.Records.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		a.fail(w, err)
		return
	}
	show, err := a.show(r, ActionRecords, record.ID, numbersOf(&record)...)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, record.ViewWith(show))
}

func recordFilter(v url.Values) (cdr.Filter, error) {
	f := cdr.Filter{Binding: v.Get("binding")}
	var err error
	for _, t := range []struct {
		name string
		into *time.Time
	}{{"since", &f.Since}, {"until", &f.Until}} {
		if s := v.Get(t.name); s != "" {
			if *t.into, err = time.Parse(time.RFC3339, s); err != nil {
				return f, &binding.FieldError{Field: t.name, Err: errors.New("not a time in RFC 3339, such as 2026-01-02T15:04:05+08:00")}
			}
		}
	}
	if s := v.Get("after_seq"); s != "" {
		if f.AfterSeq, err = strconv.ParseUint(s, 10, 64); err != nil {
			return f, &binding.FieldError{Field: "after_seq", Err: errors.New("not a number from 0 on")}
		}
	}
	if f.Binding != "" && !goodID(f.Binding) {
		return f, &binding.FieldError{Field: "binding", Err: errors.New("not an id, which is letters alone")}
	}
	f.Limit, err = integer(v, "limit")
	return f, err
}

// lineWriter writes JSON lines. The header goes out with the first, so that an error before it still has a status.
type lineWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
	lines   int
}

func (l *lineWriter) begin() {
	if !l.begun {
		l.begun = true
		l.w.Header().Set("Content-Type", "application/jsonl")
		l.w.WriteHeader(http.StatusOK)
	}
}

func (l *lineWriter) write(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	l.begin()
	if l.lines%256 == 0 {
		l.extend()
	}
	l.lines++
	_, err = l.w.Write(append(data, '\n'))
	return err
}

// extend gives the client time for what comes next; what has no deadline is not concerned.
func (l *lineWriter) extend() { _ = l.control.SetWriteDeadline(time.Now().Add(answerTime)) }

func (l *lineWriter) flush() {
	l.begin()
	l.extend()
	_ = l.control.Flush() // the context ends when the client is gone
}
