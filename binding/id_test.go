package binding

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestNewID(t *testing.T) {
	seen := make(map[string]bool)
	letters := make(map[rune]int)
	for range 2000 {
		id, err := NewID(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(id) != 16 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Fatalf("id %q is not sixteen letters", id)
		}
		if seen[id] {
			t.Fatalf("id %q twice", id)
		}
		seen[id] = true
		for _, letter := range id {
			letters[letter]++
		}
	}
	// 32000 letters, some 1230 of each; a bias would show as hundreds.
	for letter := 'a'; letter <= 'z'; letter++ {
		if n := letters[letter]; n < 1000 || n > 1460 {
			t.Errorf("letter %c was drawn %d times", letter, n)
		}
	}
}

func TestNewIDIsOfItsRandomSource(t *testing.T) {
	source := func() io.Reader { return strings.NewReader(strings.Repeat("some of no chance", 100)) }
	one, err := NewID(source())
	if err != nil {
		t.Fatal(err)
	}
	same, err := NewID(source())
	if err != nil || one != same {
		t.Errorf("%s and %s of the same source, %v", one, same, err)
	}
}

func TestNewIDWithoutRandomness(t *testing.T) {
	broken := errors.New("broken")
	for name, source := range map[string]io.Reader{
		"broken": iotest.ErrReader(broken), "empty": strings.NewReader(""), "short": strings.NewReader("abc"),
	} {
		id, err := NewID(source)
		if err == nil || id != "" {
			t.Errorf("%s: got %q, %v", name, id, err)
		}
		if name == "broken" && !errors.Is(err, broken) {
			t.Errorf("the error lost its cause: %v", err)
		}
	}
}

func TestDraw(t *testing.T) {
	for _, test := range []struct {
		below int
		words []byte
		want  int
	}{
		{1, []byte{1, 2, 3, 4}, 0},
		{26, []byte{0, 0, 0, 25}, 25},
		{26, []byte{0, 0, 0, 26}, 0},
		{10000, []byte{0, 1, 0, 0}, 65536 % 10000},
		{1 << 16, []byte{0xff, 0xff, 0xff, 0xff}, 0xffff},
		{1 << 31, []byte{0xff, 0xff, 0xff, 0xff}, 1<<31 - 1},
		// 2^32 is 429496729*10+6: the last six words are drawn again.
		{10, []byte{0xff, 0xff, 0xff, 0xf9}, 9},
		{10, []byte{0xff, 0xff, 0xff, 0xfa, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 7}, 7},
	} {
		got, err := draw(bytes.NewReader(test.words), test.below)
		if err != nil || got != test.want {
			t.Errorf("below %d of %v: %d, %v, want %d", test.below, test.words, got, err, test.want)
		}
	}
}

func BenchmarkNewID(b *testing.B) {
	for b.Loop() {
		_, _ = NewID(nil)
	}
}
