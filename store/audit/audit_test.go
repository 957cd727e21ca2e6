package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// anchor is a head in memory.
type anchor struct {
	head Head
	fail error
}

func (a *anchor) AuditHead() (Head, error) { return a.head, nil }

func (a *anchor) SetAuditHead(h Head) error {
	if a.fail == nil {
		a.head = h
	}
	return a.fail
}

var at = time.Date(2026, 3, 4, 5, 6, 7, 891234567, time.UTC)

func entry(n int) Entry {
	return Entry{Who: "token ops", What: "recording.export", Object: fmt.Sprintf("call%d", n), Reason: fmt.Sprintf("complaint <%d> & \"so on\"", n)}
}

// written is a log of so many lines.
func written(t *testing.T, n int) (string, *anchor) {
	t.Helper()
	path, a := filepath.Join(t.TempDir(), "audit.jsonl"), new(anchor)
	l := open(t, path, a)
	for i := range n {
		if _, err := l.Append(entry(i), at); err != nil {
			t.Fatal(err)
		}
	}
	return path, a
}

func open(t *testing.T, path string, a Anchor) *Log {
	t.Helper()
	l, err := Open(path, a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEntriesAreChained(t *testing.T) {
	path, a := written(t, 3)
	l := open(t, path, a) // and go on in another process
	e, err := l.Append(entry(3), at)
	if err != nil || e.Seq != 4 || e.Hash != a.head.Hash.String() || !e.At.Equal(at.Round(time.Millisecond)) {
		t.Fatalf("%+v, %v", e, err)
	}
	if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head != a.head || r.Head.Seq != 4 {
		t.Errorf("%+v, %v", r, err)
	}
	var all []Entry
	if err := l.List(func(e Entry) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	prev := strings.Repeat("0", 64)
	for i, e := range all {
		want := entry(i)
		if e.Seq != uint64(i+1) || e.Prev != prev || e.Who != want.Who || e.What != want.What || e.Object != want.Object || e.Reason != want.Reason {
			t.Errorf("%d: %+v", i, e)
		}
		prev = e.Hash
	}
	if len(all) != 4 {
		t.Errorf("%d entries", len(all))
	}
	if s, err := os.Stat(path); err != nil || s.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", s.Mode(), err)
	}
	var plain map[string]any
	if err := json.Unmarshal(bytes.SplitN(read(t, path), []byte("\n"), 2)[0], &plain); err != nil || len(plain) != 8 {
		t.Errorf("the first line is no JSON object of eight: %v, %v", plain, err)
	}
}

// TestEveryChangeIsFound: every byte, every line, and every length.
func TestEveryChangeIsFound(t *testing.T) {
	path, a := written(t, 4)
	whole := read(t, path)
	lines := bytes.SplitAfter(whole, []byte("\n"))[:4]
	join := func(l ...[]byte) []byte { return bytes.Join(l, nil) }
	try := func(what string, b []byte) {
		t.Helper()
		if r := Verify(bytes.NewReader(b), a.head); r.Fault == "" {
			t.Fatalf("%s is not found", what)
		}
	}
	for i := range whole {
		if i == len(whole)-1 {
			continue // the last line's end; see below
		}
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			try(fmt.Sprintf("bit %d of byte %d", bit, i), b)
		}
		try(fmt.Sprintf("the log cut to %d bytes", i), whole[:i])
	}
	for i := range lines {
		rest := append(append([][]byte{}, lines[:i]...), lines[i+1:]...)
		try(fmt.Sprintf("line %d left out", i+1), join(rest...))
		try(fmt.Sprintf("line %d twice", i+1), join(append(append([][]byte{}, lines[:i+1]...), lines[i:]...)...))
	}
	try("two exchanged", join(lines[0], lines[2], lines[1], lines[3]))
	try("an empty line", join(lines[0], []byte("\n"), lines[1], lines[2], lines[3]))
	try("an empty log", nil)

	// A chain that was written anew, whole in itself, is not the one that was anchored.
	forged, other := written(t, 3)
	l := open(t, forged, other)
	if _, err := l.Append(Entry{Who: "nobody", What: "x", Object: "y", Reason: "none at all"}, at); err != nil {
		t.Fatal(err)
	}
	if r := Verify(bytes.NewReader(read(t, forged)), other.head); r.Fault != "" {
		t.Fatal(r.Fault)
	}
	try("another chain", read(t, forged))
	longer, _ := written(t, 6)
	try("two lines more than were written", read(t, longer))
}

// TestBrokenLogTakesNothing: nothing is added behind a change, and what is left can be read.
func TestBrokenLogTakesNothing(t *testing.T) {
	path, a := written(t, 3)
	b := bytes.Replace(read(t, path), []byte("call1"), []byte("call7"), 1)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, path, a)
	if _, err := l.Append(entry(4), at); !errors.Is(err, ErrBroken) {
		t.Errorf("%v", err)
	}
	if !bytes.Equal(read(t, path), b) {
		t.Error("the file was changed")
	}
	n := 0
	if err := l.List(func(Entry) error { n++; return nil }); err != nil || n != 3 {
		t.Errorf("%d entries, %v", n, err)
	}
	if r, err := l.Verify(); err != nil || !strings.HasPrefix(r.Fault, "line 2 ") || strings.Contains(r.Fault, "call7") {
		t.Errorf("%+v, %v", r, err)
	}
	// The whole file is gone.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, path, a).Append(entry(4), at); !errors.Is(err, ErrBroken) {
		t.Errorf("begun anew: %v", err)
	}
}

