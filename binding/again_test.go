package binding_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

// reusing asks for a binding that may be there.
func reusing(r *binding.Request) { r.Reuse = true }

func TestBoundAgainAndDeletedAsOften(t *testing.T) {
	s, now := clocked(t)
	first, again, err := s.CreateAgain(t.Context(), request(reusing))
	if err != nil || again || first.Refs != 0 {
		t.Fatalf("first: %+v, %v, %v", first, again, err)
	}
	for refs := 1; refs <= 2; refs++ {
		*now = now.Add(time.Minute)
		got, again, err := s.CreateAgain(t.Context(), request(reusing, func(r *binding.Request) { r.A = "+86 138-0000-0001" }))
		if err != nil || !again || got.ID != first.ID || got.Refs != refs || got.View(*now).Refs != refs+1 {
			t.Fatalf("again: %+v, %v, %v", got, again, err)
		}
	}
	if got, again, err := s.CreateAgain(t.Context(), request()); err != nil || again || got.ID == first.ID {
		t.Errorf("not to be bound again: %+v, %v, %v", got, again, err)
	}
	for refs := 1; refs >= 0; refs-- {
		if b, err := s.Delete(t.Context(), first.ID); err != nil || b.Refs != refs || b.State(*now) != binding.StateLive {
			t.Fatalf("deleted once: %+v, %v", b, err)
		}
	}
	if b, err := s.Delete(t.Context(), first.ID); err != nil || b.State(*now) != binding.StateUnbound {
		t.Fatalf("deleted as often: %+v, %v", b, err)
	}
	if b, err := s.Delete(t.Context(), first.ID); err != nil || !b.EndedAt.Equal(*now) {
		t.Errorf("deleted once too often: %+v, %v", b, err)
	}
}

func TestEndedHoweverOftenItWasBound(t *testing.T) {
	s, now := clocked(t)
	first := made(t, s, reusing)
	made(t, s, reusing)
	b, err := s.End(t.Context(), first.ID)
	if err != nil || b.State(*now) != binding.StateUnbound || b.View(*now).Refs != 0 {
		t.Errorf("ended: %+v, %v", b, err)
	}
	if next := made(t, s, reusing); next.ID == first.ID || next.Refs != 0 {
		t.Errorf("after it had ended: %+v", next)
	}
}

func TestBoundAgainIsRefusedAsABindIs(t *testing.T) {
	s, _ := clocked(t)
	first := made(t, s, reusing, func(r *binding.Request) { r.X = x.String() })
	var field *binding.FieldError
	var conflict *binding.ConflictError
	_, err := s.Create(t.Context(), request(reusing, func(r *binding.Request) { r.X, r.Data = x.String(), "other" }))
	if !errors.As(err, &field) || field.Field != "x" || !errors.As(err, &conflict) || conflict.Binding != first.ID {
		t.Errorf("on its number with other data: %v", err)
	}
	if _, err := s.SuspendTenant(t.Context(), binding.DefaultTenant, "a test"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), request(reusing)); !errors.Is(err, binding.ErrSuspended) {
		t.Errorf("of a suspended tenant: %v", err)
	}
	for _, bad := range []func(*binding.Request){
		func(r *binding.Request) { r.Order = "" },
		func(r *binding.Request) { r.Order = " \t" },
		func(r *binding.Request) { r.A = r.B },
	} {
		if _, err := s.Create(t.Context(), request(reusing, bad)); !errors.As(err, &field) {
			t.Errorf("a bad request: %v", err)
		}
	}
}

func TestRequestUnderAKeyIsDoneOnce(t *testing.T) {
	s, now := clocked(t)
	keyed := func(r *binding.Request) { r.IdempotencyKey, r.Expires = "k", noon.Add(time.Hour) }
	first := made(t, s, keyed)
	*now = noon.Add(2 * time.Hour)
	// What is asked for could not be made any more, and was.
	got, again, err := s.CreateAgain(t.Context(), request(keyed))
	if err != nil || !again || got.ID != first.ID || got.State(*now) != binding.StateExpired {
		t.Errorf("when it had expired: %+v, %v, %v", got, again, err)
	}
	var field *binding.FieldError
	_, err = s.Create(t.Context(), request(keyed, func(r *binding.Request) { r.B = "13700000003" }))
	if !errors.As(err, &field) || field.Field != "idempotency_key" || !errors.Is(err, binding.ErrKeyUsed) {
		t.Errorf("another request: %v", err)
	}
	bad := func(r *binding.Request) { r.IdempotencyKey, r.Order = "l", "" }
	if _, err := s.Create(t.Context(), request(bad)); !errors.As(err, &field) || field.Field != "order" {
		t.Errorf("no order: %v", err)
	}
	if _, again, err := s.CreateAgain(t.Context(), request(func(r *binding.Request) { r.IdempotencyKey = "l" })); err != nil || again {
		t.Errorf("what was refused, mended: %v, %v", again, err)
	}
	r := binding.Repeat{Key: "13800000001", Request: `{"a":"13800000001"}`}
	for _, text := range []string{fmt.Sprint(r), fmt.Sprintf("%+v %#v %s", r, r, &r), r.LogValue().String()} {
		if strings.Contains(text, "138") {
			t.Errorf("it shows a number: %s", text)
		}
	}
}
