package digest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/sip/message"
)

var (
	began  = time.Unix(1_800_000_000, 0)
	source = netip.MustParseAddr("192.0.2.10")
)

// desk is a server with a peer before it.
type desk struct {
	t      *testing.T
	server *Server
	now    time.Time
	client Client
	salts  int
}

func newDesk(t *testing.T, algorithms ...string) *desk {
	t.Helper()
	s, err := NewServer("example.net", []User{{"sw1", NewSecret("of sw1")}, {"sw2", NewSecret("of sw2")}}, algorithms, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t: t, server: s, now: began}
}

func (d *desk) request(method, uri string, credentials ...string) *Request {
	d.t.Helper()
	target, err := message.ParseURI(uri)
	if err != nil {
		d.t.Fatal(err)
	}
	d.salts++
	return &Request{Method: method, Target: target, Credentials: credentials, Source: source, Salt: fmt.Sprint(d.salts)}
}

const target = "sip:700100000010007@192.0.2.1:5060"

// challenge asks once without credentials and takes the challenge.
func (d *desk) challenge() {
	d.t.Helper()
	r := d.request("INVITE", target)
	if v := d.server.Check(d.now, r); v != Absent {
		d.t.Fatalf("without credentials it is %d", v)
	}
	if !d.client.Challenged(new(Try), d.server.Challenges(d.now, r, false), "") {
		d.t.Fatal("the challenge cannot be answered")
	}
}

// sign makes credentials of user sw1 for an INVITE.
func (d *desk) sign() string {
	return d.client.Authorize("sw1", NewSecret("of sw1"), "INVITE", target, nil, "cnonce")
}

func (d *desk) check(credentials ...string) Verdict {
	d.t.Helper()
	return d.server.Check(d.now, d.request("INVITE", target, credentials...))
}

func TestWhoKnowsAPasswordIsLetThrough(t *testing.T) {
	for _, algorithms := range [][]string{nil, {SHA256}, {MD5}, {SHA512256, MD5}} {
		d := newDesk(t, algorithms...)
		d.challenge()
		if algorithms == nil && d.client.Algorithm != SHA256 {
			t.Errorf("answered with %s", d.client.Algorithm)
		}
		for range 3 {
			if v := d.check(d.sign()); v != Accepted {
				t.Errorf("%v: it is %d", algorithms, v)
			}
		}
		if v := d.check("Basic c3cxOm9mIHN3MQ==", d.sign()); v != Accepted {
			t.Errorf("%v: behind another scheme it is %d", algorithms, v)
		}
	}
}

func TestChallengesAsTheyAreWritten(t *testing.T) {
	d := newDesk(t)
	r := d.request("INVITE", target)
	list := d.server.Challenges(d.now, r, false)
	if len(list) != 2 || !strings.Contains(list[0], "algorithm=SHA-256,") || !strings.Contains(list[1], "algorithm=MD5,") {
		t.Fatalf("%q: want SHA-256 before MD5 (RFC 8760)", list)
	}
	for _, c := range list {
		if !strings.HasPrefix(c, `Digest realm="example.net", nonce="`) || !strings.Contains(c, `qop="auth"`) ||
			strings.Contains(c, "stale") || strings.ContainsAny(c[40:104], "0123456789") {
			t.Error(c)
		}
	}
	if again := d.server.Challenges(d.now, r, false); !slices.Equal(again, list) {
		t.Error("the repetition of a request gets another challenge")
	}
	other := *r
	other.Salt = "another"
	if again := d.server.Challenges(d.now, &other, false); again[0] == list[0] {
		t.Error("two requests of one second get one nonce")
	}
	for _, c := range d.server.Challenges(d.now, r, true) {
		if !strings.Contains(c, "stale=true") {
			t.Error(c)
		}
	}
}

