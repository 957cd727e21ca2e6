package sentinel

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/media/sdp"
	"mask700/sip/message"
)

func TestWhatIsLearnt(t *testing.T) {
	l := learned(t, invite(7))
	for _, want := range []Secret{
		{Number, "13800138000"}, {Host, "carrier.example"}, {Name, "Alice Liddell"}, {Dialog, "1928301774"}, {Host, "192.0.2.10"},
		{Device, "00156574b150"}, {Dialog, "a84b4c76e66710-7"}, {Host, "pc33.carrier.example"}, {Host, "192.0.2.9"}, {Branch, "776asdhds7"},
		{Host, "203.0.113.7"}, {Dialog, "53655765"},
	} {
		if !slices.Contains(l, want) {
			t.Errorf("%s %s was not learnt", want.Kind, want.Text)
		}
	}
	for _, s := range l {
		if strings.HasPrefix(s.Text, "700") {
			t.Errorf("a 700 number is no secret: %s", s.Text)
		}
	}
}

// Who a party is to its proxy, whom it refers to and what its program is called are its
// own too.
func TestCredentialsReferralsAndProgramsAreLearnt(t *testing.T) {
	for more, want := range map[string][]Secret{
		`Authorization: Digest username="13700000003", realm="x", uri="sip:b@c"`:                        {{Number, "13700000003"}},
		`Proxy-Authorization: Digest realm="username=\"other\"", UserName = "a\"lice\\bob" , nonce="n"`: {{User, `a"lice\bob`}},
		`Authorization: Digest username="460001234567890@ims.mnc000.example", realm="x"`:                {{Number, "460001234567890"}, {Host, "ims.mnc000.example"}},
		`Authorization: Digest username*=UTF-8''J%c3%a4s%c3%b8n%20Doe, userhash=false, realm="x"`:       {{User, "Jäsøn Doe"}},
		"Authorization: Digest realm=\"x\", username=plainly,uri=\"u\"":                                 {{User, "plainly"}},
		"Refer-To: \"Bob Far\" <sip:13600000004@10.1.2.33;method=INVITE?Replaces=1>":                    {{Number, "13600000004"}, {Host, "10.1.2.33"}, {Name, "Bob Far"}},
		"User-Agent: Yealink SIP-T46G 66.85.0.5 805ec0123456":                                           {{Device, "Yealink"}, {Device, "SIP-T46G"}, {Device, "805ec0123456"}},
		"Server: mta-of-alice/5.0": {{Device, "mta-of-alice/5.0"}},
		"Diversion: <tel:+86-137-0000-0003>;reason=no-answer\r\nHistory-Info: <sip:+442079460958@h>;index=1": {{Number, "13700000003"}, {Number, "2079460958"}},
	} {
		raw := "REFER sip:700100000010007@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP a.b;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=t\r\nTo: <sip:c@d>;tag=o\r\nCall-ID: i\r\nCSeq: 2 REFER\r\n" +
			more + "\r\nContent-Length: 0\r\n\r\n"
		m, fault := message.Parse([]byte(raw))
		if fault != nil {
			t.Fatalf("%s: %v", more, fault)
		}
		var l Secrets
		l.Learn(m, true, "86")
		for _, s := range want {
			if !slices.Contains(l, s) {
				t.Errorf("%s: %s %s was not learnt", more, s.Kind, s.Text)
			}
		}
		for _, s := range l {
			if s.Text == "other" || s.Kind == User && !slices.Contains(want, s) {
				t.Errorf("%s: %s %s was learnt", more, s.Kind, s.Text)
			}
		}
	}
	for _, value := range []string{"", "username", "username=", `username="`, `Digest username="\`, `"username=a"`, "Basic YWxpY2U6eA==", strings.Repeat(`username="`, 100)} {
		if user, ok := username(value); ok && len(user) >= MinLength && !strings.HasPrefix(value, "username=\"username") {
			t.Errorf("%q: %q", value, user)
		}
	}
}

