package cdr

import (
	"slices"

	"mask700/binding"
)

// Tally counts how texts ended, and why calls and texts were refused, by the
// records that are closed. The zero value has counted none.
type Tally struct {
	Delivered uint64 // texts that the far side took
	Accepted  uint64 // texts that the far side will try to deliver
	Failed    uint64 // texts that were neither, nor refused

	calls, texts [len(tallied)]uint64 // refused, by the index in tallied
}

// tallied are the refusals that are counted by name; the last are all others.
var tallied = [...]binding.Refusal{
	binding.RefusalNoCaller, binding.RefusalNoBinding, binding.RefusalExpired, binding.RefusalOneWay, binding.RefusalCapped, binding.RefusalBlocked,
	binding.RefusalSuspended, binding.RefusalUnverified, binding.RefusalNoRoute, binding.RefusalOverload, "request",
}

// Add counts one record.
func (t *Tally) Add(r *Record) {
	switch {
	case r.Refusal != binding.RefusalNone, r.End == EndRefused:
		i := slices.Index(tallied[:], r.Refusal)
		if i < 0 {
			i = len(tallied) - 1
		}
		if r.Kind == KindText {
			t.texts[i]++
		} else {
			t.calls[i]++
		}
	case r.Kind != KindText:
	case r.End == EndDelivered:
		t.Delivered++
	case r.End == EndAccepted:
		t.Accepted++
	default:
		t.Failed++
	}
}

// Merge adds what another has counted.
func (t *Tally) Merge(o *Tally) {
	t.Delivered, t.Accepted, t.Failed = t.Delivered+o.Delivered, t.Accepted+o.Accepted, t.Failed+o.Failed
	for i := range tallied {
		t.calls[i] += o.calls[i]
		t.texts[i] += o.texts[i]
	}
}

// Each gives every count with its name: "texts_delivered", "calls_refused_capped".
func (t *Tally) Each(give func(name string, n uint64)) {
	give("texts_delivered", t.Delivered)
	give("texts_accepted", t.Accepted)
	give("texts_failed", t.Failed)
	for i, why := range tallied {
		give("calls_refused_"+string(why), t.calls[i])
		give("texts_refused_"+string(why), t.texts[i])
	}
}
