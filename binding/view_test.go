package binding_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"mask700/binding"
)

func TestViewInJSON(t *testing.T) {
	b := binding.Binding{
		ID: "abcdefghijklmnop", Mode: binding.ModeAXB, X: x, A: number(t, digitsA), B: number(t, digitsB),
		Order: "order", Consent: "consent", IndustrialID: "700.100.1/order", Tenant: "default", Data: "data",
		CreatedAt: noon, ExpiresAt: noon.Add(2 * time.Hour), MaxDuration: 10 * time.Minute, OneWay: binding.OneWayAToB, Record: true,
		Texts: binding.TextsOff,
	}
	got, err := json.Marshal(b.View(noon))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"abcdefghijklmnop","mode":"axb","x":"700100000010007","y":"","a":"138****0001","b":"139****0002",` +
		`"group":[],"extension":"","state":"live","order":"order","consent":"consent","industrial_id":"700.100.1/order",` +
		`"tenant":"default","created_at":"2026-03-01T12:00:00Z","expires_at":"2026-03-01T14:00:00Z","updated_at":null,"sliding":"","refs":1,"max_duration":"10m",` +
		`"one_way":"a-to-b","record":true,"texts":"off","data":"data",` +
		`"legs":[{"caller":"138****0001","dials":"700100000010007","rings":"139****0002","shows":"700100000010007"}]}`
	if string(got) != want {
		t.Errorf("JSON is\n%s\nwant\n%s", got, want)
	}
}

// TestViewHasTheNamesOfTheInterface: each of them is there even when it is
// empty.
func TestViewHasTheNamesOfTheInterface(t *testing.T) {
	b, err := json.Marshal(binding.Binding{}.View(noon))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "mode", "x", "y", "a", "b", "group", "extension", "state", "order", "consent",
		"industrial_id", "tenant", "created_at", "expires_at", "max_duration", "data", "legs"} {
		if _, ok := fields[name]; !ok {
			t.Errorf("no %s in %s", name, b)
		}
	}
	for name, want := range map[string]any{"expires_at": nil, "max_duration": "", "x": "", "a": "", "legs": []any{}, "group": []any{}} {
		if !reflect.DeepEqual(fields[name], want) {
			t.Errorf("empty %s is %v", name, fields[name])
		}
	}
	if _, ok := fields["ended_at"]; ok {
		t.Errorf("a binding that was not unbound has an ended_at: %s", b)
	}
}

func TestViewStates(t *testing.T) {
	b := pair(t)
	b.ExpiresAt, b.EndedAt = noon.Add(2*time.Hour), noon.Add(time.Hour)
	if v := b.View(noon); v.State != binding.StateLive || len(v.Legs) != 2 {
		t.Errorf("before its end: %+v", v)
	}
	v := b.View(noon.Add(3 * time.Hour))
	if v.State != binding.StateUnbound || v.EndedAt == nil || !v.EndedAt.Equal(b.EndedAt) {
		t.Errorf("after its end: %+v", v)
	}
}

func TestViewOfGroup(t *testing.T) {
	b := pair(t)
	b.Mode, b.Group, b.A = binding.ModeGXB, []binding.Number{number(t, digitsA), number(t, digitsC)}, binding.Number{}
	v := b.View(noon)
	if !reflect.DeepEqual(v.Group, []binding.Masked{"138****0001", "137****0003"}) || len(v.Legs) != 2 || !reflect.DeepEqual(v.Legs[1], binding.Leg{Caller: "137****0003", Dials: x, Rings: "139****0002", Shows: x}) {
		t.Errorf("shown as %+v", v)
	}
}

func TestViewComesBack(t *testing.T) {
	row := pair(t)
	row.ExpiresAt, row.EndedAt, row.MaxDuration = noon.Add(time.Hour), noon.Add(time.Minute), 90*time.Second
	want := row.View(noon)
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got binding.View
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("came back as %+v, want %+v", got, want)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", time.Second: "1s", time.Minute: "1m", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", 2 * time.Hour: "2h",
		90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 100 * time.Hour: "100h", 1500 * time.Millisecond: "1.5s",
		10 * time.Second: "10s", 20 * time.Hour: "20h", time.Millisecond: "1ms", -time.Minute: "-1m",
	} {
		text := binding.Duration(d).String()
		if text != want {
			t.Errorf("%v is written as %q, want %q", d, text, want)
		}
		var back binding.Duration
		if err := back.UnmarshalText([]byte(text)); err != nil || time.Duration(back) != d {
			t.Errorf("%q came back as %v, %v", text, time.Duration(back), err)
		}
	}
	for _, text := range []string{"13800138000", "2 h", "h", "１h"} {
		d := binding.Duration(7)
		err := d.UnmarshalText([]byte(text))
		if err == nil || d != 7 {
			t.Errorf("%q was read as %v", text, d)
			continue
		}
		if sharedDigits(err.Error(), text) != "" {
			t.Errorf("the error repeats the text: %v", err)
		}
	}
}
