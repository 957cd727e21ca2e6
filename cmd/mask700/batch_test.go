package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"mask700/cmd/mask700/admin"
)

// results decodes what a batch printed in JSON.
func results(t *testing.T, out string) []admin.BatchResult {
	t.Helper()
	var all []admin.BatchResult
	for lines := json.NewDecoder(strings.NewReader(out)); lines.More(); {
		var r admin.BatchResult
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func TestBatchFromMakingToDeleting(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		var rows strings.Builder
		n := 100
		if d.db != nil { // more than go in one request
			n = batchRows + 7
		}
		for i := range n {
			fmt.Fprintf(&rows, "{\"mode\":\"axb\",\"a\":\"138%08d\",\"b\":\"139%08d\",\"order\":\"o\"}\n", i, i)
		}
		if err := os.WriteFile("rows", []byte(rows.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		made := d.must("binding", "create", "--from", "rows", "-o", "json")
		all := results(t, made)
		if len(all) != n {
			t.Fatalf("%d results", len(all))
		}
		for i, r := range all {
			if r.Row != i+1 || r.Binding == nil || r.Binding.A != "138****"+r.Binding.B[7:] {
				t.Fatalf("%d: %+v", i, r)
			}
		}
		a := d.feed(made, "binding", "delete", "--from", "-")
		if a.status != 0 || strings.Count(a.out, "\n") != n+1 || strings.Count(a.out, "unbound") != n {
			t.Errorf("%d: %s", a.status, a.err)
		}
		if out := d.must("binding", "list", "--live"); !strings.Contains(out, "no such binding") {
			t.Error("some still live")
		}
	})
}

func TestBatchSaysWhichRowsAreRefused(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		in := `{"mode":"axb","a":"13800000001","b":"13900000002","order":"1"}

{"mode":"axb","a":"13800000001","b":"13800000001","order":"2"}
13800000001
{"mode":"axb","a":"13800000003","b":"13900000004","order":"3"}`
		a := d.feed(in, "binding", "create", "--from", "-", "-o", "json")
		if a.status != 1 || !strings.Contains(a.err, "2 of 4 rows refused") {
			t.Errorf("%+v", a)
		}
		var lines []int
		for _, r := range results(t, a.out) {
			if r.Problem != nil {
				lines = append(lines, r.Row)
			}
		}
		if fmt.Sprint(lines) != "[3 4]" {
			t.Errorf("refused: %v", lines)
		}
		if a := d.feed(in, "binding", "create", "--from", "-"); a.status != 1 || !strings.Contains(a.out, "b: the same subscriber") {
			t.Errorf("%+v", a)
		}
		for stdin, says := range map[string]string{
			"":                              "no row",
			"\n\n":                          "no row",
			strings.Repeat("x", maxLine+10): "line 1 is longer",
		} {
			if a := d.feed(stdin, "binding", "create", "--from", "-"); a.status != 1 || !strings.Contains(a.err, says) {
				t.Errorf("%.20q: %+v", stdin, a)
			}
		}
		d.refuse(1, "--from: ", "binding", "create", "--from", "none")
		d.refuse(1, "--from and --order do not go together", "binding", "create", "--from", "none", "--order", "o")
	})
}

// TestBatchAnswersARowBeforeTheNextIsWritten: a program that writes a row and waits for its result must get it.
func TestBatchAnswersARowBeforeTheNextIsWritten(t *testing.T) {
	d := newDesk(t)
	d.serve()
	d.must("block", "add", block)
	inRead, inWrite := io.Pipe()
	outRead, outWrite := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		status := run(d.deps, []string{"binding", "create", "--from", "-", "-o", "json"}, inRead, outWrite, io.Discard)
		outWrite.Close()
		ended <- status
	}()
	answers := json.NewDecoder(outRead)
	for i := range 3 {
		if _, err := fmt.Fprintf(inWrite, "{\"mode\":\"axb\",\"a\":\"1380000000%d\",\"b\":\"13900000009\",\"order\":\"o\"}\n", i); err != nil {
			t.Fatal(err)
		}
		var r admin.BatchResult
		if err := answers.Decode(&r); err != nil || r.Row != i+1 || r.Binding == nil {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	inWrite.Close()
	if status := <-ended; status != 0 {
		t.Errorf("status %d", status)
	}
}
