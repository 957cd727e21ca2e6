package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// patience bounds the wait for an answer that must come.
const patience = 30 * time.Second

// closing is the answer of Close.
type closing struct {
	seq uint64
	err error
}

func await[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("no answer")
		panic("unreachable")
	}
}

func openRecord(t testing.TB, j cdr.Journal, r cdr.Record) error {
	t.Helper()
	c := make(chan error, 2)
	j.Open(r, func(err error) { c <- err })
	return await(t, c)
}

func closeRecord(t testing.TB, j cdr.Journal, r cdr.Record) (uint64, error) {
	t.Helper()
	c := make(chan closing, 2)
	j.Close(r, func(seq uint64, err error) { c <- closing{seq, err} })
	a := await(t, c)
	return a.seq, a.err
}

// record is the least record there is.
func record(id string) cdr.Record {
	return cdr.Record{ID: id, ReceivedAt: start, ReleasedAt: at(time.Minute), End: cdr.EndCompleted}
}

// fullRecord has every field set, and every flow another value.
func fullRecord(t testing.TB, id string) cdr.Record {
	return cdr.Record{
		ID: id, Binding: "binding", Order: "订单 17", Tenant: "tenant", IndustrialID: "700.100.1/x", Data: "\x00\xff",
		TrunkIn: "in", TrunkOut: "out",
		CallerIn: cdr.Party{Number: subscriber(t, 1)}, CalleeIn: cdr.Party{X: block.Number(1)},
		CallerOut: cdr.Party{X: block.Number(2)}, CalleeOut: cdr.Party{Number: subscriber(t, 2)},
		ReceivedAt: at(1), RingingAt: at(time.Second), AnsweredAt: at(2 * time.Second), ReleasedAt: at(time.Minute + 1),
		ReleasedBy: cdr.ByCallee, SIPStatus: 200, Q850: 16, End: cdr.EndCompleted, Refusal: binding.RefusalOneWay,
		Media: cdr.Media{Codec: "PCMA", End: "timeout",
			AtoB: cdr.Flow{Packets: 1, Kernel: 26, Bytes: 1 << 40, Lost: 3, Refused: 4, Dropped: 28, JitterMS: 0.5, MaxJitterMS: 0.75, MOS: 4.4, Path: cdr.PathKernel},
			BtoA: cdr.Flow{Packets: 6, Kernel: 27, Bytes: 7, Lost: 8, Refused: 9, Dropped: 29, JitterMS: 1e-9, MaxJitterMS: 2.5, MOS: 1, Path: cdr.PathUser},
			Path: "kernel", Caller: cdr.Leg{RoundTripMS: 10.5, Lost: 11, JitterMS: 12, MOS: 3},
			Callee: cdr.Leg{RoundTripMS: 13, Lost: 14, JitterMS: 15, MOS: 2.5}, Recording: cdr.Recording{ID: id, Bytes: 16, Lost: 17},
			Video: cdr.Video{Codec: "H264", AtoB: cdr.VideoFlow{Packets: 18, Bytes: 19, Lost: 20, Refused: 21}, BtoA: cdr.VideoFlow{Packets: 22, Bytes: 23, Lost: 24, Refused: 25}}},
	}
}

func records(t testing.TB, r cdr.Reader, f cdr.Filter) []cdr.Record {
	t.Helper()
	var all []cdr.Record
	err := r.Records(context.Background(), f, func(rec cdr.Record) error {
		all = append(all, rec)
		return nil
	})
	if err != nil {
		t.Fatalf("records: %v", err)
	}
	return all
}

func seqs(all []cdr.Record) string {
	var out []uint64
	for _, r := range all {
		out = append(out, r.Seq)
	}
	return fmt.Sprint(out)
}

