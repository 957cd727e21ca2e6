package shard_test

import (
	"fmt"
	"strings"
	"testing"

	"mask700/sip/call"
	"mask700/sip/flow"
)

// TestWhatARefusalInsideADialogMeans: a final response to a request inside the dialog
// is about that request alone, or says that there is no dialog any more (RFC 5057
// section 5.1). Then both parties are released.
func TestWhatARefusalInsideADialogMeans(t *testing.T) {
	ends := map[int]bool{
		404: true, 408: true, 410: true, 416: true, 481: true, 482: true, 483: true, 484: true, 485: true, 502: true, 604: true,
	}
	for _, method := range []string{"INVITE", "UPDATE"} {
		for _, status := range []int{
			302, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 413, 415, 416, 420, 421, 423, 429, 480, 481, 482, 483, 484, 485,
			486, 487, 488, 489, 491, 493, 500, 501, 502, 503, 504, 505, 513, 580, 600, 603, 604, 606,
		} {
			t.Run(fmt.Sprint(method, " ", status), func(t *testing.T) {
				s := newStage(t, flow.UDP, nil)
				callee := newActor(s.world, "called", "13900000002", "198.51.100.20:5062", 1)
				s.guard.parties = s.guard.parties[:1]
				s.guard.parties = append(s.guard.parties, callee.secrets)
				say := func(a *actor, text string) {
					t.Helper()
					b, err := a.write(text)
					if err != nil {
						t.Fatal(err)
					}
					n := len(s.sent)
					s.receive(a.flow(), b)
					for _, out := range s.sent[n:] {
						to := s.caller
						if out.Flow.Listener == 1 {
							to = callee
						}
						s.hears(t, to, out)
					}
				}
				say(s.caller, "INVITE 700100000010007\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE\nsdp")
				say(callee, "200\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE\nsdp")
				say(s.caller, "ACK")
				say(s.caller, method+"\nsdp sendonly")
				if callee.asked[method] == nil {
					t.Fatalf("the callee was not asked %s", method)
				}
				before := callee.asked["INVITE"].CSeq
				say(callee, fmt.Sprint(status, " ", method))
				again := callee.asked["INVITE"].CSeq > before
				if again != (method == "UPDATE" && (status == 405 || status == 501 || status == 504)) {
					t.Errorf("offered in an INVITE then: %t", again)
				}
				if again { // what was refused for being an UPDATE
					say(callee, "488 INVITE")
				}
				c := s.shard.Call(s.order[0])
				if c == nil {
					t.Fatal("the call is forgotten")
				}
				if ended := c.State != call.Talking; ended != ends[status] {
					t.Errorf("the call is %s", c.State)
				}
				byes := 0
				for _, start := range s.starts() {
					if strings.HasPrefix(start, "BYE ") {
						byes++
					}
				}
				if want := map[bool]int{true: 2, false: 0}[ends[status]]; byes != want {
					t.Errorf("%d BYEs, want %d", byes, want)
				}
				if !ends[status] && c.Legs[call.Caller].SDP.Peer.Lines[0].Recv != true {
					t.Error("the session is not as it was")
				}
			})
		}
	}
}
