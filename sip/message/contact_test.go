package message

import (
	"slices"
	"testing"
)

func TestContactsAreListed(t *testing.T) {
	for _, tc := range []struct {
		lines []string
		want  []string
	}{
		{nil, nil},
		{[]string{"Contact: <sip:a@x>"}, []string{"<sip:a@x>"}},
		{[]string{"Contact: <sip:a@x>;expires=5, \"b, c\" <sip:b@x>", "m: sip:c@x;expires=7"},
			[]string{"<sip:a@x>;expires=5", "\"b, c\" <sip:b@x>", "sip:c@x;expires=7"}},
		{[]string{"Contact: *"}, []string{"*"}},
	} {
		if got := parse(t, request(tc.lines...)).ContactList(); !slices.Equal(got, tc.want) {
			t.Errorf("%q: %q", tc.lines, got)
		}
	}
}

func TestContactsOfARegistrar(t *testing.T) {
	for _, tc := range []struct {
		text, user, host string
		expires          int
		ok               bool
	}{
		{"<sip:abc@192.0.2.1:5060;transport=tcp>;expires=600", "abc", "192.0.2.1", 600, true},
		{"sip:abc@192.0.2.1;q=0.5;EXPIRES=0", "abc", "192.0.2.1", 0, true},
		{"\"x\" <sip:abc@192.0.2.1>", "abc", "192.0.2.1", -1, true},
		{"<sip:abc@192.0.2.1>;expires=soon", "abc", "192.0.2.1", -1, true},
		{"<sip:abc@192.0.2.1>;expires=99999999999", "abc", "192.0.2.1", -1, true},
		{"<sip:abc@192.0.2.1>;expires", "abc", "192.0.2.1", -1, true},
		{"<sip:abc;expires=5@192.0.2.1>", "abc", "192.0.2.1", -1, true},
		{"<sip:abc@192.0.2.1", "", "", -1, false},
		{"*", "", "", -1, false},
		{"", "", "", -1, false},
		{"<sip:abc@192.0.2.1>;expires=\"5", "abc", "192.0.2.1", -1, false},
	} {
		u, expires, ok := ReadContact(tc.text)
		if ok != tc.ok || expires != tc.expires || u.User != tc.user || u.Host != tc.host {
			t.Errorf("%s: user %q host %q expires %d, %t", tc.text, u.User, u.Host, expires, ok)
		}
	}
}
