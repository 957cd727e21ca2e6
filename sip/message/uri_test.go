package message

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseURI(t *testing.T) {
	for text, want := range map[string]URI{
		"sip:example.com":            {Scheme: "sip", Host: "example.com"},
		"SIP:A@Example.Com":          {Scheme: "sip", User: "A", Host: "Example.Com"},
		"sips:a@x:5061":              {Scheme: "sips", User: "a", Host: "x", Port: 5061},
		"sip:a:secret@x":             {Scheme: "sip", User: "a", Password: "secret", Host: "x"},
		"sip:a:@x":                   {Scheme: "sip", User: "a", Host: "x"},
		"sip:a@[2001:db8::1]":        {Scheme: "sip", User: "a", Host: "[2001:db8::1]"},
		"sip:[2001:db8:::192.0.2.1]": {Scheme: "sip", Host: "[2001:db8:::192.0.2.1]"}, // RFC 5118 section 4.10
		"sip:[2001:db8::1]:70":       {Scheme: "sip", Host: "[2001:db8::1]", Port: 70},
		"sip:a@x;Transport=TCP;lr;;MAddr=%31": {
			Scheme: "sip", User: "a", Host: "x", Params: []Param{{"transport", "TCP"}, {"lr", ""}, {"maddr", "1"}},
		},
		"sip:a@x?Route=%3Csip:y%3E&b=c@d": {Scheme: "sip", User: "a", Host: "x", Headers: "Route=%3Csip:y%3E&b=c@d"},
		"sip:a@x;p=1?h=2":                 {Scheme: "sip", User: "a", Host: "x", Params: []Param{{"p", "1"}}, Headers: "h=2"},
		"sip:%75s%65r@x":                  {Scheme: "sip", User: "user", Host: "x"},
		"sip:a%3Bb%40c@x":                 {Scheme: "sip", User: "a;b@c", Host: "x"},
		"sip:a?b/c,d&e=f@x":               {Scheme: "sip", User: "a?b/c,d&e=f", Host: "x"},
		"sip:+8613800000001;npdi;rn=+8613444@192.0.2.1;user=phone": {
			Scheme: "sip", User: "+8613800000001", UserParams: []Param{{"npdi", ""}, {"rn", "+8613444"}},
			Host: "192.0.2.1", Params: []Param{{"user", "phone"}},
		},
		"sip:13800000001;Phone-Context=+86@x": {
			Scheme: "sip", User: "13800000001", UserParams: []Param{{"phone-context", "+86"}}, Host: "x",
		},
		"sip:138;isub=1;ext=2;postd=pp22@x": {
			Scheme: "sip", User: "138", UserParams: []Param{{"isub", "1"}, {"ext", "2"}, {"postd", "pp22"}}, Host: "x",
		},
		"sip:a;;b@x":            {Scheme: "sip", User: "a", UserParams: []Param{{}, {"b", ""}}, Host: "x"},
		"sip:;b@x":              {Scheme: "sip", UserParams: []Param{{"b", ""}}, Host: "x"},
		"sip:x;a=b@c":           {Scheme: "sip", User: "x", UserParams: []Param{{"a", "b"}}, Host: "c"},
		"sip:张@x":               {Scheme: "sip", User: "张", Host: "x"},
		"sip:#31#138@x":         {Scheme: "sip", User: "#31#138", Host: "x"},
		"sip:a@under_line":      {Scheme: "sip", User: "a", Host: "under_line"},
		"tel:+86-138-0000-0001": {Scheme: "tel", User: "+86-138-0000-0001"},
		"TEL:138;phone-context=+86;isub=7": {
			Scheme: "tel", User: "138", UserParams: []Param{{"phone-context", "+86"}, {"isub", "7"}},
		},
		"tel:138@x":                    {Scheme: "tel", User: "138@x"},
		"urn:service:sos":              {Scheme: "urn"},
		"soap.beep://192.0.2.103:3002": {Scheme: "soap.beep"},
	} {
		got, err := ParseURI(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %s, want %s", text, bare(reflect.ValueOf(got)), bare(reflect.ValueOf(want)))
		}
	}
}