func everyFieldOfRecord(t *testing.T, j cdr.Journal, r cdr.Reader) {
	ctx := context.Background()
	if r.LastSeq() != 0 {
		t.Errorf("an empty journal has seq %d", r.LastSeq())
	}
	_, err := r.Record(ctx, "x")
	wantError(t, "no record", err, cdr.ErrNotFound)
	whole := fullRecord(t, "whole")
	if err := openRecord(t, j, cdr.Record{ID: "whole", ReceivedAt: start}); err != nil {
		t.Fatal(err)
	}
	refused := cdr.Record{ID: "refused", ReceivedAt: start, SIPStatus: 404}
	for i, want := range []cdr.Record{whole, refused, {ID: "bare"}} {
		seq, err := closeRecord(t, j, want)
		if err != nil || seq != uint64(i+1) || r.LastSeq() != seq {
			t.Fatalf("closed as %d, last %d, %v", seq, r.LastSeq(), err)
		}
		want.Seq = seq
		got, err := r.Record(ctx, want.ID)
		if err != nil || !sameRecord(got, want) {
			t.Errorf("by id: %+v, %v\nwant %+v", got, err, want)
		}
		if all := records(t, r, cdr.Filter{AfterSeq: seq - 1}); len(all) != 1 || !sameRecord(all[0], want) {
			t.Errorf("by seq: %+v\nwant %+v", all, want)
		}
	}
}

func openCloseOnce(t *testing.T, j cdr.Journal, r cdr.Reader) {
	rec := record("once")
	if err := openRecord(t, j, rec); err != nil {
		t.Fatal(err)
	}
	wantError(t, "opened again", openRecord(t, j, rec), cdr.ErrOpen)
	if seq, err := closeRecord(t, j, rec); err != nil || seq != 1 {
		t.Fatalf("closed as %d, %v", seq, err)
	}
	if seq, err := closeRecord(t, j, record("other")); err != nil || seq != 2 {
		t.Fatalf("closed as %d, %v", seq, err)
	}
	_, err := closeRecord(t, j, rec)
	wantError(t, "closed again", err, cdr.ErrClosed)
	wantError(t, "opened after", openRecord(t, j, rec), cdr.ErrClosed)
	if all := records(t, r, cdr.Filter{}); seqs(all) != "[1 2]" || r.LastSeq() != 2 {
		t.Errorf("records %s, last %d", seqs(all), r.LastSeq())
	}
}

func inOrder(t *testing.T, j cdr.Journal, r cdr.Reader) {
	const n = 500
	errs := make(chan error, n)
	closed := make(chan closing, n)
	for i := range n {
		// Nobody waits for the opening row here.
		j.Open(record(letters(i)), func(err error) { errs <- err })
		j.Close(record(letters(i)), func(seq uint64, err error) { closed <- closing{seq, err} })
	}
	for i := range n {
		if err := await(t, errs); err != nil {
			t.Fatal(err)
		}
		if c := await(t, closed); c.err != nil || c.seq != uint64(i+1) {
			t.Fatalf("closing %d was answered as %d, %v", i+1, c.seq, c.err)
		}
	}
	for i, rec := range records(t, r, cdr.Filter{}) {
		if rec.ID != letters(i) || rec.Seq != uint64(i+1) {
			t.Fatalf("record %d is %s with seq %d", i, rec.ID, rec.Seq)
		}
	}
}

func seqFromMany(t *testing.T, j cdr.Journal, r cdr.Reader) {
	const callers, each = 16, 40
	given := make(chan closing, callers*each)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := range each {
				rec := record(letters(c*each + i))
				if i%2 == 0 {
					if err := openRecord(t, j, rec); err != nil {
						t.Errorf("open: %v", err)
					}
				}
				seq, err := closeRecord(t, j, rec)
				if last := r.LastSeq(); last < seq {
					t.Errorf("answered as %d while the last is %d", seq, last)
				}
				if got, rerr := r.Record(context.Background(), rec.ID); rerr != nil || got.Seq != seq {
					t.Errorf("answered as %d and read as %d, %v", seq, got.Seq, rerr)
				}
				given <- closing{seq, err}
			}
		})
	}
	all.Wait()
	seen := make(map[uint64]bool)
	for range callers * each {
		c := <-given
		if c.err != nil || seen[c.seq] || c.seq == 0 || c.seq > callers*each {
			t.Fatalf("seq %d, %v", c.seq, c.err)
		}
		seen[c.seq] = true
	}
	for i, rec := range records(t, r, cdr.Filter{}) {
		if rec.Seq != uint64(i+1) {
			t.Fatalf("record %d has seq %d", i, rec.Seq)
		}
	}
}

