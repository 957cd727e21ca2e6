package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func TestCipherNames(t *testing.T) {
	for _, c := range []Cipher{AES256GCM, SM4GCM} {
		if got, err := ParseCipher(c.String()); got != c || err != nil {
			t.Errorf("%s: %v, %v", c, got, err)
		}
	}
	for _, name := range []string{"", "unknown", "AES-256-GCM"} {
		if _, err := ParseCipher(name); !errors.Is(err, ErrCipher) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := Cipher(3).Box(NewKey()); !errors.Is(err, ErrCipher) {
		t.Error(err)
	}
	if _, err := Cipher(0).Index(1, NewKey()); !errors.Is(err, ErrCipher) {
		t.Error(err)
	}
}

// Both suites seal, open and refuse alike, and neither opens what the other sealed.
func TestSuites(t *testing.T) {
	key, value, place := NewKey(), []byte("8613800138000"), []byte("here")
	for _, c := range []Cipher{AES256GCM, SM4GCM} {
		box, err := c.Box(key)
		if err != nil {
			t.Fatal(err)
		}
		sealed := box.Seal([]byte("head"), value, place)
		if len(sealed) != 4+len(value)+Overhead || string(sealed[:4]) != "head" || bytes.Contains(sealed, value) {
			t.Errorf("%s: %x", c, sealed)
		}
		if got, err := box.Open([]byte("x"), sealed[4:], place); err != nil || string(got) != "x"+string(value) {
			t.Errorf("%s: %q, %v", c, got, err)
		}
		if again := box.Seal(nil, value, place); bytes.Equal(again, sealed[4:]) {
			t.Errorf("%s: sealed twice, it is the same", c)
		}
		for i := range sealed[4:] {
			bad := bytes.Clone(sealed[4:])
			bad[i] ^= 1
			if _, err := box.Open(nil, bad, place); !errors.Is(err, ErrOpen) {
				t.Errorf("%s: byte %d changed: %v", c, i, err)
			}
		}
		for n := range len(sealed) - 4 {
			if _, err := box.Open(nil, sealed[4:4+n], place); !errors.Is(err, ErrOpen) {
				t.Errorf("%s: cut to %d: %v", c, n, err)
			}
		}
		if _, err := box.Open(nil, sealed[4:], []byte("there")); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: another place: %v", c, err)
		}
		other := AES256GCM + SM4GCM - c
		if box, err = other.Box(key); err != nil {
			t.Fatal(err)
		}
		if _, err := box.Open(nil, sealed[4:], place); !errors.Is(err, ErrOpen) {
			t.Errorf("%s opens what %s sealed: %v", other, c, err)
		}
		m := newMaster(t)
		wrapped, err := m.Wrap(c, "p", key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.Unwrap(c, "p", wrapped); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%s: %v", c, err)
		}
		if _, err := m.Unwrap(other, "p", wrapped); !errors.Is(err, ErrOpen) {
			t.Errorf("%s unwraps what %s wrapped: %v", other, c, err)
		}
	}
}

// The block cipher and the hash are those of the standards: GB/T 32907-2016 appendix A.1 and GB/T 32905-2016 appendix A.1.
func TestSuiteIsTheStandards(t *testing.T) {
	plain, err := hex.DecodeString("0123456789abcdeffedcba9876543210")
	if err != nil {
		t.Fatal(err)
	}
	block, err := SM4GCM.block(append(bytes.Clone(plain), make([]byte, 16)...))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 16)
	block.Encrypt(out, plain)
	if got := hex.EncodeToString(out); got != "681edf34d206965e86b3e94f536e4246" {
		t.Errorf("SM4 gives %s", got)
	}
	function, err := SM4GCM.hash()
	if err != nil {
		t.Fatal(err)
	}
	h := function()
	h.Write([]byte("abc"))
	if got := hex.EncodeToString(h.Sum(nil)); got != "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0" {
		t.Errorf("SM3 gives %s", got)
	}
}

func TestSuitesHashDifferently(t *testing.T) {
	key := NewKey()
	a, err := AES256GCM.Index(1, key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := SM4GCM.Index(1, key)
	if err != nil {
		t.Fatal(err)
	}
	first, again := b.Hash('n', "x"), b.Hash('n', "x")
	if a.Hash('n', "x") == first || first != again || first == b.Hash('o', "x") {
		t.Error("hashes")
	}
}

func BenchmarkBox(b *testing.B) {
	for _, c := range []Cipher{AES256GCM, SM4GCM} {
		box, err := c.Box(NewKey())
		if err != nil {
			b.Fatal(err)
		}
		value, place := make([]byte, 100), make([]byte, 45)
		sealed := box.Seal(nil, value, place)
		buf := make([]byte, 0, 256)
		b.Run(c.String()+"/seal", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				box.Seal(buf, value, place)
			}
		})
		b.Run(c.String()+"/open", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := box.Open(buf, sealed, place); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
