package sentinel

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"mask700/sip/message"
	"mask700/sip/token"
)

var howMany = flag.Int("calls", defaultCalls, "how many random calls TestAMillionCallsHaveNoFalseHit searches")

// TestAMillionCallsHaveNoFalseHit searches the messages of random calls in which nothing
// leaks: both legs by one switch, at addresses of one network, with the words of one
// make of phone, with numbers that differ in a digit or are part of one another, or
// begin another's, and identifiers of every form that phones make.
func TestAMillionCallsHaveNoFalseHit(t *testing.T) {
	workers := runtime.NumCPU()
	calls := *howMany / workers
	var wg sync.WaitGroup
	var messages atomic.Int64
	for w := range workers {
		wg.Go(func() {
			g := newGenerator(uint64(w))
			for n := range calls {
				g.call(t, n)
				if t.Failed() {
					return
				}
			}
			messages.Add(g.messages)
		})
	}
	wg.Wait()
	t.Logf("%d calls, %d messages searched", calls*workers, messages.Load())
}

type generator struct {
	*rand.Rand
	mint     *token.Mint
	set      Set
	finder   Finder
	secrets  Secrets
	buf, out []byte
	messages int64
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 700))}
	g.mint = token.NewMint([32]byte{byte(seed), 7}, token.NewRouter(token.Secret{byte(seed)}, 1), 0)
	return g
}

// party is one of a call: what it presents.
type party struct {
	number, host, tag, callID, branch, name, contact, nonce, agent, user string
	session                                                              uint64
}

func (g *generator) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(g.IntN(10))
	}
	return string(b)
}

func (g *generator) letters(n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[g.IntN(len(alphabet))]
	}
	return string(b)
}

// identifier is a tag, a branch or a Call-ID as some phone makes them.
func (g *generator) identifier() string {
	switch g.IntN(6) {
	case 0:
		return strconv.FormatUint(uint64(g.Uint32()), 10)
	case 1:
		return strconv.FormatUint(uint64(g.Uint32()), 16)
	case 2:
		return "as" + strconv.FormatUint(uint64(g.Uint32()), 16)
	case 3:
		return g.letters(8, alphabet64[:62])
	case 4:
		return g.letters(6, "bcdfghjkmnpqrstv")
	default:
		return fmt.Sprintf("%dSIPpTag0%d", g.IntN(100000), g.IntN(10))
	}
}

// number is a subscriber's: a mobile, a landline, or a short one of a private exchange.
func (g *generator) number() string {
	switch g.IntN(5) {
	case 0:
		return "10" + g.letters(1, "23456789") + g.digits(7)
	case 1:
		return "755" + g.letters(1, "23456789") + g.digits(7)
	case 2:
		return g.letters(1, "23456789") + g.digits(6+g.IntN(2))
	default:
		return "13" + g.digits(9)
	}
}

// like is a number that has much in common with another.
func (g *generator) like(n string) string {
	switch g.IntN(5) {
	case 0:
		b := []byte(n)
		i := g.IntN(len(b))
		b[i] = '0' + (b[i]-'0'+1)%10
		return string(b)
	case 1:
		return "1" + n
	case 2:
		return n + "0"
	case 3:
		return n[1:] + n[:1]
	default:
		return g.number()
	}
}

func (g *generator) party() party {
	return party{
		number: g.number(), host: fmt.Sprintf("192.0.2.%d", 10+g.IntN(90)), tag: g.identifier(), callID: g.identifier(), branch: g.identifier(), nonce: g.identifier(),
		name: "User " + g.letters(7, "aeioubcdrstlm"), contact: g.letters(1+g.IntN(9), alphabet64[:62]), session: g.Uint64() >> (2 + g.IntN(50)),
		agent: g.agent(), user: g.identifier(),
	}
}

// agent is what a phone calls itself: its make, its version, and often its hardware's
// address.
func (g *generator) agent() string {
	return []string{"Asterisk PBX 18.10.0", "FreeSWITCH-mod_sofia/1.10.9-release~64bit", "Linphone/5.1.2 (belle-sip/5.2.0)", "Yealink SIP-T46G 66.85.0.5",
		"kamailio (5.6.3 (x86_64/linux))", "PolycomVVX-VVX_411-UA/5.9.6"}[g.IntN(6)] + " " + g.letters(12, "0123456789abcdef")
}

const (
	proxy   = "192.0.2.9"
	gateway = "192.0.2.1"
)

