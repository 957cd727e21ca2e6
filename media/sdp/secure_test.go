package sdp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"mask700/media/srtp"
)

// secureOffer is plain, encrypted by a key of thirty times the same byte.
func secureOffer(b byte) string {
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), 30)))
	return strings.Replace(plain, "RTP/AVP", "RTP/SAVP", 1) + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "\r\n"
}

func secureLeg(t *testing.T) Leg {
	t.Helper()
	l := NewLeg(7, Policy{SRTP: SRTPAllow})
	l.Receive(mustParse(t, secureOffer('k')))
	if _, err := l.Answer(mustParse(t, plain), hereWithSecret); err != nil {
		t.Fatal(err)
	}
	return l
}

var hereWithSecret = Local{Addr: here.Addr, Port: here.Port, Secret: srtp.NewSecret([32]byte{9})}

func remote(t *testing.T, l *Leg) RemoteMedia {
	t.Helper()
	m, err := l.Remote()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRemoteHasTheKeysOfBoth(t *testing.T) {
	l := secureLeg(t)
	first := remote(t, &l)
	if theirs := l.Peer.stream().Crypto[0].Key; !first.In.Equal(theirs) {
		t.Error("what comes in is not opened by the peer's key")
	}
	if written := mustParse(t, string(l.Sent)).Lines[0].Crypto[0].Key; !first.Out.Equal(written) || first.Out.Equal(first.In) {
		t.Error("what goes out is not sealed by the key that was written")
	}

	refused := l
	l.Receive(mustParse(t, secureOffer('k')+"a=sendonly\r\n"))
	if _, err := l.Answer(mustParse(t, plain), hereWithSecret); err != nil {
		t.Fatal(err)
	}
	if same := remote(t, &l); !same.In.Equal(first.In) || !same.Out.Equal(first.Out) {
		t.Error("a peer that keeps its key gets another one of ours: the rollover counter would be lost")
	}
	l.Receive(mustParse(t, secureOffer('n')))
	if _, err := l.Answer(mustParse(t, plain), hereWithSecret); err != nil {
		t.Fatal(err)
	}
	if other := remote(t, &l); other.In.Equal(first.In) || other.Out.Equal(first.Out) {
		t.Error("a peer that takes another key finds our old one: its counter begins anew and ours does not")
	}
	if back := remote(t, &refused); !back.In.Equal(first.In) || !back.Out.Equal(first.Out) {
		t.Error("the snapshot has other keys")
	}
}

// Each side of a call without the gateway between: what one leg offers, the other
// answers, and both have the same two keys, crosswise.
func TestBothEndsAgree(t *testing.T) {
	offerer, answerer := NewLeg(1, Policy{SRTP: SRTPRequire}), NewLeg(2, Policy{SRTP: SRTPAllow})
	body, err := offerer.Offer(mustParse(t, plain), hereWithSecret)
	if err != nil {
		t.Fatal(err)
	}
	answerer.Receive(mustParse(t, string(body)))
	other := Local{Addr: here.Addr, Port: 30000, Secret: srtp.NewSecret([32]byte{10})}
	if body, err = answerer.Answer(mustParse(t, plain), other); err != nil {
		t.Fatal(err)
	}
	offerer.Receive(mustParse(t, string(body)))
	a, b := remote(t, &offerer), remote(t, &answerer)
	if !a.In.Equal(b.Out) || !a.Out.Equal(b.In) || a.In.Equal(a.Out) || a.In.Suite() != srtp.Suites[0] {
		t.Errorf("keys are not the same: %v", a.In.Suite())
	}
	// The offerer's next offer goes on with them.
	if body, err = offerer.Offer(mustParse(t, plain), hereWithSecret); err != nil {
		t.Fatal(err)
	}
	if again := mustParse(t, string(body)).Lines[0].Crypto[0].Key; !again.Equal(a.Out) {
		t.Error("the next offer begins with another key")
	}
}

// Who is called after another has refused is offered other keys: that one knows his own. Within a dialog they stay.
func TestEveryDialogHasKeysOfItsOwn(t *testing.T) {
	keys := map[string]string{}
	offered := func(l *Leg) {
		t.Helper()
		body, err := l.Offer(mustParse(t, plain), hereWithSecret)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(body)) {
			_, key, ok := strings.Cut(strings.TrimSpace(line), "inline:")
			if other := keys[key]; ok && other != "" && other != l.Dialog {
				t.Errorf("%s and %s are offered one key", l.Dialog, other)
			}
			if ok {
				keys[key] = l.Dialog
			}
		}
	}
	for _, dialog := range []string{"first", "second", ""} {
		l := NewLeg(7, Policy{SRTP: SRTPRequire})
		l.Dialog = dialog
		offered(&l)
		offered(&l)
	}
	if len(keys) != 3*len(srtp.Suites) {
		t.Errorf("%d keys", len(keys))
	}
	answered := map[string]bool{}
	for _, dialog := range []string{"first", "second", "first"} {
		l := NewLeg(7, Policy{SRTP: SRTPAllow})
		l.Dialog = dialog
		l.Receive(mustParse(t, secureOffer('k')))
		body, err := l.Answer(mustParse(t, plain), hereWithSecret)
		if err != nil {
			t.Fatal(err)
		}
		_, key, _ := strings.Cut(string(body), "inline:")
		answered[key] = true
	}
	if len(answered) != 2 {
		t.Errorf("%d keys are answered with", len(answered))
	}
}

func TestNoSecretNoKeys(t *testing.T) {
	l := NewLeg(1, Policy{SRTP: SRTPRequire})
	var fault *Error
	if _, err := l.Offer(mustParse(t, plain), here); !errors.As(err, &fault) || l.Sent != nil {
		t.Errorf("offered: %v", err)
	}
	l.Receive(mustParse(t, secureOffer('k')))
	if _, err := l.Answer(mustParse(t, plain), here); !errors.As(err, &fault) || l.Sent != nil {
		t.Errorf("answered: %v", err)
	}
}

// While a secure stream is switched off there are no keys for it, and so nowhere
// to send to: nothing leaves in the clear.
func TestNothingIsSentWithoutKeys(t *testing.T) {
	l := secureLeg(t)
	if _, err := l.Answer(mustParse(t, strings.Replace(plain, "m=audio 4000", "m=audio 0", 1)), hereWithSecret); err != nil {
		t.Fatal(err)
	}
	if m := remote(t, &l); m.RTP.IsValid() || m.RTCP.IsValid() {
		t.Errorf("the relay is told of %v, %v", m.RTP, m.RTCP)
	}
}

func TestALegPrintsNoKey(t *testing.T) {
	l := secureLeg(t)
	body := string(l.Sent)
	ours := body[strings.Index(body, "inline:")+len("inline:"):][:20]
	theirs := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 15)))
	var all strings.Builder
	for _, v := range []any{l, &l, l.Sent, remote(t, &l), hereWithSecret, l.Peer} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&all, verb, v)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, word := range []string{ours, theirs, strings.Repeat("k", 15), strings.Repeat("6b", 15), strings.Repeat("107 ", 15), fmt.Sprintf("%x", ours),
		strings.Trim(fmt.Sprint([]byte(ours)), "[]")} {
		if strings.Contains(all.String(), word) {
			t.Errorf("%q is printed", word)
		}
	}
}
