package message

import "testing"

func TestContactURIIsVerbatimWithoutHeaders(t *testing.T) {
	for contact, want := range map[string]string{
		"<sip:AbC;Foo=%41@Host.Example:5070;Transport=UDP;ob>;expires=5": "sip:AbC;Foo=%41@Host.Example:5070;Transport=UDP;ob",
		"<sip:a@x?Replaces=1@y>":   "sip:a@x",
		"<sip:a@x?>":               "sip:a@x",
		"sip:a@x;q=1":              "sip:a@x",
		"\"<x>\" <sip:a@x>":        "sip:a@x",
		"<sip:x>, <sip:y>":         "sip:x",
		"*":                        "",
		"<sip:a?b@x>":              "sip:a?b@x",
		"<sip:[2001:db8::1]:5060>": "sip:[2001:db8::1]:5060",
	} {
		if got := parse(t, request("Contact: "+contact)).ContactURI(); got != want {
			t.Errorf("%s gives %s, want %s", contact, got, want)
		}
	}
	if got := parse(t, request()).ContactURI(); got != "" {
		t.Errorf("no Contact gives %s", got)
	}
}
