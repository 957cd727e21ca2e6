package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// faultOf opens the log of a path as another process would, and says what is wrong with it: at once, and by Verify.
func faultOf(t *testing.T, path string, a *anchor) string {
	t.Helper()
	l := open(t, path, a)
	defer l.Close()
	r, err := l.Verify()
	if err != nil || (r.Fault != "") != errors.Is(l.Broken(), ErrBroken) {
		t.Errorf("%q, %v; at the start %v", r.Fault, err, l.Broken())
	}
	return r.Fault
}

// TestFloorIsSet: at every sixteenth line, at a clean stop and at a start, and never again for one line.
func TestFloorIsSet(t *testing.T) {
	path, a := written(t, 40)
	if got := fmt.Sprint(a.noted); got != "[16 32]" {
		t.Errorf("while it is open: %s", got)
	}
	l := open(t, path, a)
	if got := fmt.Sprint(a.noted); got != "[16 32 40]" {
		t.Errorf("at a start: %s", got)
	}
	if h, err := l.Noted(); h != a.head.Head || err != nil {
		t.Errorf("line %d, %v", h.Seq, err)
	}
	if _, err := l.Append(entry(40), at); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	open(t, path, a).Close()
	if got := fmt.Sprint(a.noted); got != "[16 32 40 41]" {
		t.Errorf("at the end: %s", got)
	}
}

