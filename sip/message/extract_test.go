package message

import (
	"strings"
	"testing"
)

func TestParametersAreReadAsWhatTheyAre(t *testing.T) {
	for text, want := range map[string]string{
		"1800":                                 "",
		"1800;refresher=uac":                   "uac",
		"1800 ; Refresher = UAS":               "uas",
		"1800;refresher=\"uac\"":               "",
		"1800;x=\";refresher=uas\"":            "",
		"1800;x=\"\\\";refresher=uas\"":        "",
		"1800;x=\"a\";refresher=uas;y":         "uas",
		"1800;refresher=both":                  "",
		"1800;x=\"open;refresher=uas":          "",
		"1800;refreshers=uac;refresher=uas":    "uas",
		"1800;x=\"a\\\\\";refresher=uas;y=\"b": "uas",
	} {
		if m := parse(t, request("Session-Expires: "+text)); m.SessionExpires != 1800 || m.Refresher != want {
			t.Errorf("%s is %d by %q, want %q", text, m.SessionExpires, m.Refresher, want)
		}
	}
	for text, want := range map[string]bool{
		"session":                                   false,
		"session;handling=optional":                 true,
		"Session ; HANDLING = Optional":             true,
		"signal;handling=required":                  false,
		"signal;filename=\";handling=optional\"":    false,
		"signal;filename=\"a\";handling=optional":   true,
		"signal;filename=\"a;handling=optional":     false,
		"signal;filename=\"\\\";handling=optional;": false,
	} {
		if m := parse(t, request("Content-Disposition: "+text)); m.Optional != want {
			t.Errorf("%s is optional: %v", text, m.Optional)
		}
	}
}

// What separates values separates nothing inside of quotes and brackets.
func TestSeparatorsInsideOfQuotes(t *testing.T) {
	m := parse(t, strings.NewReplacer(
		"<sip:b@192.0.2.10>;tag=1", `"a\", <sip:x@y>;tag=2" <sip:b;p=1,2@192.0.2.10>;x="a,b;tag=3\\";TAG=1`,
		"branch=z9hG4bKx", `x=", SIP/2.0/UDP y;branch=z9hG4bKy";Branch=z9hG4bKx`).Replace(
		request(`P-Asserted-Identity: "1,\"2" <sip:3@x>;a="<,>", "\\" <tel:+4;phone-context="x">, tel:+5;isub=6`)))
	switch {
	case len(m.Via) != 1, m.Via[0].Branch != "z9hG4bKx":
		t.Errorf("%d Vias", len(m.Via))
	case m.From.Tag != "1", m.From.URI.User != "b", m.From.URI.UserParam("p") != "1,2":
		t.Errorf("From has the tag %q and the user %q", m.From.Tag, m.From.URI.User)
	case len(m.Asserted) != 3, m.Asserted[0].URI.User != "3", m.Asserted[1].URI.Scheme != "", m.Asserted[2].URI.User != "+5":
		t.Errorf("%d identities", len(m.Asserted))
	}
	for _, from := range []string{`"a\" <sip:b@x>;tag=1`, `"a\\\" <sip:b@x>;tag=1`, `<sip:b@x>;tag=1;x="\`, `<sip:b@x>;x="a\"`, `"\`} {
		text := strings.Replace(request(), "<sip:b@192.0.2.10>;tag=1", from, 1)
		if _, fault := Parse([]byte(text)); fault == nil || fault.Why != whyFrom {
			t.Errorf("From: %s was read", from)
		}
	}
}
