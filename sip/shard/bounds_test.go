package shard_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/shard"
	"mask700/sip/token"
)

// stage is a world with a caller and a callee, and what left in it.
type stage struct {
	*world
	caller, callee *actor
	sent           []shard.Send
	from           flow.Flow
}

func newStage(t *testing.T, network flow.Network, change func(*shard.Config)) *stage {
	w := newWorld(1, network, nil)
	w.fail = t.Errorf
	w.rows = []binding.Binding{{
		ID: "pair", Mode: binding.ModeAXB, X: mustX("700100000010007"), A: mustNumber("13800000001"), B: mustNumber("13900000002"),
		Order: "order", CreatedAt: epoch.Add(-time.Hour),
	}}
	if change != nil {
		c := shard.Config{Seed: [32]byte{1}, Router: token.NewRouter(token.Secret{7}, 1), Call: w.config}
		change(&c)
		w.shard = shard.New(c, epoch)
	}
	s := &stage{world: w, caller: newActor(w, "caller", "13800000001", "192.0.2.10:5060", 0)}
	s.callee = newActor(w, "callee", "13900000002", "198.51.100.20:5060", 1)
	w.send = func(out shard.Send) { s.sent = append(s.sent, out) }
	s.from = s.caller.flow()
	s.from.Network = network
	return s
}

// invite sends an INVITE of a number of its own, to Call-ID id.
func (s *stage) invite(t *testing.T, id string) {
	t.Helper()
	b, err := s.caller.write("INVITE 700100000010007\nCall-ID: " + id + "\nsdp")
	if err != nil {
		t.Fatal(err)
	}
	if s.from.Network == flow.TCP {
		b = []byte(strings.Replace(string(b), "SIP/2.0/UDP", "SIP/2.0/TCP", 1))
	}
	s.receive(s.from, b)
}

// tells has an actor send a message in a datagram.
func (s *stage) tells(t *testing.T, a *actor, text string) {
	t.Helper()
	b, err := a.write(text)
	if err != nil {
		t.Fatal(err)
	}
	s.receive(a.flow(), b)
}

// starts lists the start lines of what left.
func (s *stage) starts() []string {
	var list []string
	for _, out := range s.sent {
		line, _, _ := strings.Cut(string(out.Bytes), "\r\n")
		list = append(list, line)
	}
	return list
}

func TestMoreCallsThanAllowedAreRefused(t *testing.T) {
	s := newStage(t, flow.UDP, func(c *shard.Config) { c.MaxCalls = 1 })
	s.invite(t, "of-caller-one")
	s.invite(t, "of-caller-two")
	if got := s.starts(); got[len(got)-1] != "SIP/2.0 503 Service Unavailable" {
		t.Errorf("the call too many got %v", got)
	}
	st := s.shard.Stats()
	if st.Calls != 2 || st.Overload != 1 || st.LiveCalls != 1 || st.Refused != 1 {
		t.Errorf("the counters say %+v", st)
	}
	if l := s.calls[s.order[1]]; l.closed != 1 || l.record.Refusal != binding.RefusalOverload {
		t.Error("the refused call has no record of its overload")
	}
}

func TestFullTablesRefuseWithoutState(t *testing.T) {
	s := newStage(t, flow.UDP, func(c *shard.Config) { c.MaxTransactions = 2 })
	s.invite(t, "of-caller-one") // its own transaction and the callee's
	s.invite(t, "of-caller-two")
	got := s.starts()
	if got[len(got)-1] != "SIP/2.0 503 Service Unavailable" {
		t.Errorf("an INVITE beyond the bound got %v", got)
	}
	if n := s.shard.Tables()["transactions"]; n != 2 {
		t.Errorf("%d transactions are held, 2 allowed", n)
	}
}

