package sentinel

import (
	"flag"
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
// begin another's, and identifiers of every form that phones make. Of each call the INVITE,
// its 200 and one other message to either party are searched; of what is sent to the
// callee and to the caller each kind has its turn.
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
	mint          *token.Mint
	legs          [2]leg // of the caller and of the callee
	finder        Finder
	secrets       Secrets
	buf, sdp, out []byte
	messages      int64
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
		return strconv.Itoa(g.IntN(100000)) + "SIPpTag0" + strconv.Itoa(g.IntN(10))
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
	switch g.IntN(6) {
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
	case 4:
		if len(n) > MinDigits {
			return n[1:]
		}
		return n + n[:1]
	default:
		return g.number()
	}
}

func (g *generator) party() party {
	return party{
		number: g.number(), host: "192.0.2." + strconv.Itoa(10+g.IntN(90)), tag: g.identifier(), callID: g.identifier(), branch: g.identifier(), nonce: g.identifier(),
		name: "User " + g.letters(7, "aeioubcdrstlm"), contact: g.letters(1+g.IntN(9), alphabet64[:62]), session: g.Uint64() >> (2 + g.IntN(50)),
		agent: g.agent(), user: g.identifier(),
	}
}

// agent is what a phone calls itself: its make, its version, and often its hardware's
// address.
func (g *generator) agent() string {
	return programs[g.IntN(len(programs))] + g.letters(12, "0123456789abcdef")
}

var programs = [...]string{"Asterisk PBX 18.10.0 ", "FreeSWITCH-mod_sofia/1.10.9-release~64bit ", "Linphone/5.1.2 (belle-sip/5.2.0) ", "Yealink SIP-T46G 66.85.0.5 ",
	"kamailio (5.6.3 (x86_64/linux)) ", "PolycomVVX-VVX_411-UA/5.9.6 ", "Bria 5 release 5.3.0 stamp 91083 "}

const (
	proxy   = "192.0.2.9"
	gateway = "192.0.2.1"
)

