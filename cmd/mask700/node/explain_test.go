package node

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/client"
	"mask700/cmd/mask700/config"
	"mask700/cmd/mask700/consult/consulttest"
	"mask700/sip/message"
)

// explained is a server, and a peer that is both sides of its trunk.
type explained struct {
	t        *testing.T
	node     *Node
	client   *client.Client
	peer     *net.UDPConn
	platform *consulttest.Platform // decides on block 70010000002 and, where it fails, refuses; on 70010000003 it is an error
	calls    int
}

func newExplained(t *testing.T, more string) *explained {
	t.Helper()
	peer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 4, 17)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	w := &explained{t: t, peer: peer, platform: consulttest.New(t)}
	dir := t.TempDir()
	c, err := config.Parse("f.yaml", fmt.Appendf(nil, `
data_dir: %s
keys: {file: %s}
sip: {listen: ["udp:127.0.4.16:0"]}
media: {offload: "off", address: 127.0.4.16, ports: 30000-30099}
numbering: {allow_strangers: true}
limits: {memory: 1MiB, calls: ["pair 1/1h", "x 2/1h shadow"], texts: ["pair 1/1h"]}
trunks: [{name: switch, targets: ["sip:%s"]}]
remote:
  - {name: rides, blocks: ["70010000002"], url: "%s", failures: 100}
  - {name: shops, blocks: ["70010000003"], url: "%s", failures: 100, on_failure: error}
%s`, filepath.Join(dir, "data"), filepath.Join(dir, "mask700.key"), peer.LocalAddr(), w.platform.URL, w.platform.URL, more))
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	if w.node, err = Start(t.Context(), c, "test", io.Discard); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.node.Close)
	if w.client, err = client.New("unix:"+c.AdminSocket(), client.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, block := range []string{"70010000001", "70010000002", "70010000003"} {
		if _, err := w.node.service.AddBlock(t.Context(), block); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *explained) bind(r binding.Request) binding.Binding {
	w.t.Helper()
	r.Order = "T-1"
	b, err := w.node.service.Create(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// play sends a call or text, refuses what comes of it on the other side, and returns its record and whom it was for.
func (w *explained) play(method, caller, dialled string) (r cdr.Record, rang string) {
	w.t.Helper()
	w.calls++
	kind, body := "application/sdp", "v=0\no=- 1 1 IN IP4 127.0.4.17\ns=-\nc=IN IP4 127.0.4.17\nt=0 0\nm=audio 4000 RTP/AVP 8\n"
	if method == "MESSAGE" {
		kind, body = "text/plain;charset=utf-8", "at the gate"
	}
	from := fmt.Sprintf("<sip:%s@%s>", caller, w.peer.LocalAddr())
	if caller == "" {
		from = "<sip:anonymous@anonymous.invalid>"
	}
	body = strings.ReplaceAll(body, "\n", "\r\n")
	head := fmt.Sprintf("%s sip:%s@gateway SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport\nMax-Forwards: 70\nFrom: %s;tag=%d\n"+
		"To: <sip:%s@gateway>\nCall-ID: call%d\nCSeq: 1 %s\nContact: <sip:%s>\nContent-Type: %s\nContent-Length: %d\n\n",
		method, dialled, w.peer.LocalAddr(), w.calls, from, w.calls, dialled, w.calls, method, w.peer.LocalAddr(), kind, len(body))
	w.send([]byte(strings.ReplaceAll(head, "\n", "\r\n") + body))
	for {
		m := w.receive()
		switch {
		case m.IsRequest() && m.Method == method:
			rang = m.Target.User
			busy := message.Response{Echo: m.Echo(w.node.gateway.Addr(0)), Status: 486, ToTag: "callee"}
			w.send(busy.Append(nil))
			continue
		case m.IsRequest() || m.Status < 200 || m.CallID != fmt.Sprintf("call%d", w.calls):
			continue // ACK and what was sent again
		}
		break
	}
	err := w.node.db.Records(w.t.Context(), cdr.Filter{}, func(found cdr.Record) error { r = found; return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return r, rang
}

func (w *explained) send(b []byte) {
	w.t.Helper()
	if _, err := w.peer.WriteToUDPAddrPort(b, w.node.gateway.Addr(0)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *explained) receive() *message.Message {
	w.t.Helper()
	if err := w.peer.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		w.t.Fatal(err)
	}
	b := make([]byte, 65535)
	n, _, err := w.peer.ReadFromUDPAddrPort(b)
	if err != nil {
		w.t.Fatal(err)
	}
	m, fault := message.Parse(b[:n])
	if fault != nil {
		w.t.Fatal(fault)
	}
	return m
}

// agree asks what would become of a call or text, sends it, and compares. It returns what was said.
func (w *explained) agree(what, method, caller, dialled string) admin.Explanation {
	w.t.Helper()
	kind := map[string]string{"INVITE": "call", "MESSAGE": "text"}[method]
	e, err := w.client.Explain(w.t.Context(), admin.Question{Kind: kind, Caller: caller, Dialled: dialled})
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
	r, rang := w.play(method, caller, dialled)
	status := e.Answer
	if e.Connected {
		status = 486 // as the callee answers
	}
	n, err := w.node.service.Plan.ParseNumber(rang)
	if (err == nil) != e.Connected || e.Connected && e.Rings != n.Masked() {
		w.t.Errorf("%s: connected %v, but a phone was called: %v", what, e.Connected, err == nil)
	}
	if r.SIPStatus != status || r.Refusal != e.Refusal || r.Rule != e.Rule || r.Binding != e.Binding || r.Shadow != strings.Join(e.Shadow, ",") {
		w.t.Errorf("%s: explained %d %q by %q of %q, shadow %q; it was %d %q by %q of %q, shadow %q", what,
			status, e.Refusal, e.Rule, e.Binding, e.Shadow, r.SIPStatus, r.Refusal, r.Rule, r.Binding, r.Shadow)
	}
	said := slices.DeleteFunc([]string{e.Remote, e.Evidence}, func(s string) bool { return s == "" })
	if r.Evidence != strings.Join(said, "; ") {
		w.t.Errorf("%s: explained with evidence %q, it had %q", what, said, r.Evidence)
	}
	return e
}

// TestExplainIsTheCallPath: what is said of a call or text before it comes is what then becomes of it, by the same rule,
// with the same answer, and asking changes nothing.
func TestExplainIsTheCallPath(t *testing.T) {
	t.Parallel()
	w := newExplained(t, "")
	ctx := t.Context()
	const a, b, c, stranger = "13800000001", "13900000002", "13700000003", "13600000004"
	const x, oneWay, group, open, ext, barred, gone, written = "700100000010001", "700100000010002", "700100000010003", "700100000010004", "700100000010005", "700100000010006", "700100000010007", "700100000010008"
	w.bind(binding.Request{Mode: "axb", A: a, B: b, X: x})
	w.bind(binding.Request{Mode: "axb", A: a, B: b, X: oneWay, OneWay: string(binding.OneWayAToB)})
	w.bind(binding.Request{Mode: "gxb", Group: []string{a, c}, B: b, X: group, Back: string(binding.BackLast)})
	w.bind(binding.Request{Mode: "ax", A: a, X: open})
	w.bind(binding.Request{Mode: "axe", A: a, Extension: "1234", X: ext})
	w.bind(binding.Request{Mode: "axb", A: a, B: c, X: barred})
	w.bind(binding.Request{Mode: "axb", A: a, B: b, X: written, Texts: binding.TextsOff})
	if _, err := w.node.service.AddBar(ctx, w.node.db, binding.BarRequest{Number: a, Peer: c, Direction: binding.BarFrom, Reason: "harassment"}); err != nil {
		t.Fatal(err)
	}
	w.bind(binding.Request{Mode: "axb", A: a, B: b, X: gone, TTL: 100 * time.Millisecond})

	want := func(e admin.Explanation, answer int, refusal binding.Refusal, rule string) {
		t.Helper()
		if e.Answer != answer || e.Refusal != refusal || e.Rule != rule || e.Connected != (answer == 0) {
			t.Errorf("explained %d, %q by %q; want %d, %q by %q", e.Answer, e.Refusal, e.Rule, answer, refusal, rule)
		}
	}
	want(w.agree("no caller", "INVITE", "", x), 404, binding.RefusalNoCaller, "")
	want(w.agree("a number that is not held", "INVITE", a, "700100000990001"), 404, binding.RefusalNoBinding, "")
	want(w.agree("a stranger", "INVITE", stranger, x), 404, binding.RefusalNoBinding, "")
	want(w.agree("a party", "INVITE", a, x), 0, "", "")
	want(w.agree("once too often", "INVITE", a, x), 403, binding.RefusalCapped, "pair 1/1h")
	want(w.agree("by a text", "MESSAGE", a, x), 0, "", "")
	want(w.agree("by another text", "MESSAGE", a, x), 403, binding.RefusalCapped, "texts pair 1/1h")
	want(w.agree("the other way", "INVITE", b, x), 0, "", "")
	if e := w.agree("shadowed", "INVITE", b, x); len(e.Shadow) != 1 {
		t.Errorf("shadow %q", e.Shadow)
	}
	want(w.agree("the closed way", "INVITE", b, oneWay), 403, binding.RefusalOneWay, "")
	want(w.agree("back to nobody", "INVITE", b, group), 403, binding.RefusalOneWay, "")
	want(w.agree("a member", "INVITE", c, group), 0, "", "")
	want(w.agree("for anyone", "INVITE", stranger, open), 0, "", "")
	want(w.agree("anyone once too often", "INVITE", stranger, open), 404, binding.RefusalCapped, "pair 1/1h")
	want(w.agree("barred", "INVITE", a, barred), 403, binding.RefusalBlocked, "blocklist")
	want(w.agree("no texts over this one", "MESSAGE", a, written), 403, binding.RefusalBlocked, cdr.RuleBindingTexts)
	// Wrong extensions are counted, asking about them is not; after too many a right one is none.
	want(w.agree("no extension", "INVITE", c, ext), 404, binding.RefusalNoBinding, "")
	want(w.agree("the right one", "INVITE", c, ext+"1234"), 0, "", "")
	want(w.agree("a wrong one", "INVITE", stranger, ext+"4321"), 404, binding.RefusalNoBinding, "")
	want(w.agree("another wrong one", "INVITE", stranger, ext+"4322"), 404, binding.RefusalNoBinding, "pair 1/1h")
	want(w.agree("the right one, too late", "INVITE", stranger, ext+"1234"), 404, binding.RefusalCapped, "pair 1/1h")
	// An endpoint decides.
	const rides, shops = "700100000020001", "700100000030001"
	w.platform.Answer(200, `{"action":"connect","callee":"`+b+`","order":"R-1","binding":"ride"}`)
	want(w.agree("an endpoint connects", "INVITE", stranger, rides), 0, "", "")
	want(w.agree("an endpoint connects, once too often", "INVITE", stranger, rides), 403, binding.RefusalCapped, "pair 1/1h")
	w.platform.Answer(200, `{"action":"refuse"}`)
	want(w.agree("an endpoint refuses", "INVITE", c, rides), 404, binding.RefusalNoBinding, "")
	w.platform.Answer(500, `{}`)
	want(w.agree("an endpoint fails", "INVITE", c, rides), 404, binding.RefusalNoBinding, "")
	want(w.agree("an endpoint fails, which is an error", "INVITE", c, shops), 500, "", "")

	if _, err := w.node.service.SuspendTenant(ctx, binding.DefaultTenant, "marketing"); err != nil {
		t.Fatal(err)
	}
	want(w.agree("suspended", "INVITE", c, barred), 403, binding.RefusalSuspended, "tenant")
	for e := (admin.Explanation{}); e.Refusal != binding.RefusalExpired; {
		var err error
		if e, err = w.client.Explain(ctx, admin.Question{Caller: a, Dialled: gone}); err != nil {
			t.Fatal(err)
		}
	}
	want(w.agree("expired", "INVITE", a, gone), 404, binding.RefusalExpired, "")
}

// TestExplainAndVerification: what the platform has said serves again for both; a probe asks nobody, and says so.
func TestExplainAndVerification(t *testing.T) {
	t.Parallel()
	p := consulttest.New(t)
	w := newExplained(t, fmt.Sprintf("verification: {url: %q, cache: 1h}\n", p.URL))
	const a, b, c, x, y = "13800000001", "13900000002", "13700000003", "700100000010001", "700100000010002"
	w.bind(binding.Request{Mode: "axb", A: a, B: b, X: x})
	w.bind(binding.Request{Mode: "axb", A: a, B: c, X: y})
	e, err := w.client.Explain(t.Context(), admin.Question{Caller: a, Dialled: x})
	if err != nil || !e.Connected || e.Evidence != "unasked probe" || len(p.Asked()) != 0 {
		t.Errorf("connected %v with evidence %q, %d asked, %v", e.Connected, e.Evidence, len(p.Asked()), err)
	}
	p.Answer(200, `{"allow":false,"ticket":"V-1","for":"1h"}`)
	if r, _ := w.play("INVITE", a, x); r.Refusal != binding.RefusalUnverified || r.Evidence != "deny V-1" {
		t.Fatalf("%q with evidence %q", r.Refusal, r.Evidence)
	}
	w.node.limits.set.Mode = "off"
	if err := w.node.limits.use(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := w.agree("denied a moment ago", "INVITE", a, x); e.Evidence != "deny V-1, cached" || e.Answer != 403 {
		t.Errorf("%d with evidence %q", e.Answer, e.Evidence)
	}
	p.Answer(200, `{"allow":true,"ticket":"V-2","for":"1h"}`)
	if r, _ := w.play("INVITE", c, y); r.Evidence != "allow V-2" {
		t.Fatalf("evidence %q", r.Evidence)
	}
	if e := w.agree("allowed a moment ago", "INVITE", c, y); e.Evidence != "allow V-2, cached" || !e.Connected {
		t.Errorf("evidence %q", e.Evidence)
	}
}
