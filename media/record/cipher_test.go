package record

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestSM4GCMIsTheStandards is the example of RFC 8998 appendix A.1.
func TestSM4GCMIsTheStandards(t *testing.T) {
	b := func(s string) []byte {
		t.Helper()
		v, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	key := append(b("0123456789abcdeffedcba9876543210"), make([]byte, KeySize-sm4KeySize)...)
	a, err := SM4GCM.aead(key)
	if err != nil {
		t.Fatal(err)
	}
	var plain []byte
	for _, c := range []byte{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0xee, 0xaa} {
		plain = append(plain, bytes.Repeat([]byte{c}, 8)...)
	}
	got := a.Seal(nil, b("00001234567800000000abcd"), plain, b("feedfacedeadbeeffeedfacedeadbeefabaddad2"))
	want := b("17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735" +
		"d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d" + "83de3541e4c2b58177e065a9bf7b62ec")
	if !bytes.Equal(got, want) {
		t.Errorf("%x", got)
	}
}