// TestLogAndMarkAreTakenAway: both at once, all of them or for older ones, which are whole in themselves.
func TestLogAndMarkAreTakenAway(t *testing.T) {
	path, a := written(t, 20)
	early, earlyMark := read(t, path), a.head
	open(t, path, a).Close()
	l := open(t, path, a)
	for i := range 5 {
		if _, err := l.Append(entry(20+i), at); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	whole, wholeMark, noted := read(t, path), a.head, a.floor
	put := func(b []byte, m Mark) {
		t.Helper()
		a.head, a.floor = m, noted
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for what, c := range map[string]struct {
		log  []byte
		mark Mark
		want string
	}{
		"all of it":          {nil, Mark{}, "it ends at line 0, and line 25 is noted in the ring"},
		"for an older one":   {early, earlyMark, "it ends at line 20, and line 25 is noted in the ring"},
		"as it was":          {whole, wholeMark, ""},
		"the log, not both":  {early, wholeMark, "it ends at line 20, and there were 25"},
		"the mark, not both": {whole, earlyMark, "line 21 was never written here"},
	} {
		put(c.log, c.mark)
		if got := faultOf(t, path, a); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", what, got)
		}
		if a.floor != noted {
			t.Errorf("%s: the floor is %+v", what, a.floor)
		}
	}
	// While a line was being written, what a crash may leave is no excuse.
	put(early, Mark{Head: earlyMark.Head, Next: Hash{1}})
	if got := faultOf(t, path, a); !strings.Contains(got, "line 25 is noted") {
		t.Errorf("and a line being written: %q", got)
	}
	put(append(bytes.Clone(early), `{"seq":2`...), Mark{Head: earlyMark.Head, Next: Hash{1}})
	if got := faultOf(t, path, a); !strings.Contains(got, "line 25 is noted") {
		t.Errorf("and a part of one: %q", got)
	}
	// Gone on with, it has as many lines, and others.
	put(early, earlyMark)
	a.floor = Floor{}
	l = open(t, path, a)
	for i := range 9 {
		if _, err := l.Append(entry(90+i), at); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	a.floor = noted
	if got := faultOf(t, path, a); got != "line 25 has another hash than is noted in the ring" {
		t.Errorf("gone on with: %q", got)
	}
}

// TestFloorIsBehind: by a crash before a line was noted, or in a ring of before that has noted none.
func TestFloorIsBehind(t *testing.T) {
	path, a := written(t, 20)
	for _, floor := range []Floor{{Head: Head{16, hashOf(t, read(t, path), 16)}}, {}} {
		a.floor = floor
		if got := faultOf(t, path, a); got != "" {
			t.Errorf("line %d: %s", floor.Seq, got)
		}
		if a.floor.Head != a.head.Head {
			t.Errorf("the start left it at %d", a.floor.Seq)
		}
	}
}

// TestFloorBelowTheBeginning: a line that was cut off with those whose time is over is asked for no more; the last of them is still known.
func TestFloorBelowTheBeginning(t *testing.T) {
	path, a := aged(t, 5)
	third := Head{3, hashOf(t, read(t, path), 3)}
	second := Head{2, hashOf(t, read(t, path), 2)}
	l := open(t, path, a)
	a.noted = nil
	if _, err := l.Cut(at.Add(2*hour+time.Minute), entry(9), at.Add(9*hour)); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(a.noted) != "[6]" {
		t.Errorf("the cut noted %d", a.noted)
	}
	for want, floor := range map[string]Head{"": third, "line 3 has another hash": {3, Hash{1}}} {
		a.floor = Floor{Head: floor}
		if r, err := l.Verify(); err != nil || (want == "") != (r.Fault == "") || !strings.Contains(r.Fault, want) {
			t.Errorf("%q: %q, %v", want, r.Fault, err)
		}
	}
	a.floor = Floor{Head: second}
	if got := faultOf(t, path, a); got != "" {
		t.Error(got)
	}
}

// TestFloorThatCannotBeSet: entries are written all the same, it is told, and each sixteenth tries again.
func TestFloorThatCannotBeSet(t *testing.T) {
	path, a := written(t, 1)
	l := open(t, path, a)
	a.noNote = errors.New("read-only")
	for i := range 40 {
		if _, err := l.Append(entry(i), at); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := l.Noted(); h.Seq != 1 || !errors.Is(err, a.noNote) {
		t.Errorf("line %d, %v", h.Seq, err)
	}
	if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head.Seq != 41 {
		t.Errorf("%+v, %v", r, err)
	}
	a.noNote = nil
	for i := range 16 {
		if _, err := l.Append(entry(i), at); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := l.Noted(); h.Seq < 42 || err != nil {
		t.Errorf("line %d, %v", h.Seq, err)
	}
}

// TestBackupThatWasPutBack: its log need not have the line that was noted, and has one that says so, with what is known of the log before.
func TestBackupThatWasPutBack(t *testing.T) {
	when := at.Add(hour).Truncate(time.Second)
	for _, lines := range []int{0, 3} {
		path, a := written(t, lines)
		a.floor = Floor{Head: Head{9, Hash{7}}, Restored: when, By: "local uid 12"}
		l := open(t, path, a)
		all, last := seqs(t, l)
		if len(all) != lines+1 || last.Who != "local uid 12" || last.What != "store.restore" || !last.At.Equal(when) ||
			!strings.Contains(last.Object, "entry 9, its hash "+Hash{7}.String()) {
			t.Errorf("%d, %+v", all, last)
		}
		if a.floor != (Floor{Head: a.head.Head}) || a.floor.Seq != uint64(lines+1) {
			t.Errorf("the floor is %+v", a.floor)
		}
		l.Close()
		if got := faultOf(t, path, a); got != "" {
			t.Error(got)
		}
	}
	// Where that line cannot be written, the next start has it.
	path, a := written(t, 2)
	a.floor = Floor{Restored: when, By: "local uid 12"}
	a.fail = errors.New("full")
	l := open(t, path, a)
	if h, err := l.Noted(); h.Seq != 0 || !errors.Is(err, a.fail) || a.floor.Restored.IsZero() {
		t.Errorf("line %d, %v, %+v", h.Seq, err, a.floor)
	}
	if r, err := l.Verify(); err != nil || r.Fault != "" {
		t.Errorf("%+v, %v", r, err)
	}
	a.fail = nil
	l = open(t, path, a)
	if all, last := seqs(t, l); len(all) != 3 || last.What != "store.restore" || !strings.Contains(last.Object, "nothing is noted") {
		t.Errorf("%d, %+v", all, last)
	}
}