// No room for the callee's INVITE: that is no fault of its target's, and the caller is
// told to come again.
func TestNoRoomForTheOtherLeg(t *testing.T) {
	s := newStage(t, flow.UDP, func(c *shard.Config) { c.MaxTransactions = 1 })
	s.note = func(format string, args ...any) {
		if strings.HasPrefix(format, "route") {
			t.Errorf("the target is blamed: "+format, args...)
		}
	}
	s.invite(t, "of-caller-one")
	last := s.sent[len(s.sent)-1]
	if text := string(last.Bytes); !strings.HasPrefix(text, "SIP/2.0 503 ") || !strings.Contains(text, "\r\nRetry-After: 5\r\n") {
		t.Errorf("the caller got %s", text)
	}
	s.advance(epoch.Add(5 * time.Minute))
	s.audit()
	if r := s.calls[s.order[0]].record; r.End != cdr.EndRefused || r.Refusal != binding.RefusalOverload {
		t.Errorf("the record says %s", summary(r))
	}
}

// A call whose table is full goes on when nothing can be asked in it, and its BYEs are
// sent all the same: there is room for one more, and then they are sent once.
func TestACallInFullTables(t *testing.T) {
	for _, limit := range []int{2, 4} {
		s := newStage(t, flow.UDP, func(c *shard.Config) { c.MaxTransactions = limit })
		s.tells(t, s.caller, "INVITE 700100000010007\nsdp")
		s.hears(t, s.callee, s.sent[len(s.sent)-1])
		s.tells(t, s.callee, "200\nsdp\nAllow: UPDATE")
		for _, out := range s.sent {
			if m, _ := s.read(out.Bytes); m.Status == 200 {
				s.caller.sees(m)
			}
		}
		s.tells(t, s.caller, "ACK")
		for range limit { // the last of them finds no room
			s.tells(t, s.caller, "INFO\nContent-Type: application/dtmf-relay\nbody Signal=5\\r\\n")
		}
		if got := s.starts(); got[len(got)-1] != "SIP/2.0 503 Service Unavailable" {
			t.Errorf("limit %d: an INFO got %v", limit, got)
		}
		if st := s.shard.Stats(); st.LiveCalls != 1 {
			t.Fatalf("limit %d: the call is over", limit)
		}
		n := len(s.sent)
		s.shard.HangUp(s.now, "", cdr.EndHangup)
		s.drain()
		byes := 0
		for _, start := range s.starts()[n:] {
			if strings.HasPrefix(start, "BYE ") {
				byes++
			}
		}
		if byes != 2 {
			t.Errorf("limit %d: %d BYEs left: %v", limit, byes, s.starts()[n:])
		}
		s.advance(epoch.Add(5 * time.Minute))
		s.audit()
	}
}

func TestAnotherConnectionIsTriedOnce(t *testing.T) {
	s := newStage(t, flow.TCP, nil)
	s.from.Conn = 7
	s.invite(t, "of-caller-one")
	trying := s.sent[0]
	if trying.Flow.Conn != 7 || trying.Token == 0 {
		t.Fatalf("the response leaves on %+v with token %d", trying.Flow, trying.Token)
	}
	s.shard.Failed(s.now, trying.Token)
	s.drain()
	again := s.sent[len(s.sent)-1]
	if again.Flow.Conn != 0 || again.Flow.Remote != netip.MustParseAddrPort("192.0.2.10:5060") || string(again.Bytes) != string(trying.Bytes) {
		t.Errorf("after a lost connection the response leaves on %+v (section 18.2.2)", again.Flow)
	}
	n := len(s.sent)
	s.shard.Failed(s.now, trying.Token)
	s.shard.Failed(s.now, 12345) // nobody's
	s.drain()
	if len(s.sent) != n {
		t.Error("a response that failed twice is sent a third time")
	}
}

func TestTheCalleesConnectionFails(t *testing.T) {
	s := newStage(t, flow.TCP, nil)
	s.from.Conn = 7
	s.invite(t, "of-caller-one")
	i := slices.IndexFunc(s.starts(), func(l string) bool { return strings.HasPrefix(l, "INVITE") })
	s.shard.Failed(s.now, s.sent[i].Token)
	s.drain()
	got := s.starts()
	if got[len(got)-1] != "SIP/2.0 500 Server Internal Error" {
		t.Errorf("the caller got %v", got)
	}
	if l := s.calls[s.order[0]]; l.record.End != "unavailable" {
		t.Errorf("the record says %s", l.record.End)
	}
}

