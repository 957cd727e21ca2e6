package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func newMaster(t testing.TB) Master {
	t.Helper()
	m, err := NewMaster(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMasterTextReadsBack(t *testing.T) {
	m := newMaster(t)
	got, err := ParseMaster(m.Text())
	if err != nil {
		t.Fatal(err)
	}
	if got != m {
		t.Fatal("another key came back")
	}
	crlf := bytes.ReplaceAll(m.Text(), []byte("\n"), []byte("\r\n"))
	if got, err := ParseMaster(crlf); err != nil || got != m {
		t.Fatalf("a file that went through Windows: %v", err)
	}
}

func TestMasterTextRefused(t *testing.T) {
	m := newMaster(t)
	line := string(m.Text()[bytes.Index(m.Text(), []byte(masterLabel)):])
	flipped := []byte(line)
	if at := len(masterLabel) + 5; flipped[at] == '0' {
		flipped[at] = '1'
	} else {
		flipped[at] = '0'
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":              {"", ErrKeyText},
		"comments only":      {"# nothing\n", ErrKeyText},
		"two keys":           {line + line, ErrKeyText},
		"other version":      {strings.Replace(line, "master-1", "master-2", 1), ErrKeyText},
		"too short":          {strings.Replace(line, masterLabel+" ", masterLabel+" \b", 1)[:60], ErrKeyText},
		"not hexadecimal":    {masterLabel + " " + strings.Repeat("zz", KeySize) + " 00000000", ErrKeyText},
		"check not hex":      {strings.TrimSpace(line)[:len(line)-9] + "zzzzzzzz", ErrKeyText},
		"check missing":      {strings.TrimSpace(line)[:len(line)-10], ErrKeyText},
		"one digit mistyped": {string(flipped), ErrKeyTyped},
	} {
		if _, err := ParseMaster([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		} else if len(c.text) > 20 && strings.Contains(err.Error(), c.text[18:len(c.text)-1]) {
			t.Errorf("%s: the error repeats the input", name)
		}
	}
}

func TestMasterNeverPrintsItself(t *testing.T) {
	m := newMaster(t)
	secret := hex.EncodeToString(m.key[:])
	asJSON, err := json.Marshal(struct{ Key Master }{m})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "key", m)
	printed := []string{
		fmt.Sprintf("%v %+v %#v %s %q %x %d", m, m, m, m, m, m, m),
		fmt.Sprintf("%v %#v", struct{ K Master }{m}, &struct{ K *Master }{&m}),
		string(asJSON), log.String(),
	}
	numbers := strings.Trim(fmt.Sprint(m.key[:]), "[]")
	for _, p := range printed {
		if strings.Contains(strings.ToLower(p), secret) || strings.Contains(p, numbers) {
			t.Errorf("the key was printed: %s", p)
		}
	}
	if m.Fingerprint() == newMaster(t).Fingerprint() {
		t.Error("two keys with one fingerprint")
	}
}

func TestNewMasterNeedsRandomness(t *testing.T) {
	if _, err := NewMaster(strings.NewReader("short")); err == nil {
		t.Error("a key was made of five bytes")
	}
}

func TestWrappedKeyOpensOnlyForItsPurposeAndMaster(t *testing.T) {
	m, key := newMaster(t), NewKey()
	wrapped, err := m.Wrap(AES256GCM, "data 1", key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.Unwrap(AES256GCM, "data 1", wrapped); err != nil || !bytes.Equal(got, key) {
		t.Fatalf("did not come back: %v", err)
	}
	if _, err := m.Unwrap(AES256GCM, "index 1", wrapped); !errors.Is(err, ErrOpen) {
		t.Errorf("opened for another purpose: %v", err)
	}
	if _, err := newMaster(t).Unwrap(AES256GCM, "data 1", wrapped); !errors.Is(err, ErrOpen) {
		t.Errorf("opened under another master: %v", err)
	}
	if _, err := m.Wrap(AES256GCM, "data 1", key[:16]); !errors.Is(err, ErrKeySize) {
		t.Errorf("a short key was wrapped: %v", err)
	}
}

func TestBoxBindsValueToPlaceAndKey(t *testing.T) {
	box, err := NewBox(NewKey())
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewBox(NewKey())
	if err != nil {
		t.Fatal(err)
	}
	value, place := []byte("value"), []byte("table 1 row 2")
	sealed := box.Seal([]byte("head"), value, place)
	if !bytes.HasPrefix(sealed, []byte("head")) || len(sealed) != 4+len(value)+Overhead {
		t.Fatalf("sealed to %d bytes", len(sealed))
	}
	sealed = sealed[4:]
	if got, err := box.Open([]byte("x"), sealed, place); err != nil || string(got) != "xvalue" {
		t.Fatalf("opened to %q, %v", got, err)
	}
	if bytes.Equal(box.Seal(nil, value, place), sealed) {
		t.Error("the same value was sealed to the same bytes: the nonce is not random")
	}
	if _, err := other.Open(nil, sealed, place); !errors.Is(err, ErrOpen) {
		t.Errorf("another key: %v", err)
	}
	if _, err := box.Open(nil, sealed, []byte("table 1 row 3")); !errors.Is(err, ErrOpen) {
		t.Errorf("another place: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := box.Open(nil, bad, place); !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	for n := range len(sealed) {
		if _, err := box.Open(nil, sealed[:n], place); !errors.Is(err, ErrOpen) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := NewBox(make([]byte, 16)); !errors.Is(err, ErrKeySize) {
		t.Errorf("a short key: %v", err)
	}
}

func TestIndexHashes(t *testing.T) {
	key := NewKey()
	x, err := NewIndex(1, key)
	if err != nil {
		t.Fatal(err)
	}
	clear(key) // the index keeps its own copy
	h := x.Hash('n', "8613800138000")
	if h[0] != 1 || x.Version() != 1 {
		t.Errorf("key version in front is %d", h[0])
	}
	if x.Hash('n', "8613800138000") != h {
		t.Error("the same text is not found again")
	}
	if x.Hash('o', "8613800138000") == h {
		t.Error("two domains share a hash")
	}
	if x.Hash('n', "8613800138001") == h {
		t.Error("two texts share a hash")
	}
	y, err := NewIndex(1, NewKey())
	if err != nil {
		t.Fatal(err)
	}
	if y.Hash('n', "8613800138000") == h {
		t.Error("two keys share a hash")
	}
	if _, err := NewIndex(1, nil); !errors.Is(err, ErrKeySize) {
		t.Errorf("no key: %v", err)
	}
}

func TestIndexFromManyGoroutines(t *testing.T) {
	x, err := NewIndex(1, NewKey())
	if err != nil {
		t.Fatal(err)
	}
	want := x.Hash('n', "a")
	done := make(chan bool)
	for g := range 8 {
		go func() {
			ok := true
			for i := range 500 {
				x.Hash('n', fmt.Sprint(g, i))
				ok = ok && x.Hash('n', "a") == want
			}
			done <- ok
		}()
	}
	for range 8 {
		if !<-done {
			t.Error("a hash was mixed with another goroutine's")
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	box, err := NewBox(NewKey())
	if err != nil {
		b.Fatal(err)
	}
	value, place, dst := make([]byte, 48), make([]byte, 45), make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		box.Seal(dst, value, place)
	}
}

func BenchmarkOpen(b *testing.B) {
	box, err := NewBox(NewKey())
	if err != nil {
		b.Fatal(err)
	}
	place, dst := make([]byte, 45), make([]byte, 0, 128)
	sealed := box.Seal(nil, make([]byte, 48), place)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := box.Open(dst, sealed, place); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	x, err := NewIndex(1, NewKey())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		x.Hash('n', "8613800138000")
	}
}