// presents is what a message tells of a party, as the parser would: the INVITE of a caller, or the 200 of a callee.
func (p *party) presents(m *message.Message, status int, number string, b []byte) []byte {
	uri := message.URI{Scheme: "sip", User: number, Host: p.host}
	who := message.Address{URI: uri, Tag: p.tag, Text: `"` + p.name + `" <sip:` + number + "@" + p.host + ">;tag=" + p.tag}
	*m = message.Message{
		Status:      status,
		MaxForwards: 70, CallID: p.callID + "@" + p.host,
		Contact:     &message.URI{Scheme: "sip", User: p.contact, Host: p.host},
		ContactText: "<sip:" + p.contact + "@" + p.host + `;transport=udp>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-` + p.tag + `>";expires=3600`,
		RecordRoute: []string{"<sip:" + proxy + ";lr>"}, Agent: p.agent,
	}
	if status == 0 {
		m.Method, m.From = "INVITE", who
		m.Via = []message.Via{{Host: proxy, Branch: "z9hG4bK" + p.branch}, {Host: p.host, Branch: "z9hG4bK-524287-1-" + p.branch}}
		m.Authorization = []string{`Digest username="` + p.user + `", realm="switch", nonce="` + p.nonce + `", uri="sip:` + proxy + `", response="0"`}
	} else {
		m.To = who
		m.Asserted = []message.Address{{URI: uri, Text: `"` + p.name + `" <sip:` + number + "@" + p.host + ">"}}
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

// leg is one party and what is searched of what is sent to it.
type leg struct {
	party
	set    Set
	said   []string // what it has written
	own    string   // how we are called there, with our tag
	uri    string   // where it is reached
	callID string
}

// call searches the messages to each party for what the other has presented.
func (g *generator) call(t *testing.T, n int) {
	a, b := &g.legs[0], &g.legs[1]
	a.party, b.party = g.party(), g.party()
	if b.number = g.like(a.number); b.number == a.number {
		return
	}
	g.learn(a, b, 0, []string{"", "0", "+86"}[n%3]+a.number)
	g.learn(b, a, 200, []string{"+86", "", "0"}[n/3%3]+b.number)
	x := "<sip:7001" + g.digits(11) + "@" + gateway + ">"
	b.own, b.callID = x+";tag="+g.mint.Token(), g.mint.CallID()
	b.uri = "sip:" + []string{"", "0", "+86", "0086", "86", "99"}[g.IntN(6)] + b.number + "@" + proxy + ":5060"
	b.said = append(b.said[:0], b.contact, b.host, b.tag, b.nonce)
	a.own, a.callID, a.uri = x+";tag="+g.mint.Token(), a.party.callID+"@"+a.host, `"`+a.name+`" <sip:`+a.number+"@"+a.host+">;tag="+a.tag
	via := "SIP/2.0/UDP " + proxy + ";branch=z9hG4bK" + a.branch + ";received=" + proxy
	below := "SIP/2.0/UDP " + a.host + ";branch=z9hG4bK-524287-1-" + a.branch
	a.said = append(a.said[:0], a.contact, a.host, a.tag, a.nonce, via, below, a.callID, a.uri)
	contact := "<sip:" + g.mint.Token() + "@" + gateway + ":5060>"
	invite := message.Request{
		Method: "INVITE", Target: b.uri, Via: "SIP/2.0/UDP " + gateway + ":5060", Branch: g.mint.Branch(), From: b.own, To: "<" + b.uri + ">",
		CallID: b.callID, CSeq: 1, MaxForwards: 69, Contact: contact, Allow: true, Supported: []string{"100rel", "timer"}, SessionExpires: 90 + g.IntN(2000),
		MinSE: 90, Identity: x, ContentType: message.MediaType, Body: g.description(),
	}
	g.request(t, a, b, &invite)
	answer := message.Response{
		Echo:   message.Echo{Via: []string{via, below}, From: a.uri, To: x, CallID: a.callID, CSeq: 1 + uint32(g.IntN(5000)), Method: "INVITE"},
		Status: 200, ToTag: a.own[len(x)+len(";tag="):], Contact: contact, RecordRoute: []string{"<sip:" + proxy + ";lr>"}, Allow: true, Supported: []string{"100rel", "timer"},
		SessionExpires: 90 + g.IntN(2000), Refresher: "uas", Identity: x, ContentType: message.MediaType, Body: g.description(),
	}
	g.response(t, b, a, &answer)
	g.toCallee(t, n, a, b, &invite)
	g.toCaller(t, n, b, a, &answer)
}

// learn makes ready what a party has presented, for what is sent to the other.
func (g *generator) learn(from, to *leg, status int, number string) {
	var m message.Message
	g.buf = from.presents(&m, status, number, g.buf)
	g.secrets = g.secrets[:0]
	g.secrets.number(from.number, "86")
	g.secrets.Learn(&m, false, "86")
	to.set.Reset()
	for _, s := range g.secrets {
		if s.Text != proxy && s.Text != gateway && s.Text != to.host {
			to.set.Add(s, 0)
		}
	}
}

// within is a request of ours within the dialog of a leg.
func (g *generator) within(method string, to *leg, like *message.Request) message.Request {
	return message.Request{
		Method: method, Target: "sip:" + to.contact + "@" + to.host + ";transport=udp", Via: "SIP/2.0/UDP " + gateway + ":5060", Branch: g.mint.Branch(),
		Route: []string{"<sip:" + proxy + ";lr>"}, From: to.own, To: like.To, CallID: to.callID, CSeq: 2 + uint32(g.IntN(9)), MaxForwards: 70,
	}
}

// toCallee searches one more message to the callee.
func (g *generator) toCallee(t *testing.T, n int, a, b *leg, invite *message.Request) {
	dialog := message.Request{To: "<" + b.uri + ">;tag=" + b.tag}
	echo := message.Echo{Via: []string{"SIP/2.0/UDP " + proxy + ";branch=z9hG4bK" + b.branch}, From: dialog.To, To: b.own, ToTag: true, CallID: b.callID, CSeq: 7}
	b.said = append(b.said, echo.Via[0])
	switch n % 12 {
	case 0:
		r := g.within("BYE", b, &dialog)
		r.Q850 = 16
		r.Authorization = `Digest username="gateway", realm="switch", nonce="` + b.nonce + `", uri="` + b.uri + `", response="` + g.letters(32, alphabetHex) +
			`", cnonce="` + g.mint.Token() + `", qop=auth, nc=00000001`
		g.request(t, a, b, &r)
	case 1:
		r := g.within("PRACK", b, &dialog)
		r.RAck = message.RAck{RSeq: 1 + uint32(g.IntN(900_000)), CSeq: 1, Method: "INVITE"}
		g.request(t, a, b, &r)
	case 2:
		r := g.within("ACK", b, &dialog)
		g.request(t, a, b, &r)
	case 3:
		r := message.Request{Method: "CANCEL", Target: b.uri, Via: invite.Via, Branch: invite.Branch, From: b.own, To: invite.To, CallID: b.callID, CSeq: 1, MaxForwards: 70, Q850: 487 % 128}
		g.request(t, a, b, &r)
	case 4:
		r := g.within("UPDATE", b, &dialog)
		r.Contact, r.SessionExpires, r.Refresher, r.Body, r.ContentType = invite.Contact, 90+g.IntN(2000), "uac", g.description(), message.MediaType
		g.request(t, a, b, &r)
	case 5:
		r := g.within("INVITE", b, &dialog)
		r.Contact, r.Allow, r.Body, r.ContentType = invite.Contact, true, append(g.description(), video...), message.MediaType
		g.request(t, a, b, &r)
	case 6:
		r := g.within("INFO", b, &dialog)
		r.ContentType, r.Body = message.DTMFType, []byte("Signal="+g.letters(1, "0123456789*#ABCD")+"\r\nDuration="+strconv.Itoa(40+g.IntN(6000))+"\r\n")
		g.request(t, a, b, &r)
	case 7:
		r := message.Request{Method: "MESSAGE", Target: b.uri, Via: invite.Via, Branch: g.mint.Branch(), From: b.own, To: invite.To, CallID: b.callID, CSeq: 1, MaxForwards: 69,
			Identity: invite.Identity, ContentType: "text/plain;charset=UTF-8", Body: []byte("your order 202611" + g.digits(8) + " of " + g.digits(2) + ":" + g.digits(2) + ", " +
				g.digits(1) + " x " + g.digits(2) + "." + g.digits(2) + " is here, gate " + g.digits(3) + ", code " + g.digits(4+g.IntN(3)))}
		g.request(t, a, b, &r)
	case 8:
		echo.Method = "BYE"
		g.response(t, a, b, &message.Response{Echo: echo, Status: 200})
	case 9:
		echo.Method = "INVITE"
		g.response(t, a, b, &message.Response{Echo: echo, Status: 200, Contact: invite.Contact, Allow: true, AllowRefer: true, Body: g.description(), ContentType: message.MediaType})
	case 10:
		echo.Method = "UPDATE"
		g.response(t, a, b, &message.Response{Echo: echo, Status: 491, Q850: g.IntN(128)})
	case 11:
		echo.Method = "REFER"
		g.response(t, a, b, &message.Response{Echo: echo, Status: 603})
	}
}

// toCaller searches one more message to the caller.
func (g *generator) toCaller(t *testing.T, n int, b, a *leg, answer *message.Response) {
	dialog := message.Request{To: a.uri}
	r := message.Response{Echo: answer.Echo, ToTag: answer.ToTag, Contact: answer.Contact, RecordRoute: answer.RecordRoute}
	switch n % 14 {
	case 0:
		r.Status, r.ToTag, r.Contact, r.Echo.Timestamp = 100, "", "", strconv.Itoa(g.IntN(100_000))+"."+g.digits(3)
		a.said = append(a.said, r.Echo.Timestamp)
	case 1:
		r.Status, r.RSeq, r.Require = 180, 1+uint32(g.IntN(900_000)), []string{"100rel"}
	case 2:
		r.Status, r.Body, r.ContentType = 183, answer.Body, message.MediaType
	case 3:
		r.Status, r.Contact, r.Q850 = 486, "", 17
	case 4:
		r.Status, r.Contact, r.MinSE = 422, "", 90+g.IntN(1800)
	case 5:
		r.Status, r.Contact, r.RetryAfter = 503, "", 1+g.IntN(60)
	case 6:
		r.Status, r.Contact, r.WWWAuthenticate = 401, "", []string{`Digest realm="switch", nonce="` + g.letters(32, alphabetHex) + `", algorithm=SHA-256, qop="auth", opaque="` + g.mint.Token() + `"`}
	case 7:
		r.Status, r.Contact, r.Unsupported = 420, "", []string{"precondition"}
	case 8:
		r.Status, r.Echo.Method, r.Contact = 202, "REFER", answer.Contact
	case 9:
		q := g.within("NOTIFY", a, &dialog)
		q.Event, q.SubscriptionState, q.ContentType, q.Body = "refer;id="+strconv.Itoa(g.IntN(5000)), "active;expires=180", "message/sipfrag;version=2.0", []byte("SIP/2.0 100 Trying\r\n")
		g.request(t, b, a, &q)
		return
	case 10:
		q := g.within("BYE", a, &dialog)
		q.Q850 = 16
		g.request(t, b, a, &q)
		return
	case 11:
		q := g.within("INVITE", a, &dialog)
		q.Contact, q.Allow, q.SessionExpires, q.Body, q.ContentType = answer.Contact, true, 90+g.IntN(2000), g.description(), message.MediaType
		g.request(t, b, a, &q)
		return
	case 12:
		q := g.within("INFO", a, &dialog)
		q.ContentType, q.Body = message.DTMFType, []byte("Signal=5\r\nDuration="+strconv.Itoa(40+g.IntN(6000))+"\r\n")
		g.request(t, b, a, &q)
		return
	case 13:
		q := g.within("ACK", a, &dialog)
		q.Body, q.ContentType = g.description(), message.MediaType
		g.request(t, b, a, &q)
		return
	}
	g.response(t, b, a, &r)
}

// video is what a description has beside its sound.
const video = "m=video 40000 RTP/AVP 99 98\r\na=rtpmap:99 H264/90000\r\na=fmtp:99 profile-level-id=42e01f;packetization-mode=1\r\na=rtpmap:98 VP8/90000\r\na=rtcp-fb:* nack pli\r\n"

// description is one of ours.
func (g *generator) description() []byte {
	b := append(g.sdp[:0], "v=0\r\no=- "...)
	b = strconv.AppendUint(b, g.mint.Session(), 10)
	b = append(strconv.AppendInt(append(b, ' '), int64(1+g.IntN(3)), 10), " IN IP4 "+gateway+"\r\ns=-\r\nc=IN IP4 "+gateway+"\r\nt=0 0\r\nm=audio "...)
	b = append(strconv.AppendInt(b, int64(1024+g.IntN(60000)), 10), " RTP/AVP 8 0 "...)
	b = append(strconv.AppendInt(b, int64(g.IntN(128)), 10), " 9 101 96 97\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"+
		"a=rtpmap:96 AMR/8000\r\na=fmtp:96 mode-set=0,2,4,7;octet-align=1\r\na=rtpmap:97 EVS/16000\r\na=fmtp:97 br=5.9-24.4;bw=nb-swb\r\n"+
		"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"...)
	for range 40 {
		b = append(b, alphabet64[g.IntN(64)])
	}
	g.sdp = append(b, "\r\na=ptime:20\r\na=maxptime:40\r\na=sendrecv\r\n"...)
	return slices.Clone(g.sdp)
}

func (g *generator) request(t *testing.T, from, to *leg, r *message.Request) {
	g.out = r.Append(g.out[:0])
	g.search(t, from, to)
}

func (g *generator) response(t *testing.T, from, to *leg, r *message.Response) {
	g.out = r.Append(g.out[:0])
	g.search(t, from, to)
}

// search looks for what one party has presented in what is sent to the other.
func (g *generator) search(t *testing.T, from, to *leg) {
	if len(g.out) == 0 {
		t.Error("a message that cannot be written")
		return
	}
	g.messages++
	g.finder.Find(&to.set, g.out, func(h *Hit) bool {
		// As the shard asks, which knows what the receiver has written and what is configured of its trunk.
		v := g.finder.Judge(h, Receiver{Number: to.number}, func(holds func(string) bool) bool { return slices.ContainsFunc(to.said, holds) })
		switch v {
		case Allowed:
			to.set.Excuse(h)
			return false
		case Chance:
			return false
		}
		t.Errorf("%s %q of %+v was found at %d of\n%s", h.Kind, h.Secret.Text, from.party, h.Start, h.Text)
		return true
	})
}
