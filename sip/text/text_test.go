package text_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"mask700/binding"
	"mask700/sip/text"
)

var plan binding.Plan

func number(t testing.TB, s string) binding.Number {
	t.Helper()
	n, err := plan.ParseNumber(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// parties are a mobile and a landline.
func parties(t testing.TB) []binding.Number {
	return []binding.Number{number(t, "13900000002"), number(t, "01059658005")}
}

func TestNumbersAreFound(t *testing.T) {
	for _, c := range []struct{ body, masked string }{
		{"call 13800138000.", "call ***********."},
		{"13800138000", "***********"},
		{"13800138000,13700137000", "***********,***********"},
		{"我的电话是13800138000，谢谢", "我的电话是***********，谢谢"},
		{"138 0013 8000", "*** **** ****"},
		{"138-0013-8000", "***-****-****"},
		{"138.0013.8000", "***.****.****"},
		{"138—0013—8000", "***—****—****"},
		{"1 3 8 0 0 1 3 8 0 0 0", "* * * * * * * * * * *"},
		{"1-3-8-0-0-1-3-8-0-0-0 ok", "*-*-*-*-*-*-*-*-*-*-* ok"},
		{"1\u200b38\u20600\ufeff0138000", "*\u200b**\u2060*\ufeff*******"},
		{"1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0️⃣", strings.Repeat("*️⃣", 11)},
		{"138\n0013\n8000", "***\n****\n****"},
		{"１３８００１３８０００", "***********"},
		{"１３８　００１３　８０００", "***　****　****"},
		{"一三八〇〇一三八〇〇〇", "***********"},
		{"幺三八零零幺三八零零零", "***********"},
		{"幺三八洞洞幺三八洞洞洞", "***********"},
		{"壹叁捌零零壹叁捌零零零", "***********"},
		{"一 三 八 〇〇一三 八〇〇〇", "* * * **** ****"},
		{"1三8〇〇13八000", "***********"},
		{"①③⑧⓪⓪①③⑧⓪⓪⓪", "***********"},
		{"𝟏𝟑𝟖𝟎𝟎𝟏𝟑𝟖𝟎𝟎𝟎", "***********"},
		{"١٣٨٠٠١٣٨٠٠٠", "***********"},
		{"¹³⁸⁰⁰¹³⁸⁰⁰⁰", "***********"},
		{"l38OO138OOO", "***********"},
		{"No.13800138000", "No.***********"},
		{"to 13800138000 or I call", "to *********** or I call"},
		{"一13800138000一", "一***********一"},
		{"13800138000一次", "***********一次"},
		{"+8613800138000", "+*************"},
		{"+86 138 0013 8000", "+** *** **** ****"},
		{"86-13800138000", "**-***********"},
		{"008613800138000", "***************"},
		{"013800138000", "************"},
		{"(010) 6552-9988", "(***) ****-****"},
		{"010-65529988转801", "***-********转801"},
		{"０１０６５５２９９８８", "***********"},
		{"0755 8601 3388 2", "**** **** **** 2"},
		{"+49 30 1234567", "+** ** *******"},
		{"0049 30 1234567", "**** ** *******"},
		{"call 0085291234567 now", "call ************* now"},
		{"1 13800138000", "1 ***********"},
		{"13800138000 5", "*********** 5"},
		{"13800138000+13700137000", "***********+***********"},
	} {
		got := text.Screen(&plan, text.Mask, []byte(c.body), parties(t)...)
		if string(got.Body) != c.masked || got.Numbers == 0 || got.Masked != got.Numbers || got.Refused {
			t.Errorf("%q: %q, %d numbers, %d masked, want %q", c.body, got.Body, got.Numbers, got.Masked, c.masked)
		}
		if got := text.Screen(&plan, text.Pass, []byte(c.body), parties(t)...); string(got.Body) != c.body || got.Numbers == 0 || got.Masked != 0 {
			t.Errorf("%q: passed on as %q, %d numbers, %d masked", c.body, got.Body, got.Numbers, got.Masked)
		}
		if got := text.Screen(&plan, text.Refuse, []byte(c.body), parties(t)...); !got.Refused || got.Body != nil {
			t.Errorf("%q is not refused", c.body)
		}
	}
}

// What is no telephone number stays, whatever the policy.
func TestWhatIsNoNumber(t *testing.T) {
	for _, body := range []string{
		"", "hello", "取件码 8-2-3051，请到二号柜", "order 2026112613800138000123", "单号SF1380013800012", "700100000010007", "+86700100000010007",
		"700 1000 0001 0007", "12345678901", "110", "95588", "4008001234", "8:30-10:30 at 3.1, 1380 yuan", "2026-11-26 13:30:00",
		"room 13800138", "138001380001", "13:80013 8000", "1,3,8,0,0,1,3,8,0,0,0", "138    0013 8000", "第一百三十八条", "一三八然后零零一三八零零零",
		"65529988", "1059658", "I'll be on the 10th floor, oo lala", "l1O0", "3.14159265358979", "192.168.100.200", "999 999 999 999",
	} {
		for _, p := range []text.Policy{text.Mask, text.Pass, text.Refuse} {
			if got := text.Screen(&plan, p, []byte(body), parties(t)...); string(got.Body) != body || got.Numbers != 0 || got.Refused {
				t.Errorf("%v: %q is %q, %+v", p, body, got.Body, got)
			}
		}
	}
}

// A party's own number never stays, and nobody can try numbers by what is refused: in
// what passes as no number it is masked, and it is refused only where any other would be.
func TestOwnNumbersAreMasked(t *testing.T) {
	for _, c := range []struct{ body, masked string }{
		{"13900000002", "***********"},
		{"it is 139 0000 0002!", "it is *** **** ****!"},
		{"999139000000029", "999***********9"},
		{"9-9 1 3 9 0 0 0 0 0 0 0 2 7 7", "9-9 * * * * * * * * * * * 7 7"},
		{"1059658005", "**********"},
		{"77 10 5965 8005", "77 ** **** ****"},
		{"01059658005", "***********"},
		{"一三九〇〇〇〇〇〇〇二二", "***********二"},
		{"+4413900000002", "+44***********"},
		{"13900000002 13900000002", "*********** ***********"},
		{"13800138000 13900000002", "13800138000 ***********"},
		{"1,3,9,0,0,0,0,0,0,0,2", "*,*,*,*,*,*,*,*,*,*,*"},
		{"139 then 0000 and 0002", "*** then **** and ****"},
		{"一三九然后零零零零，最后零零零二", "***然后****，最后****"},
		{"1x3x9x0x0x0x0x0x0x0x2x", "*x*x*x*x*x*x*x*x*x*x*x"},
		{"区号10：5965 8005", "区号**：**** ****"},
		{"139      0000 0002", "***      **** ****"},
		{"139" + strings.Repeat("\u200b", 40) + "0000" + strings.Repeat(" ", 40) + "0002", "***" + strings.Repeat("\u200b", 40) + "****" + strings.Repeat(" ", 40) + "****"},
	} {
		got := text.Screen(&plan, text.Pass, []byte(c.body), parties(t)...)
		if string(got.Body) != c.masked || got.Masked != 0 || got.Refused {
			t.Errorf("%q: %q, %d masked by the policy, want %q", c.body, got.Body, got.Masked, c.masked)
		}
	}
	for _, other := range []string{"138 then 0000 and 0002", "139 is the beginning of it: 0000 0002"} {
		if got := text.Screen(&plan, text.Mask, []byte(other), parties(t)...); string(got.Body) != other || got.Numbers != 0 {
			t.Errorf("%q: %q", other, got.Body)
		}
	}
	for _, guess := range []string{"9913900000002", "9913800138000", "139 then 0000 and 0002"} {
		if got := text.Screen(&plan, text.Refuse, []byte(guess), parties(t)...); got.Refused {
			t.Errorf("%s tells by a refusal whose number it is", guess)
		}
	}
}

// TestOwnNumbersOfEveryCountry: a party's own number is found whatever its country and length, in every script, within words and with words
// between, under whatever plan it is read.
func TestOwnNumbersOfEveryCountry(t *testing.T) {
	for _, c := range []struct {
		code, own string
		bodies    map[string]string
	}{
		{"", "+85291234567", map[string]string{
			"我的号码 ８５２９１２３４５６７": "我的号码 ８５２********", "八五二九一二三四五六七": "八五二********", "852 then 9123 and 4567": "852 then **** and ****",
			"whatsapp91234567": "whatsapp********", "９１２３４５６７": "********", "85291234567": "852********", "99 9123 4567 88": "99 **** **** 88", "912345l67 or 9l234567": "******l** or ********",
			"9123ll4567": "****ll****",
		}},
		{"65", "91234567", map[string]string{"９１２３４５６７": "********", "九一二三四五六七": "********", "9123 then 4567": "**** then ****", "sg91234567": "sg********", "call 91234567": "call ********"}},
		{"65", "+8613900000002", map[string]string{"13900000002": "***********", "一三九〇〇〇〇〇〇〇二": "***********"}},
		{"", "+12125550001", map[string]string{"(212) 555-0001": "(***) ***-****", "２１２５５５０００１": "**********"}},
		{"", "+493012345678", map[string]string{"30 12345678": "** ********", "三〇一二三四五六七八": "**********"}},
		{"", "+3545812345", map[string]string{"我的 5812345": "我的 *******", "354-581-2345": "354-***-****"}},
		{"", "+3726123", map[string]string{"３７２６１２３": "*******", "6123": "6123"}},
		{"", "0755-86013388", map[string]string{"75586013388": "***********", "七五五 8601 3388": "*** **** ****"}},
	} {
		p := binding.Plan{CountryCode: c.code}
		n, err := p.ParseNumber(c.own)
		if err != nil {
			t.Fatal(err)
		}
		for body, masked := range c.bodies {
			for _, policy := range []text.Policy{text.Mask, text.Pass} {
				if got := text.Screen(&p, policy, []byte(body), n); string(got.Body) != masked {
					t.Errorf("%s, %v: %q is %q, want %q", c.own, policy, body, got.Body, masked)
				}
			}
		}
	}
}

// TestCountsTellNothingOfTheParties: a record of a text can be read by who may see no number. What is counted of a text of guesses is the
// same whether one is right.
func TestCountsTellNothingOfTheParties(t *testing.T) {
	for _, form := range []string{"%s", "99%s 9913911112222", "1x%s", "86%s", "call %s, or 13800138000", "%s7"} {
		for _, policy := range []text.Policy{text.Mask, text.Pass, text.Refuse} {
			right := text.Screen(&plan, policy, []byte(strings.ReplaceAll(form, "%s", "13900000002")), parties(t)...)
			wrong := text.Screen(&plan, policy, []byte(strings.ReplaceAll(form, "%s", "13900000003")), parties(t)...)
			if right.Numbers != wrong.Numbers || right.Masked != wrong.Masked || right.Refused != wrong.Refused {
				t.Errorf("%q, %v: %d numbers, %d masked, refused %v; of nobody's %d, %d, %v", form, policy,
					right.Numbers, right.Masked, right.Refused, wrong.Numbers, wrong.Masked, wrong.Refused)
			}
			if !right.Refused && strings.Contains(string(right.Body), "13900000002") {
				t.Errorf("%q, %v: passed on as %q", form, policy, right.Body)
			}
		}
	}
}

func TestTheTextIsNotChanged(t *testing.T) {
	body := []byte("call 13800138000")
	if got := text.Screen(&plan, text.Mask, body, parties(t)...); string(body) != "call 13800138000" || string(got.Body) == string(body) {
		t.Errorf("%q became %q", body, got.Body)
	}
}

func TestPolicies(t *testing.T) {
	for _, p := range []text.Policy{text.Mask, text.Pass, text.Refuse} {
		if got, ok := text.ParsePolicy(p.String()); !ok || got != p {
			t.Errorf("%v is read as %v", p, got)
		}
	}
	if _, ok := text.ParsePolicy("Mask"); ok || text.Policy(9).String() != "unknown" {
		t.Error("a policy that there is not")
	}
}

func TestSegments(t *testing.T) {
	for _, c := range []struct {
		body string
		want int
	}{
		{"", 0}, {"a", 1}, {strings.Repeat("a", 160), 1}, {strings.Repeat("a", 161), 2}, {strings.Repeat("a", 306), 2}, {strings.Repeat("a", 307), 3},
		{strings.Repeat("€", 80), 1}, {strings.Repeat("[", 81), 2}, {strings.Repeat("Ω@_$\n", 32), 1},
		{strings.Repeat("您", 70), 1}, {strings.Repeat("您", 71), 2}, {strings.Repeat("您", 134), 2}, {strings.Repeat("您", 135), 3},
		{strings.Repeat("😀", 35), 1}, {strings.Repeat("😀", 36), 2}, {"`" + strings.Repeat("a", 70), 2},
	} {
		if got := text.Segments([]byte(c.body)); got != c.want {
			t.Errorf("%d bytes of %.4q are %d segments, want %d", len(c.body), c.body, got, c.want)
		}
	}
}

// Whatever is written, what goes on is text, is no longer, and holds no own number in
// plain digits, of whatever country.
func FuzzScreen(f *testing.F) {
	for _, s := range []string{"13900000002", "一三九〇〇〇〇〇〇〇二", "+86 (0)10 5965-8005", "1️⃣3️9", "l39OOOOOOO2", "\xff139", "０6591２34567", "whatsapp 9123 oder 4567", "212o5550001"} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(4))
	}
	plans := []binding.Plan{{}, {CountryCode: "65"}}
	own := parties(f)
	for _, s := range []string{"+85291234567", "+6581234567", "+12125550001", "+493012345678"} {
		own = append(own, number(f, s))
	}
	f.Fuzz(func(t *testing.T, body string, choice uint8) {
		if len(body) > 1300 {
			body = body[:1300]
		}
		got := text.Screen(&plans[choice/3%2], text.Policy(choice%3), []byte(body), own...)
		if len(got.Body) > len(body) || got.Masked > got.Numbers || utf8.ValidString(body) && !utf8.Valid(got.Body) {
			t.Fatalf("%q became %q", body, got.Body)
		}
		for _, digits := range []string{"13900000002", "1059658005", "91234567", "81234567", "2125550001", "3012345678"} {
			if strings.Contains(string(got.Body), digits) {
				t.Fatalf("%q is in %q", digits, got.Body)
			}
		}
		text.Segments(got.Body)
	})
}