func TestParseURIRefuses(t *testing.T) {
	for _, text := range []string{
		"", ":", "sip:", "sip", "a@x", "*", "1sip:x", "s ip:x", "sip:@x", "sip::pw@x", "sip:a@", "sip:a@:5060", "sip:a@x:",
		"sip:a@x:0", "sip:a@x:65536", "sip:a@x:5o", "sip:a@x:-1", "sip:a@x y", "sip:a b@x", "sip:a@x\t", "sip:a\r\n@x",
		"sip:a\x00@x", "sip:a@b@c", "sip:a:b:c@x", "sip:a@[::1", "sip:a@[x]", "sip:a@[127.0.0.1]", "sip:a@[fe80::1%25e]", "sip:a@[fe80::1%e]",
		"sip:a@[2001:db8:::1]", "sip:a@[2001:db8::::192.0.2.1]", "sip:a@[1:::2:::192.0.2.1]", "sip:a@[:::]", "sip:a@[]",
		"sip:a@x" + strings.Repeat(";p", 65), "sip:a" + strings.Repeat(";p", 65) + "@x", "tel:138" + strings.Repeat(";p", 65),
		"sip:a@[::1]x", "sip:a@2001:db8::1", "sip:%@x", "sip:%4@x", "sip:%4g@x", "sip:a@x;p=%4", "sip:a@x;=1", "sip:<a>@x",
		"sip:\"a\"@x", "sip:a@ex/ample", "sip:a@x%41", "tel:", "tel:;phone-context=+86", "sip:a@x,sip:b@y",
	} {
		if u, err := ParseURI(text); !errors.Is(err, ErrURI) {
			t.Errorf("%q was read as %s", text, bare(reflect.ValueOf(u)))
		} else if strings.Contains(err.Error(), text) && text != "" && text != ":" && text != "sip" && text != "*" {
			t.Errorf("the error repeats %q", text)
		}
	}
}

func TestURIText(t *testing.T) {
	for text, want := range map[string]string{
		"SIP:a@X:5060;LR":                     "sip:a@X:5060;lr",
		"sip:%75ser@x":                        "sip:user@x",
		"sip:a%3bb%40c:p%3a@x":                "sip:a%3Bb%40c:p%3A@x",
		"sip:%00%0d%0a@x":                     "sip:%00%0D%0A@x",
		"sip:+86;npdi;rn=+1@[::1]:70;a=b?c=d": "sip:+86;npdi;rn=+1@[::1]:70;a=b?c=d",
		"sip:a@x;p=%3b%3d%3f":                 "sip:a@x;p=%3B%3D%3F",
		"tel:+86-138;Phone-Context=x":         "tel:+86-138;phone-context=x",
		"urn:service:sos":                     "",
	} {
		u, err := ParseURI(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := u.Text(); got != want {
			t.Errorf("%s is written %s, want %s", text, got, want)
		}
	}
}

func TestURIParams(t *testing.T) {
	u, err := ParseURI("sip:a;x=1;y@h;LR;Maddr=b")
	if err != nil {
		t.Fatal(err)
	}
	if u.Param("maddr") != "b" || u.Param("lr") != "" || !u.HasParam("lr") || u.HasParam("x") || u.Param("none") != "" {
		t.Error("URI parameters are not found by name")
	}
	if u.UserParam("x") != "1" || !u.HasUserParam("y") || u.HasUserParam("lr") {
		t.Error("user parameters are not found by name")
	}
}

func TestRouteURI(t *testing.T) {
	for entry, want := range map[string]string{
		"<sip:p1;lr>":                       "sip:p1;lr",
		"\"a, b\" <sip:u@p1:70;lr>;x=y":     "sip:u@p1:70;lr",
		"<sip:[2001:db8::1];transport=tcp>": "sip:[2001:db8::1];transport=tcp",
	} {
		if u, ok := RouteURI(entry); !ok || u.Text() != want {
			t.Errorf("%s is %s, %v, want %s", entry, u.Text(), ok, want)
		}
	}
	for _, entry := range []string{"", "sip:p1;lr", "<sip:p1", "p1", "<>", "<p1>"} {
		if _, ok := RouteURI(entry); ok {
			t.Errorf("%q was read", entry)
		}
	}
}

// FuzzURI checks that a URI written again is the same URI.
func FuzzURI(f *testing.F) {
	for _, s := range []string{
		"sip:a@x", "sips:a:b@[::1]:5061;lr;a=b?c=d@e", "sip:+86138;npdi;rn=+1@x;user=phone", "tel:+86-138;phone-context=+86",
		"sip:a;;%3b=%41@x", "sip:%00@x;%6C%72", "urn:service:sos", "sip:x?a=b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			if !reflect.DeepEqual(u, URI{}) {
				t.Errorf("%q: an error beside %s", s, bare(reflect.ValueOf(u)))
			}
			return
		}
		text := u.Text()
		switch u.Scheme {
		case "sip", "sips", "tel":
		default:
			if text != "" {
				t.Errorf("%q: %q was kept of a URI of another scheme", s, text)
			}
			return
		}
		again, err := ParseURI(text)
		if err != nil {
			t.Fatalf("%q was written %q, which cannot be read", s, text)
		}
		if !reflect.DeepEqual(again, u) {
			t.Errorf("%q was written %q, which is %s, not %s", s, text, bare(reflect.ValueOf(again)), bare(reflect.ValueOf(u)))
		}
	})
}
