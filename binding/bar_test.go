package binding_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

func TestAddBar(t *testing.T) {
	s, store := desk(t)
	ctx := t.Context()
	good := binding.BarRequest{Number: "+86 138-0000-0001", Peer: "13900000002", Direction: binding.BarBoth, Until: noon.Add(time.Hour), Reason: " harassment "}
	got, err := s.AddBar(ctx, store, good)
	want := binding.Bar{
		ID: got.ID, Number: number(t, digitsA), Peer: number(t, digitsB), Direction: binding.BarBoth, CreatedAt: noon, Until: noon.Add(time.Hour), Reason: "harassment",
	}
	if err != nil || got != want || len(got.ID) != 16 {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
	if again, err := s.AddBar(ctx, store, good); err != nil || again.ID != got.ID {
		t.Errorf("added again: %+v, %v", again, err)
	}
	v := got.View(noon, binding.Number.Masked)
	if v.Number != "138****0001" || v.Peer != "139****0002" || !v.Live || v.Until == nil {
		t.Errorf("%+v", v)
	}
	for field, change := range map[string]func(*binding.BarRequest){
		"number":    func(r *binding.BarRequest) { r.Number = "110" },
		"number ":   func(r *binding.BarRequest) { r.Number = "" },
		"peer":      func(r *binding.BarRequest) { r.Peer = "700100000010007" },
		"peer ":     func(r *binding.BarRequest) { r.Peer = r.Number },
		"tenant":    func(r *binding.BarRequest) { r.Tenant = "nobody" },
		"direction": func(r *binding.BarRequest) { r.Direction = "up" },
		"until":     func(r *binding.BarRequest) { r.Until = noon },
		"reason":    func(r *binding.BarRequest) { r.Reason = " " },
		"reason ":   func(r *binding.BarRequest) { r.Reason = "calls 138 0000 0001" },
		"reason  ":  func(r *binding.BarRequest) { r.Reason = "a\nb" },
	} {
		r := good
		change(&r)
		_, err := s.AddBar(ctx, store, r)
		assertRefusal(t, field, err, strings.TrimSpace(field))
	}
	if text := fmt.Sprintf("%v %+v %#v", good, good, good); strings.Contains(text, "138") {
		t.Errorf("printed: %s", text)
	}
	for i := range binding.MaxBarsOnNumber {
		_, err = s.AddBar(ctx, store, binding.BarRequest{Number: "13700000003", Peer: fmt.Sprint(13600000000 + i), Direction: binding.BarTo, Reason: "harassment"})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.AddBar(ctx, store, binding.BarRequest{Number: "13700000003", Direction: binding.BarTo, Reason: "harassment"})
	assertRefusal(t, "one too many", err, "number")
	if !errors.Is(err, binding.ErrManyBars) {
		t.Errorf("%v", err)
	}
}
