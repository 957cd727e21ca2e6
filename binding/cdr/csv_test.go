package cdr_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mask700/binding/cdr"
)

func TestRow(t *testing.T) {
	want := []struct{ column, value string }{
		{"id", "callcallcallcall"}, {"seq", "7"}, {"binding", "pairpairpairpair"}, {"order", "order"}, {"tenant", "default"},
		{"industrial_id", "700.100.1/order"}, {"trunk_in", "inside"}, {"trunk_out", "outside"}, {"caller_in", "138****8000"},
		{"callee_in", "700100000010007"}, {"caller_out", "700100000010007"}, {"callee_out", "010****8005"},
		{"received_at", "2026-03-01T20:00:00.25+08:00"}, {"ringing_at", "2026-03-01T20:00:01.25+08:00"},
		{"answered_at", "2026-03-01T20:00:05.25+08:00"}, {"released_at", "2026-03-01T20:00:35.25+08:00"}, {"released_by", "caller"},
		{"sip_status", "200"}, {"q850", "16"}, {"end", "completed"}, {"refusal", ""}, {"codec", "PCMA"}, {"a_to_b_packets", "1500"},
		{"a_to_b_bytes", "240000"}, {"a_to_b_lost", "2"}, {"a_to_b_refused_sources", "1"}, {"a_to_b_jitter_ms", "0.75"},
		{"b_to_a_packets", "1499"}, {"b_to_a_bytes", "239840"}, {"b_to_a_lost", "0"}, {"b_to_a_refused_sources", "0"},
		{"b_to_a_jitter_ms", "12"}, {"media_end", ""}, {"data", "data"},
		{"why", "the caller hung up (Q.850 16 normal call clearing)"}, {"a_to_b_mos", "4.40"}, {"b_to_a_mos", "4.38"},
		{"caller_round_trip_ms", "30.5"}, {"caller_heard_lost", "3"}, {"caller_heard_jitter_ms", "2"}, {"caller_heard_mos", "4.20"},
		{"callee_round_trip_ms", "0"}, {"callee_heard_lost", "0"}, {"callee_heard_jitter_ms", "0"}, {"callee_heard_mos", ""},
		{"media_path", "kernel"}, {"recording", "callcallcallcall"}, {"recording_bytes", "4711"},
		{"video_codec", "H264"}, {"video_a_to_b_packets", "5000"}, {"video_b_to_a_packets", "4000"},
		{"rule", ""}, {"shadow", "x,tenant"}, {"evidence", "ticket 7"},
		{"kind", "call"}, {"text_bytes", "0"}, {"text_segments", "0"}, {"text_numbers", "0"}, {"text_masked", "0"}, {"text_far_status", "0"}, {"origin", ""},
		{"a_to_b_path", "kernel"}, {"b_to_a_path", "user"},
		{"a_to_b_kernel_packets", "1400"}, {"b_to_a_kernel_packets", "7"}, {"a_to_b_max_jitter_ms", "1.25"}, {"b_to_a_max_jitter_ms", "80"},
		{"a_to_b_dropped", "6"}, {"b_to_a_dropped", "0"},
	}
	columns, row := cdr.Columns(), completed(t).Row()
	if len(columns) != len(want) || len(row) != len(want) {
		t.Fatalf("%d columns, %d values, want %d", len(columns), len(row), len(want))
	}
	for i, w := range want {
		if columns[i] != w.column || row[i] != w.value {
			t.Errorf("column %d is %s %q, want %s %q", i, columns[i], row[i], w.column, w.value)
		}
	}
}

// TestColumnsHaveTheNamesOfJSON: who reads one finds the other.
func TestColumnsHaveTheNamesOfJSON(t *testing.T) {
	b, err := json.Marshal(completed(t))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	for name := range fields {
		if name != "media" && !slices.Contains(cdr.Columns(), name) {
			t.Errorf("no column %s", name)
		}
	}
}

func TestColumnsAreTheCallersOwn(t *testing.T) {
	cdr.Columns()[0] = "changed"
	if got := cdr.Columns()[0]; got != "id" {
		t.Errorf("a change of what was returned is seen by the next: %s", got)
	}
}

func TestViewHasTheSameRow(t *testing.T) {
	r := completed(t)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var v cdr.View
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if got, want := v.Row(), r.Row(); !reflect.DeepEqual(got, want) {
		t.Errorf("a client writes %q, want %q", got, want)
	}
}

// TestRowHasNoFormula: what a tenant chooses must not run in the operator's
// spreadsheet.
func TestRowHasNoFormula(t *testing.T) {
	for value, want := range map[string]string{
		`=HYPERLINK("http://evil")`: `'=HYPERLINK("http://evil")`,
		"+1+1":                      "'+1+1",
		"-1+1":                      "'-1+1",
		"@SUM(A1)":                  "'@SUM(A1)",
		"\t=1":                      "'\t=1",
		"\r=1":                      "'\r=1",
		"\n=1":                      "'\n=1",
		"  =1":                      "'  =1",
		"\u00a0=1":                  "'\u00a0=1",
		"\u3000=1":                  "'\u3000=1",
		"＝1":                        "'＝1",
		"＋1":                        "'＋1",
		"－1":                        "'－1",
		"＠A":                        "'＠A",
		"order-1":                   "order-1",
		"a=b":                       "a=b",
		"'=1":                       "'=1",
		"":                          "",
		" ":                         " ",
	} {
		r := completed(t)
		r.ID, r.Binding, r.Order, r.Tenant, r.IndustrialID, r.Data = value, value, value, value, value, value
		r.TrunkIn, r.TrunkOut, r.Media.Codec, r.End = value, value, value, value
		row, found := r.Row(), 0
		for _, got := range row {
			if got == want {
				found++
			}
		}
		if want != "" && found != 10 {
			t.Errorf("%q is written as %q in %d columns, want %d: %q", value, want, found, 10, row)
		}
	}
}

func TestRowsAreReadBack(t *testing.T) {
	r := completed(t)
	r.Order, r.Data = `a "quoted", order`, `=cmd|'/C calc'!A0`
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.WriteAll([][]string{cdr.Columns(), r.Row()}); err != nil {
		t.Fatal(err)
	}
	assertHidden(t, "CSV", out.String())
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 2 || !reflect.DeepEqual(rows[1], r.Row()) {
		t.Errorf("came back as %q, %v", rows, err)
	}
	if !strings.Contains(strings.Join(rows[1], "|"), `'=cmd`) {
		t.Errorf("the formula is live: %q", rows[1])
	}
}

func TestEmptyRow(t *testing.T) {
	row := cdr.Record{}.Row()
	for i, name := range cdr.Columns() {
		if name == "kind" {
			continue // a call where nothing else is said
		}
		if got := row[i]; got != "" && got != "0" {
			t.Errorf("%s of nothing is %q", name, got)
		}
	}
}

func BenchmarkRow(b *testing.B) {
	r := completed(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Row()
	}
}
