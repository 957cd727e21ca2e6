package ring

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mask700/store/seal"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func newMaster(t testing.TB) seal.Master {
	t.Helper()
	m, err := seal.NewMaster(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func make1(t testing.TB, r *Ring, u Use, tenant uint32, b Bucket, c seal.Cipher) (Key, []byte) {
	t.Helper()
	k, plain, err := r.Make(Key{Use: u, Tenant: tenant, Bucket: b, Cipher: c}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return k, plain
}

func mustOpen(t testing.TB, path string, m seal.Master) *Ring {
	t.Helper()
	r, err := Open(path, m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func create(t testing.TB, path string, m seal.Master) *Ring {
	t.Helper()
	r, err := Create(path, NewStore(), m, []Plain{{Key{Use: Bindings, ID: 1, Cipher: seal.AES256GCM, Made: noon}, seal.NewKey()}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// holds fails unless each key opens to its bytes.
func holds(t testing.TB, r *Ring, want map[id][]byte) {
	t.Helper()
	for k, plain := range want {
		if _, got, err := r.Unwrap(k.use, k.n); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s %d: %v", k.use, k.n, err)
		}
	}
}

func TestKeysAreKept(t *testing.T) {
	path, m := filepath.Join(t.TempDir(), "k.ring"), newMaster(t)
	r := create(t, path, m)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	want := map[id][]byte{}
	for i, u := range []Use{Bindings, Records, Recordings} {
		for _, c := range []seal.Cipher{seal.AES256GCM, seal.SM4GCM} {
			k, plain := make1(t, r, u, uint32(i), Month.Of(noon), c)
			want[id{u, k.ID}] = plain
		}
	}
	if k, ok := want[id{Recordings, 1 << 20}]; !ok || len(k) != seal.KeySize || r.Next(Bindings) != 4 {
		t.Errorf("numbers: %d", r.Next(Bindings))
	}
	store, keys := r.Store(), r.Keys()
	holds(t, r, want)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = mustOpen(t, path, m)
	defer r.Close()
	holds(t, r, want)
	if again := r.Keys(); r.Store() != store || len(again) != 7 || fmt.Sprint(again) != fmt.Sprint(keys) {
		t.Errorf("%v\n%v", again, keys)
	}
	if _, _, err := r.Unwrap(Bindings, 4); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	if _, _, err := r.Unwrap(BindingIndex, 1); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for k, plain := range want {
		if bytes.Contains(text, plain) || bytes.Contains(text, fmt.Appendf(nil, "%x", plain)) {
			t.Errorf("%s %d is there in clear", k.use, k.n)
		}
	}
	if _, err := Create(path, store, m, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made over another: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path, m := filepath.Join(t.TempDir(), "k.ring"), newMaster(t)
	r := create(t, path, m)
	if _, err := Open(path, m); !errors.Is(err, ErrInUse) {
		t.Error(err)
	}
	// The lock goes over to the file written anew.
	if err := r.Rewrap(m); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, m); !errors.Is(err, ErrInUse) {
		t.Error(err)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if _, _, err := r.Make(Key{Use: Records, Cipher: seal.AES256GCM}, noon); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
	if err := r.Rewrap(m); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
	mustOpen(t, path, m).Close()
}

// TestLineThatACrashCutOff: every shorter file opens, with the keys of the lines that are whole and no other, and goes on.
func TestLineThatACrashCutOff(t *testing.T) {
	dir, m := t.TempDir(), newMaster(t)
	path := filepath.Join(dir, "k.ring")
	r := create(t, path, m)
	before := r.size
	_, plain := make1(t, r, Records, 1, 0, seal.AES256GCM)
	r.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := int(before); n <= len(text); n++ {
		tails := [][]byte{text[:n]}
		if n < len(text) { // the length may be on disk and the bytes not
			tails = append(tails, append(bytes.Clone(text[:n]), make([]byte, len(text)-n)...))
		}
		for _, tail := range tails {
			if err := os.WriteFile(path, tail, 0o600); err != nil {
				t.Fatal(err)
			}
			r := mustOpen(t, path, m)
			whole := n == len(text)
			if _, got, err := r.Unwrap(Records, 1); (err == nil) != whole || whole && !bytes.Equal(got, plain) {
				t.Fatalf("cut to %d of %d: %v", n, len(text), err)
			}
			k, again := make1(t, r, Records, 2, 0, seal.AES256GCM)
			r.Close()
			r = mustOpen(t, path, m)
			holds(t, r, map[id][]byte{{Records, k.ID}: again})
			r.Close()
		}
	}
}

// TestDamageIsNoticed: a file with any byte changed does not open, or without its last line, which the store misses.
func TestDamageIsNoticed(t *testing.T) {
	dir, m := t.TempDir(), newMaster(t)
	path := filepath.Join(dir, "k.ring")
	r := create(t, path, m)
	make1(t, r, Records, 1, Day.Of(noon), seal.SM4GCM)
	k, _ := make1(t, r, Records, 2, Day.Of(noon), seal.SM4GCM)
	r.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
	for i := len(note); i < len(text); i++ {
		bad := bytes.Clone(text)
		bad[i] ^= 0x11
		c, whole, err := parse(bad)
		if i == last-1 { // the end of the line before: both are one line that a crash may have left
			if err != nil || c.next[Records] >= k.ID {
				t.Errorf("the end of the line before the last: %v", err)
			}
			continue
		}
		if i >= last {
			if err != nil || whole != last || c.next[Records] != k.ID {
				t.Errorf("byte %d of the last line: %v", i, err)
			}
			continue
		}
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	for name, bad := range map[string]string{
		"empty": "", "comments": note, "not one": "hello\n", "twice a key": string(text) + string(text[last:]),
		"no first line": string(text[bytes.IndexByte(text[len(note):], '\n')+len(note)+1:]),
	} {
		if _, _, err := parse([]byte(bad)); !errors.Is(err, ErrDamaged) && name != "twice a key" {
			t.Errorf("%s: %v", name, err)
		}
	}
	newer := appendLine(nil, "mask700-ring-2 %s", "anything")
	if _, _, err := parse(newer); !errors.Is(err, ErrNewer) {
		t.Errorf("newer: %v", err)
	}
	// Lines of two keys exchanged in what they say do not open, though their sums are right.
	c, _, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	a, b := c.keys[id{Records, 1}], c.keys[id{Records, 2}]
	a.wrapped, b.wrapped = b.wrapped, a.wrapped
	if err := os.WriteFile(path, c.text(), 0o600); err != nil {
		t.Fatal(err)
	}
	r = mustOpen(t, path, m)
	defer r.Close()
	if _, _, err := r.Unwrap(Records, 1); !errors.Is(err, ErrDamaged) || !errors.Is(err, seal.ErrOpen) {
		t.Errorf("exchanged: %v", err)
	}
	if err := r.Rewrap(newMaster(t)); !errors.Is(err, ErrDamaged) || r.Master() != m.Fingerprint() {
		t.Errorf("wrapped anew over damage: %v", err)
	}
}

func TestExposedFileIsRefused(t *testing.T) {
	path, m := filepath.Join(t.TempDir(), "k.ring"), newMaster(t)
	create(t, path, m).Close()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, m); !errors.Is(err, seal.ErrKeyExposed) {
		t.Error(err)
	}
	if _, err := Open(path+"x", m); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestDestroyedKeysAreGone(t *testing.T) {
	path, m := filepath.Join(t.TempDir(), "k.ring"), newMaster(t)
	r := create(t, path, m)
	want := map[id][]byte{}
	var gone []string
	for tenant := range uint32(4) {
		k, plain := make1(t, r, Records, tenant, Month.Of(noon), seal.AES256GCM)
		if tenant != 2 {
			want[id{Records, k.ID}] = plain
		} else {
			gone = append(gone, fmt.Sprintf("%x", r.now.keys[id{Records, k.ID}].wrapped))
		}
	}
	d, _ := make1(t, r, Recordings, 2, Day.Of(noon), seal.AES256GCM)
	gone = append(gone, fmt.Sprintf("%x", r.now.keys[id{Recordings, d.ID}].wrapped))
	old, err := os.Open(path) // the file as it was, which has no name afterwards
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	for i, want := range []int{1, 0} {
		if n, err := r.Destroy(func(k Key) bool { return k.Use == Records && k.Tenant == 2 }, noon); n != want || err != nil {
			t.Errorf("time %d: %d, %v", i, n, err)
		}
	}
	if n, err := r.Drop(func(k Key) bool { return k.Use == Recordings }); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	check := func() {
		t.Helper()
		holds(t, r, want)
		if k, _, err := r.Unwrap(Records, 3); !errors.Is(err, ErrDestroyed) || !k.Destroyed.Equal(noon) || k.Tenant != 2 {
			t.Errorf("%+v, %v", k, err)
		}
		if _, _, err := r.Unwrap(Recordings, d.ID); !errors.Is(err, ErrNone) || r.Next(Recordings) != d.ID+1 {
			t.Errorf("%v, next %d", err, r.Next(Recordings))
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		before := make([]byte, 1<<16)
		n, err := old.ReadAt(before, 0)
		if n < 1000 {
			t.Fatalf("%d bytes, %v", n, err)
		}
		for _, g := range gone {
			if bytes.Contains(text, []byte(g)) || bytes.Contains(before[:n], []byte(g)) {
				t.Error("the wrapped key is still on disk")
			}
		}
	}
	check()
	r.Close()
	r = mustOpen(t, path, m)
	defer r.Close()
	check()
}

func TestRetiredKeysOpenOnly(t *testing.T) {
	path, m := filepath.Join(t.TempDir(), "k.ring"), newMaster(t)
	r := create(t, path, m)
	old, plain := make1(t, r, Bindings, 1, Month.Of(noon), seal.AES256GCM)
	if err := r.Retire(noon); err != nil {
		t.Fatal(err)
	}
	young, _ := make1(t, r, Bindings, 1, Month.Of(noon), seal.AES256GCM)
	check := func() {
		t.Helper()
		for _, k := range r.Keys() {
			if k.Retired != (k.ID == old.ID) {
				t.Errorf("%+v", k)
			}
		}
		holds(t, r, map[id][]byte{{Bindings, old.ID}: plain})
	}
	check()
	for range 2 { // as a line, then written anew
		r.Close()
		r = mustOpen(t, path, m)
		check()
		if err := r.Rewrap(m); err != nil {
			t.Fatal(err)
		}
	}
	r.Close()
	if young.ID != old.ID+1 {
		t.Errorf("%d after %d", young.ID, old.ID)
	}
}

func TestAnotherMaster(t *testing.T) {
	path, old, young := filepath.Join(t.TempDir(), "k.ring"), newMaster(t), newMaster(t)
	r := create(t, path, old)
	k, plain := make1(t, r, Bindings, 1, Month.Of(noon), seal.SM4GCM)
	want := map[id][]byte{{Bindings, k.ID}: plain}
	if err := r.Rewrap(young); err != nil {
		t.Fatal(err)
	}
	holds(t, r, want)
	after, plain := make1(t, r, Bindings, 2, Month.Of(noon), seal.AES256GCM)
	want[id{Bindings, after.ID}] = plain
	r.Close()
	if _, err := Open(path, old); !errors.Is(err, ErrMaster) {
		t.Errorf("the old one: %v", err)
	}
	if fp, err := MasterOf(path); fp != young.Fingerprint() || err != nil {
		t.Errorf("%s, %v", fp, err)
	}
	r = mustOpen(t, path, young)
	defer r.Close()
	holds(t, r, want)
}

// TestWriteThatFails: a key that could not be written is not given out, and the file goes on where it was.
func TestWriteThatFails(t *testing.T) {
	dir, m := t.TempDir(), newMaster(t)
	path := filepath.Join(dir, "k.ring")
	r := create(t, path, m)
	ro, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	good := r.file
	r.file = ro // not open for writing
	if _, _, err := r.Make(Key{Use: Records, Cipher: seal.AES256GCM}, noon); err == nil || r.Next(Records) != 1 {
		t.Errorf("%v, next %d", err, r.Next(Records))
	}
	if _, _, err := r.Make(Key{Use: Records, Cipher: seal.AES256GCM}, noon); err == nil {
		t.Error("made behind a write that could not be undone")
	}
	ro.Close()
	good.Close()
	r = mustOpen(t, path, m)
	defer r.Close()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	make1(t, r, Records, 1, 0, seal.AES256GCM) // needs the file alone
}

func TestManyMakeAtOnce(t *testing.T) {
	path, m := filepath.Join(t.TempDir(), "k.ring"), newMaster(t)
	r := create(t, path, m)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for range 8 {
				k, plain := make1(t, r, Records, uint32(w), Month.Of(noon), seal.AES256GCM)
				holds(t, r, map[id][]byte{{Records, k.ID}: plain})
				r.Keys()
			}
			if _, err := r.Destroy(func(k Key) bool { return k.Use == Records && k.Tenant == uint32(w) && w%2 == 0 }, noon); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r.Close()
	r = mustOpen(t, path, m)
	defer r.Close()
	gone := 0
	for _, k := range r.Keys() {
		if !k.Destroyed.IsZero() {
			gone++
		}
	}
	if len(r.Keys()) != 65 || gone != 32 {
		t.Errorf("%d keys, %d gone", len(r.Keys()), gone)
	}
}

func TestBuckets(t *testing.T) {
	at := time.Date(2026, 12, 31, 23, 59, 59, 1, time.FixedZone("", -3600)) // the next year in UTC
	for _, c := range []struct {
		p     Period
		text  string
		begin string
		end   string
	}{{Month, "2027-01", "2027-01-01", "2027-02-01"}, {Day, "2027-01-01", "2027-01-01", "2027-01-02"}} {
		b := c.p.Of(at)
		end, ok := b.End()
		if b.String() != c.text || b.Begin().Format(time.DateOnly) != c.begin || end.Format(time.DateOnly) != c.end || !ok || !b.valid() {
			t.Errorf("%s: %d is %s from %s to %s", c.p, b, b, b.Begin(), end)
		}
		if p, err := ParsePeriod(c.p.String()); p != c.p || err != nil {
			t.Error(err)
		}
	}
	if _, ok := Bucket(0).End(); ok || Bucket(0).String() != "" || !Bucket(0).Begin().IsZero() || Month.Of(time.Time{}) != 10100 {
		t.Errorf("all time: %d", Month.Of(time.Time{}))
	}
	for _, bad := range []Bucket{1, 20261300, 20260230, 20260132, 99, 20260000, 4294967295} {
		if bad.valid() {
			t.Errorf("%d is taken", bad)
		}
	}
	if _, err := ParsePeriod("week"); !errors.Is(err, ErrPeriod) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	c := newContents(NewStore(), "0123456789abcdef")
	k := Key{Use: Records, ID: 1, Tenant: 7, Bucket: 20261100, Cipher: seal.SM4GCM, Made: noon, wrapped: make([]byte, seal.KeySize+seal.Overhead)}
	c.put(k)
	k.ID, k.Destroyed = 2, noon
	c.put(k)
	f.Add(c.text())
	f.Add(appendRetire(c.text(), noon))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, whole, err := parse(text)
		if err != nil {
			return
		}
		if whole > len(text) {
			t.Fatal("more than there is")
		}
		again, n, err := parse(c.text())
		if err != nil || n != len(c.text()) || !slices.Equal(strings.Split(string(again.text()), "\n"), strings.Split(string(c.text()), "\n")) {
			t.Fatalf("written anew it is another: %v", err)
		}
	})
}
