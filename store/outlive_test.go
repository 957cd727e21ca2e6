package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// over closes a call between the parties of a binding.
func (k *kept) over(id string, b *binding.Binding, from, to time.Duration) {
	k.t.Helper()
	r := cdr.Record{
		ID: id, Binding: b.ID, Tenant: b.Tenant, ReceivedAt: testStart.Add(from), AnsweredAt: testStart.Add(from), ReleasedAt: testStart.Add(to),
		End: cdr.EndCompleted, CallerIn: cdr.Party{Number: b.A}, CalleeIn: cdr.Party{X: b.X}, CallerOut: cdr.Party{X: b.X}, CalleeOut: cdr.Party{Number: b.B},
	}
	if _, err := closeCall(k.t, k.db, r); err != nil {
		k.t.Fatal(err)
	}
}

// calls are the ids of the calls that a filter selects.
func (k *kept) calls(f cdr.Filter) (ids []string) {
	k.t.Helper()
	if err := k.db.Records(context.Background(), f, func(r cdr.Record) error { ids = append(ids, r.ID); return nil }); err != nil {
		k.t.Fatal(err)
	}
	return ids
}

// TestCallThatOutlivesItsBinding is found by the number, the party and the consent of that in the window in which it ended.
func TestCallThatOutlivesItsBinding(t *testing.T) {
	k := newKept(t, 300)
	b := k.bind(1, time.Hour)
	k.over("within", &b, 10*time.Minute, 20*time.Minute)
	k.over("long", &b, 50*time.Minute, 90*time.Minute)
	for _, f := range []cdr.Filter{{X: b.X}, {Number: b.A}, {Number: b.B}, {Consent: b.Consent}} {
		f.Since, f.Until = testStart.Add(70*time.Minute), testStart.Add(2*time.Hour)
		if got := fmt.Sprint(k.calls(f)); got != "[long]" {
			t.Errorf("%s", got)
		}
	}
}

// TestCallAheadOfItsBinding: of what was bound before the clock was set back the calls are found in the window of the clock of now.
func TestCallAheadOfItsBinding(t *testing.T) {
	k := newKept(t, 300)
	b := k.bind(1, 10*time.Hour, func(b *binding.Binding) { b.CreatedAt = testStart.Add(5 * time.Hour) })
	k.over("ahead", &b, time.Hour, 70*time.Minute)
	for _, f := range []cdr.Filter{{X: b.X}, {Number: b.A}, {Number: b.B}, {Consent: b.Consent}} {
		f.Since, f.Until = testStart, testStart.Add(2*time.Hour)
		if got := fmt.Sprint(k.calls(f)); got != "[ahead]" {
			t.Errorf("%s", got)
		}
	}
}

// TestCallsUnderAConsent: those that came while the binding had it, and those refused when it was over.
func TestCallsUnderAConsent(t *testing.T) {
	k := newKept(t, 300)
	b := k.bind(1, 10*time.Hour, func(b *binding.Binding) { b.Consent = "C-1" })
	for i, consent := range []string{"C-2", "C-1"} {
		if _, err := k.db.Change(context.Background(), b.ID, func(b *binding.Binding) error {
			b.Consent, b.UpdatedAt = consent, testStart.Add(time.Duration(i+1)*time.Hour)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	k.over("first", &b, 30*time.Minute, 90*time.Minute) // which goes on under the next
	k.over("second", &b, time.Hour, 70*time.Minute)
	k.over("third", &b, 3*time.Hour, 4*time.Hour)
	k.over("after", &b, 11*time.Hour, 11*time.Hour)
	for consent, want := range map[string]string{"C-1": "[first third after]", "C-2": "[second]", "C-3": "[]"} {
		if got := fmt.Sprint(k.calls(cdr.Filter{Consent: consent})); got != want {
			t.Errorf("%s: %s, want %s", consent, got, want)
		}
	}
}
