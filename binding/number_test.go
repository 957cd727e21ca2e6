package binding_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"text/template"

	"mask700/binding"
)

const secret = "8613800138000"

func number(t testing.TB, canonical string) binding.Number {
	t.Helper()
	n, err := binding.NumberFromDigits(canonical)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// assertHidden fails when text holds the number in any form that a person
// or a program could read: decimal or hexadecimal of the canonical or the
// national digits, packed digits, either half of them.
func assertHidden(t *testing.T, what, text string) {
	t.Helper()
	lower := strings.ToLower(text)
	for _, form := range []string{
		"13800138000", "800138000", "38001380", // the digits, and the middle that masking hides
		fmt.Sprintf("%x", 8613800138000), fmt.Sprintf("%x", 13800138000),
		fmt.Sprintf("%o", 8613800138000), fmt.Sprintf("%b", 13800138000),
		fmt.Sprintf("%x", "13800138000"), fmt.Sprintf("% x", "13800138000"),
	} {
		if strings.Contains(lower, form) {
			t.Errorf("%s reveals the number: %s", what, text)
			return
		}
	}
}

func TestNumberFromDigits(t *testing.T) {
	for _, good := range []string{secret, "861059658005", "1234567", "123456789012345"} {
		n, err := binding.NumberFromDigits(good)
		if err != nil {
			t.Errorf("%s: %v", good, err)
		}
		if n.Digits() != good {
			t.Errorf("%s came back as %s", good, n.Digits())
		}
	}
	for _, bad := range []string{"", "123456", "1234567890123456", "0123456789", "+8613800138000", "86138001380 0",
		"８６１３８００１３８０００", "86138001380a0", "12345678901234567890123"} {
		if n, err := binding.NumberFromDigits(bad); !errors.Is(err, binding.ErrDigits) || !n.IsZero() {
			t.Errorf("%q: got a number, or error %v", bad, err)
		}
	}
}

func TestNumberIsComparable(t *testing.T) {
	a, same, other := number(t, secret), number(t, secret), number(t, "8613800138001")
	if a != same {
		t.Error("the same digits are not equal")
	}
	if a == other {
		t.Error("different digits are equal")
	}
	if !reflect.DeepEqual(a, same) || reflect.DeepEqual(a, other) {
		t.Error("reflect.DeepEqual disagrees with ==")
	}
	seen := map[binding.Number]string{a: "a", other: "other"}
	if seen[same] != "a" || len(seen) != 2 {
		t.Error("a Number is no good map key")
	}
}

func TestZeroNumber(t *testing.T) {
	var n binding.Number
	if !n.IsZero() || n.Digits() != "" || n.String() != "" || n.Masked() != "" {
		t.Errorf("the zero Number shows %q, digits %q", n.String(), n.Digits())
	}
	if number(t, secret).IsZero() {
		t.Error("a number is zero")
	}
	if b, err := json.Marshal(n); err != nil || string(b) != `""` {
		t.Errorf("JSON of the zero Number is %s, %v", b, err)
	}
	if b, err := n.MarshalText(); err != nil || len(b) != 0 {
		t.Errorf("text of the zero Number is %q, %v", b, err)
	}
	if got := fmt.Sprintf("%v|%s|%d", n, n, n); got != "||" {
		t.Errorf("printed as %q", got)
	}
}

func TestMasked(t *testing.T) {
	for digits, want := range map[string]string{
		"8613800138000":   "138****8000",
		"861059658005":    "010****8005",
		"862158765432":    "021****5432",
		"8675512345678":   "075****5678",
		"865711234567":    "057****4567",
		"85261234567":     "852****4567",
		"14155550100":     "141****0100",
		"123456789012345": "123****2345",
		"1234567890":      "123****890",
		"123456789":       "123****89",
		"12345678":        "123****8",
		"1234567":         "123****",
		"86123456789012":  "861****9012", // no Chinese number, for all it begins like one
	} {
		n := number(t, digits)
		if got := n.String(); got != want {
			t.Errorf("%s is shown as %s, want %s", digits, got, want)
		}
		if got := string(n.Masked()); got != want {
			t.Errorf("%s is masked as %s, want %s", digits, got, want)
		}
	}
}

// TestMaskHidesFourDigits holds for every length: a short foreign number must
// not be told by its first and last digits.
func TestMaskHidesFourDigits(t *testing.T) {
	for length := 7; length <= 15; length++ {
		digits := "123456789012345"[:length]
		shown := strings.Count(number(t, digits).String(), "") - 1 - len("****")
		if length-shown < 4 {
			t.Errorf("of %d digits %d are shown", length, shown)
		}
	}
}

func TestEveryVerbMasks(t *testing.T) {
	n := number(t, secret)
	for _, verb := range "vsqdxXoObcUeEfFgGtTpw" {
		for _, flags := range []string{"", "+", "#", "-20", "020", ".3", " ", "+#", "# "} {
			format := "%" + flags + string(verb)
			assertHidden(t, format, fmt.Sprintf(format, n))
			assertHidden(t, format+" of a pointer", fmt.Sprintf(format, &n))
			assertHidden(t, format+" of a slice", fmt.Sprintf(format, []binding.Number{n}))
		}
	}
	for format, want := range map[string]string{
		"%v": "138****8000", "%+v": "138****8000", "%s": "138****8000", "%d": "138****8000", "%x": "138****8000",
		"%q": `"138****8000"`, "%#v": `binding.Number("138****8000")`, "%15s|": "    138****8000|", "%-13v|": "138****8000  |",
	} {
		if got := fmt.Sprintf(format, n); got != want {
			t.Errorf("%s prints %q, want %q", format, got, want)
		}
	}
	assertHidden(t, "no verb", fmt.Sprint(n)+fmt.Sprintln(n))
	noVerb := strings.ToLower("No verb for it")
	assertHidden(t, "an extra argument", fmt.Sprintf(noVerb, n))
	assertHidden(t, "an error", fmt.Errorf("call of %v: %w", n, errors.ErrUnsupported).Error())
	if got := n.GoString(); got != `binding.Number("138****8000")` {
		t.Errorf("GoString is %s", got)
	}
}

// TestUnexportedFieldsAreVeiled covers what methods cannot: fmt does not call
// them on unexported fields, and prints the word that is stored.
func TestUnexportedFieldsAreVeiled(t *testing.T) {
	n := number(t, secret)
	type inner struct{ n binding.Number }
	type outer struct {
		in      inner
		pointer *binding.Number
		list    []binding.Number
		byKey   map[binding.Number]binding.Number
		any     any
		array   [2]binding.Number
	}
	value := outer{
		in: inner{n}, pointer: &n, list: []binding.Number{n}, any: n,
		byKey: map[binding.Number]binding.Number{n: n}, array: [2]binding.Number{n, n},
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%d", "%x", "%X", "%o", "%b", "%s", "%q", "%c", "%U", "%p", "%e", "%t"} {
		assertHidden(t, format, fmt.Sprintf(format, value))
		assertHidden(t, format+" of a pointer", fmt.Sprintf(format, &value))
		assertHidden(t, format+" of an anonymous struct", fmt.Sprintf(format, struct{ n binding.Number }{n}))
	}
	word := reflect.ValueOf(n).Field(0).Uint()
	assertHidden(t, "the word by reflection", fmt.Sprintf("%d %x %o %b", word, word, word, word))
}

func TestContainersMask(t *testing.T) {
	n := number(t, secret)
	type party struct {
		Number  binding.Number
		Pointer *binding.Number
		List    []binding.Number
		Map     map[string]binding.Number
		Keys    map[binding.Number]int
		Any     any
	}
	p := party{n, &n, []binding.Number{n}, map[string]binding.Number{"a": n}, map[binding.Number]int{n: 1}, n}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		text := fmt.Sprintf(format, p)
		assertHidden(t, format, text)
		if !strings.Contains(text, "138****8000") {
			t.Errorf("%s does not show the mask: %s", format, text)
		}
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Number":"138****8000","Pointer":"138****8000","List":["138****8000"],"Map":{"a":"138****8000"},` +
		`"Keys":{"138****8000":1},"Any":"138****8000"}`
	if string(b) != want {
		t.Errorf("JSON is %s", b)
	}
	b, err = xml.Marshal(struct {
		XMLName xml.Name `xml:"party"`
		Number  any
		Attr    any `xml:"attr,attr"`
	}{Number: n, Attr: n})
	if err != nil {
		t.Fatal(err)
	}
	assertHidden(t, "xml", string(b))
	var out strings.Builder
	if err := template.Must(template.New("").Parse(`{{.Number}} {{.List}} {{printf "%d" .Number}}`)).Execute(&out, p); err != nil {
		t.Fatal(err)
	}
	assertHidden(t, "a template", out.String())
}

func TestJSONDoesNotReadNumbers(t *testing.T) {
	for _, text := range []string{`"8613800138000"`, `8613800138000`, `"138****8000"`} {
		var row struct{ N binding.Number }
		err := json.Unmarshal([]byte(`{"N":`+text+`}`), &row)
		if err == nil || !row.N.IsZero() {
			t.Errorf("%s was read as a number", text)
		}
	}
}

func TestSlogMasks(t *testing.T) {
	n := number(t, secret)
	type call struct {
		Caller binding.Number
		hidden binding.Number
	}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var out bytes.Buffer
		log := slog.New(handler(&out))
		log.Info("call", "caller", n, "pointer", &n, "list", []binding.Number{n}, "call", call{n, n}, slog.Any("any", n))
		log.With("caller", n).WithGroup("g").Info("again", "caller", n)
		assertHidden(t, name, out.String())
		if !strings.Contains(out.String(), "138****8000") {
			t.Errorf("%s does not show the mask: %s", name, out.String())
		}
	}
}

