package sentinel

import (
	"fmt"
	"strings"
	"testing"
)

// TestVerdicts: what a hit is depends on whose number it stands in, on what the receiver has said, and on our own words.
func TestVerdicts(t *testing.T) {
	said := func(texts ...string) func(func(string) bool) bool {
		return func(holds func(string) bool) bool {
			for _, text := range texts {
				if holds(text) {
					return true
				}
			}
			return false
		}
	}
	nothing := said()
	for name, c := range map[string]struct {
		secret   Secret
		msg      string
		receiver Receiver
		known    func(func(string) bool) bool
		want     Verdict
	}{
		"a number":                          {Secret{Number, "13800138000"}, "X: +8613800138000", Receiver{Number: "13900000002"}, nothing, Leak},
		"in the receiver's own":             {Secret{Number, "5550000"}, "X: 5550000", Receiver{Number: "5550000"}, nothing, Chance},
		"part of the receiver's own":        {Secret{Number, "3900000002"}, "X: 013900000002", Receiver{Number: "13900000002"}, nothing, Chance},
		"beside the receiver's own":         {Secret{Number, "13800138000"}, "X: 13900000002 13800138000", Receiver{Number: "13900000002"}, nothing, Leak},
		"nothing known of the receiver":     {Secret{Number, "13800138000"}, "X: 13800138000", Receiver{}, nothing, Leak},
		"written by the receiver":           {Secret{Number, "13800138000"}, "X: 13800138000", Receiver{}, said("sip:0138-0013-8000@x"), Allowed},
		"the receiver's, full-width":        {Secret{Number, "13800138000"}, "X: １３８００１３８０００", Receiver{}, said("<sip:x@y>", "１３８００１３８０００ <sip:x@y>"), Allowed},
		"full-width":                        {Secret{Number, "13800138000"}, "X: １３８００１３８０００", Receiver{}, said("１３８００１３"), Leak},
		"a name with full-width signs":      {Secret{Name, "王，李１２"}, "X: 王，李１２", Receiver{}, said("王，李１２ <sip:x@y>"), Allowed},
		"the receiver's, in percent":        {Secret{Number, "13800138000"}, "X: %2531380013800%30", Receiver{}, said("<sip:%2531380013800%30@x>"), Allowed},
		"written by the receiver in part":   {Secret{Number, "13800138000"}, "X: 13800138000", Receiver{}, said("sip:1380013@x"), Leak},
		"what it is shown":                  {Secret{Number, "17000120034"}, "X: 17000120034", Receiver{Shown: "17000120034"}, nothing, Allowed},
		"part of what it is shown":          {Secret{Number, "7000120034"}, "X: +8617000120034", Receiver{Shown: "17000120034"}, nothing, Chance},
		"another than what it is shown":     {Secret{Number, "13800138000"}, "X: 13800138000", Receiver{Shown: "17000120034"}, nothing, Leak},
		"an address":                        {Secret{Host, "192.0.2.10"}, "X: 192.0.2.10", Receiver{}, nothing, Leak},
		"an address of the configuration":   {Secret{Host, "192.0.2.10"}, "X: 192.0.2.10", Receiver{}, said("192.0.2.10:5060"), Allowed},
		"a device that is called like ours": {Secret{Device, "telephone-event"}, "X: telephone-event/8000", Receiver{}, nothing, Allowed},
		"a number that our words hold":      {Secret{Number, "1800012"}, "X: 1800012", Receiver{}, nothing, Leak},
		"base64 of what it has not written": {Secret{Dialog, "a84b4c76e66710"}, "X: YTg0YjRjNzZlNjY3MTA=", Receiver{}, said("other"), Leak},
	} {
		t.Run(name, func(t *testing.T) {
			set := setOf(Secrets{c.secret})
			var f Finder
			hits := 0
			f.Find(set, []byte("INVITE sip:x@y SIP/2.0\r\n"+c.msg+"\r\n"), func(h *Hit) bool {
				hits++
				if got := f.Judge(h, c.receiver, c.known); got != c.want {
					t.Errorf("judged %d, want %d", got, c.want)
				}
				return false
			})
			if hits == 0 {
				t.Error("not found")
			}
		})
	}
	if s := fmt.Sprintf("%+v %#v %s", Receiver{Number: "13800138000"}, Receiver{Number: "13800138000"}, Receiver{Shown: "13800138000"}); strings.Contains(s, "138") {
		t.Errorf("a receiver is printed as %s", s)
	}
}
