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

// told searches a text for a party's number.
func told(national, code, text string) bool {
	var l Secrets
	l.number(national, code)
	return new(Finder).Find(setOf(l), []byte(text), func(h *Hit) bool { return h.Kind == Number })
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

// E.164 and the national form are told apart for numbers of any country: codes of one, two and three digits, numbers that
// stand for themselves and such as do not.
func TestEveryNotationOfANumber(t *testing.T) {
	for _, number := range []string{
		"86 13800138000", "86 1059658005", "86 75583765566", "86 2013456", "86 41234567", "86 902345678901234", "1 2125550123", "7 9161234567", "44 7700900123", "44 2079460958",
		"852 91234567", "65 81234567", "354 5812345", "372 6123456", "33 612345678", "376 812345", "290 23456", "39 0612345678", "98 9123456789", "1 9876543210", "81 312345678",
	} {
		code, digits, _ := strings.Cut(number, " ")
		n := len(digits)
		mid := n - 4
		texts := map[string]string{
			"E.164": "+" + code + digits, "with 00": "00" + code + digits, "with its code": code + digits,
			"percent of E.164": percent("+"+code+digits, 1), "hex of E.164": strings.ToUpper(hex.EncodeToString([]byte("+" + code + digits))),
			"E.164 separated": "+" + code + " " + digits[:3] + "-" + digits[3:],
			"BCD of E.164":    swapped(code+digits, "f"), "BCD of E.164 in capitals": swapped(code+digits, "F"),
			"BCD bytes of E.164": "\x84\x11" + bytesOf(swapped(code+digits, "f")),
		}
		for _, before := range []string{"", "+", "x", "00", "tel:"} {
			texts["base64 of E.164 behind "+before] = base64.StdEncoding.EncodeToString([]byte(before + code + digits))
			texts["raw base64 of E.164 behind "+before] = base64.RawURLEncoding.EncodeToString([]byte(before + code + digits + "@host"))
		}
		if n >= MinDigits {
			for name, text := range map[string]string{
				"plain": digits, "national": "0" + digits,
				"percent": percent(digits, 1), "percent in part": percent(digits, 3), "percent twice": percent(percent(digits, 2), 1),
				"hex": hex.EncodeToString([]byte(digits)),
				"BCD": swapped(digits, "f"), "BCD, zero for filler": swapped(digits, "0"), "BCD of 0…": swapped("0"+digits, "F"),
				"BCD bytes": "\x91\x03" + bytesOf(swapped(digits, "f")) + "\x00", "BCD bytes of 0…": "\x03\x10" + bytesOf(swapped("0"+digits, "0")),
				"in brackets": "(0" + digits[:2] + ") " + digits[2:mid] + "-" + digits[mid:],
			} {
				texts[name] = text
			}
			for _, sep := range []string{"-", " ", ".", "/", "%20", "%2D", " - "} {
				texts["separated by "+sep] = digits[:3] + sep + digits[3:mid] + sep + digits[mid:]
				if mid == 3 {
					texts["separated by "+sep] = digits[:3] + sep + digits[3:]
				}
			}
			for _, before := range []string{"", "0", "tel:"} {
				texts["base64 behind "+before] = base64.StdEncoding.EncodeToString([]byte(before + digits))
				texts["raw base64 behind "+before] = base64.RawURLEncoding.EncodeToString([]byte(before + digits + "@host"))
			}
		}
		if n < longDigits {
			delete(texts, "separated by .") // figures with dots are addresses
			delete(texts, "separated by /")
		}
		for name, text := range texts {
			// A short number with separators is no figure of a session description.
			short := n < longDigits && (strings.Contains(name, "separated") || strings.Contains(name, "brackets"))
			around(func(s string) {
				if short && strings.HasPrefix(s, "v=0") {
					return
				}
				if !told(digits, code, s) {
					t.Errorf("%s, %s: not found in %q", number, name, s)
				}
			}, text)
		}
	}
}

// Full-width digits are those of ASCII, alone and among them, with full-width signs between them and in percent.
func TestFullWidthDigitsAreFound(t *testing.T) {
	wide := strings.NewReplacer("0", "０", "1", "１", "2", "２", "3", "３", "4", "４", "5", "５", "6", "６", "7", "７", "8", "８", "9", "９", "-", "－", "+", "＋")
	for _, digits := range []string{"13800138000", "2125550123", "902345678901234", "91234567", "4123456"} {
		texts := []string{wide.Replace(digits), wide.Replace("+86" + digits), percent(wide.Replace(digits), 1), percent(percent(wide.Replace(digits), 2), 1), digits[:4] + wide.Replace(digits[4:])}
		if len(digits) >= longDigits {
			texts = append(texts, wide.Replace(digits[:3]+"-"+digits[3:]), "（"+wide.Replace(digits[:3])+"） "+wide.Replace(digits[3:]))
		}
		for _, text := range texts {
			around(func(s string) {
				if !told(digits, "86", s) {
					t.Errorf("%s is not found in %q", digits, s)
				}
			}, text)
		}
	}
	for _, text := range []string{"1380013800\uff0f1", "138 \uff10\uff10138\uff21000", "1380013\xef\xbc", "\xef\xbc\x90\xef", "\uff0c1380013800"} {
		if told("13800138000", "86", text) {
			t.Errorf("found in %q", text)
		}
	}
}

// Reversed BCD whose bytes are characters all the same is found in text too, from ten digits on.
func TestReversedBCDThatCanBeTyped(t *testing.T) {
	for _, c := range []struct {
		digits, text string
		want         bool
	}{
		{"1334557234", "X: \"1CUu#C\"\r\n", false}, // other digits
		{"1334557235", "X: " + bytesOf(swapped("1334557235", "f")) + "\r\n", true},
		{"1334557235", "X: a " + bytesOf(swapped("861334557235", "f")) + "b\r\n", true},
		{"1334557235", "X: " + bytesOf(swapped("1334557235", "f")) + "bcdfghjkmnpqrstvbcdfghjkmnpqrstv\r\n", false}, // by chance in a random word
		{"23456234562", "X: " + bytesOf(swapped("023456234562", "f")) + "\r\n", true},                               // behind a 0
		{"2716475637", "a=fmtp:96 x-rates=1\r\n", true},
		{"1636479667", "a=inactive\r\n", false},                                // "activ": our own word
		{"1334557", "X: " + bytesOf(swapped("13345572", "f")) + "\r\n", false}, // few characters are in many a word
	} {
		if got := found(Secret{Number, c.digits}, c.text); got != c.want {
			t.Errorf("%s in %q: found is %t", c.digits, c.text, got)
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
		{Secret{Number, "91234567"}, "To: <sip:85391234567@h>\r\n"}, // of another country
		{Secret{Number, "91234567"}, "To: <sip:912345670@h>\r\n"},
		{Secret{Number, "85291234567"}, "To: <sip:85291234568@h>\r\n"},
		{Secret{Number, "2125550123"}, "To: <sip:2125550124@h>\r\nX: 12521550132\r\n"},
		{Secret{Number, "9161234567"}, "X: 1916214365\r\n"}, // its reversed BCD with another last digit
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
		"what usually leaves": outgoing(), "with full-width digits": append(outgoing(), "X: １３９００００００２ ％\r\n"...), "with signs of percent": escaped, "that is no text": packed,
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