func BenchmarkScreen(b *testing.B) {
	body := []byte(strings.Repeat("您的快递已到二号楼，取件码 8-2-3051，电话 138 0013 8000。", 12))
	own := parties(b)
	b.ReportAllocs()
	for b.Loop() {
		text.Screen(&plan, text.Mask, body, own...)
	}
}

// Digits of every script are read by where they stand in its row of ten.
func TestRowsOfDigits(t *testing.T) {
	for _, r := range unicode.Nd.R16 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("%#x to %#x are no rows of ten", r.Lo, r.Hi)
		}
	}
	for _, r := range unicode.Nd.R32 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("%#x to %#x are no rows of ten", r.Lo, r.Hi)
		}
	}
}

// TestHolds: who writes what others must not be asked about is judged by the form alone, wherever in other digits it stands.
func TestHolds(t *testing.T) {
	t.Parallel()
	for _, has := range []string{
		"13800000001", "call 138-0000-0001", "9913800000001", "1380000000199", "2026112613800000001", "id:99010-8234-567899", "998613800000001", "9901082345678",
		"99861082345678", "99138 0000 0001", "９９１３８０００００００１", "+4477009001230", strings.Repeat("9", 200) + "13800000001" + strings.Repeat("9", 200),
	} {
		if !text.Holds(&binding.Plan{}, []byte(has)) {
			t.Errorf("no number in %q", has)
		}
	}
	for _, none := range []string{
		"", "2", "20261126163700", "2026-11-26T16:37:00", "order 4711", "700100000010001", "123456", "99123456789012", "138000000x01", "13800000" + strings.Repeat(" ", 9) + "001",
	} {
		if text.Holds(&binding.Plan{}, []byte(none)) {
			t.Errorf("a number in %q", none)
		}
	}
	if text.Holds(&binding.Plan{CountryCode: "44"}, []byte("9913800000001")) {
		t.Error("the form of another country's numbers is not known")
	}
}
