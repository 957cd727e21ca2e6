package sdp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

var keysAt = Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000}

// keysOf is a description with the payload types given: 8, 0 and 9 by their static meaning, 111 opus, 101 and 97 events of
// 8 kHz, 102 of 48 kHz.
func keysOf(t *testing.T, types string) *Description {
	t.Helper()
	d, err := Parse([]byte("v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP " + types + "\r\n" +
		"a=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16,32\r\na=rtpmap:97 telephone-event/8000\r\na=rtpmap:102 telephone-event/48000\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// typesOf is what the peer of a leg may send, with what that becomes.
func typesOf(t *testing.T, l *Leg) string {
	t.Helper()
	m, err := l.Remote()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, p := range m.Types {
		if p.Map >= EndsHere {
			fmt.Fprintf(&b, "%d:ends,%d ", p.PT, p.Map-EndsHere)
		} else {
			fmt.Fprintf(&b, "%d:%d", p.PT, p.Map)
			if p.Turns != 0 {
				fmt.Fprintf(&b, "@%d", p.Turns)
			}
			b.WriteByte(' ')
		}
	}
	return strings.TrimSpace(b.String())
}

func line(body []byte) string {
	for l := range strings.Lines(string(body)) {
		if strings.HasPrefix(l, "m=audio") {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

// Where events end here: by what either party lists, by what each takes in INFO, and by
// what the trunks say.
func TestWhereEventsEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		offer, answer  string // payload types of the caller's and the callee's descriptions
		caller, callee Policy
		informs        [2]bool // they say that they take INFO
		offered, told  string  // the m-lines that we write to the callee and the caller
		types          [2]string
		hear           [2]bool // they are sent events
	}{
		"both have events": {"8 101", "8 97", Policy{}, Policy{}, [2]bool{true, true},
			"8 101", "8 101", [2]string{"8:8 101:97", "8:8 101:101 97:101"}, [2]bool{true, true}},
		"the callee has none and takes INFO": {"8 101", "8", Policy{}, Policy{}, [2]bool{false, true},
			"8 101", "8 101", [2]string{"8:8 101:ends,101", "8:8 101:101"}, [2]bool{true, false}},
		"the callee has none and takes none": {"8 101", "8", Policy{}, Policy{}, [2]bool{true, false},
			"8 101", "8", [2]string{"8:8", "8:8 101:101"}, [2]bool{false, false}},
		"the caller has none and takes INFO": {"8 0", "8 97", Policy{}, Policy{}, [2]bool{true, false},
			"8 0 101", "8", [2]string{"8:8", "8:8 0:0 101:ends,97 97:ends,97"}, [2]bool{false, true}},
		"the caller has none and the callee leaves out ours": {"8 0", "8", Policy{}, Policy{}, [2]bool{true, false},
			"8 0 101", "8", [2]string{"8:8", "8:8 0:0"}, [2]bool{false, false}},
		"neither has any": {"8", "8", Policy{}, Policy{}, [2]bool{false, false}, "8", "8", [2]string{"8:8", "8:8"}, [2]bool{}},
		"of the voice's clock": {"111", "111 102", Policy{}, Policy{}, [2]bool{true, false},
			"111 101 127", "111", [2]string{"111:111", "111:111 101:ends,102 102:ends,102"}, [2]bool{false, true}},
		"of the clock that every phone has": {"111", "111 97", Policy{}, Policy{}, [2]bool{true, false},
			"111 101 127", "111", [2]string{"111:111", "111:111 127:ends,97 97:ends,97"}, [2]bool{false, true}},
		"the callee has another clock than the caller": {"111 102", "111 97", Policy{}, Policy{}, [2]bool{},
			"111 102 101", "111 102", [2]string{"111:111 102:97@8000", "111:111 102:102 101:102@48000 97:102@48000"}, [2]bool{true, true}},
		"the caller has another clock than the callee": {"111 101", "111 102", Policy{}, Policy{}, [2]bool{},
			"111 101 127", "111 101", [2]string{"111:111 101:102@48000", "111:111 101:101 127:101@8000 102:101@8000"}, [2]bool{true, true}},
		"one for each voice of the answer": {"111 8 101 102", "111 8 97", Policy{}, Policy{}, [2]bool{},
			"111 8 101 102", "111 8 101 102", [2]string{"111:111 8:8 101:97 102:97@8000", "111:111 8:8 101:101 102:102 97:101"}, [2]bool{true, true}},
		"none for a voice that is not in the answer": {"111 8 101 102", "8 97", Policy{}, Policy{}, [2]bool{},
			"111 8 101 102", "8 101", [2]string{"8:8 101:97 102:97@8000", "111:111 8:8 101:101 102:102 97:101"}, [2]bool{true, true}},
		"another clock, and a trunk of INFO": {"111 102", "111 97", Policy{}, Policy{Keys: KeysInfo}, [2]bool{},
			"111", "111 102", [2]string{"111:111 102:ends,102", "111:111"}, [2]bool{true, false}},
		"the voice's clock of several": {"111 101 102", "111", Policy{}, Policy{}, [2]bool{false, true},
			"111 101 102", "111 102", [2]string{"111:111 102:ends,102 101:ends,101", "111:111 101:101 102:102"}, [2]bool{true, false}},
		"a callee's trunk of INFO": {"8 101", "8 101", Policy{}, Policy{Keys: KeysInfo}, [2]bool{},
			"8", "8 101", [2]string{"8:8 101:ends,101", "8:8"}, [2]bool{true, false}},
		"a caller's trunk of INFO": {"8 101", "8 97", Policy{Keys: KeysInfo}, Policy{}, [2]bool{},
			"8 101", "8", [2]string{"8:8", "8:8 101:ends,97 97:ends,97"}, [2]bool{false, true}},
		"both trunks of INFO": {"8 101", "8 101", Policy{Keys: KeysInfo}, Policy{Keys: KeysInfo}, [2]bool{},
			"8", "8", [2]string{"8:8", "8:8"}, [2]bool{}},
		"a callee's trunk of events, which it has not": {"8 101", "8", Policy{}, Policy{Keys: KeysEvents}, [2]bool{true, true},
			"8 101", "8", [2]string{"8:8", "8:8 101:101"}, [2]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			caller, callee := NewLeg(1, tt.caller), NewLeg(2, tt.callee)
			caller.Informs(tt.informs[0])
			caller.Receive(keysOf(t, tt.offer))
			out, err := callee.Offer(&caller.Peer, keysAt)
			if err != nil {
				t.Fatal(err)
			}
			if got := line(out); got != "m=audio 20000 RTP/AVP "+tt.offered {
				t.Errorf("offered %q", got)
			}
			callee.Receive(keysOf(t, tt.answer))
			callee.Informs(tt.informs[1]) // whichever comes first
			back, err := caller.Answer(&callee.Peer, keysAt)
			if err != nil {
				t.Fatal(err)
			}
			if got := line(back); got != "m=audio 20000 RTP/AVP "+tt.told {
				t.Errorf("told %q", got)
			}
			for i, l := range []*Leg{&caller, &callee} {
				if got := typesOf(t, l); got != tt.types[i] {
					t.Errorf("leg %d may send %q, want %q", i, got, tt.types[i])
				}
				if l.HearsKeys() != tt.hear[i] {
					t.Errorf("leg %d hears keys: %t", i, l.HearsKeys())
				}
			}
			if !caller.Agrees(&callee.Peer) {
				t.Error("the caller has to be offered the same anew")
			}
		})
	}
}

// Of the events that end here only the sixteen keys are promised.
func TestOurEvents(t *testing.T) {
	l := NewLeg(1, Policy{})
	l.Receive(keysOf(t, "8 101"))
	other := keysOf(t, "8")
	other.TakesKeys = true
	body, err := l.Answer(other, keysAt)
	if err != nil || !strings.Contains(string(body), "a=fmtp:101 0-15\r\n") {
		t.Errorf("%v\n%s", err, body)
	}
}

// A peer that takes INFO no more has to be told that its own events are for nobody.
func TestEventsThatEndNoMore(t *testing.T) {
	caller, callee := NewLeg(1, Policy{}), NewLeg(2, Policy{})
	caller.Receive(keysOf(t, "8 101"))
	if _, err := callee.Offer(&caller.Peer, keysAt); err != nil {
		t.Fatal(err)
	}
	callee.Receive(keysOf(t, "8"))
	callee.Informs(true)
	if _, err := caller.Answer(&callee.Peer, keysAt); err != nil {
		t.Fatal(err)
	}
	if !caller.Agrees(&callee.Peer) {
		t.Error("offered anew for nothing")
	}
	callee.Informs(false)
	if caller.Agrees(&callee.Peer) {
		t.Error("it goes on sending events that nobody is told of")
	}
}

// The clock of the other leg's events may change without a word to this one.
func TestEventsFollowTheOtherLeg(t *testing.T) {
	l := NewLeg(1, Policy{})
	l.Receive(keysOf(t, "111 102"))
	if _, err := l.Answer(keysOf(t, "111 97"), keysAt); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ other, want string }{
		{"111 97", "111:111 102:97@8000"}, {"111 102", "111:111 102:102"}, {"111 97 102", "111:111 102:102"}, {"111", "111:111"}, {"111 101", "111:111 102:101@8000"},
	} {
		other := keysOf(t, tt.other)
		if agrees := l.Agrees(other); agrees != (tt.other != "111") {
			t.Errorf("%s agrees: %t", tt.other, agrees)
		}
		if err := l.Follow(other); err != nil {
			t.Fatal(err)
		}
		if got := typesOf(t, &l); got != tt.want {
			t.Errorf("with %s it may send %q, want %q", tt.other, got, tt.want)
		}
	}
	if a := l.Agreed(); line(compose(1, 1, keysAt.Addr, a.Lines)) != "m=audio 4000 RTP/AVP 111 102" {
		t.Errorf("agreed on %q", line(compose(1, 1, keysAt.Addr, a.Lines)))
	}
}
