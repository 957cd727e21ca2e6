package cdrtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"mask700/binding/cdr"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func record(id string) cdr.Record { return cdr.Record{ID: id, ReceivedAt: noon, ReleasedAt: noon} }

// open and closing wait for the commit and return what done was told.
func open(j *Journal, r cdr.Record) error {
	var got error
	j.Open(r, func(err error) { got = err })
	j.Wait()
	return got
}

func closing(j *Journal, r cdr.Record) (seq uint64, err error) {
	j.Close(r, func(s uint64, e error) { seq, err = s, e })
	j.Wait()
	return seq, err
}

func ids(rows []cdr.Record) string {
	var all []string
	for _, r := range rows {
		all = append(all, fmt.Sprint(r.ID, r.Seq))
	}
	return strings.Join(all, " ")
}

func TestOpenAndClose(t *testing.T) {
	var j Journal
	if err := open(&j, record("a")); err != nil {
		t.Fatal(err)
	}
	if got := ids(j.Opened()); got != "a0" {
		t.Errorf("open are %s", got)
	}
	if got := ids(j.Closed()); got != "" || j.LastSeq() != 0 {
		t.Errorf("closed are %s", got)
	}
	r := record("a")
	r.End, r.Seq = cdr.EndCompleted, 99
	if seq, err := closing(&j, r); seq != 1 || err != nil {
		t.Errorf("closed as %d, %v", seq, err)
	}
	if got := ids(j.Opened()); got != "" {
		t.Errorf("open are %s", got)
	}
	if got := j.Closed(); len(got) != 1 || got[0].Seq != 1 || got[0].End != cdr.EndCompleted || j.LastSeq() != 1 {
		t.Errorf("closed are %+v", got)
	}
}

func TestSeqHasNoGaps(t *testing.T) {
	var j Journal
	for _, id := range []string{"a", "b", "c"} {
		if err := open(&j, record(id)); err != nil {
			t.Fatal(err)
		}
	}
	for i, id := range []string{"c", "refused", "a", "b"} {
		if seq, err := closing(&j, record(id)); seq != uint64(i)+1 || err != nil {
			t.Errorf("%s: %d, %v", id, seq, err)
		}
		if _, err := closing(&j, record(id)); !errors.Is(err, cdr.ErrClosed) {
			t.Errorf("%s closed twice: %v", id, err)
		}
	}
	if got := ids(j.Closed()); got != "c1 refused2 a3 b4" {
		t.Errorf("closed are %s", got)
	}
}

func TestAnIDIsOpenedOnce(t *testing.T) {
	var j Journal
	if err := open(&j, record("a")); err != nil {
		t.Fatal(err)
	}
	if err := open(&j, record("a")); !errors.Is(err, cdr.ErrOpen) {
		t.Errorf("opened twice: %v", err)
	}
	if _, err := closing(&j, record("a")); err != nil {
		t.Fatal(err)
	}
	if err := open(&j, record("a")); !errors.Is(err, cdr.ErrClosed) {
		t.Errorf("opened after closing: %v", err)
	}
}

func TestCommitsAreMadeInOrder(t *testing.T) {
	var j Journal
	j.Hold(true)
	var told []string
	for i := range 50 {
		id := fmt.Sprintf("%02d", i)
		j.Open(record(id), func(error) { told = append(told, "o"+id) })
		j.Close(record(id), func(seq uint64, _ error) { told = append(told, fmt.Sprint("c", seq)) })
	}
	j.Wait()
	if len(told) != 0 || len(j.Opened()) != 0 {
		t.Fatal("commits were made while they were held back")
	}
	j.Hold(false)
	j.Wait()
	for i := range 50 {
		if told[2*i] != fmt.Sprintf("o%02d", i) || told[2*i+1] != fmt.Sprint("c", i+1) {
			t.Fatalf("told in the order %v", told)
		}
	}
}

// TestDoneMayAskForMore: a call that was opened goes on from there.
func TestDoneMayAskForMore(t *testing.T) {
	var j Journal
	finished := make(chan uint64)
	j.Open(record("a"), func(error) {
		j.Close(record("a"), func(seq uint64, _ error) { finished <- seq })
	})
	if seq := <-finished; seq != 1 {
		t.Errorf("closed as %d", seq)
	}
	j.Wait()
}

