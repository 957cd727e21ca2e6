package store

import (
	"bytes"
	"testing"

	"mask700/binding"
)

func TestIDsInKeysReadBackAndSort(t *testing.T) {
	t.Parallel()
	ids := []string{"aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaba", "aaaaaaabaaaaaaaa", "abcdefghijklmnop", "zzzzzzzyzzzzzzzz", "zzzzzzzzzzzzzzzz"}
	var before []byte
	for _, id := range ids {
		key := appendID(nil, id)
		if got, ok := parseID(key); !ok || got != id || len(key) != packedSize || idSize(id) != len(key) {
			t.Errorf("%s in %d bytes reads back as %q, %v", id, len(key), got, ok)
		}
		if bytes.Compare(before, key) >= 0 {
			t.Errorf("%s does not sort behind the one before", id)
		}
		before = key
	}
	for range 1000 {
		id, err := binding.NewID(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := parseID(appendID(nil, id)); !ok || got != id {
			t.Fatalf("%s reads back as %q, %v", id, got, ok)
		}
	}
	for _, id := range []string{"", "x", "abcdefghij", "abcdefghijklmnoP", "abcdefghijklmnop2", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"} {
		key := appendID(nil, id)
		if got, ok := parseID(key); !ok || got != id || idSize(id) != len(key) {
			t.Errorf("%q reads back as %q, %v", id, got, ok)
		}
	}
	for name, bad := range map[string]string{
		"nothing": "", "short": "\x00\x00\x00\x00\x00\x00\x00\x00\x00", "beyond z": "\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"its end beyond z": "\x00\x00\x00\x00\x00\x3f\xff\xff\xff\xff", "more than 76 bits": "\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"as text what is packed": "\xffabcdefghijklmnop",
	} {
		if id, ok := parseID([]byte(bad)); ok {
			t.Errorf("%s: taken for %q", name, id)
		}
	}
}
