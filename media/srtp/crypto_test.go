package srtp

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// text30, text28 and text44 are keys of the sizes of the suites.
var (
	text30 = base64.StdEncoding.EncodeToString([]byte("thirty-bytes-of-key-and-salt!!"))
	text28 = base64.StdEncoding.EncodeToString([]byte("twenty-eight-bytes-of-key+sa"))
	text44 = base64.StdEncoding.EncodeToString([]byte("forty-four-bytes-of-a-long-master-key-+-salt"))
)

func TestParse(t *testing.T) {
	tests := []struct {
		value string
		tag   uint32
		suite Suite
		err   error
	}{
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30, 1, AES128CMSHA180, nil},
		{"999999 aes_cm_128_hmac_sha1_32 INLINE:" + text30, 999999, AES128CMSHA132, nil},
		{"2 AEAD_AES_128_GCM inline:" + text28, 2, AES128GCM, nil},
		{"2 AEAD_AES_128_GCM inline:" + strings.TrimRight(text28, "="), 2, AES128GCM, nil},
		{"3 AEAD_AES_256_GCM inline:" + text44, 3, AES256GCM, nil},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + "|2^48", 1, AES128CMSHA180, nil},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + "|1048576 WSH=64", 1, AES128CMSHA180, nil},

		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + "|2^49", 0, 0, ErrLifetime},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + "|0", 0, 0, ErrLifetime},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + "|", 0, 0, ErrLifetime},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + "|2^20|1:4", 0, 0, ErrMKI},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + "|1:4", 0, 0, ErrMKI},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + "|2^20|1:4;inline:" + text30 + "|2^20|2:4", 0, 0, ErrMKI},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + " UNENCRYPTED_SRTP", 0, 0, ErrParams},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + " UNENCRYPTED_SRTCP", 0, 0, ErrParams},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + " UNAUTHENTICATED_SRTP", 0, 0, ErrParams},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + " KDR=1", 0, 0, ErrParams},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + " FEC_ORDER=FEC_SRTP", 0, 0, ErrParams},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + " WSH=63", 0, 0, ErrParams},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text28, 0, 0, ErrKey},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + text44, 0, 0, ErrKey},
		{"1 AEAD_AES_256_GCM inline:" + text30, 0, 0, ErrKey},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + strings.Repeat("!", 40), 0, 0, ErrKey},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:", 0, 0, ErrKey},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" + text44, 0, 0, ErrSuite},
		{"1 F8_128_HMAC_SHA1_80 inline:" + text30, 0, 0, ErrSuite},
		{"1 NULL_HMAC_SHA1_80 inline:" + text30, 0, 0, ErrSuite},
		{"1 AES_CM_128_HMAC_SHA1_80 " + text30, 0, 0, ErrSyntax},
		{"1 AES_CM_128_HMAC_SHA1_80 uri:" + text30, 0, 0, ErrSyntax},
		{"1 AES_CM_128_HMAC_SHA1_80", 0, 0, ErrSyntax},
		{"0 AES_CM_128_HMAC_SHA1_80 inline:" + text30, 0, 0, ErrSyntax},
		{"-1 AES_CM_128_HMAC_SHA1_80 inline:" + text30, 0, 0, ErrSyntax},
		{"+1 AES_CM_128_HMAC_SHA1_80 inline:" + text30, 0, 0, ErrSyntax},
		{"1000000 AES_CM_128_HMAC_SHA1_80 inline:" + text30, 0, 0, ErrSyntax},
		{"x AES_CM_128_HMAC_SHA1_80 inline:" + text30, 0, 0, ErrSyntax},
		{"", 0, 0, ErrSyntax},
	}
	for _, tt := range tests {
		c, err := Parse(tt.value)
		if !errors.Is(err, tt.err) || c.Tag != tt.tag || c.Suite() != tt.suite {
			t.Errorf("%q: tag %d, suite %v, %v; want %d, %v, %v", tt.value, c.Tag, c.Suite(), err, tt.tag, tt.suite, tt.err)
		}
		if err != nil && strings.Contains(err.Error(), text30[:8]) {
			t.Errorf("%v repeats the key", err)
		}
		if err != nil {
			continue
		}
		again, err := Parse(string(c.Append(nil)))
		if err != nil || again.Tag != c.Tag || !again.Key.Equal(c.Key) {
			t.Errorf("%q: what is written reads %+v, %v", tt.value, again, err)
		}
	}
}

