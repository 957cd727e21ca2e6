package cdr_test

import (
	"testing"

	"mask700/binding"
	"mask700/binding/cdr"
)

func TestTally(t *testing.T) {
	var one, sum cdr.Tally
	for _, r := range []cdr.Record{
		{End: cdr.EndCompleted},
		{End: cdr.EndRefused, Refusal: binding.RefusalCapped},
		{End: cdr.EndTrunkLimit, Refusal: binding.RefusalOverload},
		{End: cdr.EndRefused},
		{Kind: cdr.KindText, End: cdr.EndDelivered},
		{Kind: cdr.KindText, End: cdr.EndAccepted},
		{Kind: cdr.KindText, End: cdr.EndNoAnswer},
		{Kind: cdr.KindText, End: cdr.EndRefused, Refusal: binding.RefusalBlocked},
		{Kind: cdr.KindText, End: cdr.EndRefused, Refusal: "of_a_later_release"},
	} {
		one.Add(&r)
	}
	sum.Merge(&one)
	sum.Merge(&one)
	want := map[string]uint64{
		"calls_refused_capped": 2, "calls_refused_overload": 2, "calls_refused_request": 2, "texts_delivered": 2, "texts_accepted": 2,
		"texts_failed": 2, "texts_refused_blocked": 2, "texts_refused_request": 2,
	}
	names := make(map[string]bool)
	sum.Each(func(name string, n uint64) {
		if n != want[name] || names[name] {
			t.Errorf("%s is %d, want %d, and once", name, n, want[name])
		}
		names[name] = true
	})
	for name := range want {
		if !names[name] {
			t.Errorf("no %s", name)
		}
	}
}
