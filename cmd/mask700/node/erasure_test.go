package node

import (
	"context"
	"errors"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store"
)

// TestErasureIsFinishedWithItsRecordings: an erasure that was interrupted deletes the recordings of calls that it was asked to.
func TestErasureIsFinishedWithItsRecordings(t *testing.T) {
	n, err := startWith(t, "off")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	who, err := binding.NumberFromDigits("8613800000001")
	if err != nil {
		t.Fatal(err)
	}
	n.recordings.Start("hiscall", binding.DefaultTenant).Stop()
	n.recordings.Close() // it is written
	if path, err := n.recordings.Find("hiscall"); err != nil || path == "" {
		t.Fatalf("the recording: %q, %v", path, err)
	}
	closed := make(chan error, 1)
	r := cdr.Record{ID: "call", ReceivedAt: time.Now(), ReleasedAt: time.Now(), End: cdr.EndCompleted, CallerIn: cdr.Party{Number: who}, Media: cdr.Media{Recording: cdr.Recording{ID: "hiscall", Bytes: 1}}}
	n.db.Journal().Close(r, func(_ uint64, err error) { closed <- err })
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	interrupted := errors.New("interrupted")
	_, err = n.db.ErasePerson(ctx, who, "asked", true, func(string) error { return nil }, func(store.PersonErased) error { return interrupted })
	if !errors.Is(err, interrupted) {
		t.Fatal(err)
	}
	n.finishErasures(ctx)
	if gone, err := n.recordings.Remove("hiscall"); err != nil || gone {
		t.Errorf("it was there still: %v, %v", gone, err)
	}
}