// TestCrashWhileWriting: half a line belongs to what was not done, and a line without its anchor is anchored.
func TestCrashWhileWriting(t *testing.T) {
	path, a := written(t, 3)
	whole := read(t, path)
	end := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	before := a.head
	short, _ := written(t, 2)
	two := &anchor{}
	if r := Verify(bytes.NewReader(read(t, short)), Head{}); r.Head.Seq != 2 {
		two.head = r.Head
	}
	two.head = Verify(bytes.NewReader(whole[:end]), Head{Seq: 1, Hash: firstHash(t, whole)}).Head
	for n := end; n <= len(whole); n++ {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		a.head = two.head
		l := open(t, path, a)
		if r, err := l.Verify(); err != nil || r.Fault != "" {
			t.Fatalf("%d bytes: %+v, %v", n, r, err)
		}
		if n == len(whole) && a.head != before {
			t.Error("the last line is not anchored")
		}
		want := uint64(3)
		if n == len(whole) {
			want = 4
		}
		if e, err := l.Append(entry(9), at); err != nil || e.Seq != want {
			t.Fatalf("%d bytes: %+v, %v", n, e, err)
		}
		if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head.Seq != want {
			t.Fatalf("%d bytes: %+v, %v", n, r, err)
		}
	}
}

func firstHash(t *testing.T, log []byte) Hash {
	t.Helper()
	hash, _, ok := readLine(log[:bytes.IndexByte(log, '\n')])
	if !ok {
		t.Fatal("the first line cannot be read")
	}
	return hash
}

// TestAnchorThatFails: the error is told, and the next entry mends it first.
func TestAnchorThatFails(t *testing.T) {
	path, a := written(t, 1)
	l := open(t, path, a)
	a.fail = errors.New("stalled")
	for range 3 {
		if _, err := l.Append(entry(1), at); !errors.Is(err, a.fail) {
			t.Error(err)
		}
	}
	a.fail = nil
	if e, err := l.Append(entry(2), at); err != nil || e.Seq != 3 {
		t.Errorf("%+v, %v", e, err)
	}
	if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head.Seq != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestReasons(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "audit.jsonl"), new(anchor))
	for _, reason := range []string{"", "  ", "ab", "two\nlines", "a\x00b", "bad \xff text", strings.Repeat("x", maxReason+1)} {
		e := entry(1)
		e.Reason = reason
		if _, err := l.Append(e, at); !errors.Is(err, ErrReason) {
			t.Errorf("%q: %v", reason, err)
		}
	}
	e := entry(1)
	e.Reason = strings.Repeat("投", maxReason)
	if _, err := l.Append(e, at); err != nil {
		t.Error(err)
	}
	if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head.Seq != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"seq":1,"at":"2026-01-02T03:04:05Z","who":"","what":"","object":"","reason":"","prev":"","hash":"00"}`))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := Verify(bytes.NewReader(b), Head{Seq: 1, Hash: Hash{1}})
		if r.Fault == "" {
			t.Fatal("a log that nobody wrote is whole")
		}
	})
}
