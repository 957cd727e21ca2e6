package sentinel

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// found searches a text for one secret.
func found(secret Secret, text string) bool {
	s := new(Set)
	s.Add(secret, 0)
	return new(Finder).Find(s, []byte(text), func(h *Hit) bool { return h.Secret == secret })
}

// swapped is a number in reversed BCD, as text.
func swapped(digits, filler string) string {
	if len(digits)%2 == 1 {
		digits += filler
	}
	var b strings.Builder
	for i := 0; i < len(digits); i += 2 {
		b.WriteString(digits[i+1:i+2] + digits[i:i+1])
	}
	return b.String()
}

func bytesOf(hexText string) string {
	b, err := hex.DecodeString(hexText)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func percent(s string, every int) string {
	var b strings.Builder
	for i := range len(s) {
		if i%every == 0 {
			fmt.Fprintf(&b, "%%%02x", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// around puts a text where a header or a body would have it, at every offset.
func around(each func(string), text string) {
	for i := range 7 {
		each("X-Header: <sip:" + "wxyzwxy"[:i] + ";" + text + ";ob>;q=1\r\n")
	}
	each(text)
	each("v=0\r\na=x:" + text + "\r\n")
}

func TestEveryNotationOfANumber(t *testing.T) {
	for _, digits := range []string{"13800138000", "1059658005", "75583765566", "2013456", "41234567", "902345678901234"} {
		secret := Secret{Number, digits}
		n := len(digits)
		mid := n - 4
		texts := map[string]string{
			"plain": digits, "national": "0" + digits, "E.164": "+86" + digits, "with 00": "0086" + digits, "with 86": "86" + digits,
			"percent": percent(digits, 1), "percent in part": percent(digits, 3), "percent twice": percent(percent(digits, 2), 1),
			"hex": hex.EncodeToString([]byte(digits)), "hex of E.164": strings.ToUpper(hex.EncodeToString([]byte("+86" + digits))),
			"BCD": swapped(digits, "f"), "BCD, zero for filler": swapped(digits, "0"), "BCD of 0…": swapped("0"+digits, "F"), "BCD of 86…": swapped("86"+digits, "f"),
			"BCD bytes": "\x91\x03" + bytesOf(swapped(digits, "f")) + "\x00", "BCD bytes of 0…": "\x03\x10" + bytesOf(swapped("0"+digits, "0")),
			"BCD bytes of 86…": "\x84\x11" + bytesOf(swapped("86"+digits, "f")),
		}
		for _, sep := range []string{"-", " ", ".", "/", "%20", "%2D", " - "} {
			texts["separated by "+sep] = digits[:3] + sep + digits[3:mid] + sep + digits[mid:]
			if mid == 3 {
				texts["separated by "+sep] = digits[:3] + sep + digits[3:]
			}
		}
		if n < longDigits {
			delete(texts, "separated by .") // figures with dots are addresses
			delete(texts, "separated by /")
		}
		texts["in brackets"] = "(0" + digits[:2] + ") " + digits[2:mid] + "-" + digits[mid:]
		for _, before := range []string{"", "0", "86", "+86", "x", "+8", "tel:"} {
			texts["base64 behind "+before] = base64.StdEncoding.EncodeToString([]byte(before + digits))
			texts["raw base64 behind "+before] = base64.RawURLEncoding.EncodeToString([]byte(before + digits + "@host"))
		}
		for name, text := range texts {
			// A short number with separators is no figure of a session description.
			short := n < longDigits && (strings.Contains(name, "separated") || strings.Contains(name, "brackets"))
			around(func(s string) {
				if short && strings.HasPrefix(s, "v=0") {
					return
				}
				if !found(secret, s) {
					t.Errorf("%s, %s: not found in %q", digits, name, s)
				}
			}, text)
		}
	}
}

func TestEveryNotationOfAText(t *testing.T) {
	for _, secret := range []Secret{
		{Host, "192.0.2.10"}, {Host, "pbx.example"}, {Host, "2001:db8::10"}, {Name, "Alice Liddell"}, {User, "liddell"}, {Dialog, "a84b4c"},
		{Device, "00156574b150"}, {Name, "李小龙"}, {Dialog, strings.Repeat("bcdfghjk", 3)},
	} {
		plain := secret.Text
		texts := map[string]string{
			"plain": plain, "capitals": strings.ToUpper(plain), "percent": percent(plain, 1), "percent in part": percent(plain, 2),
			"hex": hex.EncodeToString([]byte(plain)), "hex in capitals": strings.ToUpper(hex.EncodeToString([]byte(plain))),
		}
		for i := range 3 {
			texts[fmt.Sprint("base64 at ", i)] = base64.StdEncoding.EncodeToString([]byte("~~~"[:i] + plain + "~~"))
			texts[fmt.Sprint("base64 of URLs at ", i)] = base64.RawURLEncoding.EncodeToString([]byte("~~~"[:i] + plain))
		}
		for name, text := range texts {
			around(func(s string) {
				if !found(secret, s) {
					t.Errorf("%s %s: not found in %q", secret.Text, name, s)
				}
			}, text)
		}
	}
}

func TestWhatIsNoHit(t *testing.T) {
	for _, c := range []struct {
		secret Secret
		text   string
	}{
		{Secret{Host, "10.0.0.5"}, "c=IN IP4 10.0.0.50\r\n"},
		{Secret{Host, "10.0.0.5"}, "c=IN IP4 110.0.0.5\r\n"},
		{Secret{Host, "10.0.0.5"}, "Via: SIP/2.0/UDP 10.0.0.5.7\r\n"},
		{Secret{Number, "13800138000"}, "To: <sip:13800138001@h>\r\n"},
		{Secret{Number, "13800138000"}, "To: <sip:1380013800@h>;tag=0\r\n"},
		{Secret{Number, "3800138000"}, "From: <sip:700138001380001@h>\r\n"},  // part of a 700 number
		{Secret{Number, "1380013800"}, "From: <sip:0700113800138001@h>\r\n"}, // in its national form
		{Secret{Number, "2013456"}, "To: <sip:13920134567@h>\r\n"},
		{Secret{Number, "2013456"}, "o=- 201345 6 IN IP4 192.0.2.1\r\n"},
		{Secret{Number, "1920210"}, "c=IN IP4 192.0.2.10\r\n"},
		{Secret{Number, "9697101"}, "m=audio 9 RTP/AVP 96 97 101\r\n"},
		{Secret{Dialog, "1928301"}, "To: <sip:19283017742@h>\r\n"},
		{Secret{User, "bcdfgh"}, "From: <sip:x@h>;tag=kkkkkkbcdfghjjjjjjjjjjjj\r\n"}, // in a token of ours
		{Secret{Dialog, "hb34d4"}, "a=crypto:1 AES inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhb34d4QX1cfHAwJSoj\r\n"},
	} {
		if found(c.secret, c.text) {
			t.Errorf("%s was found in %q", c.secret.Text, c.text)
		}
	}
}

func TestASecretThatIsExcusedPasses(t *testing.T) {
	s := new(Set)
	s.Add(Secret{User, "liddell"}, 1)
	s.Add(Secret{Number, "13800138000"}, 2)
	var f Finder
	hits := 0
	if f.Find(s, []byte("liddell liddell %6ciddell 138-0013-8000"), func(h *Hit) bool {
		hits++
		s.Excuse(h)
		return false
	}) || hits != 2 {
		t.Errorf("%d hits, want each secret once", hits)
	}
	s.Reset()
	if s.Len() != 0 || f.Find(s, []byte("liddell 13800138000"), func(*Hit) bool { return true }) {
		t.Error("something is looked for in an empty set")
	}
	s.Add(Secret{User, "liddell"}, 0)
	if !f.Find(s, []byte("x liddell"), func(*Hit) bool { return true }) {
		t.Error("a set that was emptied finds nothing")
	}
}

// FuzzFind hides a secret in whatever the fuzzer makes, in one notation, and expects
// that it is found there. Nothing may break.
func FuzzFind(f *testing.F) {
	f.Add("INVITE sip:x@y SIP/2.0\r\n", "\r\n", "13800138000", uint8(0))
	f.Add("a=x:%20 (", ") 7 %31", "a84b4c76e66710", uint8(3))
	f.Fuzz(func(t *testing.T, before, after, text string, how uint8) {
		if len(text) < MinLength || len(text) > maxLength {
			return
		}
		secret := Secret{Dialog, text}
		if onlyDigits(text) {
			if secret.Kind = Number; len(text) < longDigits || len(text) > 15 {
				return
			}
		}
		hidden := text
		switch how % 6 {
		case 1:
			hidden = percent(text, 1+int(how)/6%4)
		case 2:
			hidden = hex.EncodeToString([]byte(text))
		case 3, 4, 5:
			hidden = base64.StdEncoding.EncodeToString([]byte("xyz"[:how%3] + text))
		}
		// Alone in its line, so that it is not part of anything else.
		if !found(secret, before+"\r\n<"+hidden+">\r\n"+after) && !strings.Contains(text, "%") {
			t.Errorf("%q is not found as %q", text, hidden)
		}
	})
}

// A full set counts what it has no room for, and finds all that it has, the last one too.
func TestAFullSetCounts(t *testing.T) {
	var s Set
	text := func(i int) string { return fmt.Sprintf("word-%03d-of-many", i) }
	for i := range maxPatterns + 7 {
		s.Add(Secret{Device, text(i)}, uint8(i%7))
	}
	if s.Len() != maxPatterns || s.Missed() != 7 {
		t.Fatalf("%d are looked for, %d missed", s.Len(), s.Missed())
	}
	var f Finder
	for i := range maxPatterns {
		for _, msg := range []string{text(i), base64.StdEncoding.EncodeToString([]byte("x" + text(i))), hex.EncodeToString([]byte(text(i)))} {
			if !f.Find(&s, []byte("X: "+msg+"\r\n"), func(h *Hit) bool { return h.Secret.Text == text(i) && h.Owner == uint8(i%7) }) {
				t.Fatalf("%d is not found in %s", i, msg)
			}
		}
	}
	if s.Reset(); s.Len() != 0 || s.Missed() != 0 || cap(s.entries) != 0 {
		t.Errorf("emptied it holds %d, %d missed, and room for %d windows", s.Len(), s.Missed(), cap(s.entries))
	}
	if f.Find(&s, []byte(text(1)), func(*Hit) bool { return true }) {
		t.Error("what is no more is found")
	}
}

// A search allocates nothing, whatever it meets: nothing, what it may not report, signs
// of percent, what is no text.
func TestFindAllocatesNothing(t *testing.T) {
	s := setOf(learned(t, invite(1)))
	packed := append(outgoing(), 0x31, 0x08, 0x31, 0x08, 0x00, 0xff)
	escaped := bytes.ReplaceAll(outgoing(), []byte("13900000002"), []byte("%31%33%25%33%30"))
	var f Finder
	for name, msg := range map[string][]byte{
		"what usually leaves": outgoing(), "with signs of percent": escaped, "that is no text": packed,
		"with a secret": append(outgoing(), "X: 13800138000\r\n"...),
	} {
		hits := 0
		look := func(*Hit) bool { hits++; return false }
		f.Find(s, msg, look) // its memory
		if n := testing.AllocsPerRun(100, func() { f.Find(s, msg, look) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if (hits > 0) != (name == "with a secret") {
			t.Errorf("%s: %d hits", name, hits)
		}
	}
	// Nor does making a set ready again that has been used.
	secrets := learned(t, invite(2))
	if n := testing.AllocsPerRun(100, func() {
		s.Reset()
		for _, secret := range secrets {
			s.Add(secret, 0)
		}
	}); n != 0 {
		t.Errorf("a set made ready again: %v allocations", n)
	}
}
