package rig

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"testing"
)

func TestFindSeesThroughDisguises(t *testing.T) {
	const word = "13800138000"
	hidden := map[string]string{
		"plain":           "sip:13800138000@",
		"with prefix":     "tel:+8613800138000",
		"last eight":      "x00138000x",
		"percent":         "%31%33%38%30%30%31%33%38%30%30%30",
		"hex":             hex.EncodeToString([]byte("sip:" + word)),
		"base64, at 0":    base64.StdEncoding.EncodeToString([]byte("abc" + word + "xyz")),
		"base64, at 1":    base64.StdEncoding.EncodeToString([]byte("a" + word + "xyz")),
		"base64, at 2":    base64.StdEncoding.EncodeToString([]byte("ab" + word)),
		"BCD":             "\x31\x08\x10\x83\x00\xf0",
		"BCD with 86":     "\x91\x68\x31\x08\x10\x83\x00\xf0",
		"escaped, in URI": url.QueryEscape("sip:" + word),
	}
	for name, text := range hidden {
		if _, ok := Find(text, []string{word}); !ok {
			t.Errorf("%s: not found", name)
		}
	}
}

func TestFindLeavesOthersAlone(t *testing.T) {
	for _, text := range []string{"", "13900138001", "700100000010001", "z9hG4bK-1380-0138", "sip:13800138@127.0.0.1"} {
		if w, ok := Find(text, []string{"13800138000", "127.9.8.7"}); ok {
			t.Errorf("%q: found %s", text, w)
		}
	}
}
