package shard_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// flowRow is what came of one flow.
type flowRow struct {
	name       string
	marks      map[string]string // each that was planted, and the kind of its field
	sent, read int               // messages of the actors; those without a fault
	out, found int               // messages that left; marks in them that their receiver has not written
}

type report struct{ rows []*flowRow }

// check has the report say that something was done.
func (r *report) check(t *testing.T) {
	marks := map[string]string{}
	sent, read := 0, 0
	for _, row := range r.rows {
		maps.Copy(marks, row.marks)
		sent, read = sent+row.sent, read+row.read
		if row.sent > 0 && row.out == 0 {
			t.Errorf("%s: nothing left", row.name)
		}
	}
	kinds := map[string]int{}
	for _, kind := range marks {
		kinds[kind]++
	}
	wanted := []string{ofRouting, ofIdentity, ofTexts, ofCredentials, ofExtensions, ofDescription, ofBody}
	if canaryEvery == 1 { // few flows have them
		wanted = append(wanted, ofText)
	}
	for _, kind := range wanted {
		if kinds[kind] == 0 {
			t.Errorf("no mark in any %s", kind)
		}
	}
	if read*10 < sent*9 {
		t.Errorf("of %d messages %d were read", sent, read)
	}
}

// groups are what flows are put together by in a summary, by what their names begin
// with.
var groups = []struct {
	name     string
	prefixes []string
}{
	{"challenges of a trunk", []string{"auth"}},
	{"CANCEL, and answers that cross it", []string{"cancel", "answer-crosses", "provisional"}},
	{"ringing, early media, delayed offers", []string{"early", "progress", "many-progress", "ringing", "delayed", "no-answer"}},
	{"reliable provisional responses, PRACK", []string{"reliable", "prack"}},
	{"re-INVITE, UPDATE, hold, session timers", []string{"reinvite", "update", "hold", "session", "retarget"}},
	{"forks and failover", []string{"fork", "failover", "redirected"}},
	{"transfers and INFO", []string{"refer", "info"}},
	{"fax, video, encryption, bundles", []string{"fax", "video", "srtp", "mux", "bundle", "foreign"}},
	{"texts", []string{"text"}},
	{"prompts and recording", []string{"prompt", "recorded"}},
	{"refusals, errors, faults of the store", []string{
		"refused", "failures", "busy", "methods", "merged", "store", "no-", "trunk-limit", "drain", "last-hop", "replaces", "expires", "order", "old-branch",
	}},
	{"fields that change what a message means", []string{"canary"}},
}

const others = "calls, their ends, repetitions, routes"

func group(name string) string {
	for _, g := range groups {
		if slices.ContainsFunc(g.prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return g.name
		}
	}
	return others
}

func (r *report) lines(of func(*flowRow) string) string {
	var names []string
	groups := map[string][]*flowRow{}
	for _, row := range r.rows {
		g := of(row)
		if groups[g] == nil {
			names = append(names, g)
		}
		groups[g] = append(groups[g], row)
	}
	slices.Sort(names)
	var b strings.Builder
	var total [6]int
	all := map[string]string{}
	for _, g := range names {
		var n [6]int
		marks := map[string]string{}
		for _, row := range groups[g] {
			maps.Copy(marks, row.marks)
			for i, v := range []int{1, 0, row.sent, row.read, row.out, row.found} {
				n[i] += v
			}
		}
		n[1] = len(marks)
		maps.Copy(all, marks)
		for i := range n {
			total[i] += n[i]
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d |\n", g, n[0], n[1], n[2], n[3], n[4], n[5])
	}
	total[1] = len(all)
	fmt.Fprintf(&b, "| all | %d | %d | %d | %d | %d | %d |\n", total[0], total[1], total[2], total[3], total[4], total[5])
	return b.String()
}

const columns = "| %s | files | marks planted | messages with them | of these read | messages searched | marks found |\n|---|---|---|---|---|---|---|\n"

// groups is a table by groups of flows.
func (r *report) groups() string {
	return fmt.Sprintf(columns, "flows of") + r.lines(func(row *flowRow) string { return group(row.name) })
}

// summary is that table, and one by the fields of a message.
func (r *report) summary() string {
	marks := map[string]string{}
	for _, row := range r.rows {
		maps.Copy(marks, row.marks)
	}
	kinds := map[string]int{}
	for _, kind := range marks {
		kinds[kind]++
	}
	var b strings.Builder
	b.WriteString(r.groups())
	b.WriteString("\n| field | distinct marks |\n|---|---|\n")
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(&b, "| %s | %d |\n", kind, kinds[kind])
	}
	return b.String()
}

// table is the whole report.
func (r *report) table() string {
	return "# Marks planted and found\n\nA line for every flow of this directory, played with marks in all that its actors send. `go test ./sip/shard -run '^TestCanaries$'`\n" +
		"checks this file, and writes it with -rewrite.\n\n" + r.summary() + "\n" + fmt.Sprintf(columns, "flow") +
		r.lines(func(row *flowRow) string { return row.name })
}
