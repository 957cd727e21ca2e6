package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"mask700/cmd/mask700/admin"
)

// imported decodes what an import printed in JSON: its rows and, last, the sum.
func imported(t *testing.T, out string) (rows []admin.BatchResult, sum importSum) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	last := len(lines) - 1
	if err := json.Unmarshal([]byte(lines[last]), &sum); err != nil {
		t.Fatal(err)
	}
	return results(t, strings.Join(lines[:last], "\n")), sum
}

func TestImport(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		var rows strings.Builder
		const n = 600
		for i := range n {
			fmt.Fprintf(&rows, "{\"mode\":\"axb\",\"a\":\"138%08d\",\"b\":\"139%08d\",\"x\":\"%s%04d\",\"order\":\"o\",\"ttl\":\"2h\"}\n", i, i, block, i)
		}
		if err := os.WriteFile("rows", []byte(rows.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := d.must("binding", "import", "rows"); !strings.HasPrefix(out, "600 rows: 600 taken, 0 refused; ") || strings.Count(out, "\n") != 1 {
			t.Errorf("printed %q", out)
		}
		// Once more each is in its own way, but for those before the line.
		a := d.run("binding", "import", "rows", "--line", "301", "-o", "json")
		refused, sum := imported(t, a.out)
		if a.status != 1 || len(refused) != 300 || sum.Rows != 300 || sum.Taken != 0 || sum.Refused != 300 || sum.Reasons["conflict x"] != 300 || !strings.Contains(a.err, "300 of 300 rows refused") {
			t.Fatalf("%d, %d, %+v: %s", a.status, len(refused), sum, a.err)
		}
		for i, r := range refused {
			if r.Row != 301+i || r.Problem == nil || r.Problem.Binding == "" {
				t.Fatalf("%d: %+v", i, r)
			}
		}
		live := strings.Split(strings.TrimSpace(d.must("binding", "list", "--live", "-o", "json")), "\n")
		if len(live) != n {
			t.Errorf("%d bindings live", len(live))
		}
		if out := d.must("check"); !strings.Contains(out, "600") {
			t.Errorf("check: %s", out)
		}
	})
}

// TestImportSaysWhatWasRefused: each row has the number of its line and why, those with a fault stop no other, and numbers
// that lack are drawn.
func TestImportSaysWhatWasRefused(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		in := `{"mode":"axb","a":"13800000001","b":"13900000002","order":"1"}

{"mode":"axb","a":"13800000001","b":"13800000001","order":"2"}
13800000001
{"mode":"axyb","a":"13800000003","b":"13900000004","order":"3"}
{"mode":"axb","a":"13800000005","b":"13900000006"}
{"mode":"axb","a":"13800000005","b":"13900000006","order":"4","reuse":true}
{"mode":"axb","a":"13800000005","b":"13900000006","order":"5","idempotency_key":"k"}
{"mode":"axb","a":"13800000005","b":"13900000006","order":"6","x":"700999999990001"}`
		a := d.feed(in, "binding", "import", "-", "--all", "-o", "json")
		rows, sum := imported(t, a.out)
		if a.status != 1 || sum.Rows != 8 || sum.Taken != 2 || sum.Refused != 6 || !strings.Contains(a.err, "6 of 8 rows refused") {
			t.Fatalf("%d, %+v: %s", a.status, sum, a.err)
		}
		want := map[int]string{3: "b", 4: "", 6: "order", 7: "reuse", 8: "idempotency_key", 9: "x"}
		for _, r := range rows {
			field, bad := want[r.Row]
			switch {
			case bad && (r.Problem == nil || r.Problem.Field != field), !bad && (r.Binding == nil || r.Binding.X == 0):
				t.Errorf("%+v", r)
			case !bad && r.Row == 5 && (r.Binding.Y == 0 || r.Binding.Y == r.Binding.X):
				t.Errorf("two numbers: %+v", r.Binding)
			}
		}
		if len(rows) != 8 {
			t.Errorf("%d rows", len(rows))
		}
		if got := d.must("binding", "list", "-o", "json"); strings.Count(got, "\n") != 2 {
			t.Errorf("stored: %s", got)
		}
		a = d.feed(in, "binding", "import", "-")
		if a.status != 1 || strings.Contains(a.out, "\n1 ") || !strings.Contains(a.out, "b: the same subscriber") ||
			!strings.Contains(a.out, "8 rows: 2 taken, 6 refused (") || !strings.Contains(a.out, "1 invalid order") {
			t.Errorf("%+v", a)
		}
	})
}