func TestADescriptionIsLearnt(t *testing.T) {
	body := "v=0\r\no=liddell 3724394400 1 IN IP6 2001:DB8:0::10\r\ns=Wonderland\r\ni=13700000003\r\nc=IN IP4 203.0.113.8/127\r\nt=0 0\r\n" +
		"m=audio 6000 RTP/AVP 8\r\na=candidate:1 1 UDP 2130706431 10.9.8.7 8998 typ host\r\na=ssrc:314159265 cname:alice@rabbit.example\r\na=rtpmap:8 PCMA/8000\r\n"
	raw := fmt.Sprintf("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours\r\nFrom: <sip:a@b>;tag=ours-and-ours\r\nTo: <tel:+86-139-0000-0002>;tag=theirs\r\n"+
		"Call-ID: oursours\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	m, fault := message.Parse([]byte(raw))
	if fault != nil {
		t.Fatal(fault)
	}
	var l Secrets
	l.Learn(m, true, "86")
	for _, want := range []Secret{
		{Number, "13900000002"}, {Dialog, "theirs"}, {User, "liddell"}, {Dialog, "3724394400"}, {Host, "2001:db8::10"}, {Device, "Wonderland"},
		{Number, "13700000003"}, {Host, "203.0.113.8"}, {Host, "10.9.8.7"}, {Device, "rabbit.example"},
	} {
		if !slices.Contains(l, want) {
			t.Errorf("%s %s was not learnt", want.Kind, want.Text)
		}
	}
	for _, s := range l {
		if strings.Contains(s.Text, "ours") {
			t.Errorf("%s is ours", s.Text)
		}
	}
}

// The name of the user in an o= line may have several words, and tabs part them as spaces do.
func TestAnOriginIsLearnt(t *testing.T) {
	alice, session, host := Secret{User, "Liddell"}, Secret{Dialog, "3724394400"}, Secret{Host, "203.0.113.8"}
	number := Secret{Number, "13800138000"}
	for line, want := range map[string]Secrets{
		"Liddell 3724394400 1 IN IP4 203.0.113.8":                   {alice, session, host},
		"Alice Liddell 13800138000 3724394400 1 IN IP4 203.0.113.8": {alice, number, session, host},
		"138 0013 8000 3724394400 1 IN IP4 203.0.113.8":             {number, session, host},
		"Liddell\t3724394400\t1\tIN\tIP4\t203.0.113.8 ":             {alice, session, host},
		"Liddell   3724394400  1 IN IP4  203.0.113.8":               {alice, session, host},
		"Liddell 3724394400":                                        {alice, session},
		"Liddell":                                                   {alice},
	} {
		m := message.Message{ContentType: message.MediaType, Body: []byte("v=0\r\no=" + line + "\r\n")}
		var l Secrets
		l.Learn(&m, false, "86")
		for _, secret := range want {
			if !slices.Contains(l, secret) {
				t.Errorf("%q: %s %s was not learnt", line, secret.Kind, secret.Text)
			}
		}
	}
}

func TestANumberIsReadInEveryNotation(t *testing.T) {
	for text, want := range map[string]string{
		"13800138000": "86 13800138000", "013800138000": "86 13800138000", "+8613800138000": "86 13800138000", "008613800138000": "86 13800138000",
		"8613800138000": "86 13800138000", "+86-138-0013-8000": "86 13800138000", "010-59658005": "86 1059658005", "+86 (0)10 59658005": "86 1059658005",
		"+14155550123": "1 4155550123", "0014155550123": "1 4155550123", "5551234": "86 5551234", "+44 (0)20 7946 0958": "44 2079460958", "+852 9123 4567": "852 91234567",
		"+79161234567": "7 9161234567", "+39 06 1234 5678": "39 0612345678", "+376 812 345": "376 812345", "8612345678": "86 8612345678",
		"12345": "", "+12345": "", "1380013800x": "", "alice": "", "": "", strings.Repeat("1", 25): "",
	} {
		national, code, ok := bare(text, "86")
		if got := strings.TrimSpace(code + " " + national); got != want || ok != (want != "") {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"85291234567 852": "852 91234567", "91234567 852": "852 91234567", "+8613800138000 852": "86 13800138000", "14155550123 1": "1 4155550123", "4155550123 1": "1 4155550123",
		"89161234567 7": "7 9161234567", "79161234567 7": "7 9161234567", "07700900123 44": "44 7700900123", "447700900123 44": "44 7700900123",
	} {
		number, configured, _ := strings.Cut(text, " ")
		if national, code, _ := bare(number, configured); code+" "+national != want {
			t.Errorf("%q is read as %s %s, want %q", text, code, national, want)
		}
	}
}

// A party's own number is kept without its country code, whichever that is, and a short one with it too.
func TestThePartysNumber(t *testing.T) {
	for digits, want := range map[string][]string{
		"8613800138000": {"13800138000"}, "14155550123": {"4155550123"}, "447700900123": {"7700900123"}, "85291234567": {"91234567", "85291234567"},
		"376812345": {"376812345"}, "3545812345": {"5812345", "3545812345"},
	} {
		n, err := binding.NumberFromDigits(digits)
		if err != nil {
			t.Fatal(err)
		}
		var l Secrets
		if !l.AddParty(n, "86") || len(l) != len(want) {
			t.Errorf("%s: %d are kept", digits, len(l))
			continue
		}
		for i, text := range want {
			if l[i] != (Secret{Number, text}) {
				t.Errorf("%s: no. %d is %s", digits, i, l[i].Text)
			}
		}
	}
	var none Secrets
	if !none.AddParty(binding.Number{}, "86") || len(none) > 0 {
		t.Error("nobody has a number")
	}
}

// Whatever a party sends, what is kept of it is bounded, and so is what is made of it.
func TestAFloodOfSecretsIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("INVITE sip:700100000010007@192.0.2.1 SIP/2.0\r\n")
	for i := range 90 {
		fmt.Fprintf(&b, "Via: SIP/2.0/UDP host%d.example;branch=z9hG4bKbranch%d\r\n", i, i)
		fmt.Fprintf(&b, "P-Asserted-Identity: \"Name number %d\" <sip:1380013%04d@host%d.example>\r\n", i, i, i)
	}
	b.WriteString("From: <sip:13900139000@first.example>;tag=first-tag\r\nTo: <sip:x@y>\r\nCall-ID: first-call\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
	m, fault := message.Parse([]byte(b.String()))
	if fault != nil {
		t.Fatal(fault)
	}
	var l Secrets
	for range 50 {
		l.Learn(m, false, "86")
	}
	most := 0
	for _, n := range room {
		most += n
	}
	if len(l) > most {
		t.Errorf("%d secrets are kept, more than %d", len(l), most)
	}
	for _, want := range []Secret{{Number, "13900139000"}, {Host, "first.example"}, {Dialog, "first-tag"}, {Dialog, "first-call"}} {
		if !slices.Contains(l, want) {
			t.Errorf("%s was crowded out", want.Text)
		}
	}
	s := new(Set)
	for range 10 {
		for _, secret := range l {
			s.Add(secret, 0)
		}
	}
	if s.Len() > maxPatterns || len(s.entries) > maxPatterns*24 {
		t.Errorf("%d patterns in %d entries", s.Len(), len(s.entries))
	}
}

func TestASecretIsPrintedMasked(t *testing.T) {
	s := Secret{Number, "13800138000"}
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%+v %#v", s, s), fmt.Sprintf("%v", Secrets{s}), s.LogValue().String()} {
		if strings.Contains(text, "1380013") {
			t.Errorf("printed as %s", text)
		}
	}
}

// What this program writes of its own is in the vocabulary: whoever is called by one of
// its words is not told from it.
func TestTheVocabularyIsWhole(t *testing.T) {
	var texts []string
	for status := 100; status < 700; status++ {
		r := message.Response{
			Echo: message.Echo{Via: []string{"v"}, From: "f", To: "t", CallID: "c", CSeq: 1, Method: "OPTIONS", Timestamp: "1"}, Status: status,
			RecordRoute: []string{"r"}, Contact: "c", Allow: true, AllowRefer: true, AcceptSDP: true, AcceptDTMF: true, NoInfoPackages: true,
			Supported: []string{"100rel", "timer"}, Require: []string{"100rel"}, Unsupported: []string{"x"}, RetryAfter: 5, RSeq: 1, SessionExpires: 90,
			Refresher: "uac", MinSE: 90, Expires: message.In(1), WWWAuthenticate: []string{"Digest realm=, nonce=, algorithm=SHA-256, qop=auth, stale=true, opaque="},
			Identity: "i", Q850: 16, ContentType: "application/sdp", Body: []byte("x"), AllowText: true, AcceptText: true,
		}
		texts = append(texts, string(r.Append(nil)))
	}
	for _, method := range []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "PRACK", "UPDATE", "INFO", "NOTIFY", "REGISTER"} {
		r := message.Request{
			Method: method, Target: "t", Via: "SIP/2.0/UDP v", Branch: "z9hG4bK", Route: []string{"r"}, From: "f", To: "t", CallID: "c", CSeq: 1, Contact: "c",
			Allow: true, Supported: []string{"timer"}, Require: []string{"100rel"}, Identity: "i", RemoteParty: "r;party=calling;screen=yes;privacy=off", Q850: 16,
			ContentType: message.DTMFType, Body: []byte("Signal=5\r\nDuration=160\r\n"), AllowRefer: true, RAck: message.RAck{RSeq: 1, CSeq: 1, Method: method},
			SessionExpires: 90, Refresher: "uas", MinSE: 90, Authorization: "Digest username=", ProxyAuthorization: "Digest response=", AcceptSDP: true,
			Expires: message.In(1), Event: "refer", SubscriptionState: "terminated;reason=noresource", Private: true,
		}
		texts = append(texts, string(r.Append(nil)))
	}
	text := message.Request{Method: "MESSAGE", Target: "t", Via: "SIP/2.0/UDP v", Branch: "z9hG4bK", From: "f", To: "t", CallID: "c", CSeq: 1,
		ContentType: message.TextType + ";charset=utf-8", Body: []byte("x")}
	texts = append(texts, string(text.Append(nil)), videoOffer(t))
	for _, word := range []string{"H264/90000", "profile-level-id=", "charset=utf-8", "level-asymmetry-allowed", "rtcp-fb", "GSM-EFR/8000", "opus/48000/2"} {
		if !ours(word) {
			t.Errorf("%q is ours", word)
		}
	}
	for _, text := range texts {
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return between(byte(r)) || r == ':' }) {
			if len(word) >= MinLength && !ours(word) {
				t.Errorf("%q is ours", word)
			}
		}
	}
}