// presents is what a message tells of a party, as the parser would.
func (p *party) presents(m *message.Message, number string, b []byte) []byte {
	uri := message.URI{Scheme: "sip", User: number, Host: p.host}
	*m = message.Message{
		Method: "INVITE", MaxForwards: 70, CallID: p.callID + "@" + p.host,
		From:        message.Address{URI: uri, Tag: p.tag, Text: `"` + p.name + `" <sip:` + number + "@" + p.host + ">;tag=" + p.tag},
		Via:         []message.Via{{Host: proxy, Branch: "z9hG4bK" + p.branch}, {Host: p.host, Branch: "z9hG4bK-524287-1-" + p.branch}},
		Contact:     &message.URI{Scheme: "sip", User: p.contact, Host: p.host},
		ContactText: "<sip:" + p.contact + "@" + p.host + `;transport=udp>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-` + p.tag + `>";expires=3600`,
		RecordRoute: []string{"<sip:" + proxy + ";lr>"}, Agent: p.agent,
		Authorization: []string{`Digest username="` + p.user + `", realm="switch", nonce="` + p.nonce + `", uri="sip:` + proxy + `", response="0"`},
	}
	b = append(b[:0], "v=0\r\no=phone "...)
	b = strconv.AppendUint(b, p.session, 10)
	b = append(append(b, " 1 IN IP4 "...), p.host...)
	b = append(append(b, "\r\ns=call\r\nc=IN IP4 "...), p.host...)
	b = append(append(b, "\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\na=rtcp:6001 IN IP4 "...), p.host...)
	b = append(b, "\r\na=T38FaxRateManagement:transferredTCF\r\na=sendrecv\r\n"...)
	m.ContentType, m.Body = message.MediaType, b
	return b
}

// call searches the messages to one party for what the other party has presented.
func (g *generator) call(t *testing.T, n int) {
	a, b := g.party(), g.party()
	if b.number = g.like(a.number); b.number == a.number {
		return
	}
	var m message.Message
	g.buf = a.presents(&m, []string{a.number, "0" + a.number, "+86" + a.number}[n%3], g.buf)
	g.secrets = g.secrets[:0]
	g.secrets.Add(Number, a.number)
	g.secrets.Learn(&m, false, "86")
	g.set.Reset()
	for _, s := range g.secrets {
		if s.Text != proxy && s.Text != gateway && s.Text != b.host {
			g.set.Add(s, 0)
		}
	}
	x := "<sip:7001" + g.digits(11) + "@" + gateway + ">"
	local, cid := x+";tag="+g.mint.Token(), g.mint.CallID()
	where := "sip:" + []string{"", "0", "+86", "0086", "86", "99"}[g.IntN(6)] + b.number + "@" + proxy + ":5060"
	contact := "<sip:" + g.mint.Token() + "@" + gateway + ":5060>"
	invite := message.Request{
		Method: "INVITE", Target: where, Via: "SIP/2.0/UDP " + gateway + ":5060", Branch: g.mint.Branch(), From: local, To: "<" + where + ">",
		CallID: cid, CSeq: 1, MaxForwards: 69, Contact: contact, Allow: true, Supported: []string{"100rel", "timer"}, SessionExpires: 90 + g.IntN(2000),
		MinSE: 90, Identity: x, ContentType: message.MediaType, Body: fmt.Appendf(nil, "v=0\r\no=- %d %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"+
			"m=audio %d RTP/AVP 8 0 %d 9 101 96 97\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 AMR/8000\r\na=fmtp:96 mode-set=0,2,4,7;octet-align=1\r\n"+
			"a=rtpmap:97 EVS/16000\r\na=fmtp:97 br=5.9-24.4;bw=nb-swb\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"+
			"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s\r\na=ptime:20\r\na=maxptime:40\r\na=sendrecv\r\n",
			g.mint.Session(), 1+g.IntN(3), gateway, gateway, 1024+g.IntN(60000), g.IntN(128), g.letters(40, alphabet64)),
	}
	g.search(t, &a, &b, g.write(&invite))
	to := "<" + where + ">;tag=" + b.tag
	bye := message.Request{
		Method: "BYE", Target: "sip:" + b.contact + "@" + b.host + ";transport=udp", Via: invite.Via, Branch: g.mint.Branch(), From: local, To: to,
		Route: []string{"<sip:" + proxy + ";lr>"}, CallID: cid, CSeq: 2, MaxForwards: 70, Q850: 16,
		Authorization: fmt.Sprintf(`Digest username="gateway", realm="switch", nonce=%q, uri=%q, response="%016x%016x", cnonce=%q, qop=auth, nc=00000001`,
			b.nonce, where, g.Uint64(), g.Uint64(), g.mint.Token()),
	}
	g.search(t, &a, &b, g.write(&bye))
	if n%4 > 0 {
		return
	}
	prack := message.Request{Method: "PRACK", Target: bye.Target, Via: invite.Via, Branch: g.mint.Branch(), From: local, To: to, CallID: cid, CSeq: 3,
		RAck: message.RAck{RSeq: 1 + uint32(g.IntN(900_000)), CSeq: 1, Method: "INVITE"}}
	g.search(t, &a, &b, g.write(&prack))
}

func (g *generator) write(r *message.Request) []byte {
	g.out = r.Append(g.out[:0])
	return g.out
}

func (g *generator) search(t *testing.T, a, b *party, msg []byte) {
	g.messages++
	g.finder.Find(&g.set, msg, func(h *Hit) bool {
		// As the shard asks, which knows what the receiver has written and what is configured of its trunk.
		v := g.finder.Judge(h, Receiver{Number: b.number}, func(holds func(string) bool) bool {
			return slices.ContainsFunc([]string{b.contact, b.host, b.tag, b.nonce}, holds)
		})
		switch v {
		case Allowed:
			g.set.Excuse(h)
			return false
		case Chance:
			return false
		}
		t.Errorf("%s %q of %+v was found at %d of\n%s", h.Kind, h.Secret.Text, *a, h.Start, h.Text)
		return true
	})
}
