package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"mask700/store/audit"
)

// log is the audit log, read by the operator.
func (d *doorBench) log() []audit.Entry {
	d.t.Helper()
	handler, header := d.handler, d.header
	d.handler, d.header = d.operator, nil
	defer func() { d.handler, d.header = handler, header }()
	return d.entries()
}

// TestWhoTriesNumbersOnABlockListIsNoted: a call that is refused names the entry that bars it, and an entry that is there already is
// answered in place of what was asked for. Whoever puts all numbers on a list that a masked one may stand for learns from both which it
// is, so that each row of a batch is noted before it is on the list, as an entry by itself is.
func TestWhoTriesNumbersOnABlockListIsNoted(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	row := func(number, more string) string {
		return `{"number":"` + number + `","direction":"from","reason":"complaint 17"` + more + `}`
	}
	var rows []string
	for i := range 70 { // what may be behind 138****0001
		rows = append(rows, row(fmt.Sprintf("138%04d0001", i), ""))
	}
	rows = append(rows,
		`{"number":"`+numberD+`","direction":"both","reason":"asked"}`, // is there
		row(numberE, `,"peer":"`+numberF+`","tenant":"rides"`),
		row("12", ""), `{"number":"`+numberF+`","direction":"`+numberF+`","tenant":"`+numberF+`","reason":"complaint 17"}`, "{", `{"number":"`+numberF+`","direction":"both","reason":"by `+numberF+`"}`)
	before := len(d.log())
	out := d.want(200, "POST", "/v1/blocklist/batch", strings.Join(rows, "\n"), nil)
	added := 0
	for i, answers := 0, json.NewDecoder(strings.NewReader(out)); answers.More(); i++ {
		var r BarResult
		if err := answers.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r.Row != i+1 || (r.Entry == nil) == (r.Problem == nil) {
			t.Errorf("row %d: %+v", i+1, r)
		}
		if r.Entry != nil {
			added++
		}
	}
	if added != 72 {
		t.Errorf("%d rows are on the list: %s", added, out)
	}
	want := []audit.Entry{
		{Object: "rows 1 to 64 of 76: number 138****0001 from (64 times)", Reason: "complaint 17"},
		{Object: "rows 65 to 76 of 76: number 138****0001 from (6 times); number 136****0004 both; number 135****0005 from, peer 135****0006, tenant rides; number 135****0006", Reason: ownReasons},
	}
	noted := d.log()[before:]
	if len(noted) != len(want) {
		t.Fatalf("noted: %+v", noted)
	}
	for i, e := range noted {
		if e.What != whatBarAdd || e.Object != want[i].Object || e.Reason != want[i].Reason || e.Who != "token rides/dispatch "+d.tokenID {
			t.Errorf("noted: %+v, want %+v", e, want[i])
		}
	}

	// What cannot be noted is not on the list.
	d.head.fail = errors.New("stalled")
	d.want(500, "POST", "/v1/blocklist/batch", row("13700000077", ""), nil)
	d.head.fail = nil
	d.handler, d.header = d.operator, nil
	var page BarPage
	if d.want(200, "GET", "/v1/blocklist?tenant=rides&limit=1000", "", &page); len(page.Entries) != 1+71 {
		t.Errorf("%d entries", len(page.Entries))
	}
}

// TestALineHoldsTheRowsThatAreNoted: the longest that rows can be.
func TestALineHoldsTheRowsThatAreNoted(t *testing.T) {
	t.Parallel()
	d := newDoorBench(t)
	d.handler, d.header = d.operator, nil
	long := strings.Repeat("t", 64)
	d.want(201, "POST", "/v1/tenants", `{"name":"`+long+`"}`, nil)
	var rows []string
	for i := range barsNoted {
		rows = append(rows, fmt.Sprintf(`{"number":"+99812345%04d","peer":"+99854321%04d","tenant":"%s","direction":"both","reason":"%s"}`, i, i, long, strings.Repeat("由", 250)))
	}
	d.want(200, "POST", "/v1/blocklist/batch", strings.Join(rows, "\n"), nil)
	if noted := d.log(); !strings.HasPrefix(noted[len(noted)-1].Object, "rows 1 to 64 of 64: number ") {
		t.Errorf("%+v", noted[len(noted)-1])
	}
}
