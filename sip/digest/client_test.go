package digest

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"strings"
	"testing"

	"mask700/sip/message"
)

// TestPublishedVectors has the examples of the standards that can be told to a
// client, which signs what they sign.
func TestPublishedVectors(t *testing.T) {
	for _, tc := range []struct {
		name, challenge             string
		user, password, uri, cnonce string
		response, alsoIn            string
	}{
		{
			name: "RFC 2617 section 3.5",
			challenge: `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", ` +
				`opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
			user: "Mufasa", password: "Circle Of Life", uri: "/dir/index.html", cnonce: "0a4f113b",
			response: "6629fae49393a05397450978507c4ef1", alsoIn: `opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
		},
		{
			name: "RFC 7616 section 3.9.1, MD5",
			challenge: `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, ` +
				`nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
			user: "Mufasa", password: "Circle of Life", uri: "/dir/index.html",
			cnonce:   "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
			response: "8ca523f5e9506fed4657c9700eebdbec", alsoIn: "algorithm=MD5,",
		},
		{
			name: "RFC 7616 section 3.9.1, SHA-256",
			challenge: `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, ` +
				`nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
			user: "Mufasa", password: "Circle of Life", uri: "/dir/index.html",
			cnonce:   "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
			response: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", alsoIn: "algorithm=SHA-256,",
		},
		{
			// The response printed in the RFC is that of another hash; erratum 4897 has this one.
			name: "RFC 7616 section 3.9.2 with erratum 4897, SHA-512-256",
			challenge: `Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, ` +
				`nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8`,
			user: "J\u00e4s\u00f8n Doe", password: "Secret, or not?", uri: "/doe.json",
			cnonce:   "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
			response: "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5", alsoIn: "algorithm=SHA-512-256,",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c Client
			if !c.Challenged(new(Try), []string{tc.challenge}, "") {
				t.Fatal("the challenge is not answered")
			}
			got := c.Authorize(tc.user, NewSecret(tc.password), "GET", tc.uri, nil, tc.cnonce)
			for _, want := range []string{`response="` + tc.response + `"`, tc.alsoIn, "qop=auth,", "nc=00000001,", `uri="` + tc.uri + `"`} {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in %s", want, got)
				}
			}
		})
	}
}

const (
	md5Challenge = `Digest realm="example.net", nonce="one", algorithm=MD5, qop="auth"`
	shaChallenge = `Digest realm="example.net", nonce="two", algorithm=SHA-256, qop="auth"`
)

