package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const hour = time.Hour

// aged is a log with a line for each of so many hours.
func aged(t *testing.T, n int) (string, *anchor) {
	t.Helper()
	path, a := filepath.Join(t.TempDir(), "audit.jsonl"), new(anchor)
	l := open(t, path, a)
	for i := range n {
		if _, err := l.Append(entry(i), at.Add(time.Duration(i)*hour)); err != nil {
			t.Fatal(err)
		}
	}
	return path, a
}

func seqs(t *testing.T, l *Log) (all []uint64, last Entry) {
	t.Helper()
	if err := l.List(func(e Entry) error { all, last = append(all, e.Seq), e; return nil }); err != nil {
		t.Fatal(err)
	}
	return all, last
}

func wholeFrom(t *testing.T, l *Log, base, head uint64) {
	t.Helper()
	if r, err := l.Verify(); err != nil || r.Fault != "" || r.Base.Seq != base || r.Head.Seq != head {
		t.Errorf("%+v, %v; want %d to %d", r, err, base, head)
	}
}

// TestCut: lines whose time is over go, a line says so with their hash, and the chain holds from there on.
func TestCut(t *testing.T) {
	path, a := aged(t, 5)
	l := open(t, path, a)
	whole := bytes.SplitAfter(read(t, path), []byte("\n"))
	now := at.Add(100 * hour)
	if c, err := l.Cut(at.Add(-time.Second), entry(9), now); err != nil || c != (CutOff{}) {
		t.Errorf("nothing is so old: %+v, %v", c, err)
	}
	c, err := l.Cut(at.Add(2*hour+time.Minute), Entry{Who: "retention", What: "retention.delete", Reason: "its time is over"}, now)
	if err != nil || c.First != 1 || c.Last != 3 || c.Size != int64(len(whole[0])+len(whole[1])+len(whole[2])) {
		t.Fatalf("%+v, %v", c, err)
	}
	third, _, _ := readLine(bytes.TrimSuffix(whole[2], []byte("\n")))
	all, last := seqs(t, l)
	if fmt.Sprint(all) != "[4 5 6]" || c.Hash != third || last.What != "retention.delete" || !strings.Contains(last.Object, "entries 1 to 3") || !strings.Contains(last.Object, third.String()) {
		t.Errorf("left %v, the last %+v", all, last)
	}
	for _, gone := range whole[:3] {
		if bytes.Contains(read(t, path), gone) {
			t.Error("a line that was cut off is there")
		}
	}
	wholeFrom(t, l, 3, 6)
	if oldest, err := l.Oldest(); err != nil || !oldest.Equal(at.Add(3*hour).Round(time.Millisecond)) {
		t.Errorf("the oldest is of %s, %v", oldest, err)
	}
	if s, err := os.Stat(path); err != nil || s.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", s.Mode(), err)
	}
	if _, err := l.Append(entry(10), now); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = open(t, path, a) // and go on in another process
	wholeFrom(t, l, 3, 7)
	// All but the last line.
	if c, err := l.Cut(now.Add(hour), entry(11), now); err != nil || c.First != 4 || c.Last != 6 {
		t.Errorf("%+v, %v", c, err)
	}
	wholeFrom(t, l, 6, 8)
	for k, fault := range map[Head]string{
		{Seq: 6, Hash: l.base.Hash}: "", {Seq: 6, Hash: third}: "another hash", {Seq: 3, Hash: third}: "was deleted", {Seq: 9, Hash: third}: "line 9 is known",
	} {
		if r, err := l.Verify(k); err != nil || (fault == "") != (r.Fault == "") || !strings.Contains(r.Fault, fault) {
			t.Errorf("line %d: %q, %v, want %q", k.Seq, r.Fault, err, fault)
		}
	}
}

// TestWhoCutsByHand: a beginning that is cut off without the anchor knowing is a fault.
func TestWhoCutsByHand(t *testing.T) {
	path, a := aged(t, 4)
	l := open(t, path, a)
	if _, err := l.Cut(at.Add(time.Minute), entry(9), at.Add(9*hour)); err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(read(t, path), []byte("\n"))
	for _, tail := range [][][]byte{lines[1:], lines[2:], lines[4:]} {
		if r := Verify(bytes.NewReader(bytes.Join(tail, nil)), a.head); r.Fault == "" {
			t.Errorf("%d lines less are not noticed", len(lines)-len(tail))
		}
	}
}

// TestCrashWhileCutting: what is there afterwards is the log with its beginning or without, and either is whole.
func TestCrashWhileCutting(t *testing.T) {
	for _, renamed := range []bool{false, true} {
		path, a := aged(t, 4)
		before := read(t, path)
		l := open(t, path, a)
		if _, err := l.Cut(at.Add(hour+time.Minute), entry(9), at.Add(9*hour)); err != nil {
			t.Fatal(err)
		}
		l.Close()
		after := read(t, path)
		line := after[bytes.LastIndexByte(after[:len(after)-1], '\n')+1:] // that says so
		base := a.head.Base
		a.head.Base, a.head.Cut = Head{}, base // as it is before the file is replaced
		if err := os.WriteFile(path+cutSuffix, after[:7], 0o600); err != nil {
			t.Fatal(err)
		}
		want := uint64(2)
		if !renamed {
			want = 0
			if err := os.WriteFile(path, append(before, line...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		l = open(t, path, a)
		wholeFrom(t, l, want, 5)
		if _, err := l.Append(entry(10), at.Add(10*hour)); err != nil {
			t.Error(err)
		}
		wholeFrom(t, l, want, 6)
		if _, err := os.Stat(path + cutSuffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("what would have taken its place is there: %v", err)
		}
		if _, err := l.Cut(at.Add(hour+time.Minute), entry(11), at.Add(11*hour)); err != nil {
			t.Error(err)
		}
		wholeFrom(t, l, 2, 7-want/2)
	}
}

// TestCutThatFails: nothing is cut off where it cannot be noted.
func TestCutThatFails(t *testing.T) {
	path, a := aged(t, 3)
	l := open(t, path, a)
	e := entry(9)
	e.Reason = ""
	if _, err := l.Cut(at.Add(hour), e, at.Add(9*hour)); !errors.Is(err, ErrReason) {
		t.Errorf("%v", err)
	}
	a.fail = errors.New("no room")
	if _, err := l.Cut(at.Add(hour), entry(9), at.Add(9*hour)); !errors.Is(err, a.fail) {
		t.Errorf("%v", err)
	}
	a.fail = nil
	if all, _ := seqs(t, l); len(all) != 3 {
		t.Errorf("%v are left", all)
	}
	wholeFrom(t, l, 0, 3)
}
