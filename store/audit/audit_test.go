package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// anchor is a mark in memory. What is set may fail, and then what says that it failed may have been done.
type anchor struct {
	head    Mark
	fail    error
	inDoubt bool

	floor  Floor
	noted  []uint64 // the lines that were noted, in turn
	noNote error    // why none is
}

func (a *anchor) AuditFloor() (Floor, error) { return a.floor, nil }

func (a *anchor) SetAuditFloor(h Head) error {
	if a.noNote == nil {
		a.floor, a.noted = Floor{Head: h}, append(a.noted, h.Seq)
	}
	return a.noNote
}

func (a *anchor) AuditHead() (Mark, error) { return a.head, nil }

func (a *anchor) SetAuditHead(h Mark) error {
	if a.fail == nil || a.inDoubt {
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
	if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head != a.head.Head || r.Head.Seq != 4 {
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
	for i := range lines {
		try("a carriage return", join(bytes.Join(lines[:i], nil), bytes.TrimSuffix(lines[i], []byte("\n")), []byte("\r\n"), bytes.Join(lines[i+1:], nil)))
		try("a blank", join(bytes.Join(lines[:i], nil), []byte(" "), bytes.Join(lines[i:], nil)))
	}
	try("something behind the end", append(bytes.Clone(whole), 'x'))
	try("zeroes behind the end", append(bytes.Clone(whole), make([]byte, 4096)...))
	try("a line that is too long", append(bytes.Clone(whole), bytes.Repeat([]byte("x"), 2*maxLine)...))

	// One line more, well made, that the anchor was never told of.
	e := entry(9)
	e.Seq, e.At, e.Prev = 5, at, a.head.Hash.String()
	more, hash, err := e.line()
	if err != nil {
		t.Fatal(err)
	}
	try("a line put behind the last", join(whole, more))
	told := Mark{Head: a.head.Head, Next: hash}
	if r := Verify(bytes.NewReader(join(whole, more)), told); r.Fault != "" {
		t.Errorf("the line that was being written: %s", r.Fault)
	}
	told.Next[0]++
	if r := Verify(bytes.NewReader(join(whole, more)), told); r.Fault == "" {
		t.Error("another line in place of the one that was being written is not found")
	}

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

// TestLogOfAnEarlierDay: a log that was put back together with its anchor is whole in itself. Who noted the last line
// elsewhere sees it.
func TestLogOfAnEarlierDay(t *testing.T) {
	path, a := written(t, 3)
	l := open(t, path, a)
	var marks []Head
	if err := l.List(func(e Entry) error {
		marks = append(marks, Head{e.Seq, hashOf(t, read(t, path), int(e.Seq))})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if r, err := l.Verify(marks...); err != nil || r.Fault != "" {
		t.Errorf("%+v, %v", r, err)
	}
	for _, known := range []Head{{4, marks[2].Hash}, {2, marks[2].Hash}, {1, Hash{}}} {
		if r, err := l.Verify(known); err != nil || r.Fault == "" {
			t.Errorf("line %d as it never was is not missed: %v", known.Seq, err)
		}
	}
	old, at2 := read(t, path), *a
	if _, err := l.Append(entry(4), at); err != nil {
		t.Fatal(err)
	}
	noted := a.head.Head
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	again := open(t, path, &at2)
	if r, err := again.Verify(); err != nil || r.Fault != "" {
		t.Errorf("in itself it is whole: %+v, %v", r, err)
	}
	if r, err := again.Verify(noted); err != nil || !strings.Contains(r.Fault, "ends at line 3") {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := again.Append(entry(5), at); err != nil {
		t.Fatal(err)
	}
	if r, err := again.Verify(noted); err != nil || !strings.Contains(r.Fault, "line 4") {
		t.Errorf("%+v, %v", r, err)
	}
	// The old log beside the new anchor, and the new log beside the old anchor.
	if r := Verify(bytes.NewReader(old), a.head); r.Fault == "" {
		t.Error("an old log with a new anchor is not found")
	}
	if r := Verify(bytes.NewReader(read(t, path)), Mark{Head: marks[1]}); r.Fault == "" {
		t.Error("a new log with an old anchor is not found")
	}
}

// TestCrashAtEveryStep: a line that was anchored stays; one that was being written is there whole or not at all, and
// what it tells of was not done.
func TestCrashAtEveryStep(t *testing.T) {
	path, a := written(t, 3)
	whole := read(t, path)
	end := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	two := Verify(bytes.NewReader(whole[:end]), Mark{Head: Head{2, hashOf(t, whole, 2)}}).Head
	three := a.head.Head
	being := Mark{Head: two, Next: three.Hash}
	left := map[string][]byte{"lost, but for its length": append(bytes.Clone(whole[:end]), make([]byte, len(whole)-end)...)}
	for n := end; n <= len(whole); n++ {
		left[fmt.Sprintf("cut at %d of %d bytes", n, len(whole))] = whole[:n]
	}
	half := bytes.Clone(whole) // the second of two pages came to the disk, the first did not
	clear(half[end : end+40])
	left["without its first page"] = half
	for what, b := range left {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		a.head, a.floor = being, Floor{}
		if r := Verify(bytes.NewReader(b), being); r.Fault != "" {
			t.Fatalf("%s: %s", what, r.Fault)
		}
		l := open(t, path, a)
		want := Mark{Head: two}
		if len(b) == len(whole) && bytes.Equal(b, whole) {
			want = Mark{Head: three}
		}
		if a.head != want {
			t.Fatalf("%s: the anchor has line %d, want %d", what, a.head.Seq, want.Seq)
		}
		if e, err := l.Append(entry(9), at); err != nil || e.Seq != want.Seq+1 {
			t.Fatalf("%s: %+v, %v", what, e, err)
		}
		if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head.Seq != want.Seq+1 {
			t.Fatalf("%s: %+v, %v", what, r, err)
		}
		l.Close()
		// Where no line was being written, the same is no crash.
		if !bytes.Equal(b, whole[:end]) {
			if r := Verify(bytes.NewReader(b), Mark{Head: two}); r.Fault == "" {
				t.Fatalf("%s: taken for a crash where there was none", what)
			}
		}
	}
}

// hashOf is the hash of a line, counted from 1.
func hashOf(t *testing.T, log []byte, n int) Hash {
	t.Helper()
	hash, _, ok := readLine(bytes.Split(log, []byte("\n"))[n-1])
	if !ok {
		t.Fatalf("line %d cannot be read", n)
	}
	return hash
}

// TestAnchorThatFails: the error is told, whatever was done, and the next entry goes on from what is there.
func TestAnchorThatFails(t *testing.T) {
	for _, inDoubt := range []bool{false, true} {
		path, a := written(t, 1)
		l := open(t, path, a)
		a.fail, a.inDoubt = errors.New("stalled"), inDoubt
		for range 3 {
			if _, err := l.Append(entry(1), at); !errors.Is(err, a.fail) {
				t.Error(err)
			}
		}
		if got := bytes.Count(read(t, path), []byte("\n")); got != 1 {
			t.Errorf("%d lines: one was written that the anchor was not told of", got)
		}
		a.fail = nil
		if e, err := l.Append(entry(2), at); err != nil || e.Seq != 2 {
			t.Errorf("%+v, %v", e, err)
		}
		if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head.Seq != 2 {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// lateAnchor fails when it is told that a line is whole.
type lateAnchor struct{ anchor }

func (a *lateAnchor) SetAuditHead(m Mark) error {
	if a.fail != nil && m.Next == (Hash{}) {
		return a.fail
	}
	a.head = m
	return nil
}

func TestAnchorThatFailsBehindTheLine(t *testing.T) {
	a := new(lateAnchor)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, path, a)
	a.fail = errors.New("stalled")
	for range 2 {
		if _, err := l.Append(entry(1), at); !errors.Is(err, a.fail) {
			t.Error(err)
		}
	}
	for range 2 { // as it is, and as the next start finds it
		if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head.Seq != 2 {
			t.Errorf("%+v, %v", r, err)
		}
		a.fail = nil
		l.Close()
		l = open(t, path, a)
	}
	if a.head.Seq != 2 || a.head.Next != (Hash{}) {
		t.Errorf("%+v", a.head)
	}
}

// fullFile is a file on a disk that takes so many more bytes.
type fullFile struct {
	file
	room  int
	stuck bool // what was written cannot be cut off
}

func (f *fullFile) WriteAt(b []byte, at int64) (int, error) {
	if len(b) <= f.room {
		f.room -= len(b)
		return f.file.WriteAt(b, at)
	}
	n, err := f.file.WriteAt(b[:f.room], at)
	f.room = 0
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f *fullFile) Truncate(n int64) error {
	if f.stuck {
		return syscall.EIO
	}
	return f.file.Truncate(n)
}

// TestFullDisk: no entry, and nothing of one that stays.
func TestFullDisk(t *testing.T) {
	path, a := written(t, 2)
	before := read(t, path)
	var disk *fullFile
	l := open(t, path, a)
	l.create = func(path string) (file, error) {
		f, err := create(path)
		disk = &fullFile{file: f, room: 100}
		return disk, err
	}
	if _, err := l.Append(entry(2), at); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, path), before) {
		t.Error("a part of the line stays")
	}
	disk.room, disk.stuck = 100, true
	for range 2 {
		if _, err := l.Append(entry(2), at); err == nil || errors.Is(err, ErrBroken) {
			t.Fatal(err)
		}
	}
	if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head.Seq != 2 {
		t.Errorf("with a part of a line behind the last: %+v, %v", r, err)
	}
	disk.room, disk.stuck = 1<<20, false
	long := entry(2)
	long.Object = "a" // shorter than what was left of the one before
	if e, err := l.Append(long, at); err != nil || e.Seq != 3 {
		t.Fatalf("%+v, %v", e, err)
	}
	if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head.Seq != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestFileChangedWhileOpen: an entry goes into the log that everybody sees, or is not made.
func TestFileChangedWhileOpen(t *testing.T) {
	for what, change := range map[string]func(path string) error{
		"removed":          os.Remove,
		"put aside":        func(p string) error { return os.Rename(p, p+".old") },
		"emptied":          func(p string) error { return os.Truncate(p, 0) },
		"cut":              func(p string) error { return os.Truncate(p, 20) },
		"replaced":         func(p string) error { return errors.Join(os.Rename(p, p+".old"), os.WriteFile(p, nil, 0o600)) },
		"replaced by link": func(p string) error { return errors.Join(os.Rename(p, p+".old"), os.Symlink(p+".old", p)) },
		"longer": func(p string) error {
			b, err := os.ReadFile(p)
			return errors.Join(err, os.WriteFile(p, append(b, b...), 0o600))
		},
		"edited": func(p string) error {
			b, err := os.ReadFile(p)
			return errors.Join(err, os.WriteFile(p, bytes.ReplaceAll(b, []byte("call1"), []byte("call7")), 0o600))
		},
	} {
		path, a := written(t, 1)
		l := open(t, path, a)
		if _, err := l.Append(entry(1), at); err != nil {
			t.Fatal(err)
		}
		mark := a.head
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := l.Append(entry(2), at); !errors.Is(err, ErrBroken) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if a.head != mark {
			t.Errorf("%s: the anchor was moved", what)
		}
	}
}

// TestManyWriters: the lines of many goroutines are a chain.
func TestManyWriters(t *testing.T) {
	path, a := written(t, 0)
	l := open(t, path, a)
	var writers sync.WaitGroup
	for i := range 20 {
		writers.Go(func() {
			for j := range 5 {
				if _, err := l.Append(entry(100*i+j), at); err != nil {
					t.Error(err)
				}
				if r, err := l.Verify(); err != nil || r.Fault != "" {
					t.Errorf("%+v, %v", r, err)
				}
			}
		})
	}
	writers.Wait()
	if r, err := l.Verify(); err != nil || r.Fault != "" || r.Head.Seq != 100 {
		t.Errorf("%+v, %v", r, err)
	}
	l.Close()
	if _, err := l.Append(entry(1), at); !errors.Is(err, ErrClosed) {
		t.Errorf("after closing: %v", err)
	}
}

// TestSecondLog: two that have the same file open do not write over each other.
func TestSecondLog(t *testing.T) {
	path, a := written(t, 1)
	first, second := open(t, path, a), open(t, path, a)
	if _, err := first.Append(entry(1), at); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Append(entry(2), at); !errors.Is(err, ErrBroken) {
		t.Errorf("%v", err)
	}
	if r, err := first.Verify(); err != nil || r.Fault != "" || r.Head.Seq != 2 {
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
		r := Verify(bytes.NewReader(b), Mark{Head: Head{Seq: 1, Hash: Hash{1}}})
		if r.Fault == "" {
			t.Fatal("a log that nobody wrote is whole")
		}
	})
}

// BenchmarkVerify: a whole log, per entry.
func BenchmarkVerify(b *testing.B) {
	var log bytes.Buffer
	var head Head
	const lines = 10_000
	for i := range lines {
		e := entry(i)
		e.Seq, e.At, e.Prev = head.Seq+1, at, head.Hash.String()
		line, hash, err := e.line()
		if err != nil {
			b.Fatal(err)
		}
		log.Write(line)
		head = Head{e.Seq, hash}
	}
	b.SetBytes(int64(log.Len()) / lines)
	for n := 0; n < b.N; n += lines {
		if r := Verify(bytes.NewReader(log.Bytes()), Mark{Head: head}); r.Fault != "" {
			b.Fatal(r.Fault)
		}
	}
}
