package message

import (
	"os"
	"path/filepath"
	"testing"
)

// answers are what each message of RFC 4475 gets: 0 with no reason is accepted,
// 0 with a reason is dropped. The comment says where the answer is ours to choose
// or the rest of the answer comes from elsewhere.
var answers = map[string]struct {
	status int
	why    string
}{
	// 3.1.1 Valid messages.
	"wsinv":      {0, ""},
	"intmeth":    {400, whyByte}, // a NUL in a quoted string is refused before any grammar is asked
	"esc01":      {0, ""},
	"escnull":    {0, ""},
	"esc02":      {0, ""},
	"lwsdisp":    {0, ""},
	"longreq":    {0, ""},
	"dblreq":     {0, ""}, // the second message is surplus of the datagram
	"semiuri":    {0, ""},
	"transports": {0, ""},
	"mpart01":    {415, whyMedia}, // a MESSAGE that is no plain text
	"unreason":   {0, ""},
	"noreason":   {0, ""},
	// 3.1.2 Invalid messages.
	"badinv01":   {400, whyVia},
	"clerr":      {400, whyShort},
	"ncl":        {400, whyLength},
	"scalar02":   {400, whyCSeq},
	"scalarlg":   {0, whyCSeq},
	"quotbal":    {400, whyTo},
	"ltgtruri":   {400, whyTarget},
	"lwsruri":    {400, whyStart},
	"lwsstart":   {400, whyStart},
	"trws":       {400, whyStart},
	"escruri":    {400, whyEmbedded},
	"baddate":    {0, ""}, // Date is not looked at
	"regbadct":   {400, whyContact},
	"badaspec":   {400, whyTo},
	"baddn":      {400, whyNoEnd}, // see the README of the corpus
	"badvers":    {505, whyVersion},
	"mismatch01": {400, whyMismatch},
	"mismatch02": {501, whyMethod},
	"bigcode":    {0, whyStart},
	// 3.2 Transaction layer.
	"badbranch": {400, whyBranch},
	// 3.3 Application layer.
	"insuf":    {400, whyNoFrom},
	"unkscm":   {416, whyScheme},
	"novelsc":  {416, whyScheme},
	"unksm2":   {0, ""}, // a REGISTER: 405
	"bext01":   {420, whyRequired},
	"invut":    {415, whyMedia},
	"regaut01": {0, ""}, // a REGISTER: 405
	"multi01":  {400, whyRepeated},
	"mcl01":    {400, whyRepeated},
	"bcast":    {0, whyVias},
	"zeromf":   {483, whyTooMany},
	"cparam01": {0, ""}, // a REGISTER: 405
	"cparam02": {0, ""}, // a REGISTER: 405
	"regescrt": {0, ""}, // a REGISTER: 405
	"sdp01":    {406, whyAccept},
	// 3.4 Backward compatibility.
	"inv2543": {400, whyOneContact}, // without a Contact nothing could be sent to the caller
}

func TestTorture(t *testing.T) {
	files, err := filepath.Glob("../../testdata/torture/*.dat")
	if err != nil || len(files) != len(answers) {
		t.Fatalf("%d files for %d answers, %v", len(files), len(answers), err)
	}
	for _, file := range files {
		name := filepath.Base(file[:len(file)-len(".dat")])
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, ok := answers[name]
			if !ok {
				t.Fatal("no answer is given for this file")
			}
			expect(t, text, want.status, want.why)
		})
	}
}

func TestTortureUnquotedDisplayName(t *testing.T) {
	text, err := os.ReadFile("../../testdata/torture/baddn.dat")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, append(text, "\r\n"...), 0, "")
}

func expect(t *testing.T, text []byte, status int, why string) {
	t.Helper()
	m, fault := Parse(text)
	if fault == nil {
		fault = Check(m)
	}
	if fault == nil {
		fault = &Fault{}
	}
	if fault.Status != status || fault.Why != why {
		t.Errorf("%d %q, want %d %q", fault.Status, fault.Why, status, why)
	}
	if fault.Status != 0 {
		answerable(t, fault)
	}
}

