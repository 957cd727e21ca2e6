package cdr_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

func TestRecordInJSON(t *testing.T) {
	got, err := json.Marshal(completed(t))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"callcallcallcall","kind":"call","seq":7,"binding":"pairpairpairpair","order":"order","tenant":"default",` +
		`"industrial_id":"700.100.1/order","data":"data","trunk_in":"inside","trunk_out":"outside",` +
		`"caller_in":"138****8000","callee_in":"700100000010007","caller_out":"700100000010007","callee_out":"010****8005",` +
		`"received_at":"2026-03-01T20:00:00.25+08:00","ringing_at":"2026-03-01T20:00:01.25+08:00",` +
		`"answered_at":"2026-03-01T20:00:05.25+08:00","released_at":"2026-03-01T20:00:35.25+08:00",` +
		`"released_by":"caller","sip_status":200,"q850":16,"end":"completed","refusal":"","shadow":"x,tenant","evidence":"ticket 7",` +
		`"why":"the caller hung up (Q.850 16 normal call clearing)",` +
		`"media":{"codec":"PCMA","path":"kernel",` +
		`"a_to_b":{"packets":1500,"kernel_packets":1400,"bytes":240000,"lost":2,"refused_sources":1,"dropped":6,"jitter_ms":0.75,"max_jitter_ms":1.25,"mos":4.4,"path":"kernel"},` +
		`"b_to_a":{"packets":1499,"kernel_packets":7,"bytes":239840,"lost":0,"refused_sources":0,"dropped":0,"jitter_ms":12,"max_jitter_ms":80,"mos":4.38,"path":"user"},` +
		`"caller":{"round_trip_ms":30.5,"heard_lost":3,"heard_jitter_ms":2,"heard_mos":4.2},` +
		`"callee":{"round_trip_ms":0,"heard_lost":0,"heard_jitter_ms":0,"heard_mos":0},` +
		`"video":{"codec":"H264","a_to_b":{"packets":5000,"bytes":5500000,"lost":4,"refused_sources":1},"b_to_a":{"packets":4000,"bytes":4400000,"lost":0,"refused_sources":0}},` +
		`"recording":{"id":"callcallcallcall","bytes":4711,"lost":3},"end":""}}`
	if string(got) != want {
		t.Errorf("JSON is\n%s\nwant\n%s", got, want)
	}
}

func TestRefusedRecordInJSON(t *testing.T) {
	r := cdr.Record{
		ID: "a", Seq: 1, CallerIn: cdr.Party{Number: number(t, "8613800138000")}, CalleeIn: cdr.Party{X: x}, ReceivedAt: received,
		ReleasedAt: received, ReleasedBy: cdr.ByPlatform, SIPStatus: 404, Q850: 1, End: cdr.EndRefused, Refusal: binding.RefusalNoBinding,
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "seq", "binding", "order", "tenant", "trunk_in", "trunk_out", "caller_in", "callee_in", "caller_out",
		"callee_out", "received_at", "released_at", "released_by", "sip_status", "q850", "end", "refusal", "why", "media"} {
		if _, ok := fields[name]; !ok {
			t.Errorf("no %s in %s", name, b)
		}
	}
	for _, name := range []string{"ringing_at", "answered_at"} {
		if value, ok := fields[name]; ok {
			t.Errorf("%s never came, and is %v", name, value)
		}
	}
	if fields["refusal"] != "no_binding" || fields["caller_out"] != "" {
		t.Errorf("JSON is %s", b)
	}
}

func TestViewComesBack(t *testing.T) {
	want := completed(t).View()
	want.ReceivedAt, want.RingingAt = want.ReceivedAt.UTC(), time.Time{}
	want.AnsweredAt, want.ReleasedAt = want.AnsweredAt.UTC(), want.ReleasedAt.UTC()
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got cdr.View
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("came back as %+v, want %+v", got, want)
	}
}

func TestRecordIsNotReadFromJSON(t *testing.T) {
	b, err := json.Marshal(completed(t))
	if err != nil {
		t.Fatal(err)
	}
	var r cdr.Record
	if err := json.Unmarshal(b, &r); !errors.Is(err, cdr.ErrReadBack) || r.ID != "" {
		t.Errorf("read %+v, %v", r, err)
	}
}