// videoOffer is a description with all that one with video may hold, composed for a party.
func videoOffer(t *testing.T) string {
	const picture = "96 97 98 99 100 101"
	from, err := sdp.Parse([]byte("v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\nm=video 4002 RTP/AVPF " + picture + "\r\nb=AS:512\r\n" +
		"a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1;max-mbps=1000;max-smbps=1000;max-fs=8160;max-cpb=1;max-dpb=1;max-br=1;max-fps=1\r\n" +
		"a=rtpmap:97 VP8/90000\r\na=fmtp:97 max-fr=30;max-fs=3600\r\na=rtpmap:98 H265/90000\r\na=fmtp:98 profile-space=0;profile-id=1;tier-flag=0;level-id=93\r\n" +
		"a=rtpmap:99 H263-1998/90000\r\na=fmtp:99 SQCIF=1;PROFILE=0;LEVEL=10\r\na=rtpmap:100 AV1/90000\r\na=fmtp:100 profile=0;level-idx=5;tier=0\r\na=rtpmap:101 VP9/90000\r\na=fmtp:101 profile-id=0\r\n" +
		"a=rtcp-fb:* nack\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\na=imageattr:96 send [x=640,y=480] recv *\r\na=framerate:30\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	other, leg := sdp.NewLeg(2, sdp.Policy{Video: true}), sdp.NewLeg(1, sdp.Policy{Video: true})
	other.Receive(from)
	at := netip.MustParseAddr("192.0.2.1")
	b, err := leg.Offer(&other.Peer, sdp.Local{Addr: at, Port: 30000, Video: 30002})
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !strings.Contains(text, "max-mbps=") || !strings.Contains(text, "a=imageattr:") || !strings.Contains(text, "nack pli") {
		t.Fatalf("not all of it is composed:\n%s", text)
	}
	// Of these the bounds are narrow, and what they hold stands for itself.
	return strings.NewReplacer("42e01f", "", "[x=640,y=480]", "", "192.0.2.1", "").Replace(text)
}
