package sdp

import (
	"bytes"
	"encoding/gob"
	"errors"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

var here = Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000}

func mustParse(t *testing.T, text string) *Description {
	t.Helper()
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// established is a leg after one offer from its peer and our answer.
func established(t *testing.T) Leg {
	t.Helper()
	l := NewLeg(7, Policy{})
	l.Receive(mustParse(t, strings.Replace(plain, "AVP 8", "AVP 8 0 96", 1)+"a=rtpmap:96 AMR/8000\r\nm=video 9 RTP/AVP 34\r\n"))
	if _, err := l.Answer(mustParse(t, plain), here); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLegSurvivesEncoding(t *testing.T) {
	for name, l := range map[string]Leg{"new": NewLeg(7, Policy{}), "established": established(t), "encrypted": secureLeg(t)} {
		var buf bytes.Buffer
		if err := gob.NewEncoder(&buf).Encode(l); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var back Leg
		if err := gob.NewDecoder(&buf).Decode(&back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(l, back) {
			t.Errorf("%s: came back as\n%+v\nfrom\n%+v", name, back, l)
		}
		again, err := back.Offer(mustParse(t, plain), here)
		want, wantErr := l.Offer(mustParse(t, plain), here)
		if !bytes.Equal(again, want) || err != wantErr {
			t.Errorf("%s: the decoded leg writes another offer:\n%s\nnot\n%s", name, again, want)
		}
	}
}

// A copy of a leg must not be changed by what happens to the leg afterwards, nor
// by a caller that changes what it was given.
func TestAssignmentIsASnapshot(t *testing.T) {
	encode := func(l Leg) []byte {
		t.Helper()
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(l); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	renumbered := strings.Replace(plain, "AVP 8", "AVP 0 8 96", 1) + "a=rtpmap:96 opus/48000/2\r\n" // 96 was AMR
	l := established(t)
	for i, step := range []func() ([]byte, error){
		func() ([]byte, error) { l.Receive(mustParse(t, renumbered)); return nil, nil },
		func() ([]byte, error) { return l.Offer(mustParse(t, renumbered), here) },
		func() ([]byte, error) {
			return l.Answer(mustParse(t, strings.Replace(plain, "AVP 8", "AVP 0", 1)), here)
		},
		func() ([]byte, error) {
			return l.Offer(mustParse(t, strings.Replace(plain, "m=audio 4000", "m=audio 0", 1)), here)
		},
		func() ([]byte, error) { return l.Answer(mustParse(t, renumbered), here) },
		func() ([]byte, error) { _, err := l.Remote(); return nil, err },
	} {
		snapshot := l
		before := encode(snapshot)
		body, err := step()
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		clear(body)
		if bytes.IndexByte(l.Sent, 0) >= 0 {
			t.Errorf("step %d: the caller's body is the leg's own", i)
		}
		if !bytes.Equal(before, encode(snapshot)) {
			t.Errorf("step %d: the snapshot changed with the leg", i)
		}
	}
}

func TestAnswerListsEachOfferedTypeOnce(t *testing.T) {
	amr := func(pt uint8, fmtp string) Codec {
		return Codec{PT: pt, Name: "AMR", Clock: 8000, Channels: 1, Fmtp: fmtp}
	}
	opus := func(pt uint8) Codec { return Codec{PT: pt, Name: "opus", Clock: 48000, Channels: 2} }
	tests := []struct {
		name              string
		offered, answered []Codec
		want              map[uint8]uint8 // the offer's number: the answer's
	}{
		{"alike", []Codec{opus(96), amr(97, "")}, []Codec{amr(97, "")}, map[uint8]uint8{97: 97}},
		{"a codec twice in the answer", []Codec{opus(96)}, []Codec{opus(96), opus(98)}, map[uint8]uint8{96: 96}},
		{"a codec twice in both", []Codec{opus(96), opus(98)}, []Codec{opus(100), opus(101)}, map[uint8]uint8{96: 100, 98: 101}},
		{"the same number", []Codec{amr(97, "mode-set=0"), amr(98, "mode-set=7")}, []Codec{amr(98, "")}, map[uint8]uint8{98: 98}},
		{"the same parameters", []Codec{amr(97, "mode-set=0"), amr(98, "mode-set=7")}, []Codec{amr(100, "mode-set=7")}, map[uint8]uint8{98: 100}},
		{"another framing", []Codec{amr(97, "")}, []Codec{amr(97, "octet-align=1")}, nil},
		{"framing implied", []Codec{amr(97, "octet-align=1")}, []Codec{amr(97, "crc=1")}, map[uint8]uint8{97: 97}},
		{"nothing", []Codec{amr(97, "")}, []Codec{opus(97)}, nil},
	}
	for _, tt := range tests {
		written, types := intersect(tt.offered, tt.answered)
		if len(written) != len(tt.want) || len(types) != len(tt.want) {
			t.Errorf("%s: %+v", tt.name, written)
			continue
		}
		for i, typ := range types {
			if to, ok := tt.want[typ.PT]; !ok || to != typ.Map || written[i].PT != typ.PT {
				t.Errorf("%s: %+v as %+v", tt.name, typ, written[i])
			}
		}
	}
}

func TestVersionGoesUpOnlyWithTheBody(t *testing.T) {
	l := established(t) // answered PCMA alone, at here, in version 1
	alone := mustParse(t, plain)
	more := mustParse(t, strings.Replace(plain, "AVP 8", "AVP 8 0", 1))
	moved := Local{Addr: here.Addr, Port: 20002}
	for i, step := range []struct {
		from *Description
		at   Local
		want uint64
	}{{alone, here, 1}, {more, here, 2}, {more, here, 2}, {more, moved, 3}, {more, moved, 3}, {alone, here, 4}} {
		if _, err := l.Offer(step.from, step.at); err != nil {
			t.Fatal(err)
		}
		if l.Version != step.want {
			t.Errorf("step %d: version %d, want %d", i, l.Version, step.want)
		}
	}
}

func TestOurAddressIsChecked(t *testing.T) {
	d := mustParse(t, plain)
	for _, at := range []Local{
		{},
		{Addr: here.Addr},
		{Port: 20000},
		{Addr: netip.IPv4Unspecified(), Port: 20000},
		{Addr: netip.IPv6Unspecified(), Port: 20000},
		{Addr: netip.MustParseAddr("224.0.0.1"), Port: 20000},
		{Addr: netip.MustParseAddr("fe80::1%eth0"), Port: 20000},
	} {
		l := NewLeg(1, Policy{})
		l.Receive(d)
		var fault *Error
		if _, err := l.Offer(d, at); !errors.As(err, &fault) {
			t.Errorf("offer at %v: %v", at, err)
		}
		if _, err := l.Answer(d, at); !errors.As(err, &fault) {
			t.Errorf("answer at %v: %v", at, err)
		}
	}
}

func TestAnswerNeedsAnOffer(t *testing.T) {
	l := NewLeg(1, Policy{})
	var fault *Error
	if _, err := l.Answer(mustParse(t, plain), here); !errors.As(err, &fault) {
		t.Errorf("got %v", err)
	}
}

// A peer that offers ever new numbers cannot make a leg grow, and when all
// numbers are taken, codecs are left out.
func TestNumbersAreBounded(t *testing.T) {
	l := NewLeg(1, Policy{})
	for pt := 96; pt < 128; pt++ {
		l.Receive(mustParse(t, strings.Replace(plain, "AVP 8", "AVP 8 "+strconv.Itoa(pt), 1)+"a=rtpmap:"+strconv.Itoa(pt)+" telephone-event/8000\r\n"))
	}
	for pt := 35; pt < 64; pt++ {
		l.Receive(mustParse(t, strings.Replace(plain, "AVP 8", "AVP 8 "+strconv.Itoa(pt), 1)+"a=rtpmap:"+strconv.Itoa(pt)+" telephone-event/16000\r\n"))
	}
	if n := len(l.Audio.Numbers); n != 1+32+29 {
		t.Fatalf("%d numbers known", n)
	}
	d := mustParse(t, strings.Replace(plain, "AVP 8", "AVP 100 8", 1)+"a=rtpmap:100 opus/48000/2\r\n")
	if _, err := l.Offer(d, here); err != nil {
		t.Fatal(err)
	}
	if got := l.Lines[l.Audio.Line].Codecs; len(got) != 1 || got[0].PT != 8 {
		t.Errorf("offered %+v", got)
	}
}

// A leg has to be told when the other one takes less than this one may send or waits
// for, and not when it takes more, or what this one has never taken.
func TestAgrees(t *testing.T) {
	both := strings.Replace(plain, "AVP 8", "AVP 8 0", 1)
	seen := both + "m=video 4002 RTP/AVP 34\r\n"
	with := func(text, direction string) string { return strings.Replace(text, "sendrecv", direction, 1) }
	for _, c := range []struct {
		name               string
		offer, peer, other string // to this leg, its answer, what the other says then
		agrees             bool
	}{
		{"the same", both, both, both, true},
		{"a codec less", both, both, plain, false},
		{"a codec less that this one has not taken", both, plain, plain, true},
		{"a codec more", plain, plain, both, true},
		{"held", both, both, with(both, "sendonly"), false},
		{"held both ways", both, both, with(both, "inactive"), false},
		{"held as it knows", with(both, "sendonly"), with(both, "recvonly"), with(both, "sendonly"), true},
		{"silent, and this one does not listen", both, with(both, "sendonly"), with(both, "recvonly"), true},
		{"the same video", seen, seen, seen, true},
		{"a video that this one has not taken", seen, both, both, true},
		{"a video that the other one has not", seen, seen, both, false},
		{"a video switched off", seen, seen, strings.Replace(seen, "m=video 4002", "m=video 0", 1), false},
		{"a video held", seen, seen, seen + "a=sendonly\r\n", false},
		{"a video more", both, both, seen, true},
		{"switched off", both, both, strings.Replace(both, "m=audio 4000", "m=audio 0", 1), false},
	} {
		l := NewLeg(7, Policy{Video: true})
		// What a description says is for a leg to find.
		read := func(text string) *Description {
			other := NewLeg(8, l.Policy)
			other.Receive(mustParse(t, text))
			return &other.Peer
		}
		at := here
		at.Video = 20002
		if _, err := l.Offer(read(c.offer), at); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		l.Receive(mustParse(t, c.peer))
		if l.Agrees(read(c.other)) != c.agrees {
			t.Errorf("%s: agrees %t, want %t", c.name, !c.agrees, c.agrees)
		}
	}
}
