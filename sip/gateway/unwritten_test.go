package gateway

import (
	"errors"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/binding/cdr/cdrtest"
)

func TestUnwrittenRowsAreBroughtAgain(t *testing.T) {
	j := &cdrtest.Journal{}
	j.Fail(errors.New("the disk is full"))
	u := newUnwritten(j)
	u.pause = time.Millisecond
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { u.run(stop); close(ended) }()
	for _, id := range []string{"one", "two", "three"} {
		if !u.rows.offer(cdr.Record{ID: id}) {
			t.Fatal("no room for a row")
		}
	}
	changed := j.Changed()
	j.Fail(nil)
	deadline := time.After(10 * time.Second)
	for len(j.Closed()) < 3 {
		select {
		case <-changed:
			changed = j.Changed()
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatalf("rows written: %d of 3", len(j.Closed()))
		}
	}
	for i, want := range []string{"one", "two", "three"} {
		if r := j.Closed()[i]; r.ID != want {
			t.Errorf("row %d is %q, want %q", i, r.ID, want)
		}
	}
	close(stop)
	<-ended
}

func TestAFailedClosingRowIsKept(t *testing.T) {
	w := newWorld(t)
	w.journal.Fail(errors.New("the disk is full"))
	w.send(w.peer, w.request("INVITE", "nobody", "13700000003", x, offer))
	w.expect(404, "INVITE") // the party is answered all the same
	w.journal.Fail(nil)
	deadline := time.Now().Add(20 * time.Second)
	for changed := w.journal.Changed(); len(w.journal.Closed()) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the row was never written")
		}
		select {
		case <-changed:
		case <-time.After(10 * time.Millisecond):
		}
	}
}
