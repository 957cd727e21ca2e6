package prompt

import "testing"

// Whatever a file holds, reading it ends, and both laws are as long.
func FuzzWAV(f *testing.F) {
	head := "RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00"
	f.Add([]byte(head + "\x01\x00\x01\x00\x40\x1f\x00\x00\x00\x00\x00\x00\x02\x00\x10\x00data\x04\x00\x00\x00abcd"))
	f.Add([]byte(head + "\x06\x00\x01\x00\x40\x1f\x00\x00\x00\x00\x00\x00\x01\x00\x08\x00data\xff\xff\xff\xffabcd"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseWAV(b)
		if err == nil && (len(a[pcma]) != len(a[pcmu]) || len(a[pcma]) > len(b) || a[pcma] == nil) {
			t.Errorf("%d and %d bytes of audio in a file of %d", len(a[pcma]), len(a[pcmu]), len(b))
		}
	})
}
