package gateway

import (
	"log/slog"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/media"
	"mask700/media/quality"
	"mask700/media/sdp"
	"mask700/sip/call"
)

// flowing is a media session in which the side of the caller's leg alone was heard.
type flowing struct{ media.Session }

func (flowing) Stats() media.Stats {
	return media.Stats{AtoB: media.Flow{Packets: 7, Codec: "PCMA"}}
}

func (flowing) Seconds(s media.Side) []quality.Second {
	return make([]quality.Second, 1-s)
}

// TestALiveCallsPartiesAreThoseOfItsRecord: after a transfer by the caller's side the caller of the record is on the callee's.
func TestALiveCallsPartiesAreThoseOfItsRecord(t *testing.T) {
	held, err := sdp.Parse([]byte("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 8\na=sendonly\n"))
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{inbox: newMailbox[item](0)}
	g := &Gateway{log: slog.New(slog.DiscardHandler), loops: []*loop{l}}
	l.gateway = g
	l.media = newMediaWorker(l)
	l.media.open.sessions[sessionKey{"call", 0}] = flowing{}
	for _, turned := range []bool{false, true} {
		c := &call.Call{ID: "call", Turned: turned, Record: cdr.Record{AnsweredAt: time.Unix(1, 0)}}
		c.Legs[call.Caller].SDP.Peer = *held
		caller, callee := call.Caller, call.Callee
		if turned {
			caller, callee = callee, caller
		}
		v := view(c)
		g.addMedia(&v)
		g.addSeconds(&v)
		if !v.Held[caller] || v.Held[callee] || len(v.Seconds[caller]) != 1 || len(v.Seconds[callee]) != 0 {
			t.Errorf("turned %t: held %v, %d and %d seconds", turned, v.Held, len(v.Seconds[0]), len(v.Seconds[1]))
		}
		if v.Media.AtoB.Packets+v.Media.BtoA.Packets != 7 || (v.Media.BtoA.Packets == 7) != turned {
			t.Errorf("turned %t: %+v", turned, v.Media)
		}
	}
}
