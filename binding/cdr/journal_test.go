package cdr_test

import (
	"testing"
	"time"

	"mask700/binding/cdr"
)

func TestFilterMatch(t *testing.T) {
	r := completed(t)
	released := r.ReleasedAt
	for name, test := range map[string]struct {
		filter cdr.Filter
		want   bool
	}{
		"nothing asked":         {cdr.Filter{}, true},
		"limit is no property":  {cdr.Filter{Limit: 1}, true},
		"since before":          {cdr.Filter{Since: released.Add(-1)}, true},
		"since then":            {cdr.Filter{Since: released}, true},
		"since after":           {cdr.Filter{Since: released.Add(1)}, false},
		"until before":          {cdr.Filter{Until: released.Add(-1)}, false},
		"until then":            {cdr.Filter{Until: released}, false},
		"until after":           {cdr.Filter{Until: released.Add(1)}, true},
		"since in another zone": {cdr.Filter{Since: released.UTC()}, true},
		"after the one before":  {cdr.Filter{AfterSeq: 6}, true},
		"after itself":          {cdr.Filter{AfterSeq: 7}, false},
		"its binding":           {cdr.Filter{Binding: "pairpairpairpair"}, true},
		"another binding":       {cdr.Filter{Binding: "pair"}, false},
		"all of it":             {cdr.Filter{Since: released, Until: released.Add(1), AfterSeq: 1, Binding: r.Binding}, true},
		"all but one":           {cdr.Filter{Since: released, Until: released, AfterSeq: 1, Binding: r.Binding}, false},
	} {
		if got := test.filter.Match(&r); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestOpenRecordIsNotSelected(t *testing.T) {
	r := completed(t)
	r.Seq = 0
	if f := (cdr.Filter{}); f.Match(&r) {
		t.Error("a record without a Seq is not closed")
	}
}

func TestClosedAt(t *testing.T) {
	r := completed(t)
	if got := r.ClosedAt(); !got.Equal(r.ReleasedAt) {
		t.Errorf("closed at %v", got)
	}
	r.ReleasedAt = time.Time{}
	if got := r.ClosedAt(); !got.Equal(r.ReceivedAt) {
		t.Errorf("closed at %v without a release", got)
	}
}
