package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// pieceOf has rows imported and returns the lines of the answer but for the last.
func (b *bench) pieceOf(query string, rows []string) ([]ImportLine, ImportDone) {
	b.t.Helper()
	out := b.want(200, "POST", "/v1/import"+query, strings.Join(rows, "\n")+"\n", nil)
	var lines []ImportLine
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var l ImportLine
		if err := d.Decode(&l); err != nil {
			b.t.Fatal(err)
		}
		lines = append(lines, l)
	}
	last := len(lines) - 1
	if last < 0 || lines[last].Done == nil {
		b.t.Fatalf("the answer has no end: %.200s", out)
	}
	return lines[:last], *lines[last].Done
}

// TestImportOfThousands: those that are refused are told, in the order of the rows, or all of them.
func TestImportOfThousands(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	const n = 3000
	rows := make([]string, n)
	for i := range rows {
		rows[i] = batchRow(i, fmt.Sprintf(`,"x":"%s%04d"`, block, i))
		switch i % 100 {
		case 7:
			rows[i] = batchRow(i, `,"ttl":"-1s"`)
		case 8:
			rows[i] = strings.Replace(batchRow(i, ""), `"order"`, `"ordre"`, 1)
		}
	}
	lines, done := b.pieceOf("", rows)
	if done != (ImportDone{Taken: n - n/50, Refused: n / 50}) || len(lines) != n/50 {
		t.Fatalf("%+v, %d lines", done, len(lines))
	}
	for i, l := range lines {
		if want := i/2*100 + 8 + i%2; l.Row != want || l.Problem == nil || l.Binding != nil {
			t.Fatalf("line %d: %+v, want row %d", i, l, want)
		}
	}
	lines, done = b.pieceOf("?all=1", []string{batchRow(5000, ""), rows[0], batchRow(5001, "")})
	if done != (ImportDone{Taken: 2, Refused: 1}) || len(lines) != 3 || lines[0].Binding == nil || lines[1].Problem == nil || lines[2].Binding == nil {
		t.Fatalf("%+v, %+v", done, lines)
	}
	for _, l := range []ImportLine{lines[0], lines[2]} {
		if l.Binding.X == 0 || !strings.Contains(string(l.Binding.A), "****") {
			t.Errorf("drawn: %+v", l.Binding)
		}
	}
}

// TestImportSentAgain: of a piece of an import that has a name, no row is bound twice, whatever numbers were drawn for it and however the
// pieces are cut; another row in its place is not taken for it.
func TestImportSentAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	rows := []string{batchRow(0, ""), `{"mode":"axb"}`, batchRow(2, `,"x":"`+block+`0002"`), batchRow(3, "")}
	first, done := b.pieceOf("?name=movers&row=1&all=1", rows)
	if done != (ImportDone{Taken: 3, Refused: 1}) || first[1].Problem == nil {
		t.Fatalf("%+v, %+v", done, first)
	}
	again, done := b.pieceOf("?name=movers&row=3&all=1", append(rows[2:], batchRow(4, "")))
	if done != (ImportDone{Taken: 3, Before: 2}) {
		t.Fatalf("%+v, %+v", done, again)
	}
	for k, l := range again[:2] {
		if was := first[k+2].Binding; l.Binding == nil || l.Binding.ID != was.ID || l.Binding.X != was.X {
			t.Errorf("row %d: %+v, before %+v", k+3, l.Binding, was)
		}
	}
	lines, done := b.pieceOf("?name=movers&row=4", rows[:1])
	if done != (ImportDone{Refused: 1}) || lines[0].Problem.Status != 409 || !strings.Contains(lines[0].Problem.Detail, "another row was imported") {
		t.Errorf("another row: %+v, %+v", done, lines)
	}
	if entries := b.entries(); len(entries) != 1 || entries[0].What != ActionConflict {
		t.Errorf("%+v", entries)
	}
	if _, done := b.pieceOf("?name=others&row=1", rows[:1]); done != (ImportDone{Taken: 1}) {
		t.Errorf("another import: %+v", done)
	}
	for _, query := range []string{"?name=&row=1", "?name=13800000001&row=1", "?name=movers", "?name=movers&row=0", "?name=" + strings.Repeat("x", 65) + "&row=1"} {
		b.want(400, "POST", "/v1/import"+query, rows[0], nil)
	}
}

// TestImportNotesWhatItTells: that somebody named is on a number already is in the audit log before it is told, as of a batch.
func TestImportNotesWhatItTells(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	var rows []string
	for i := range 20 {
		rows = append(rows, batchRow(i, fmt.Sprintf(`,"x":"%s%04d"`, block, i)))
	}
	b.pieceOf("", rows)
	if _, done := b.pieceOf("", rows); done.Refused != 20 {
		t.Fatalf("%+v", done)
	}
	entries := b.entries()
	n := len(entries)
	if n < 2 || entries[n-2].What != ActionConflict || entries[n-1].What != ActionConflictEnd || !strings.Contains(entries[n-1].Object, "20 rows") {
		t.Errorf("%+v", entries)
	}
}

func TestImportIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.want(413, "POST", "/v1/import", strings.Repeat("{}\n", MaxImportRows)+"{}", nil)
	b.want(413, "POST", "/v1/import", strings.Repeat(" ", MaxImportBytes+1), nil)
	b.header = map[string][]string{HeaderKey: {"once"}}
	b.want(400, "POST", "/v1/import", batchRow(1, ""), nil)
	b.header = nil
	shared := b.handler.(*api).importing
	shared.wait = time.Millisecond
	leave, err := shared.enter(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	b.want(503, "POST", "/v1/import", batchRow(1, ""), nil)
	leave()
	if _, done := b.pieceOf("", []string{batchRow(1, "")}); done.Refused != 1 { // no block is held
		t.Errorf("%+v", done)
	}
}