// TestVerdicts has what a peer can do wrong. Each begins with a good request's
// credentials and a fresh nonce.
func TestVerdicts(t *testing.T) {
	swap := func(from, to string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, from) {
				panic(from + " is not in " + s)
			}
			return strings.Replace(s, from, to, 1)
		}
	}
	for _, tc := range []struct {
		name   string
		change func(string) string
		want   Verdict
	}{
		{"as it should be", func(s string) string { return s }, Accepted},
		{"the scheme in small letters", swap("Digest", "digest"), Accepted},
		{"quotes where none are needed", swap("qop=auth", `qop="auth"`), Accepted},

		{"another user", swap("sw1", "sw2"), Wrong},
		{"no such user", swap("sw1", "sw3"), Wrong},
		{"a user of another case", swap("sw1", "SW1"), Wrong},
		{"no user", swap(`username="sw1", `, ""), Wrong},
		{"another cnonce", swap("cnonce=\"cnonce\"", "cnonce=\"other\""), Wrong},
		{"another count", swap("nc=00000001", "nc=00000002"), Wrong},
		{"no response", swap("response=", "answer="), Wrong},
		{"half a response", func(s string) string { return s[:len(s)-20] + `"` }, Wrong},
		{"a response in capitals", func(s string) string {
			i := strings.Index(s, "response=") + len("response=")
			return s[:i] + strings.ToUpper(s[i:])
		}, Wrong},
		{"another Request-URI", swap("uri=\"sip:700100000010007", "uri=\"sip:700100000010008"), Wrong},
		{"no uri", swap("uri=", "url="), Wrong},
		{"a downgrade to MD5", swap("algorithm=SHA-256", "algorithm=MD5"), Wrong},

		{"another nonce", func(s string) string {
			i := strings.Index(s, "nonce=") + len("nonce=\"")
			return s[:i] + strings.Repeat("b", nonceLen) + s[i+nonceLen:]
		}, Stale},
		{"a nonce of another time", func(s string) string {
			i := strings.Index(s, "nonce=") + len("nonce=\"") + nonceSeconds - 1
			return s[:i] + "z" + s[i+1:]
		}, Stale},
		{"a short nonce", swap("nonce=\"", "nonce=\"x\", x=\""), Stale},
		{"no nonce", swap("nonce=\"", "n=\""), Stale},

		{"another realm", swap("example.net", "example.org"), Absent},
		{"an algorithm that is not offered", swap("algorithm=SHA-256", "algorithm=SHA-512-256"), Absent},
		{"a session variant", swap("algorithm=SHA-256", "algorithm=SHA-256-sess"), Absent},
		{"a user that is hashed", swap("qop=auth", "qop=auth, userhash=true"), Absent},
		{"auth-int", swap("qop=auth", "qop=auth-int"), Absent},
		{"count zero", swap("nc=00000001", "nc=00000000"), Absent},
		{"a count in capitals", swap("nc=00000001", "nc=0000000A"), Absent},
		{"a short count", swap("nc=00000001", "nc=1"), Absent},
		{"no count", swap("nc=00000001, ", ""), Absent},
		{"no cnonce", swap("cnonce=\"cnonce\", ", ""), Absent},
		{"a parameter twice", swap("qop=auth", "qop=auth, qop=auth"), Absent},
		{"a quote that does not end", func(s string) string { return s[:len(s)-1] }, Absent},
		{"another scheme", swap("Digest", "Basic"), Absent},
		{"nothing", func(string) string { return "" }, Absent},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDesk(t)
			d.challenge()
			if got := d.check(tc.change(d.sign())); got != tc.want {
				t.Errorf("it is %d, want %d", got, tc.want)
			}
		})
	}
}

func TestCredentialsAreForOneMethod(t *testing.T) {
	d := newDesk(t)
	d.challenge()
	if v := d.server.Check(d.now, d.request("OPTIONS", target, d.sign())); v != Wrong {
		t.Errorf("credentials of an INVITE on an OPTIONS: %d", v)
	}
}

func TestRequestURIsThatAreOne(t *testing.T) {
	for _, tc := range []struct {
		uri, target string
		same        bool
	}{
		{"sip:7001@192.0.2.1", "sip:7001@192.0.2.1", true},
		{"sip:7001@192.0.2.1", "sip:7001@192.0.2.1:5060", true},
		{"sip:7001@192.0.2.1;transport=udp", "sip:7001@192.0.2.1;user=phone", true},
		{"sip:7001@Example.NET", "sip:7001@example.net", true},
		{"sip:%37001@example.net", "sip:7001@example.net", true},
		{"sips:7001@example.net:5061", "sip:7001@example.net;transport=tls", true},
		{"sip:example.net", "sip:example.net", true},
		{"tel:+867001", "tel:+867001", true},
		{"tel:7001;phone-context=+86", "tel:7001", true},

		{"sip:7001@192.0.2.1", "sip:7002@192.0.2.1", false},
		{"sip:a@example.net", "sip:A@example.net", false},
		{"sip:7001@192.0.2.1", "sip:7001@192.0.2.2", false},
		{"sip:7001@192.0.2.1", "sip:7001@192.0.2.1:5070", false},
		{"sip:example.net", "sip:7001@example.net", false},
		{"tel:7001", "sip:7001@example.net", false},
		{"", "sip:7001@example.net", false},
		{"7001", "sip:7001@example.net", false},
		{"http:7001", "sip:7001@example.net", false},
	} {
		to, err := message.ParseURI(tc.target)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameTarget(tc.uri, to); got != tc.same {
			t.Errorf("%s and %s are one: %t", tc.uri, tc.target, got)
		}
	}
}