func recordFilters(t *testing.T, j cdr.Journal, r cdr.Reader) {
	const n = 2600
	var all []cdr.Record
	closed := make(chan closing, n)
	for i := range n {
		rec := record(letters(i))
		// Nearly in order, with a clock that was an hour ahead for a while and one that stood still.
		rec.ReleasedAt = at(time.Duration(i*7%13)*time.Second + time.Duration(i)*time.Second)
		switch {
		case i >= 1000 && i < 1010:
			rec.ReleasedAt = rec.ReleasedAt.Add(time.Hour)
		case i >= 1500 && i < 1600:
			rec.ReleasedAt = at(1500 * time.Second)
		case i%100 == 99:
			rec.ReleasedAt = time.Time{} // counts by ReceivedAt
			rec.ReceivedAt = at(time.Duration(i) * time.Second)
		}
		rec.Binding = []string{"", "left", "right"}[i%3]
		if i == 2000 {
			rec.Binding = "rare"
		}
		rec.Tenant = []string{"", "rides", "meals", "rides"}[i/7%4]
		rec.Seq = uint64(i + 1)
		all = append(all, rec)
		j.Close(rec, func(seq uint64, err error) { closed <- closing{seq, err} })
	}
	for range n {
		if c := await(t, closed); c.err != nil {
			t.Fatal(c.err)
		}
	}
	for name, f := range map[string]cdr.Filter{
		"all":                      {},
		"limit":                    {Limit: 3},
		"after":                    {AfterSeq: 2590},
		"after with limit":         {AfterSeq: 1022, Limit: 5},
		"after the last":           {AfterSeq: n},
		"far after the last":       {AfterSeq: 1 << 60},
		"since":                    {Since: at(2500 * time.Second)},
		"since a clock ahead":      {Since: at(4500 * time.Second)},
		"since never":              {Since: at(24 * time.Hour)},
		"since long ago":           {Since: time.Unix(0, 0)},
		"since before everything":  {Since: time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)},
		"until":                    {Until: at(100 * time.Second)},
		"until the first":          {Until: start},
		"until never":              {Until: time.Date(2900, 1, 1, 0, 0, 0, 0, time.UTC)},
		"window":                   {Since: at(1490 * time.Second), Until: at(1510 * time.Second)},
		"window on a moment":       {Since: at(1500 * time.Second), Until: at(1500*time.Second + 1)},
		"window of the far clock":  {Since: at(4600 * time.Second), Until: at(4612 * time.Second)},
		"empty window":             {Since: at(200 * time.Second), Until: at(200 * time.Second)},
		"window after":             {Since: at(100 * time.Second), Until: at(2000 * time.Second), AfterSeq: 1500, Limit: 20},
		"binding":                  {Binding: "left"},
		"rare binding":             {Binding: "rare"},
		"no such binding":          {Binding: "lef"},
		"binding in window":        {Binding: "right", Since: at(900 * time.Second), Until: at(1700 * time.Second)},
		"binding after, limited":   {Binding: "right", AfterSeq: 1000, Limit: 300},
		"binding after everything": {Binding: "right", AfterSeq: n},
		"tenant":                   {Tenant: "rides"},
		"tenant after, limited":    {Tenant: "meals", AfterSeq: 1100, Limit: 30},
		"tenant in window":         {Tenant: "meals", Since: at(900 * time.Second), Until: at(1700 * time.Second)},
		"no such tenant":           {Tenant: "nobody"},
		"binding of a tenant":      {Tenant: "rides", Binding: "left"},
	} {
		var want []cdr.Record
		for _, rec := range all {
			if f.Match(&rec) && (f.Limit == 0 || len(want) < f.Limit) {
				want = append(want, rec)
			}
		}
		got := records(t, r, f)
		if seqs(got) != seqs(want) {
			t.Errorf("%s: %d records, want %d\n%.300s\n%.300s", name, len(got), len(want), seqs(got), seqs(want))
		} else if len(got) > 0 && !sameRecord(got[0], want[0]) {
			t.Errorf("%s: %+v\nwant %+v", name, got[0], want[0])
		}
	}
}