func TestOneCallIsHungUpByItsID(t *testing.T) {
	s := newStage(t, flow.UDP, nil)
	s.invite(t, "of-caller-one")
	s.invite(t, "of-caller-two")
	if n := s.shard.HangUp(s.now, "no such call", "hangup"); n != 0 {
		t.Errorf("%d calls of no name were hung up", n)
	}
	if n := s.shard.HangUp(s.now, s.order[0], "hangup"); n != 1 {
		t.Errorf("%d calls were hung up", n)
	}
	s.drain()
	if s.calls[s.order[0]].closed != 1 || s.calls[s.order[1]].closed != 0 {
		t.Error("not the call that was named was hung up")
	}
}

func TestCallsCanBeLookedAt(t *testing.T) {
	s := newStage(t, flow.UDP, nil)
	s.invite(t, "of-caller-one")
	s.invite(t, "of-caller-two")
	seen := 0
	s.shard.Calls(func(c *call.Call) bool {
		seen++
		return false
	})
	if seen != 1 {
		t.Errorf("%d calls were shown to one who had seen enough", seen)
	}
	if c := s.shard.Call(s.order[0]); c == nil || c.State != call.Calling || c.State.String() != "calling" {
		t.Error("a live call is not found by its id")
	}
	if s.shard.Call("none") != nil {
		t.Error("a call is found that there is not")
	}
	if d := s.shard.Call(s.order[0]).Duration(s.now); d != 0 {
		t.Errorf("a call that is not answered has lasted %v", d)
	}
}

func TestAConfigurationIsReplaced(t *testing.T) {
	s := newStage(t, flow.UDP, nil)
	next := *s.config
	next.Hops = nil
	next.Hops = append(next.Hops, s.config.Hops[0], nil)
	s.shard.Reload(&next)
	s.invite(t, "of-caller-one")
	got := s.starts()
	if got[len(got)-1] != "SIP/2.0 500 Server Internal Error" || s.calls[s.order[0]].record.Refusal != binding.RefusalNoRoute {
		t.Errorf("a call with no way to the callee got %v", got)
	}
}

func TestWhatBelongsToNobodyIsCounted(t *testing.T) {
	s := newStage(t, flow.UDP, nil)
	for _, text := range []string{
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnone\r\nFrom: <sip:a@192.0.2.1>;tag=a\r\n" +
			"To: <sip:b@192.0.2.10>;tag=b\r\nCall-ID: of-caller-none\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
		"ACK sip:b@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKnone\r\nFrom: <sip:a@192.0.2.10>;tag=a\r\n" +
			"To: <sip:b@192.0.2.1>;tag=b\r\nCall-ID: of-caller-none\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
	} {
		s.receive(s.from, []byte(text))
	}
	s.shard.Receive(s.now, shard.Inbound{Flow: s.from, Message: &message.Message{}})
	if st := s.shard.Stats(); st.Stray != 2 || st.Faulty != 1 || len(s.sent) != 0 {
		t.Errorf("the counters say %+v after %d messages", st, len(s.sent))
	}
	var sum shard.Stats
	sum.Add(s.shard.Stats())
	sum.Add(s.shard.Stats())
	if sum.Stray != 4 || sum.Faulty != 2 {
		t.Errorf("the sum of two shards is %+v", sum)
	}
}

// Without rport the response goes to the port of the Via and not to the one that
// the request left from (section 18.2.2).
func TestResponsesGoWhereViaSays(t *testing.T) {
	s := newStage(t, flow.UDP, nil)
	s.from.Remote = netip.MustParseAddrPort("192.0.2.10:40000")
	for via, want := range map[string]string{
		"192.0.2.10:5070":       "192.0.2.10:5070",
		"192.0.2.10":            "192.0.2.10:5060",
		"192.0.2.10:5070;rport": "192.0.2.10:40000",
	} {
		s.sent = nil
		b, err := s.caller.write("OPTIONS 700100000010007\nVia: SIP/2.0/UDP " + via + ";branch=z9hG4bK-of-caller-" + strings.TrimSuffix(via, ";rport"))
		if err != nil {
			t.Fatal(err)
		}
		s.receive(s.from, b)
		if len(s.sent) != 1 || s.sent[0].Flow.Remote.String() != want {
			t.Errorf("the answer for Via %s leaves for %v", via, s.sent)
		}
	}
}