func TestAskingDoesNotBlock(t *testing.T) {
	var j Journal
	var mu sync.Mutex // held by who asks, wanted by done
	mu.Lock()
	told := make(chan struct{})
	j.Open(record("a"), func(error) {
		mu.Lock()
		defer mu.Unlock()
		close(told)
	})
	mu.Unlock()
	<-told
}

func TestFail(t *testing.T) {
	var j Journal
	if err := open(&j, record("a")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	j.Fail(broken)
	if err := open(&j, record("b")); err != broken {
		t.Errorf("opened: %v", err)
	}
	if seq, err := closing(&j, record("a")); err != broken || seq != 0 {
		t.Errorf("closed: %d, %v", seq, err)
	}
	j.Fail(nil)
	if got := ids(j.Opened()); got != "a0" {
		t.Errorf("open are %s", got)
	}
	if seq, err := closing(&j, record("a")); seq != 1 || err != nil {
		t.Errorf("after it recovered: %d, %v", seq, err)
	}
}

func TestRecords(t *testing.T) {
	var j Journal
	for i := range 6 {
		r := record(string(rune('a' + i)))
		r.ReleasedAt = noon.Add(time.Duration(i) * time.Minute)
		r.Binding = []string{"even", "odd"}[i%2]
		if _, err := closing(&j, r); err != nil {
			t.Fatal(err)
		}
	}
	for want, f := range map[string]cdr.Filter{
		"a1 b2 c3 d4 e5 f6": {},
		"a1 b2":             {Limit: 2},
		"d4 e5 f6":          {AfterSeq: 3},
		"d4":                {AfterSeq: 3, Limit: 1},
		"c3 d4 e5":          {Since: noon.Add(2 * time.Minute), Until: noon.Add(5 * time.Minute)},
		"b2 d4 f6":          {Binding: "odd"},
		"d4 f6":             {Binding: "odd", AfterSeq: 2, Limit: 2},
		"":                  {AfterSeq: 6},
	} {
		var rows []cdr.Record
		err := j.Records(t.Context(), f, func(r cdr.Record) error { rows = append(rows, r); return nil })
		if err != nil || ids(rows) != want {
			t.Errorf("%+v: %s, %v, want %s", f, ids(rows), err, want)
		}
	}
	enough, seen := errors.New("enough"), 0
	if err := j.Records(t.Context(), cdr.Filter{}, func(cdr.Record) error { seen++; return enough }); err != enough || seen != 1 {
		t.Errorf("stopped with %v after %d", err, seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := j.Records(ctx, cdr.Filter{}, func(cdr.Record) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := j.Record(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRecord(t *testing.T) {
	var j Journal
	if err := open(&j, record("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Record(t.Context(), "a"); !errors.Is(err, cdr.ErrNotFound) {
		t.Errorf("an open record: %v", err)
	}
	if _, err := closing(&j, record("a")); err != nil {
		t.Fatal(err)
	}
	if r, err := j.Record(t.Context(), "a"); err != nil || r.Seq != 1 {
		t.Errorf("found %+v, %v", r, err)
	}
}

// TestFollow reads as a follower does, while calls are closed.
func TestFollow(t *testing.T) {
	var j Journal
	const calls = 100
	go func() {
		for i := range calls {
			j.Open(record(fmt.Sprint(i)), func(error) {})
			j.Close(record(fmt.Sprint(i)), func(uint64, error) {})
		}
	}()
	seen := uint64(0)
	for seen < calls {
		changed := j.Changed()
		if err := j.Records(t.Context(), cdr.Filter{AfterSeq: seen}, func(r cdr.Record) error {
			if r.Seq != seen+1 {
				t.Fatalf("seq %d after %d", r.Seq, seen)
			}
			seen = r.Seq
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if seen < calls {
			<-changed
		}
	}
}

func TestChangedOnlyByClosing(t *testing.T) {
	var j Journal
	changed := j.Changed()
	if err := open(&j, record("a")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
		t.Error("an opening row changed what can be read")
	default:
	}
	if _, err := closing(&j, record("a")); err != nil {
		t.Fatal(err)
	}
	<-changed
	select {
	case <-j.Changed():
		t.Error("the next channel is closed before anything happened")
	default:
	}
}