func TestAppendWritesNothingButTagSuiteAndKey(t *testing.T) {
	c, err := Parse("7  aes_cm_128_hmac_sha1_80  inline:" + text30 + "|2^20  WSH=128")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(c.Append(nil)), "7 AES_CM_128_HMAC_SHA1_80 inline:"+text30; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

func TestAgreed(t *testing.T) {
	secret := NewSecret([32]byte{1})
	crypto := func(tag uint32, s Suite) Crypto { return Crypto{tag, secret.Key(s, Key{})} }
	ours := []Crypto{crypto(1, AES256GCM), crypto(2, AES128CMSHA180)}
	tests := []struct {
		name   string
		theirs []Crypto
		tag    uint32
	}{
		{"the second", []Crypto{crypto(2, AES128CMSHA180)}, 2},
		{"the first", []Crypto{crypto(1, AES256GCM)}, 1},
		{"another suite under our tag", []Crypto{crypto(1, AES128CMSHA180)}, 0},
		{"a tag that is not ours", []Crypto{crypto(3, AES256GCM)}, 0},
		{"none", nil, 0},
		{"no key", []Crypto{{Tag: 1}}, 0},
	}
	for _, tt := range tests {
		out, in, ok := Agreed(ours, tt.theirs)
		if ok != (tt.tag != 0) || out.Tag != tt.tag || in.Tag != tt.tag {
			t.Errorf("%s: %d and %d, %t", tt.name, out.Tag, in.Tag, ok)
		}
	}
}

func TestKeysAreDerived(t *testing.T) {
	secret := NewSecret([32]byte{1})
	base := secret.Key(AES128CMSHA180, Key{})
	peer, err := Parse("1 AES_CM_128_HMAC_SHA1_80 inline:" + text30)
	if err != nil {
		t.Fatal(err)
	}
	if !base.Equal(secret.Key(AES128CMSHA180, Key{})) {
		t.Error("one secret gives two keys")
	}
	for name, other := range map[string]Key{
		"another secret":   NewSecret([32]byte{2}).Key(AES128CMSHA180, Key{}),
		"another suite":    secret.Key(AES128CMSHA132, Key{}),
		"a peer with keys": secret.Key(AES128CMSHA180, peer.Key),
		"no key":           {},
	} {
		if base.Equal(other) || !other.IsZero() && bytes.Equal(base.bytes(), other.bytes()) {
			t.Errorf("%s: the same key", name)
		}
	}
	if !(Secret{}).Key(AES128CMSHA180, Key{}).IsZero() || !secret.Key(None, Key{}).IsZero() {
		t.Error("a key out of nothing")
	}
}

func TestNothingPrintsAKey(t *testing.T) {
	raw := [32]byte([]byte("canary-canary-canary-canary-can!"))
	secret := NewSecret(raw)
	crypto, err := Parse("1 AES_CM_128_HMAC_SHA1_80 inline:" + text30)
	if err != nil {
		t.Fatal(err)
	}
	type hidden struct {
		k Key
		s Secret
	}
	words := []string{text30[:12], "thirty-bytes", "canary"}
	for _, w := range words[1:] {
		words = append(words, fmt.Sprintf("%x", w), strings.Trim(fmt.Sprint([]byte(w)), "[]"))
	}
	for _, v := range []any{
		secret, &secret, crypto, &crypto, crypto.Key, &crypto.Key, []Crypto{crypto}, hidden{crypto.Key, secret}, &hidden{crypto.Key, secret},
		map[string]any{"k": crypto}, struct{ K Key }{crypto.Key},
	} {
		var all strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&all, verb, v)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%T: %v", v, err)
		}
		all.Write(text)
		slog.New(slog.NewTextHandler(&all, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&all, nil)).Info("x", "v", v)
		for _, w := range words {
			if strings.Contains(strings.ToLower(all.String()), strings.ToLower(w)) {
				t.Errorf("%T prints %q in %s", v, w, all.String())
			}
		}
	}
}

func TestKeysSurviveEncoding(t *testing.T) {
	type state struct {
		Keys   []Key
		Secret Secret
	}
	secret := NewSecret([32]byte{1})
	in := state{[]Key{{}, secret.Key(AES256GCM, Key{})}, secret}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(in); err != nil {
		t.Fatal(err)
	}
	var out state
	if err := gob.NewDecoder(&b).Decode(&out); err != nil {
		t.Fatal(err)
	}
	if !out.Keys[0].IsZero() || !out.Keys[1].Equal(in.Keys[1]) || !out.Secret.Key(AES128GCM, Key{}).Equal(secret.Key(AES128GCM, Key{})) {
		t.Errorf("came back as something else: %v", out)
	}
	var k Key
	for _, bad := range [][]byte{{1}, {0, 1}, {9, 1, 2}, append([]byte{2}, make([]byte, 30)...)} {
		if k.GobDecode(bad) == nil || !k.IsZero() {
			t.Errorf("%v was decoded", bad)
		}
	}
	if (&Secret{}).GobDecode(make([]byte, 31)) == nil {
		t.Error("a short secret was decoded")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:" + text30 + "|2^20|1:4 WSH=64")
	f.Add("2 AEAD_AES_256_GCM inline:" + text44)
	f.Fuzz(func(t *testing.T, value string) {
		c, err := Parse(value)
		if err != nil {
			return
		}
		again, err := Parse(string(c.Append(nil)))
		if err != nil || again.Tag != c.Tag || !again.Key.Equal(c.Key) {
			t.Errorf("%q does not read as itself: %v", value, err)
		}
		if _, err := NewDirection(c.Key); err != nil {
			t.Error(err)
		}
	})
}
