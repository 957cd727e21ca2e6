package ring

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mask700/store/seal"
)

func mustNote(t testing.TB, r *Ring, n Noted) {
	t.Helper()
	if err := r.Note(n); err != nil {
		t.Fatal(err)
	}
}

// noteOf is that of one line.
func noteOf(seq uint64) Noted { return Noted{Seq: seq, Hash: [32]byte{byte(seq), byte(seq >> 8), 9}} }

// TestNoteIsKept: the last one, by every way that the file is written, and the keys with it.
func TestNoteIsKept(t *testing.T) {
	path, m := filepath.Join(t.TempDir(), "k.ring"), newMaster(t)
	r := create(t, path, m)
	if r.Noted() != (Noted{}) {
		t.Errorf("a new ring has noted %+v", r.Noted())
	}
	k, plain := make1(t, r, Records, 1, 0, seal.AES256GCM)
	want := map[id][]byte{{Records, k.ID}: plain}
	check := func(what string, n Noted) {
		t.Helper()
		holds(t, r, want)
		if r.Noted() != n {
			t.Errorf("%s: %+v", what, r.Noted())
		}
		r.Close()
		r = mustOpen(t, path, m)
		holds(t, r, want)
		if r.Noted() != n {
			t.Errorf("%s, opened: %+v", what, r.Noted())
		}
	}
	check("none", Noted{})
	mustNote(t, r, noteOf(5))
	mustNote(t, r, noteOf(6))
	k, plain = make1(t, r, Records, 2, 0, seal.AES256GCM) // a key behind the line
	want[id{Records, k.ID}] = plain
	check("a line", noteOf(6))
	gone, _ := make1(t, r, Records, 3, 0, seal.AES256GCM)
	if n, err := r.Destroy(func(k Key) bool { return k.Use == Records && k.ID == gone.ID }, noon); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	check("a key destroyed", noteOf(6))
	if err := r.Retire(noon); err != nil {
		t.Fatal(err)
	}
	check("retired", noteOf(6))
	if m = newMaster(t); r.Rewrap(m) != nil {
		t.Fatal("rewrap")
	}
	check("another master key", noteOf(6))
	back := noteOf(6)
	back.Restored, back.By = noon, 1000
	mustNote(t, r, back)
	check("a backup put back", back)
	if err := r.Rewrap(m); err != nil {
		t.Fatal(err)
	}
	check("written anew", back)
	mustNote(t, r, noteOf(1)) // of the log that was put back
	check("the log of the backup", noteOf(1))
}

// TestNotesAreBounded: however many, the file is not longer than some of them, and one note twice is written once.
func TestNotesAreBounded(t *testing.T) {
	path, m := filepath.Join(t.TempDir(), "k.ring"), newMaster(t)
	r := create(t, path, m)
	defer func() { r.Close() }()
	keys := r.size
	written := func() int {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(text, []byte(wordAudit))
	}
	most := 0
	for i := range uint64(3*maxNotes + 7) {
		mustNote(t, r, noteOf(1_000_000+i))
		mustNote(t, r, noteOf(1_000_000+i))
		most = max(most, written())
		if i%100 == 0 { // another process goes on with the count
			r.Close()
			r = mustOpen(t, path, m)
		}
	}
	if most != maxNotes || r.size > keys+110*maxNotes {
		t.Errorf("%d lines, %d bytes behind %d", most, r.size, keys)
	}
}

// TestNoteThatACrashCutOff: every shorter file opens with the keys, and with the note of before.
func TestNoteThatACrashCutOff(t *testing.T) {
	path, m := filepath.Join(t.TempDir(), "k.ring"), newMaster(t)
	r := create(t, path, m)
	k, plain := make1(t, r, Records, 1, 0, seal.AES256GCM)
	mustNote(t, r, noteOf(300))
	before := int(r.size)
	last := noteOf(301)
	last.Restored, last.By = noon, 7
	mustNote(t, r, last)
	r.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := before; n <= len(text); n++ {
		for _, tail := range [][]byte{nil, make([]byte, len(text)-n)} {
			if err := os.WriteFile(path, append(bytes.Clone(text[:n]), tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			r := mustOpen(t, path, m)
			holds(t, r, map[id][]byte{{Records, k.ID}: plain})
			want := noteOf(300)
			if n == len(text) {
				want = last
			}
			if r.Noted() != want {
				t.Fatalf("cut to %d of %d: %+v", n, len(text), r.Noted())
			}
			mustNote(t, r, noteOf(400))
			r.Close()
		}
	}
	// One in the middle that is not as it was written is damage, as with any line.
	bad := bytes.Replace(text, []byte(wordAudit+" 300"), []byte(wordAudit+" 301"), 1)
	if _, _, err := parse(bad); !errors.Is(err, ErrDamaged) {
		t.Errorf("changed: %v", err)
	}
	for _, line := range []string{
		"#audit 1", "#audit 01 " + strings.Repeat("0", 64), "#audit 1 " + strings.Repeat("A", 64), "#audit 1 " + strings.Repeat("0", 62),
		"#restored 0 1 1 " + strings.Repeat("0", 64), "#restored 1 -1 1 " + strings.Repeat("0", 64), "#restored 1 1 " + strings.Repeat("0", 64),
	} {
		if _, _, err := parse(appendLine(appendLine(bytes.Clone(text), "%s", line), "next %s 9", Records)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", line, err)
		}
	}
	// A release of before passes over what begins so, whatever it says.
	for _, line := range strings.SplitAfter(string(text), "\n")[strings.Count(string(text[:before]), "\n")-1:] {
		if line != "" && line[0] != '#' {
			t.Errorf("not a comment: %s", line)
		}
	}
}

// TestNoteOnAFullDisk: what is there stays, keys and note, and when there is room it goes on.
func TestNoteOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	path, m := filepath.Join(dir, "k.ring"), newMaster(t)
	r := create(t, path, m)
	k, plain := make1(t, r, Records, 1, 0, seal.AES256GCM)
	want := map[id][]byte{{Records, k.ID}: plain}
	mustNote(t, r, noteOf(1))
	fill, err := os.Create(filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = fill.Write(make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	noted := noteOf(1)
	for i := uint64(2); ; i++ { // what is left of the file's last page
		if err = r.Note(noteOf(i)); err != nil {
			break
		}
		noted = noteOf(i)
	}
	if !errors.Is(err, unix.ENOSPC) || r.Noted() != noted {
		t.Fatalf("%v, %+v", err, r.Noted())
	}
	holds(t, r, want)
	r.Close()
	r = mustOpen(t, path, m)
	defer r.Close()
	holds(t, r, want)
	if r.Noted() != noted {
		t.Errorf("%+v", r.Noted())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if err := errors.Join(fill.Close(), os.Remove(fill.Name())); err != nil {
		t.Fatal(err)
	}
	mustNote(t, r, noteOf(1000))
	k, plain = make1(t, r, Records, 2, 0, seal.AES256GCM)
	want[id{Records, k.ID}] = plain
	holds(t, r, want)
}

func TestNoteOfAClosedRing(t *testing.T) {
	path, m := filepath.Join(t.TempDir(), "k.ring"), newMaster(t)
	r := create(t, path, m)
	r.Close()
	if err := r.Note(noteOf(1)); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
}
