//go:build !leaky

package shard_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestCanaries plays every flow of testdata/flows once more in each manner, with marks
// in all that its actors send, and searches what leaves for those of every other
// party. What the gateway does has to be what the flow expects: the marks were read,
// and changed nothing. The table of the README, and that of CANARIES.md with a line for
// every flow, have to be what it found: -rewrite writes them.
func TestCanaries(t *testing.T) {
	files, err := filepath.Glob("../../testdata/flows/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no flows: %v", err)
	}
	var all report
	played := 0
	for i, file := range files {
		if i%canaryEvery != 0 {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		row := &flowRow{name: name, marks: map[string]string{}}
		for _, m := range canaryManners {
			t.Run(name+"/"+m.String(), func(t *testing.T) {
				played++
				w := newWatch(m, row)
				datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
					return w.play(t, d)
				})
				w.scene.world.fail = t.Errorf
				w.scene.settle()
				w.verdict(t)
			})
		}
		all.rows = append(all.rows, row)
	}
	all.check(t)
	t.Log("\n" + all.summary())
	if played == len(files)*len(canaryManners) && canaryEvery == 1 && !t.Failed() {
		all.quoted(t, "../../README.md")
		all.kept(t, "../../testdata/flows/CANARIES.md")
	}
}

// quoted has a file quote the table by groups of flows as it is.
func (r *report) quoted(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	table := r.groups()
	head, rows, _ := strings.Cut(table, "|---|")
	before, quoted, found := strings.Cut(string(text), head)
	if !found {
		t.Fatalf("%s has no table that begins with\n%s", file, head)
	}
	quoted, after, _ := strings.Cut(quoted, "\n\n")
	switch {
	case "|---|"+rows == quoted+"\n":
	case flag.Lookup("rewrite").Value.String() == "true": // datadriven's
		if err := os.WriteFile(file, []byte(before+table+"\n"+after), 0o644); err != nil {
			t.Error(err)
		}
	default:
		t.Errorf("the table of marks in %s is of other flows than there are; to write it anew:\n"+
			"	go test ./sip/shard -run '^TestCanaries$' -rewrite\nit should be\n%s", file, table)
	}
}

// kept has a file be the whole report.
func (r *report) kept(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	table := r.table()
	switch {
	case err == nil && string(text) == table:
	case flag.Lookup("rewrite").Value.String() == "true":
		if err := os.WriteFile(file, []byte(table), 0o644); err != nil {
			t.Error(err)
		}
	default:
		t.Errorf("%s is of other flows or marks than there are (%v); to write it anew:\n	go test ./sip/shard -run '^TestCanaries$' -rewrite", file, err)
	}
}
