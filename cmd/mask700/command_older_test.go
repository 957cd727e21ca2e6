package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

// TestOlderRanges: a block of a range that the configuration has is held, bound on, locked and looked up as one of 700 numbers is, and says its last day.
func TestOlderRanges(t *testing.T) {
	d := newDesk(t)
	last := time.Now().AddDate(0, 0, 20).Format(time.DateOnly)
	file := fmt.Sprintf("numbering:\n  legacy_ranges:\n    - {prefix: \"400123\", length: 10, until: %s}\n    - {prefix: \"95013\", length: 14, until: 2020-12-31}\n", last)
	if err := os.WriteFile("mask700.yaml", []byte(strings.Replace(file, "14", "13", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	d.refuse(1, "there is no store", "block", "add", "400123")
	d.must("block", "add", block)
	if out := d.must("block", "add", "400123"); out != "block 400123 is held: numbers 4001230000 to 4001239999, until the end of "+last+"\n" {
		t.Errorf("%q", out)
	}
	d.refuse(1, "no older range that is configured", "block", "add", "400124")
	d.refuse(1, "whose last day is over", "block", "add", "950130000")
	if out := d.must("block", "list"); !strings.Contains(out, "LAST DAY") || !strings.Contains(out, last) {
		t.Errorf("%s", out)
	}
	var v binding.View
	d.mustJSON(&v, "binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "T-1", "--x", "400-123-4567")
	end, err := time.ParseInLocation(time.DateOnly, last, time.Local)
	if err != nil {
		t.Fatal(err)
	}
	end = end.AddDate(0, 0, 1)
	if v.X != 4001234567 || v.ExpiresAt == nil || !v.ExpiresAt.Equal(end) || len(v.Legs) != 2 || v.Legs[0].Dials != 4001234567 {
		t.Errorf("%+v", v)
	}
	d.refuse(1, "expires: later than", "binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "T-2", "--x", "4001234568", "--ttl", "800h")
	d.refuse(1, "ttl: later than", "binding", "extend", v.ID, "--ttl", "800h")
	if out := d.must("explain", "--caller", numberA, "--dialled", "+86 400 123 4567"); !strings.Contains(out, v.ID) {
		t.Errorf("%s", out)
	}
	after := end.Add(time.Hour).Format(time.RFC3339)
	if out := d.must("explain", "--caller", numberA, "--dialled", "4001234567", "--at", after); !strings.Contains(out, "not in service") {
		t.Errorf("after the last day: %s", out)
	}
	if out := d.must("history", "x", "4001234567"); !strings.Contains(out, "T-1") {
		t.Errorf("%s", out)
	}

	// Digits of an older range may be a block's or a number's.
	if out := d.must("block", "lock", "4001234569"); !strings.HasPrefix(out, "number 4001234569 is locked") {
		t.Errorf("%s", out)
	}
	d.refuse(1, "locked", "binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "T-3", "--x", "4001234569")
	d.must("block", "unlock", "4001234569")
	if out := d.must("block", "lock", "400123"); !strings.HasPrefix(out, "block 400123 is locked") {
		t.Errorf("%s", out)
	}
	d.refuse(1, "not open", "binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "T-4", "--x", "4001234569")
	d.refuse(1, "live bindings remain", "block", "remove", "400123")
	d.must("binding", "delete", v.ID)
	d.must("block", "remove", "400123")
	d.refuse(1, "not held", "block", "lock", "4001234569")
	if out := d.must("history", "x", "4001234567"); !strings.Contains(out, "T-1") {
		t.Errorf("history of a block that is not held any more: %s", out)
	}
	d.must("check")
}

// TestRangesOfOtherShapes: one that looks like landlines is told as it is dialled, with the 0; of one that is narrower than a block only its
// numbers are there.
func TestRangesOfOtherShapes(t *testing.T) {
	d := newDesk(t)
	file := "numbering:\n  legacy_ranges:\n    - {prefix: \"105900\", length: 10}\n    - {prefix: \"4001234\", length: 10}\n"
	if err := os.WriteFile("mask700.yaml", []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	d.must("block", "add", block)
	if out := d.must("block", "add", "0105900"); out != "block 105900 is held: numbers 01059000000 to 01059009999\n" {
		t.Errorf("%q", out)
	}
	out := d.must("binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "T-1", "--x", "010-5900-1234")
	if strings.Count(out, "01059001234") != 5 { // the number, and what is dialled and shown both ways
		t.Errorf("%s", out)
	}
	var v binding.View
	d.mustJSON(&v, "binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "T-2", "--x", "1059001235")
	if v.X != 1059001235 || v.Legs[0].Dials != v.X {
		t.Errorf("%+v", v)
	}
	for _, args := range [][]string{
		{"explain", "--caller", numberA, "--dialled", "01059001235"}, {"history", "x", "01059001235"}, {"history", "x", "1059001235"},
		{"binding", "list", "--x", "01059001235"}, {"binding", "get", v.ID},
	} {
		if out := d.must(args...); !strings.Contains(out, "01059001235") {
			t.Errorf("%q says\n%s", args, out)
		}
	}
	if out := d.must("block", "lock", "01059001236"); !strings.HasPrefix(out, "number 01059001236 is locked") {
		t.Errorf("%s", out)
	}
	d.refuse(1, "locked", "binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "T-3", "--x", "01059001236")
	if out := d.must("block", "list", "-o", "json"); !strings.Contains(out, `"locked_numbers":["01059001236"]`) {
		t.Errorf("%s", out)
	}

	if out := d.must("block", "add", "400123"); out != "block 400123 is held: numbers that begin with 4001234\n" {
		t.Errorf("%q", out)
	}
	d.must("binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "T-4", "--x", "4001234999")
	d.refuse(1, "x:", "binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "T-5", "--x", "4001235000")
	d.refuse(1, "", "block", "lock", "4001235000")
	if out := d.must("block", "list"); !strings.Contains(out, " 999 ") {
		t.Errorf("%s", out)
	}
	d.must("check")
}

func TestRangesInStatus(t *testing.T) {
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.Local)
	end := time.Date(2026, 4, 1, 0, 0, 0, 0, time.Local)
	for want, at := range map[string]time.Time{
		"ends with 2026-03-31, in 11 days": now, "ends with 2026-03-31, in 36h0m0s": end.Add(-36 * time.Hour), "ended with 2026-03-31": end,
	} {
		var b strings.Builder
		st := admin.Status{State: admin.StateReady, Ranges: []admin.RangeStatus{{Prefix: "400123", Length: 10, Until: end, Blocks: 1, InUse: 7}, {Prefix: "95013", Length: 12}}}
		if err := printStatus(&b, st, at); err != nil || !strings.Contains(b.String(), want) || !strings.Contains(b.String(), "1 block, 7 in use") || !strings.Contains(b.String(), "no last day") {
			t.Errorf("want %q, %v in\n%s", want, err, b.String())
		}
	}
}
