package phone

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"mask700/sip/digest"
	"mask700/sip/flow"
	"mask700/sip/message"
)

// TestDoubts asks a phone of each kind three times, each time signed anew for as long
// as it wants that.
func TestDoubts(t *testing.T) {
	for _, tc := range []struct {
		doubt    Doubt
		password string
		answers  string // ! is a challenge, s one that calls the nonce stale
		blamed   bool
	}{
		{Trusting, "right", "200, 200, 200", false},
		{Once, "right", "! 200, 200, 200", false},
		{EveryTime, "right", "! 200, s 200, s 200", false},
		{Anew, "right", "! 200, ! 200, ! 200", false},
		{NeverFresh, "right", "! s s s s, s s s s s, s s s s s", false},
		{Never, "right", "! !, ! !, ! !", false},
		{Once, "wrong", "! !, ! !, ! !", true},
	} {
		for _, proxy := range []bool{false, true} {
			t.Run(fmt.Sprint(tc.doubt, " ", tc.password, " ", proxy), func(t *testing.T) {
				l := connect(t, flow.TCP, 0, Behaviour{Doubt: tc.doubt})
				p := l.phones[0]
				p.config.Account = Account{User: "gateway", Password: "right", Realm: "r"}
				account := digest.Account{User: "gateway", Password: digest.NewSecret(tc.password)}
				callID := map[bool]string{false: "odd", true: "even"}[proxy]
				var session digest.Session
				var answers []string
				seq := uint32(0)
				for range 3 {
					var tries digest.Tries
					answer := ""
					for {
						seq++
						r := message.Request{
							Method: "OPTIONS", Target: "sip:x@192.0.2.10:5060", Via: "SIP/2.0/TCP 198.51.100.20:5070",
							Branch: "z9hG4bK" + strconv.Itoa(int(seq)), From: "<sip:y@198.51.100.20>;tag=a", To: "<sip:x@192.0.2.10>",
							CallID: callID, CSeq: seq, MaxForwards: 70,
						}
						session.Sign(&tries, &r, &account, func() string { return "cnonce" })
						p.Receive(epoch, r.Append(nil))
						m, fault := message.Parse(p.Take()[0])
						if fault != nil {
							t.Fatal(fault)
						}
						challenges := append(m.WWWAuthenticate, m.ProxyAuthenticate...)
						if len(challenges) == 0 {
							answer += " " + strconv.Itoa(m.Status)
							break
						}
						if want := map[bool]int{false: 401, true: 407}[proxy]; m.Status != want {
							t.Errorf("asked by %d", m.Status)
						}
						mark := " !"
						if strings.Contains(challenges[0], "stale=true") {
							mark = " s"
						}
						answer += mark
						if !session.Challenged(&tries, m, &account) {
							break
						}
					}
					answers = append(answers, answer[1:])
				}
				if got := strings.Join(answers, ", "); got != tc.answers {
					t.Errorf("answered %s, want %s", got, tc.answers)
				}
				if blamed := len(p.Violations()) > 0; blamed != tc.blamed {
					t.Errorf("complaints: %v", p.Violations())
				}
			})
		}
	}
}

// A count that another request has used is complained of; a copy of that request that
// comes late is not.
func TestACountThatIsUsedTwice(t *testing.T) {
	l := connect(t, flow.TCP, 0, Behaviour{Doubt: Once})
	p := l.phones[0]
	p.config.Account = Account{User: "gateway", Password: "right", Realm: "r"}
	account := digest.Account{User: "gateway", Password: digest.NewSecret("right")}
	var session digest.Session
	var tries digest.Tries
	r := message.Request{
		Method: "OPTIONS", Target: "sip:x@192.0.2.10:5060", Via: "SIP/2.0/TCP 198.51.100.20:5070", Branch: "z9hG4bK1",
		From: "<sip:y@198.51.100.20>;tag=a", To: "<sip:x@192.0.2.10>", CallID: "odd", CSeq: 1, MaxForwards: 70,
	}
	ask := func() *message.Message {
		p.Restart(epoch) // its transactions are forgotten
		p.Receive(epoch, r.Append(nil))
		m, fault := message.Parse(p.Take()[0])
		if fault != nil {
			t.Fatal(fault)
		}
		return m
	}
	m := ask()
	if m.Status != 401 || m.Echo(netip.AddrPort{}).CallID != "odd" || !session.Challenged(&tries, m, &account) {
		t.Fatalf("answered %d", m.Status)
	}
	r.CSeq, r.Branch = 2, "z9hG4bK2"
	session.Sign(&tries, &r, &account, func() string { return "cnonce" })
	for range 2 {
		if m := ask(); m.Status != 200 || len(p.Violations()) > 0 {
			t.Errorf("answered %d, complaints: %v", m.Status, p.Violations())
		}
	}
	r.CSeq, r.Branch = 3, "z9hG4bK3"
	if ask(); len(p.Violations()) != 1 || !strings.Contains(p.Violations()[0], "the count of another request") {
		t.Errorf("complaints: %v", p.Violations())
	}
}
