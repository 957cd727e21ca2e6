package shard_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"mask700/sip/call"
	"mask700/sip/message"
	"mask700/sip/shard"
)

// spoken is a call of a few lines, each "WHO what it sends", and what left of it.
type spoken struct {
	scene *scene
	sent  []shard.Send
	said  map[string][]byte // by line
}

func speak(t *testing.T, lines ...string) *spoken {
	t.Helper()
	s := &spoken{scene: newScene(), said: map[string][]byte{}}
	s.scene.world.leaky = true
	s.scene.world.fail = t.Errorf
	s.scene.world.send = func(out shard.Send) {
		s.sent = append(s.sent, out)
		s.scene.shows(out)
	}
	for _, line := range lines {
		name, text, _ := strings.Cut(line, " ")
		a := s.scene.actors[name]
		b, err := a.write(text)
		if err != nil {
			t.Fatal(err)
		}
		s.said[line] = b
		s.scene.receive(a, b)
	}
	if n := len(s.scene.world.stopped); n != 0 {
		t.Fatalf("%d messages were stopped", n)
	}
	s.sent = nil
	return s
}

// What is repeated is searched again, whether its call lives or is over: the ACK of a 2xx
// and of a failure, a response. A fault that comes between is noticed.
func TestWhatIsRepeatedIsSearched(t *testing.T) {
	const invite, answer, bye = "caller INVITE 700100000010007\nsdp", "callee 200\nsdp", "caller BYE"
	for name, c := range map[string]struct {
		lines  []string
		repeat string
		over   bool // the call is by then
	}{
		"the ACK of a 2xx":               {[]string{invite, answer, "caller ACK"}, answer, false},
		"of a call that is over":         {[]string{invite, answer, "caller ACK", bye, "callee 200 BYE"}, answer, true},
		"the ACK of a failure":           {[]string{invite, "callee 486", "caller ACK"}, "callee 486", true},
		"the answer to a BYE":            {[]string{invite, answer, "caller ACK", "callee BYE"}, "callee BYE", false},
		"of a call that is over by then": {[]string{invite, answer, "caller ACK", "callee BYE", "caller 200 BYE"}, "callee BYE", true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, tampered := range []bool{false, true} {
				s := speak(t, c.lines...)
				if live := s.scene.world.shard.Stats().LiveCalls > 0; live == c.over {
					t.Fatalf("the call lives: %t", live)
				}
				if tampered {
					s.scene.world.shard.Tamper(func(b []byte) []byte {
						return bytes.Replace(b, []byte("\r\nContent-Length"), []byte("\r\nX: 13800000001\r\nContent-Length"), 1)
					})
				}
				s.scene.receive(s.scene.actors["callee"], s.said[c.repeat])
				stopped := s.scene.world.stopped
				if !tampered && (len(s.sent) != 1 || len(stopped) != 0) {
					t.Errorf("as it was: %d messages were sent, %d stopped", len(s.sent), len(stopped))
				}
				if tampered && len(stopped) != 1 {
					t.Errorf("tampered with: %d messages were stopped", len(stopped))
				}
				for _, out := range s.sent {
					if out.Flow.Listener == 1 && bytes.Contains(out.Bytes, []byte("13800000001")) {
						t.Errorf("it was sent:\n%s", out.Bytes)
					}
				}
			}
		})
	}
}

// What a party has told elsewhere than in a name or an address is kept from the other too:
// where its voice was found to come from, who it is to its proxy, whom it refers to, what
// its program is called.
func TestWhatAPartyTellsOtherwiseIsKept(t *testing.T) {
	const answer = "callee 200\nsdp"
	for name, c := range map[string]struct{ headers, secret string }{
		"where its voice comes from": {"", "203.0.113.99"},
		"who it is to its proxy":     {"\nProxy-Authorization: Digest username=\"13100000009\", realm=\"x\"", "13100000009"},
		"what its program is called": {"\nUser-Agent: Yealink SIP-T46G 66.85.0.5 805ec0a1b2c3", "805ec0a1b2c3"},
		"whom it refers to":          {"", "13100000008"},
	} {
		t.Run(name, func(t *testing.T) {
			s := speak(t, "caller INVITE 700100000010007"+c.headers+"\nsdp", answer, "caller ACK", "caller REFER\nRefer-To: <sip:13100000008@192.0.2.1>")
			w := s.scene.world
			for id := range w.calls {
				w.shard.Answer(w.now, id, call.MediaSource{Side: call.Caller, Addr: netip.MustParseAddr("203.0.113.99")})
			}
			w.shard.Tamper(func(b []byte) []byte {
				return bytes.Replace(b, []byte("\r\nContent-Length"), []byte("\r\nX: "+c.secret+"\r\nContent-Length"), 1)
			})
			s.scene.receive(s.scene.actors["callee"], s.said[answer])
			if len(w.stopped) != 1 {
				t.Errorf("%d messages were stopped", len(w.stopped))
			}
			for _, out := range s.sent {
				if bytes.Contains(out.Bytes, []byte(c.secret)) {
					t.Errorf("it was sent:\n%s", out.Bytes)
				}
			}
		})
	}
}

// A phone below the first hop picks up when the second hop has been asked: it is released,
// by what is addressed to it, which is no leak though its leg is no more.
func TestALatePhoneOfAnotherHopIsReleased(t *testing.T) {
	s := newScene()
	s.world.fail = func(format string, args ...any) {
		if strings.Contains(format, "sentinel") || strings.Contains(format, "learns") {
			t.Errorf(format, args...)
		}
	}
	s.set(t, []string{"targets"})
	var sent []shard.Send
	s.world.send = func(out shard.Send) {
		sent = append(sent, out)
		s.shows(out)
	}
	say := func(name, text string) {
		a := s.actors[name]
		b, err := a.write(text)
		if err != nil {
			t.Fatal(err)
		}
		s.receive(a, b)
	}
	say("caller", "INVITE 700100000010007\nsdp")
	first := sent[len(sent)-1]
	m, fault := message.Parse(first.Bytes)
	if fault != nil || m.Method != "INVITE" {
		t.Fatalf("%v:\n%s", fault, first.Bytes)
	}
	say("callee", "503")
	if last, _ := message.Parse(sent[len(sent)-1].Bytes); last == nil || last.Method != "INVITE" || last.CallID == m.CallID {
		t.Fatalf("no second hop:\n%s", sent[len(sent)-1].Bytes)
	}
	sent = nil
	late := message.Response{
		Echo: m.Echo(netip.AddrPort{}), Status: 200, ToTag: "late", Contact: "<sip:13900000002@198.51.100.20:5060>",
		ContentType: "application/sdp", Body: []byte("v=0\r\no=- 1 1 IN IP4 198.51.100.20\r\ns=-\r\nc=IN IP4 198.51.100.20\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\n"),
	}
	s.receive(s.actors["callee"], late.Append(nil))
	for i, method := range []string{"ACK", "BYE"} {
		if i >= len(sent) || !bytes.HasPrefix(sent[i].Bytes, []byte(method+" sip:13900000002@198.51.100.20:5060 ")) {
			t.Errorf("no %s among %d messages", method, len(sent))
		}
	}
}