func TestNoncesAge(t *testing.T) {
	d := newDesk(t)
	d.challenge()
	d.now = began.Add(nonceLife)
	if v := d.check(d.sign()); v != Accepted {
		t.Errorf("at the end of its life it is %d", v)
	}
	d.now = began.Add(nonceLife + time.Second)
	old := d.sign()
	if v := d.check(old); v != Stale {
		t.Errorf("after its life it is %d", v)
	}
	// Only who knows the password is told that it is the nonce.
	if v := d.check(strings.Replace(old, "sw1", "sw2", 1)); v != Wrong {
		t.Errorf("another user under an old nonce is %d", v)
	}
	d.now = began.Add(-nonceLife - time.Second)
	if v := d.check(d.sign()); v != Stale {
		t.Errorf("before its time it is %d", v)
	}
}

func TestNoncesAreForOneSource(t *testing.T) {
	d := newDesk(t)
	d.challenge()
	r := d.request("INVITE", target, d.sign())
	r.Source = netip.MustParseAddr("192.0.2.11")
	if v := d.server.Check(d.now, r); v != Stale {
		t.Errorf("from another address it is %d", v)
	}
	r.Source = netip.MustParseAddr("::ffff:192.0.2.10")
	if v := d.server.Check(d.now, r); v != Accepted {
		t.Errorf("from the same address in another form it is %d", v)
	}
	other, err := NewServer("example.net", []User{{"sw1", NewSecret("of sw1")}}, nil, [32]byte{2})
	if err != nil {
		t.Fatal(err)
	}
	if v := other.Check(d.now, d.request("INVITE", target, d.sign())); v != Stale {
		t.Errorf("at another server it is %d", v)
	}
}

func TestIPv6SourcesAreNetworks(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"2001:db8::1", "2001:db8::2", true}, {"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::2", true}, {"192.0.2.1", "192.0.2.2", false}, {"::ffff:192.0.2.1", "192.0.2.1", true},
	} {
		if got := network(netip.MustParseAddr(tc.a)) == network(netip.MustParseAddr(tc.b)); got != tc.same {
			t.Errorf("%s and %s are one source: %t", tc.a, tc.b, got)
		}
	}
	if !network(netip.Addr{}).IsValid() {
		t.Error("no address has no place in the tables")
	}
}

// Whoever overheard credentials cannot use them again.
func TestReplaysAreStale(t *testing.T) {
	d := newDesk(t)
	d.challenge()
	first := d.sign()
	if v := d.check(first); v != Accepted {
		t.Fatalf("the first time it is %d", v)
	}
	if v := d.check(first); v != Stale {
		t.Errorf("the second time it is %d", v)
	}
	r := d.request("INVITE", target, first)
	r.Repeatable = true
	if v := d.server.Check(d.now, r); v != Accepted {
		t.Errorf("of a request that may come again it is %d", v)
	}
	if v := d.check(d.sign()); v != Accepted {
		t.Errorf("the next count is %d", v)
	}
}

// Without a qop there is no count, and a nonce serves once.
func TestLegacyCredentials(t *testing.T) {
	d := newDesk(t)
	d.challenge()
	sign := func() string {
		return fmt.Sprintf(`Digest username="sw1", realm="example.net", nonce="%s", uri="%s", response="%s"`, d.client.Nonce, target,
			hexHash(MD5, hexHash(MD5, "sw1", "example.net", "of sw1"), d.client.Nonce, hexHash(MD5, "INVITE", target)))
	}
	if v := d.check(sign()); v != Accepted {
		t.Errorf("it is %d", v)
	}
	if v := d.check(sign()); v != Stale {
		t.Errorf("again it is %d", v)
	}
}

func TestCountsMayOvertakeOneAnother(t *testing.T) {
	w := window{}
	for i, tc := range []struct {
		n   uint32
		new bool
	}{
		{3, true}, {3, false}, {1, true}, {2, true}, {1, false}, {70, true}, {7, true}, {7, false}, {6, false}, {69, true},
		{70, false}, {1000, true}, {70, false}, {937, true}, {936, false}, {1<<32 - 1, true}, {1<<32 - 1, false}, {1<<32 - 64, true},
	} {
		if got := w.take(tc.n); got != tc.new {
			t.Errorf("step %d: count %d is new: %t, want %t", i, tc.n, got, tc.new)
		}
	}
}