func recordsEnd(t *testing.T, j cdr.Journal, r cdr.Reader) {
	for i := range 5 {
		if _, err := closeRecord(t, j, record(letters(i))); err != nil {
			t.Fatal(err)
		}
	}
	enough := errors.New("enough")
	n := 0
	err := r.Records(context.Background(), cdr.Filter{}, func(rec cdr.Record) error {
		if _, err := closeRecord(t, j, record("while reading "+rec.ID)); err != nil {
			t.Error(err)
		}
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	if err != enough || n != 3 {
		t.Errorf("ended after %d records with %v", n, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wantError(t, "ended context", r.Records(ctx, cdr.Filter{}, func(cdr.Record) error { return nil }), context.Canceled)
	_, err = r.Record(ctx, letters(0))
	wantError(t, "ended context", err, context.Canceled)
}

func followed(t *testing.T, j cdr.Journal, r cdr.Reader) {
	const n = 200
	done := make(chan error, 1)
	go func() {
		seen := uint64(0)
		for seen < n {
			changed := r.Changed()
			err := r.Records(context.Background(), cdr.Filter{AfterSeq: seen}, func(rec cdr.Record) error {
				if rec.Seq != seen+1 {
					return fmt.Errorf("seq %d came after %d", rec.Seq, seen)
				}
				seen = rec.Seq
				return nil
			})
			if err != nil {
				done <- err
				return
			}
			if seen < n {
				<-changed
			}
		}
		done <- nil
	}()
	for i := range n {
		j.Close(record(letters(i)), func(uint64, error) {})
	}
	if err := await(t, done); err != nil {
		t.Error(err)
	}
	idle := r.Changed()
	if err := openRecord(t, j, record("open")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-idle:
		t.Error("told of a record that is not closed")
	default:
	}
}

func answerWrites(t *testing.T, j cdr.Journal, _ cdr.Reader) {
	done := make(chan closing, 1)
	j.Open(record("first"), func(err error) {
		j.Close(record("first"), func(_ uint64, err error) {
			j.Close(record("second"), func(seq uint64, err error) { done <- closing{seq, err} })
		})
	})
	if c := await(t, done); c.err != nil || c.seq != 2 {
		t.Errorf("closed as %d, %v", c.seq, c.err)
	}
}

func closedOnceByMany(t *testing.T, j cdr.Journal, r cdr.Reader) {
	const n = 64
	if err := openRecord(t, j, record("wanted")); err != nil {
		t.Fatal(err)
	}
	answers := make(chan closing, n)
	for range n {
		go j.Close(record("wanted"), func(seq uint64, err error) { answers <- closing{seq, err} })
	}
	wins := 0
	for range n {
		switch a := await(t, answers); {
		case a.err == nil && a.seq == 1:
			wins++
		case !errors.Is(a.err, cdr.ErrClosed):
			t.Errorf("answered %d, %v", a.seq, a.err)
		}
	}
	if wins != 1 || r.LastSeq() != 1 {
		t.Errorf("%d closed it, last seq %d", wins, r.LastSeq())
	}
}

func openIsNotListed(t *testing.T, j cdr.Journal, r cdr.Reader) {
	if err := openRecord(t, j, record("open")); err != nil {
		t.Fatal(err)
	}
	if all := records(t, r, cdr.Filter{}); len(all) != 0 || r.LastSeq() != 0 {
		t.Errorf("%d records, last seq %d", len(all), r.LastSeq())
	}
	_, err := r.Record(context.Background(), "open")
	wantError(t, "still open", err, cdr.ErrNotFound)
}