func TestWhichChallengeIsAnswered(t *testing.T) {
	long := strings.Repeat("n", maxValue+1)
	for _, tc := range []struct {
		name       string
		realm      string
		challenges []string
		nonce      string // of the one answered; "": none is
	}{
		{"none", "", nil, ""},
		{"MD5 alone", "", []string{md5Challenge}, "one"},
		{"SHA-256 after MD5", "", []string{md5Challenge, shaChallenge}, "two"},
		{"SHA-256 before MD5", "", []string{shaChallenge, md5Challenge}, "two"},
		{"the first of two as good", "", []string{strings.ReplaceAll(shaChallenge, "SHA-256", "sha-512-256"), strings.ReplaceAll(shaChallenge, "two", "b")}, "two"},
		{"another scheme before", "", []string{`Basic realm="example.net"`, md5Challenge}, "one"},
		{"an algorithm that nobody knows", "", []string{strings.ReplaceAll(shaChallenge, "SHA-256", "SHA-1024"), md5Challenge}, "one"},
		{"AKA", "", []string{strings.ReplaceAll(md5Challenge, "MD5", "AKAv1-MD5")}, ""},
		{"another realm", "example.org", []string{md5Challenge, shaChallenge}, ""},
		{"our realm among others", "example.org", []string{shaChallenge, strings.ReplaceAll(md5Challenge, ".net", ".org")}, "one"},
		{"a realm in another case", "Example.net", []string{md5Challenge}, ""},
		{"no algorithm, no qop: RFC 2069", "", []string{`Digest realm="r", nonce="n"`}, "n"},
		{"names in capitals, blanks and tabs", "", []string{"DIGEST\tREALM = \"r\" ,\tNonce=\"n\",, QOP=\"AUTH\","}, "n"},
		{"values that are tokens", "", []string{"Digest realm=r, nonce=n/+=, qop=auth"}, "n/+="},
		{"escapes", "", []string{`Digest realm="a\"b\\c", nonce="n\"m"`}, `n"m`},
		{"only auth-int", "", []string{`Digest realm="r", nonce="n", qop="auth-int"`}, "n"},
		{"only a qop that nobody knows", "", []string{`Digest realm="r", nonce="n", qop="auth-conf"`}, ""},
		{"a session variant", "", []string{`Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess`}, "n"},
		{"a session variant without a cnonce", "", []string{`Digest realm="r", nonce="n", algorithm=MD5-sess`}, ""},

		{"no nonce", "", []string{`Digest realm="r"`}, ""},
		{"an empty nonce", "", []string{`Digest realm="r", nonce=""`}, ""},
		{"no realm", "", []string{`Digest nonce="n"`}, ""},
		{"a nonce twice", "", []string{`Digest realm="r", nonce="n", nonce="m"`}, ""},
		{"a quote that does not end", "", []string{`Digest realm="r", nonce="n`}, ""},
		{"an escape that does not end", "", []string{`Digest realm="r", nonce="n\`}, ""},
		{"a line end", "", []string{"Digest realm=\"r\r\nVia: x\", nonce=\"n\""}, ""},
		{"a line end in the nonce", "", []string{"Digest realm=\"r\", nonce=\"n\r\nVia: x\""}, ""},
		{"a line end in opaque", "", []string{"Digest realm=\"r\", nonce=\"n\", opaque=\"\n\""}, ""},
		{"a NUL", "", []string{"Digest realm=\"r\x00\", nonce=\"n\""}, ""},
		{"bytes that are no text", "", []string{"Digest realm=\"\xff\", nonce=\"n\""}, ""},
		{"a nonce of more than 1024 bytes", "", []string{`Digest realm="r", nonce="` + long + `"`}, ""},
		{"more parameters than anybody has", "", []string{`Digest realm="r", nonce="n"` + many()}, ""},
		{"no value", "", []string{`Digest realm="r", nonce="n", opaque=`}, ""},
		{"no equals sign", "", []string{`Digest realm="r", nonce="n", stale`}, ""},
		{"text behind a value", "", []string{`Digest realm="r" x, nonce="n"`}, ""},
		{"two challenges in one line", "", []string{`Digest realm="r", nonce="n", Digest realm="s", nonce="m"`}, ""},
		{"nothing behind the scheme", "", []string{"Digest"}, ""},
		{"nothing at all", "", []string{""}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c Client
			ok := c.Challenged(new(Try), tc.challenges, tc.realm)
			if ok != (tc.nonce != "") || c.Nonce != tc.nonce {
				t.Errorf("answered: %t, nonce %q; want %q", ok, c.Nonce, tc.nonce)
			}
		})
	}
}

func many() string {
	var b strings.Builder
	for i := range maxParams {
		fmt.Fprintf(&b, ", x%d=y", i)
	}
	return b.String()
}

// TestWhenToTryAgain plays what a server answers to one request after another.
// "ok" is any other final response.
func TestWhenToTryAgain(t *testing.T) {
	challenge := func(nonce, more string) string { return `Digest realm="r", qop="auth", nonce="` + nonce + `"` + more }
	for _, tc := range []struct {
		name  string
		steps []string // a nonce, with ! where it is called stale, or ok
		again []bool   // for those that are nonces
	}{
		{"asked and let through", []string{"a", "ok"}, []bool{true}},
		{"refused", []string{"a", "b"}, []bool{true, false}},
		{"refused with the same nonce", []string{"a", "a"}, []bool{true, false}},
		{"a nonce that is stale is no refusal", []string{"a", "b!", "ok"}, []bool{true, true}},
		{"a refusal after a stale nonce", []string{"a", "b!", "c"}, []bool{true, true, false}},
		{"a server that calls everything stale", []string{"a", "b!", "c!", "d!", "e!"}, []bool{true, true, true, true, false}},
		{"asked for every request", []string{"a", "ok", "b", "ok", "c!", "ok"}, []bool{true, true, true}},
		{"the old nonce is refused later", []string{"a", "ok", "a"}, []bool{true, false}},
		{"the old nonce is stale later", []string{"a", "ok", "a!"}, []bool{true, true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c Client
			var request Try
			n := 0
			for _, step := range tc.steps {
				if step == "ok" {
					request = Try{}
				} else {
					nonce, stale := strings.CutSuffix(step, "!")
					more := ""
					if stale {
						more = ", stale=TRUE"
					}
					if got := c.Challenged(&request, []string{challenge(nonce, more)}, ""); got != tc.again[n] {
						t.Fatalf("%s: again %t, want %t", step, got, tc.again[n])
					}
					n++
				}
				c.Authorize("u", NewSecret("p"), "INVITE", "sip:x", nil, "cn")
				request.Nonce = c.Nonce
			}
		})
	}
}

// TestRequestsAreJudgedOneByOne has several requests of one leg on their way at a
// time, of a server that asks each for a nonce of its own.
func TestRequestsAreJudgedOneByOne(t *testing.T) {
	account := &Account{User: "u", Password: NewSecret("p")}
	var s Session
	var tries [3]Tries
	sign := func(i int) string {
		r := message.Request{Method: "INFO", Target: "sip:x"}
		s.Sign(&tries[i], &r, account, func() string { return "cn" })
		return r.Authorization
	}
	asked := func(i int, nonce string) bool {
		return s.Challenged(&tries[i], &message.Message{
			Status: 401, WWWAuthenticate: []string{`Digest realm="r", qop="auth", nonce="` + nonce + `"`},
		}, account)
	}
	for i := range tries {
		sign(i)
	}
	for i, nonce := range []string{"a", "b", "c"} {
		if !asked(i, nonce) {
			t.Fatalf("request %d is not signed", i)
		}
		if got := sign(i); !strings.Contains(got, `nonce="`+nonce+`"`) {
			t.Errorf("request %d is signed %s", i, got)
		}
	}
	for i, nonce := range []string{"a", "other", "c"} {
		if asked(i, nonce) {
			t.Errorf("request %d is sent again after its refusal", i)
		}
	}
}

func TestCountsGoUpWithEveryRequestUnderANonce(t *testing.T) {
	var c Client
	sign := func() string { return c.Authorize("u", NewSecret("p"), "INVITE", "sip:x", nil, "cn") }
	if got := sign(); got != "" {
		t.Errorf("before any challenge it is %s", got)
	}
	c.Challenged(new(Try), []string{md5Challenge}, "")
	first, second := sign(), sign()
	if !strings.Contains(first, "nc=00000001") || !strings.Contains(second, "nc=00000002") {
		t.Errorf("%s\n%s", first, second)
	}
	c.Challenged(new(Try), []string{strings.Replace(md5Challenge, "one", "next", 1)}, "")
	if got := sign(); !strings.Contains(got, "nc=00000001") || !strings.Contains(got, `nonce="next"`) {
		t.Errorf("under the next nonce: %s", got)
	}
}

func TestWithoutQOPThereIsNoCount(t *testing.T) {
	var c Client
	c.Challenged(new(Try), []string{`Digest realm="r", nonce="n"`}, "")
	got := c.Authorize("u", NewSecret("p"), "REGISTER", "sip:example.net", nil, "cn")
	want := hexHash(MD5, hexHash(MD5, "u", "r", "p"), "n", hexHash(MD5, "REGISTER", "sip:example.net"))
	if !strings.Contains(got, `response="`+want+`"`) {
		t.Errorf("no %s in %s", want, got)
	}
	for _, word := range []string{"nc=", "cnonce=", "qop=", "algorithm=", "opaque="} {
		if strings.Contains(got, word) {
			t.Errorf("%s in %s", word, got)
		}
	}
}

// The session variants keep the cnonce of the first request, so that it does not
// matter whether a server remembers it or reads it again.
func TestSessionVariants(t *testing.T) {
	var c Client
	c.Challenged(new(Try), []string{`Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256-sess`}, "")
	for i, nc := range []string{"00000001", "00000002"} {
		got := c.Authorize("u", NewSecret("p"), "BYE", "sip:x", nil, fmt.Sprint("cnonce", i))
		a1 := hexHash(SHA256, hexHash(SHA256, "u", "r", "p"), "n", "cnonce0")
		want := hexHash(SHA256, a1, "n", nc, "cnonce0", "auth", hexHash(SHA256, "BYE", "sip:x"))
		if !strings.Contains(got, `response="`+want+`"`) || !strings.Contains(got, `cnonce="cnonce0"`) || !strings.Contains(got, "algorithm=SHA-256-sess") {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

func TestBodyIsHashedWhereNothingElseIsOffered(t *testing.T) {
	for _, body := range []string{"", "v=0\r\n"} {
		var c Client
		c.Challenged(new(Try), []string{`Digest realm="r", nonce="n", qop="auth-int"`}, "")
		got := c.Authorize("u", NewSecret("p"), "INVITE", "sip:x", []byte(body), "cn")
		a2 := hexHash(MD5, "INVITE", "sip:x", hexHash(MD5, body))
		want := hexHash(MD5, hexHash(MD5, "u", "r", "p"), "n", "00000001", "cn", "auth-int", a2)
		if !strings.Contains(got, `response="`+want+`"`) || !strings.Contains(got, "qop=auth-int") {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

// What a server challenges with comes back to it as it was, and what it escaped
// is escaped again.
func TestWhatIsEchoedIsQuoted(t *testing.T) {
	var c Client
	c.Challenged(new(Try), []string{`Digest realm="a\"b\\c \u00e9", nonce="x\"y", opaque="\\", qop="auth"`}, "")
	got := c.Authorize(`u"v`, NewSecret("p"), "INVITE", "sip:x", nil, "cn")
	for _, want := range []string{`username="u\"v"`, `realm="a\"b\\c u00e9"`, `nonce="x\"y"`, `opaque="\\"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	p, ok := params(got)
	if !ok || p["nonce"] != `x"y` || p["opaque"] != `\` || p["username"] != `u"v` {
		t.Errorf("read back: %v", p)
	}
}

func TestClientIsPlainData(t *testing.T) {
	var s, back Session
	s.Server.Challenged(new(Try), []string{`Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess, opaque="o"`}, "")
	s.Server.Authorize("u", NewSecret("p"), "INVITE", "sip:x", nil, "cn")
	s.Proxy.Challenged(new(Try), []string{md5Challenge}, "")
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(s); err != nil {
		t.Fatal(err)
	}
	if err := gob.NewDecoder(&b).Decode(&back); err != nil || back != s {
		t.Errorf("came back as %+v, %v", back, err)
	}
}

func TestSessionSignsForWhoeverAsked(t *testing.T) {
	account := &Account{User: "u", Password: NewSecret("p")}
	var s Session
	var request Tries
	mint := func() string { return "cn" }
	sign := func() (server, proxy bool) {
		r := message.Request{Method: "INVITE", Target: "sip:x"}
		s.Sign(&request, &r, account, mint)
		return r.Authorization != "", r.ProxyAuthorization != ""
	}
	answer := func(status int) bool {
		return s.Challenged(&request, &message.Message{
			Status: status, WWWAuthenticate: []string{md5Challenge}, ProxyAuthenticate: []string{shaChallenge},
		}, account)
	}
	expect := func(what string, server, proxy bool) {
		t.Helper()
		if a, b := sign(); a != server || b != proxy {
			t.Errorf("%s: signed for the server %t, for a proxy %t; want %t, %t", what, a, b, server, proxy)
		}
	}
	expect("unasked", false, false)
	if !answer(407) {
		t.Fatal("a 407 is not answered")
	}
	expect("after a 407", false, true)
	if !answer(401) {
		t.Fatal("a 401 behind a 407 is not answered")
	}
	expect("after both", true, true)
	if answer(401) || answer(407) || answer(486) {
		t.Error("a refusal is answered")
	}
	request = Tries{}
	expect("in the next request", true, true)
	if s.Challenged(&request, &message.Message{Status: 401, WWWAuthenticate: []string{md5Challenge}}, nil) {
		t.Error("a challenge is answered without an account")
	}
	r := message.Request{Method: "INVITE", Target: "sip:x"}
	if s.Sign(&request, &r, nil, mint); r.Authorization != "" {
		t.Error("signed without an account")
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(md5Challenge)
	f.Add(`Digest realm="a\"b", nonce="n", opaque="\\", qop="auth-int", algorithm=SHA-256-sess, stale=true`)
	f.Add("digest\trealm=r,,nonce=n")
	f.Fuzz(func(t *testing.T, value string) {
		var c Client
		if !c.Challenged(new(Try), []string{value}, "") {
			return
		}
		got := c.Authorize("user", NewSecret("canary-of-a-password"), "INVITE", "sip:x@example.net", nil, "cnonce")
		if got == "" || strings.ContainsAny(got, "\r\n\x00") || strings.Contains(got, "canary") {
			t.Fatalf("answered by %q", got)
		}
		p, ok := params(got)
		if !ok || p["nonce"] != c.Nonce || p["realm"] != c.Realm || p["opaque"] != c.Opaque {
			t.Errorf("%q is answered by %q", value, got)
		}
	})
}
