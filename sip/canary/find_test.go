package canary

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// writings are the ways in which a number can be written, by hand and not by the
// readers of this package.
func writings(n string) map[string]string {
	var percent, mixed, entity, quoted, wide, swapped strings.Builder
	for i := range len(n) {
		c := n[i : i+1]
		percent.WriteString("%3" + c)
		if i%2 == 0 {
			mixed.WriteString("%3" + c)
		} else {
			mixed.WriteString(c)
		}
		entity.WriteString("&#x3" + c + ";")
		quoted.WriteString(`\` + c)
		wide.WriteString("\x00" + c)
	}
	bcd := make([]byte, 0, 6)
	padded := n + strings.Repeat("f", len(n)%2)
	for i := 0; i < len(padded); i += 2 {
		pair := padded[i+1:i+2] + padded[i:i+1]
		swapped.WriteString(pair)
		b, _ := hex.DecodeString(pair)
		bcd = append(bcd, b...)
	}
	straight, _ := hex.DecodeString(padded)
	list := map[string]string{
		"plain": n, "E.164": "+86" + n, "with 00": "0086" + n, "with 0": "0" + n, "in a word": "x" + n + "y",
		"dashes":   n[:3] + "-" + n[3:7] + "-" + n[7:],
		"blanks":   "+86 " + n[:3] + " " + n[3:7] + " " + n[7:],
		"dots":     n[:2] + "." + n[2:4] + "." + n[4:6] + "." + n[6:8] + "." + n[8:],
		"brackets": "(" + n[:3] + ")" + n[3:7] + "/" + n[7:],
		"folded":   n[:5] + "\r\n " + n[5:],
		"percent":  percent.String(), "half percent": mixed.String(), "percent twice": strings.ReplaceAll(percent.String(), "%", "%25"),
		"blanks in percent": n[:3] + "%20" + n[3:7] + "%20" + n[7:],
		"entities":          entity.String(), "quoted": quoted.String(), "UTF-16": wide.String(),
		"hex": hex.EncodeToString([]byte(n)), "HEX": strings.ToUpper(hex.EncodeToString([]byte("+86" + n))), "hex, odd": "a" + hex.EncodeToString([]byte(n)),
		"reversed BCD": string(bcd), "reversed BCD behind a number plan": "\x03\x13" + string(bcd), "BCD": string(straight),
		"reversed BCD as hex": swapped.String(), "the same behind its plan": "0" + swapped.String() + "f",
		"backwards":                      reversed(n),
		"base64 of reversed BCD":         base64.StdEncoding.EncodeToString(append([]byte("\x01\x10\x48\x00\x0a\x03\x02\x0a\x08\x83\x10"), bcd...)),
		"base64 of a token":              base64.RawURLEncoding.EncodeToString([]byte(`{"dest":{"tn":["86` + n + `"]},"orig":{"tn":"1"}}`)),
		"base64 of percent":              base64.StdEncoding.EncodeToString([]byte(percent.String())),
		"percent of base64":              percents(base64.StdEncoding.EncodeToString([]byte("tel:+86" + n))),
		"base64 of base64":               base64.StdEncoding.EncodeToString([]byte("x=" + base64.StdEncoding.EncodeToString([]byte("n="+n)) + ";y")),
		"hex of base64":                  hex.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("n=" + n)))),
		"base64 in a line behind others": "ZZZZZZZZZZZZ of " + base64.StdEncoding.EncodeToString([]byte("n="+n)),
	}
	for at := range 3 {
		before := strings.Repeat("\xf1", at)
		list[fmt.Sprintf("base64 at %d", at)] = base64.StdEncoding.EncodeToString([]byte(before + n + "\xfe"))
		list[fmt.Sprintf("base64 of E.164 at %d, no padding", at)] = base64.RawStdEncoding.EncodeToString([]byte(before + "+86" + n))
		for shift := range 4 {
			list[fmt.Sprintf("base64 at %d behind %d letters", at, shift)] = strings.Repeat("Q", shift) + base64.StdEncoding.EncodeToString([]byte(before+n))
		}
	}
	return list
}

func percents(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func reversed(s string) string {
	b := []byte(s)
	for i := range len(b) / 2 {
		b[i], b[len(b)-1-i] = b[len(b)-1-i], b[i]
	}
	return string(b)
}

// around is what stands around a mark: nothing in it is one.
const around = "INVITE sip:700100000010007@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;rport;branch=z9hG4bKbcdfghjkmnpqrstvbcdf\r\n" +
	"X-Mark: <%s>\r\nContent-Length: 0\r\n\r\nv=0\r\no=- 4611686018427387904 1 IN IP4 198.51.100.1\r\n"

func TestEveryWritingIsFound(t *testing.T) {
	f := NewFinder()
	f.Add("13800000001", "Name of caller")
	f.AddHost(netip.MustParseAddr("192.0.2.10"))
	f.AddHost(netip.MustParseAddr("2001:db8::10"))
	if hits := f.Find([]byte(around)); len(hits) != 0 {
		t.Fatalf("found %v where there is nothing", hits)
	}
	expect := func(how, written, want string) {
		t.Helper()
		hits := f.Find(fmt.Appendf(nil, around, written))
		for _, h := range hits {
			if h.Mark == want {
				return
			}
		}
		t.Errorf("%s: %q is not found, but %v", how, written, hits)
	}
	for _, n := range []string{Number(0), Number(4321), Number(9999), "13800000001"} {
		for how, written := range writings(n) {
			expect(how, written, n)
		}
	}
	word := Text(1234)
	for how, written := range map[string]string{
		"plain": word, "capitals": strings.ToUpper(word), "mixed": "KaNaRi1234", "percent": percents(word), "backwards": reversed(word),
		"quoted": `k\anar\i1\234`, "base64": base64.StdEncoding.EncodeToString([]byte("cname:" + word + "@host")), "hex": hex.EncodeToString([]byte(word)),
		"UTF-16": "k\x00a\x00n\x00a\x00r\x00i\x001\x002\x003\x004\x00", "in a host": "pc." + word + ".example", "in a branch": "z9hG4bK" + word + "x",
	} {
		expect(how, written, word)
	}
	expect("a name in capitals", "NAME OF CALLER", "Name of caller")
	for _, a := range []string{Host(907), "192.0.2.10"} {
		raw := netip.MustParseAddr(a).AsSlice()
		for how, written := range map[string]string{
			"plain": a, "with a port": a + ":5060", "hex": hex.EncodeToString(raw), "HEX": strings.ToUpper(hex.EncodeToString(raw)),
			"bytes": string(raw), "base64": base64.StdEncoding.EncodeToString([]byte("a=" + a + ":5060")), "base64 of bytes": base64.StdEncoding.EncodeToString(append([]byte("key of "), raw...)),
			"percent": percents(a), "mapped": "::ffff:" + a,
		} {
			expect(how, written, a)
		}
	}
	expect("a host name", "host-10-91-9-7.example", Host(907))
	for _, a := range []string{Host(907), "192.0.2.10"} {
		raw := netip.MustParseAddr(a).As4()
		mapped := netip.MustParseAddr("::ffff:" + a).As16()
		hidden := raw
		for i, c := range []byte{0x21, 0x12, 0xa4, 0x42} {
			hidden[i] ^= c
		}
		expect("its bytes from behind", "\x81\xcc\x00\x07"+string([]byte{raw[3], raw[2], raw[1], raw[0]})+"\x00\x00", a)
		for how, written := range map[string][]byte{"16 bytes": mapped[:], "hidden by STUN": hidden[:]} {
			expect(how, string(written), a)
			expect(how+", in a block", "\x81\xcc\x00\x07"+string(written)+"\x00\x00", a)
			expect(how+", base64", base64.StdEncoding.EncodeToString(append([]byte("at "), written...)), a)
			expect(how+", hex", hex.EncodeToString(written), a)
		}
	}
	for _, a := range []string{Host6(0), Host6(7), Host6(4321), Host6(9999), "2001:db8::10"} {
		addr := netip.MustParseAddr(a)
		raw := addr.As16()
		behind := raw
		slices.Reverse(behind[:])
		for how, written := range map[string]string{
			"plain": a, "in brackets": "[" + a + "]:5060", "in full": addr.StringExpanded(), "capitals": strings.ToUpper(a), "16 bytes": string(raw[:]), "backwards": string(behind[:]),
			"hex": hex.EncodeToString(raw[:]), "HEX": strings.ToUpper(hex.EncodeToString(raw[:])), "percent": percents(a), "base64": base64.StdEncoding.EncodeToString([]byte(a + " 5000")),
			"base64 of bytes": base64.StdEncoding.EncodeToString(append([]byte("of "), raw[:]...)), "in a block of STUN": "\x00\x01\x00\x14\x00\x02\x13\x88" + string(raw[:]),
		} {
			expect("IPv6 "+how, written, a)
		}
	}
}

// What is cut short is found by what it begins with.
func TestAMarkCutShortIsFound(t *testing.T) {
	for _, cut := range []string{"13913579", "1391357", "kanari", "kanari12x", "10.91.3", "2001:db8:5ca1::1:x"} {
		if hits := NewFinder().Find([]byte("a " + cut + " b")); len(hits) != 1 {
			t.Errorf("%q gives %v", cut, hits)
		}
	}
}

// No mark is found in another, nor in what is like one.
func TestNoMarkIsAnother(t *testing.T) {
	f := NewFinder()
	f.AddHost(netip.MustParseAddr("192.0.2.10"))
	for _, mark := range []string{Number(17), Text(17), Host(17), Number(9170), Text(9170), Host(9170), Host6(17), Host6(9170)} {
		if hits := f.Find([]byte("<" + mark + ">")); len(hits) != 1 || hits[0].Mark != mark || hits[0].How != "plain" {
			t.Errorf("%s gives %v", mark, hits)
		}
	}
	for _, text := range []string{"192.0.2.101", "192.0.2.1", "1391356", "13.91.35.6", "kanary0001"} {
		if hits := f.Find([]byte("<" + text + ">")); len(hits) != 0 {
			t.Errorf("%s gives %v", text, hits)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	f := NewFinder()
	for i := range 4 {
		f.Add(fmt.Sprintf("138000000%02d", i))
		f.AddHost(netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}))
	}
	text := fmt.Appendf(nil, around, strings.Repeat("a=rtpmap:8 PCMA/8000\r\n", 20))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		f.Find(text)
	}
}