func TestPanicMasks(t *testing.T) {
	n := number(t, secret)
	defer func() {
		assertHidden(t, "a panic value", fmt.Sprint(recover()))
	}()
	panic(n)
}

func TestGobCarriesTheNumber(t *testing.T) {
	type state struct {
		Caller, None binding.Number
		Group        []binding.Number
		ByNumber     map[binding.Number]int
		Binding      *binding.Binding
	}
	n, m := number(t, secret), number(t, "861059658005")
	want := state{
		Caller: n, Group: []binding.Number{m, {}, n}, ByNumber: map[binding.Number]int{m: 7},
		Binding: &binding.Binding{ID: "abc", A: n, B: m, X: 700100000010000},
	}
	var wire bytes.Buffer
	if err := gob.NewEncoder(&wire).Encode(want); err != nil {
		t.Fatal(err)
	}
	var got state
	if err := gob.NewDecoder(&wire).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("came back as %+v", got)
	}
	if got.Caller.Digits() != secret {
		t.Errorf("came back as %s", got.Caller.Digits())
	}
}

func TestGobDecodeRefusesNonsense(t *testing.T) {
	encode := func(v uint64) []byte {
		var b []byte
		for ; v >= 0x80; v >>= 7 {
			b = append(b, byte(v)|0x80)
		}
		return append(b, byte(v))
	}
	for name, b := range map[string][]byte{
		"nothing":      nil,
		"cut":          {0x80},
		"more":         append(encode(8613800138000), 0),
		"six digits":   encode(999_999),
		"sixteen":      encode(1_000_000_000_000_000),
		"beyond words": bytes.Repeat([]byte{0xff}, 11),
	} {
		n := number(t, secret)
		if err := n.GobDecode(b); !errors.Is(err, binding.ErrDigits) {
			t.Errorf("%s: error is %v", name, err)
		}
		if n.Digits() != secret {
			t.Errorf("%s: the number was changed", name)
		}
	}
	for _, digits := range []string{"1000000", "999999999999999"} {
		b, err := number(t, digits).GobEncode()
		if err != nil {
			t.Fatal(err)
		}
		var n binding.Number
		if err := n.GobDecode(b); err != nil || n.Digits() != digits {
			t.Errorf("%s came back as %s, %v", digits, n.Digits(), err)
		}
	}
}

func BenchmarkMasked(b *testing.B) {
	n := number(b, secret)
	b.ReportAllocs()
	for b.Loop() {
		_ = n.Masked()
	}
}
