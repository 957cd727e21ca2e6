package call

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/sip/sentinel"
)

// What is known of a party is printed by nothing, whatever it is part of.
func TestAPartyPrintsNothingOfItself(t *testing.T) {
	const secret = "13800000001"
	n, err := binding.NumberFromDigits("86" + secret)
	if err != nil {
		t.Fatal(err)
	}
	p := Party{
		Host: secret, CallID: secret, Before: []string{secret}, LocalTag: secret, Contact: secret, Peer: netip.MustParseAddr("192.0.2.77"),
		Number: n, Said: []string{secret}, Meant: []string{secret}, Local: netip.MustParseAddr("192.0.2.77"),
	}
	p.Secrets.Add(sentinel.Number, secret)
	leg := Leg{Party: p, From: secret}
	circle := Circle{ID: "c1", Record: "r1", Departed: []Party{p}, Passed: &Passed{}}
	circle.Present[0] = &p
	hit := sentinel.Hit{Secret: p.Secrets[0], Text: []byte(secret)}
	for _, v := range []any{p, &p, leg, &leg, circle, &circle, hit, &hit, []Party{p}, map[string]any{"x": p}, struct{ P *Party }{&p}} {
		var b bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", fmt.Sprint(v))
		printed := strings.ToLower(b.String())
		for _, form := range []string{secret, "0000001", fmt.Sprintf("%x", secret), "192.0.2"} {
			if strings.Contains(printed, form) {
				t.Errorf("%T prints %s in %s", v, form, b.String())
			}
		}
	}
	if got := fmt.Sprint(p, circle); got != "party on trunk 0, 138****0001, 1 secrets the parties of call c1" {
		t.Errorf("%q", got)
	}
}
