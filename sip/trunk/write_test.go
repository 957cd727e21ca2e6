package trunk

import (
	"errors"
	"testing"

	"mask700/binding"
	"mask700/sip/message"
)

func TestReadDialled(t *testing.T) {
	const x = "700100100010001"
	for text, want := range map[string]error{
		"sip:700100100010001@192.0.2.1":                             nil,
		"sip:+86700100100010001@x":                                  nil,
		"sip:86700100100010001@x":                                   nil,
		"sip:0086700100100010001@x":                                 nil,
		"sip:0700100100010001@x":                                    nil,
		"sip:700-1001-0001-0001@x":                                  nil,
		"sip:%3700100100010001@x":                                   nil,
		"sip:700100100010001;phone-context=+86@x;user=phone":        nil,
		"sip:700100100010001@x;phone-context=+86;user=phone":        nil,
		"sip:700100100010001;phone-context=+8-6@x":                  nil,
		"sip:700100100010001;phone-context=x.example@x":             nil,
		"sip:700100100010001;npdi;rn=+8613800000001;cic=1@x;tgrp=y": nil,
		"sips:700100100010001@x":                                    nil,
		"tel:700100100010001;phone-context=+86":                     nil,
		"tel:+86700100100010001":                                    nil,
		"sip:700100100010001;phone-context=+1@x":                    binding.ErrNot700,
		"sip:700100100010001;phone-context=+8610@x":                 binding.ErrNot700,
		"sip:700100100010001;phone-context=+8@x":                    binding.ErrNot700,
		"sip:700100100010001;phone-context=+86@x;phone-context=+1":  binding.ErrNot700,
		"sip:13800000001@x":                                         binding.ErrNot700,
		"sip:alice@x":                                               binding.ErrNot700,
		"sip:192.0.2.1":                                             binding.ErrNot700,
		"urn:service:sos":                                           binding.ErrNot700,
		"sip:70010010001@x":                                         binding.ErrIncomplete,
		"sip:7001001000100011@x":                                    binding.ErrMalformed,
		"sip:700100100010001%3Bx@y":                                 binding.ErrNot700,
	} {
		u, err := message.ParseURI(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, _, err := ReadDialled(binding.Plan{}, u)
		if !errors.Is(err, want) || want == nil && got.String() != x || want != nil && got != 0 {
			t.Errorf("%s is %s, %v, want %v", text, got, err, want)
		}
	}
}

func TestCalleeURI(t *testing.T) {
	mobile, land, abroad := "8613900000002", "861059658005", "4930123456"
	for _, c := range []struct {
		trunk  Trunk
		digits string
		want   string
	}{
		{Trunk{}, mobile, "sip:13900000002@192.0.2.10:5060"},
		{Trunk{}, land, "sip:01059658005@192.0.2.10:5060"},
		{Trunk{}, abroad, "sip:004930123456@192.0.2.10:5060"},
		{Trunk{Numbers: binding.E164}, mobile, "sip:8613900000002@192.0.2.10:5060"},
		{Trunk{Numbers: binding.E164}, abroad, "sip:+4930123456@192.0.2.10:5060"},
		{Trunk{Numbers: binding.Plus}, mobile, "sip:+8613900000002@192.0.2.10:5060"},
		{Trunk{Numbers: binding.International}, land, "sip:00861059658005@192.0.2.10:5060"},
		{Trunk{Prefix: "99"}, mobile, "sip:9913900000002@192.0.2.10:5060"},
		{Trunk{Prefix: "99", Numbers: binding.E164}, mobile, "sip:998613900000002@192.0.2.10:5060"},
		{Trunk{Prefix: "99", Numbers: binding.E164}, abroad, "sip:99004930123456@192.0.2.10:5060"},
		{Trunk{UserPhone: true}, mobile, "sip:13900000002;phone-context=+86@192.0.2.10:5060;user=phone"},
		{Trunk{UserPhone: true, Prefix: "9"}, land, "sip:901059658005;phone-context=+86@192.0.2.10:5060;user=phone"},
		{Trunk{UserPhone: true, Numbers: binding.Plus}, mobile, "sip:+8613900000002@192.0.2.10:5060;user=phone"},
	} {
		n, err := binding.NumberFromDigits(c.digits)
		if err != nil {
			t.Fatal(err)
		}
		got := c.trunk.CalleeURI(binding.Plan{}, n, "192.0.2.10:5060")
		if got != c.want {
			t.Errorf("wrote %s, want %s", got, c.want)
		}
		if u, err := message.ParseURI(got); err != nil || u.Text() != got {
			t.Errorf("%s is read as %s, %v", got, u.Text(), err)
		}
	}
	if got := (&Trunk{}).CalleeURI(binding.Plan{}, binding.Number{}, "x"); got != "" {
		t.Errorf("no number is written %s", got)
	}
}

func TestShownURI(t *testing.T) {
	var x binding.X
	if err := x.UnmarshalText([]byte("700100100010001")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		trunk Trunk
		plan  binding.Plan
		want  string
	}{
		{Trunk{}, binding.Plan{}, "sip:700100100010001@x.example"},
		// However the trunk wants its subscribers' numbers.
		{Trunk{Numbers: binding.Plus}, binding.Plan{}, "sip:700100100010001@x.example"},
		{Trunk{Prefix: "99"}, binding.Plan{}, "sip:700100100010001@x.example"},
		{Trunk{UserPhone: true}, binding.Plan{}, "sip:700100100010001;phone-context=+86@x.example;user=phone"},
		{Trunk{UserPhone: true}, binding.Plan{CountryCode: "49"}, "sip:700100100010001;phone-context=+49@x.example;user=phone"},
	} {
		got := c.trunk.ShownURI(c.plan, x, "x.example")
		if got != c.want {
			t.Errorf("wrote %s, want %s", got, c.want)
		}
		u, err := message.ParseURI(got)
		if err != nil {
			t.Fatal(err)
		}
		if again, _, err := ReadDialled(c.plan, u); err != nil || again != x {
			t.Errorf("%s dialled back is %s, %v", got, again, err)
		}
	}
	if got := (&Trunk{}).ShownURI(binding.Plan{}, 0, "x"); got != "" {
		t.Errorf("no number is written %s", got)
	}
}