// TestImportGoesOn: under the name that an import had no row is bound twice, wherever it goes on.
func TestImportGoesOn(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		in := `{"mode":"axb","a":"13800000001","b":"13900000002","order":"1"}

{"mode":"axb","a":"13800000003","b":"13900000004","order":"2"}
`
		d.feed(in, "binding", "import", "-", "--name", "movers")
		in += `{"mode":"axb","a":"13800000005","b":"13900000006","order":"3"}`
		a := d.feed(in, "binding", "import", "-", "--name", "movers", "--line", "2", "--all")
		if a.status != 0 || !strings.Contains(a.out, "2 rows: 2 taken (1 when they were sent before), 0 refused; ") {
			t.Errorf("%+v", a)
		}
		if got := d.must("binding", "list", "-o", "json"); strings.Count(got, "\n") != 3 {
			t.Errorf("stored: %s", got)
		}
	})
}

func TestImportRefusesWhatIsNoImport(t *testing.T) {
	d := newDesk(t)
	d.must("block", "add", block)
	for stdin, says := range map[string]string{
		"":                              "no row",
		"\n\n":                          "no row",
		strings.Repeat("x", maxLine+10): "line 1 is longer",
	} {
		if a := d.feed(stdin, "binding", "import", "-"); a.status != 1 || !strings.Contains(a.err, says) {
			t.Errorf("%.20q: %+v", stdin, a)
		}
	}
	if a := d.feed(`{"mode":"axb","a":"13800000001","b":"13900000002","order":"1"}`, "binding", "import", "-", "--line", "2"); a.status != 1 || !strings.Contains(a.err, "no row") {
		t.Errorf("behind the end: %+v", a)
	}
	d.refuse(1, "the file of rows cannot be opened", "binding", "import", "13800000001")
	d.refuse(1, "--line: ", "binding", "import", "-", "--line", "0")
	d.refuse(1, "--name: ", "binding", "import", "-", "--name", "13800000001")
	d.refuse(1, "shows no numbers", "binding", "import", "-", "--reveal", "--reason", "complaint 17")
	d.refuse(1, "needs the FILE", "binding", "import")
}

// TestPiecesOfAFile: a file of any length is cut into pieces that a server takes, and each row keeps its line.
func TestPiecesOfAFile(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	const n = 2*admin.MaxImportRows + 7
	for i := range n {
		fmt.Fprintf(&file, "{\"row\":%d}\n\n", 2*i+1)
	}
	next, seen := newPieces(strings.NewReader(file.String()), 5), 0
	for {
		p, end := next.next()
		texts := strings.Split(strings.TrimSuffix(string(p.text), "\n"), "\n")
		if len(p.lines) > admin.MaxImportRows || len(p.text) > admin.MaxImportBytes || len(texts) != len(p.lines) {
			t.Fatalf("%d lines, %d bytes", len(p.lines), len(p.text))
		}
		if p.first != seen+3 {
			t.Fatalf("begins with row %d", p.first)
		}
		for k, line := range p.lines {
			if texts[k] != fmt.Sprintf("{\"row\":%d}", line) {
				t.Fatalf("line %d is %s", line, texts[k])
			}
		}
		seen += len(p.lines)
		if end != nil {
			break
		}
	}
	if seen != n-2 {
		t.Errorf("%d rows", seen)
	}
	wide := newPieces(strings.NewReader(strings.Repeat(strings.Repeat("x", maxLine-1)+"\n", 600)), 1)
	p, end := wide.next()
	if end != nil || len(p.text) > admin.MaxImportBytes || len(p.text) < admin.MaxImportBytes/2 {
		t.Errorf("%d bytes, %v", len(p.text), end)
	}
}
