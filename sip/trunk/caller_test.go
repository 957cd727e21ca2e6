package trunk

import (
	"strings"
	"testing"

	"mask700/binding"
	"mask700/sip/message"
)

// call is a request with the identity headers given.
func call(t *testing.T, lines ...string) *message.Message {
	t.Helper()
	from := "From: <sip:13700000003@192.0.2.10>;tag=1"
	if len(lines) > 0 && strings.HasPrefix(lines[0], "From:") {
		from, lines = lines[0], lines[1:]
	}
	text := "INVITE sip:700100100010001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx\r\n" + from +
		"\r\nTo: <sip:700100100010001@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:x@192.0.2.10>\r\n" +
		strings.Join(append(lines, ""), "\r\n") + "\r\n"
	m, fault := message.Parse([]byte(text))
	if fault != nil {
		t.Fatalf("%s\n%s", fault.Why, text)
	}
	return m
}

func TestReadCaller(t *testing.T) {
	const a, b = "8613800000001", "8613900000002"
	const from = "8613700000003" // what From says unless it is given
	all, pai, rpid := []CallerField(nil), []CallerField{PAI}, []CallerField{RPID}
	for name, c := range map[string]struct {
		caller []CallerField
		lines  []string
		want   string // "": a stranger
	}{
		"From alone":                        {all, nil, from},
		"nothing where it is looked for":    {pai, nil, ""},
		"PAI before From":                   {all, []string{"P-Asserted-Identity: <sip:13800000001@x>"}, a},
		"PAI before RPID":                   {all, []string{"Remote-Party-ID: <sip:13900000002@x>", "P-Asserted-Identity: <sip:13800000001@x>"}, a},
		"RPID before From":                  {all, []string{"Remote-Party-ID: <sip:13900000002@x>"}, b},
		"the trunk's order":                 {[]CallerField{From, PAI}, []string{"P-Asserted-Identity: <sip:13800000001@x>"}, from},
		"only what the trunk names":         {rpid, []string{"P-Asserted-Identity: <sip:13800000001@x>"}, ""},
		"PPI is nobody's word":              {pai, []string{"P-Preferred-Identity: <sip:13800000001@x>"}, ""},
		"sip and tel of one number":         {pai, []string{"P-Asserted-Identity: <sip:13800000001@x>, <tel:+86-138-0000-0001>"}, a},
		"one number in two lines":           {pai, []string{"P-Asserted-Identity: <sip:+8613800000001@x>", "p-asserted-identity: <tel:13800000001;phone-context=+86>"}, a},
		"two numbers":                       {all, []string{"P-Asserted-Identity: <sip:13800000001@x>, <tel:+8613900000002>"}, ""},
		"two numbers in two lines":          {all, []string{"P-Asserted-Identity: <sip:13800000001@x>", "P-Asserted-Identity: <tel:+8613900000002>"}, ""},
		"a number and half a number":        {all, []string{"P-Asserted-Identity: <sip:13800000001@x>, <tel:1380>"}, ""},
		"half a number and a number":        {all, []string{"P-Asserted-Identity: <tel:1380>, <sip:13800000001@x>"}, ""},
		"a number and what cannot be read":  {all, []string{"P-Asserted-Identity: <sip:13800000001@x>, <sip:@>"}, ""},
		"a number and an open bracket":      {all, []string{"P-Asserted-Identity: <sip:13800000001@x>, <sip:1"}, ""},
		"a number and a name":               {pai, []string{"P-Asserted-Identity: <sip:alice@x>, <tel:+8613800000001>"}, a},
		"a number and another scheme":       {pai, []string{"P-Asserted-Identity: <urn:x:y>, <tel:+8613800000001>"}, a},
		"a name alone: the next header":     {all, []string{"P-Asserted-Identity: <sip:alice@x>"}, from},
		"half a number alone: the next":     {all, []string{"P-Asserted-Identity: <sip:1380@x>"}, from},
		"a 700 number is nobody: the next":  {all, []string{"P-Asserted-Identity: <sip:700100100010001@x>"}, from},
		"unreadable alone: the next header": {all, []string{"P-Asserted-Identity: <sip:1"}, from},
		"anonymous":                         {all, []string{"From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1"}, ""},
		"anonymous with a number before it": {all, []string{"From: <sip:13700000003@anonymous.invalid>;tag=1"}, ""},
		"anonymous From, asserted number":   {all, []string{"From: <sip:anonymous@anonymous.invalid>;tag=1", "P-Asserted-Identity: <tel:+8613800000001>", "Privacy: id"}, a},
		"Privacy changes nothing":           {all, []string{"Privacy: id;user;header"}, from},
		"an emergency number":               {all, []string{"From: <sip:110@x>;tag=1"}, ""},
		"no user":                           {all, []string{"From: <sip:192.0.2.10>;tag=1"}, ""},
		"From as an addr-spec":              {all, []string{"From: sip:13700000003@x;tag=1"}, from},
		"routing parameters":                {pai, []string{"P-Asserted-Identity: <sip:+8613800000001;npdi;rn=+8613900000002@x;user=phone>"}, a},
		"a subaddress and what to dial":     {pai, []string{"P-Asserted-Identity: <tel:+8613800000001;isub=139;ext=2;postd=pp22>"}, a},
		"escapes":                           {pai, []string{"P-Asserted-Identity: <sip:%2B86%31380000%30001@x>"}, a},
		"visual separators":                 {pai, []string{"P-Asserted-Identity: <tel:+86-(138).0000-0001>"}, a},
		"a context for a local number":      {pai, []string{"P-Asserted-Identity: <tel:13800000001;phone-context=+86>"}, a},
		"a context behind the host":         {pai, []string{"P-Asserted-Identity: <sip:13800000001@x;phone-context=+86;user=phone>"}, a},
		"a context in both places":          {pai, []string{"P-Asserted-Identity: <sip:13800000001;phone-context=+86@x;phone-context=+86>"}, a},
		"two contexts":                      {pai, []string{"P-Asserted-Identity: <sip:13800000001;phone-context=+86@x;phone-context=+1>"}, ""},
		"an area as context":                {pai, []string{"P-Asserted-Identity: <tel:59658005;phone-context=+8610>"}, "861059658005"},
		"another country's context":         {pai, []string{"P-Asserted-Identity: <tel:30123456;phone-context=+49>"}, "4930123456"},
		"a domain as context":               {pai, []string{"P-Asserted-Identity: <tel:13800000001;phone-context=x.example>"}, a},
		"an escaped semicolon":              {pai, []string{"P-Asserted-Identity: <sip:13800000001%3Bphone-context=+1@x>"}, ""},
		"a URI inside a user":               {pai, []string{"P-Asserted-Identity: <sip:sip%3A13800000001%40x@y>"}, ""},
		"a landline":                        {pai, []string{"P-Asserted-Identity: <sip:01059658005@x>"}, "861059658005"},
		"abroad":                            {pai, []string{"P-Asserted-Identity: <tel:+4930123456>"}, "4930123456"},
		"RPID of the caller":                {rpid, []string{"Remote-Party-ID: <sip:13800000001@x>;party=calling;screen=yes;privacy=full"}, a},
		"RPID of the callee":                {rpid, []string{"Remote-Party-ID: <sip:13800000001@x>;party=called"}, ""},
		"RPID of both":                      {rpid, []string{"Remote-Party-ID: <sip:13900000002@x>;party=CALLED", "Remote-Party-ID: <sip:13800000001@x>;Party=Calling"}, a},
		"RPID of several that are not one":  {rpid, []string{"Remote-Party-ID: <sip:13900000002@x>, <sip:13800000001@x>;party=calling"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			k := Trunk{Caller: c.caller}
			n, ok := k.ReadCaller(binding.Plan{}, call(t, c.lines...))
			if ok != (c.want != "") || n.Digits() != c.want {
				t.Errorf("read %q, %v, want %q", n.Digits(), ok, c.want)
			}
		})
	}
}

func TestReadCallerLeavesTheMessageAlone(t *testing.T) {
	m := call(t, "Remote-Party-ID: <sip:1@x>;party=calling, <sip:2@x>;party=called, <sip:3@x>")
	(&Trunk{Caller: []CallerField{RPID}}).ReadCaller(binding.Plan{}, m)
	for i, want := range []string{"1", "2", "3"} {
		if got := m.RemoteParty[i].URI.User; got != want {
			t.Errorf("entry %d became %s", i, got)
		}
	}
}

func BenchmarkReadCaller(b *testing.B) {
	m := &message.Message{}
	for _, s := range []string{"sip:+8613800000001@192.0.2.10;user=phone", "tel:+8613800000001"} {
		u, err := message.ParseURI(s)
		if err != nil {
			b.Fatal(err)
		}
		m.Asserted = append(m.Asserted, message.Address{URI: u})
	}
	k := &Trunk{}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := k.ReadCaller(binding.Plan{}, m); !ok {
			b.Fatal("a stranger")
		}
	}
}