func TestNoncesThatWereUsedAreBounded(t *testing.T) {
	u := used{windows: newRecent[string, window](4)}
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	for i := range 6 {
		if !u.take(at(i), fmt.Sprint("nonce", i), at(i), 1) {
			t.Errorf("nonce %d is not new", i)
		}
	}
	if len(u.windows.entries) != 4 || len(u.windows.order) != 4 {
		t.Errorf("%d nonces are kept in %d places", len(u.windows.entries), len(u.windows.order))
	}
	for i := range 6 {
		if u.take(at(6), fmt.Sprint("nonce", i), at(i), 1) {
			t.Errorf("nonce %d was taken twice", i)
		}
	}
	if !u.take(at(6), "nonce5", at(5), 2) {
		t.Error("the next count of a nonce that is known is not new")
	}
	// Those whose life is over make room by themselves.
	late := at(5).Add(nonceLife + time.Second)
	if !u.take(late, "late", late, 1) || len(u.windows.entries) != 1 || len(u.windows.order) != 1 {
		t.Errorf("%d nonces are kept when one is left", len(u.windows.entries))
	}
	if u.take(late, "nonce5", at(5), 3) {
		t.Error("a nonce that was forgotten is taken")
	}
}

func TestChallengesTellNothing(t *testing.T) {
	d := newDesk(t)
	answer := func(user, password string) string {
		r := d.request("INVITE", target)
		r.Salt = "the same"
		var c Client
		c.Challenged(new(Try), d.server.Challenges(d.now, r, false), "")
		r.Credentials = []string{c.Authorize(user, NewSecret(password), "INVITE", target, nil, "cnonce")}
		v := d.server.Check(d.now, r)
		return fmt.Sprint(v, d.server.Challenges(d.now, r, v == Stale))
	}
	wrong, unknown := answer("sw1", "guess"), answer("sw9", "guess")
	if wrong != unknown {
		t.Errorf("a wrong password gets\n%s\nan unknown user\n%s", wrong, unknown)
	}
	if got := answer("", ""); got != wrong {
		t.Errorf("nobody gets\n%s", got)
	}
}

func TestServersThatCannotBe(t *testing.T) {
	good := User{"sw1", NewSecret("x")}
	for name, tc := range map[string]struct {
		users      []User
		algorithms []string
	}{
		"a user without a name":     {[]User{{"", NewSecret("x")}}, nil},
		"a user without a password": {[]User{{"sw1", Secret{}}}, nil},
		"a user twice":              {[]User{good, good}, nil},
		"an unknown algorithm":      {[]User{good}, []string{"SHA-1"}},
		"a session variant":         {[]User{good}, []string{"MD5-sess"}},
		"an algorithm in another case": {
			[]User{good}, []string{"md5"}},
	} {
		if _, err := NewServer("r", tc.users, tc.algorithms, [32]byte{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzCredentials(f *testing.F) {
	var client Client
	server, err := NewServer("example.net", []User{{"sw1", NewSecret("of sw1")}}, nil, [32]byte{1})
	if err != nil {
		f.Fatal(err)
	}
	to, err := message.ParseURI(target)
	if err != nil {
		f.Fatal(err)
	}
	r := &Request{Method: "INVITE", Target: to, Source: source, Salt: "salt"}
	client.Challenged(new(Try), server.Challenges(began, r, false), "")
	good := client.Authorize("sw1", NewSecret("of sw1"), "INVITE", target, nil, "cnonce")
	f.Add(good)
	f.Add(strings.Replace(good, "SHA-256", "MD5", 1))
	f.Add(strings.Replace(good, "qop=auth", "qop=auth-int", 1))
	f.Add(`Digest username="a\"b", realm=example.net,,nonce="",uri="sip:x"`)
	f.Fuzz(func(t *testing.T, value string) {
		s, err := NewServer("example.net", []User{{"sw1", NewSecret("of sw1")}}, nil, [32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		again := *r
		again.Credentials = []string{value}
		if s.Check(began, &again) != Accepted {
			return
		}
		// Only the one response is right, however it is written.
		p, ok := params(value)
		want, _ := params(good)
		if !ok || p["response"] != want["response"] || p["username"] != "sw1" || p["nonce"] != want["nonce"] {
			t.Errorf("accepted %q", value)
		}
	})
}