// The values that the valid messages hide are read for what they are.
func TestTortureValues(t *testing.T) {
	read := func(name string) *Message {
		text, err := os.ReadFile("../../testdata/torture/" + name + ".dat")
		if err != nil {
			t.Fatal(err)
		}
		return parse(t, string(text))
	}
	m := read("wsinv")
	if len(m.Via) != 3 || m.Via[1].Branch != "z9hG4bK9ikj8" || m.Via[2].Branch != "z9hG4bK30239" || m.Via[2].Host != "192.168.255.111" {
		t.Errorf("wsinv: %d Vias", len(m.Via))
	}
	if m.To.Tag != "1918181833n" || m.From.Tag != "98asjd8" || m.MaxForwards != 68 || m.CSeq != 9 || m.Contacts != 1 {
		t.Errorf("wsinv: tags %q %q, hops %d, CSeq %d, %d Contacts", m.To.Tag, m.From.Tag, m.MaxForwards, m.CSeq, m.Contacts)
	}
	if len(m.Body) != 150 {
		t.Errorf("wsinv: body of %d bytes", len(m.Body))
	}
	if m = read("esc01"); m.Target.User != "sips:user@example.com" || m.Target.Host != "example.net" ||
		m.To.URI.User != "user" || m.From.URI.User != "I have spaces" || m.Contact.User != "caller" ||
		!m.Contact.HasParam("lr") || m.Contact.Param("name") != "value%41" {
		t.Errorf("esc01: escapes are not undone once")
	}
	if m = read("escnull"); m.To.URI.User != "null-\x00-null" || m.Contacts != 2 {
		t.Errorf("escnull: user %q, %d Contacts", m.To.URI.User, m.Contacts)
	}
	if m = read("esc02"); m.Method != "RE%47IST%45R" || m.Contacts != 2 || m.Via[0].Branch != "z9hG4bK209%fzsnel234" {
		t.Errorf("esc02: an escape outside a URI is none: method %s, %d Contacts", m.Method, m.Contacts)
	}
	if m = read("semiuri"); m.Target.User != "user" || m.Target.UserParam("par") != "u@example.net" || m.Target.Host != "example.com" {
		t.Errorf("semiuri: user %q", m.Target.User)
	}
	if m = read("longreq"); len(m.Via) != 34 || m.From.Tag[:14] != "12982982982982" {
		t.Errorf("longreq: %d Vias", len(m.Via))
	}
	if m = read("dblreq"); m.Method != "REGISTER" || m.Body != nil {
		t.Errorf("dblreq: a %s with a body of %d bytes", m.Method, len(m.Body))
	}
	if m = read("lwsdisp"); m.From.URI.User != "caller" || m.From.Tag != "323" {
		t.Errorf("lwsdisp: From %q", m.From.URI.User)
	}
	if m = read("transports"); len(m.Via) != 5 || m.Via[3].Transport != "UNKNOWN" {
		t.Errorf("transports: %d Vias", len(m.Via))
	}
}

// The messages of RFC 5118 are read for what they are.
func TestTortureIPv6(t *testing.T) {
	read := func(name string) *Message {
		text, err := os.ReadFile("../../testdata/torture/ipv6/" + name + ".dat")
		if err != nil {
			t.Fatal(err)
		}
		return parse(t, string(text))
	}
	for name, want := range map[string]struct {
		host string
		port int
		via  string
	}{
		"ipv6-good":                     {"[2001:db8::10]", 0, "2001:db8::9:1"},
		"port-ambiguous":                {"[2001:db8::10:5070]", 0, "2001:db8::9:1"},
		"port-unambiguous":              {"[2001:db8::10]", 5070, "2001:db8::9:1"},
		"via-received-param-with-delim": {"[2001:db8::10]", 0, "2001:db8::9:1"},
		"via-received-param-no-delim":   {"[2001:db8::10]", 0, "2001:db8::9:1"},
		"mult-ip-in-header":             {"host.example.net", 0, "2001:db8::9:1"},
		"ipv4-mapped-ipv6":              {"example.com", 0, "::ffff:192.0.2.10"},
		"ipv6-bug-abnf-3-colons":        {"[2001:db8:::192.0.2.1]", 0, "lab1.east.example.com"},
		"ipv6-correct-abnf-2-colons":    {"[2001:db8::192.0.2.1]", 0, "lab1.east.example.com"},
	} {
		if m := read(name); m.Target.Host != want.host || m.Target.Port != want.port || m.Via[0].Host != want.via {
			t.Errorf("%s: host %s, port %d, Via %s", name, m.Target.Host, m.Target.Port, m.Via[0].Host)
		}
	}
	if m := read("mult-ip-in-header"); len(m.Via) != 3 || m.Via[0].Port != 6050 || m.Via[2].Host != "2001:db8::9:255" {
		t.Errorf("mult-ip-in-header: %d Vias", len(m.Via))
	}
	for name, length := range map[string]int{"ipv6-in-sdp": 251, "mult-ip-in-sdp": 189, "ipv4-mapped-ipv6": 245} {
		if m := read(name); len(m.Body) != length {
			t.Errorf("%s: a body of %d bytes", name, len(m.Body))
		}
	}
}
