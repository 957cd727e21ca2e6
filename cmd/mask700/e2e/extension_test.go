package e2e

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"mask700/binding"
	"mask700/binding/cdr"
)

// TestAnExtensionIsPressed: who dials the number alone is answered and asked for the extension. Its first one is wrong, and
// it is asked again; then the other phone rings, and nothing of the keys is in the log or the record.
func TestAnExtensionIsPressed(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	config := strings.Replace(w.config(setup{}), "media:\n", "media:\n  prompts: {mode: answer, language: tone}\n", 1)
	w.serveWith(config+"numbering: {allow_strangers: true}\n", setup{})
	w.run("block", "add", block)
	const wrong, right = "97531864", "13579246"
	id := w.bind(w.callee.number, w.onward, w.x, "--mode", "axe", "--extension", right)
	ear, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(w.caller.addr.Addr(), 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer ear.Close()
	p := pair("caller-extension", "callee-bye")
	p.fields = []string{port(ear.LocalAddr().(*net.UDPAddr).AddrPort().Port()), "8 101"}
	c := w.begin(p)
	k := keypad{t: t, socket: ear}
	k.hear(8) // the prompt; it comes from where the keys go
	k.press(wrong)
	k.quiet()
	k.hear(8) // once more
	k.press(right)
	o := c.finish()
	if o.callerStatus != 0 || o.calleeStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
	}
	w.unseen(o)
	records := w.records()
	if len(records) != 1 {
		t.Fatalf("%d records", len(records))
	}
	r := records[0]
	ending{end: cdr.EndCompleted, releasedBy: cdr.ByCallee, status: 200, q850: 16}.agrees(t, r)
	if r.Binding != id || r.Refusal != binding.RefusalNone || r.CalleeIn != w.x || r.CallerIn != masked(w.caller.number) || r.CalleeOut != masked(w.callee.number) {
		t.Errorf("record: %+v", r)
	}
	w.shut(w.caller.number, w.callee.number, w.onward, wrong, right)
}

// keypad is the audio of a phone that presses keys.
type keypad struct {
	t      *testing.T
	socket *net.UDPConn
	ours   netip.AddrPort // where what it hears comes from
	seq    uint16
	ts     uint32
}

// hear waits for a packet of a type.
func (k *keypad) hear(pt uint8) {
	k.t.Helper()
	b := make([]byte, 2048)
	if err := k.socket.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		k.t.Fatal(err)
	}
	n, from, err := k.socket.ReadFromUDPAddrPort(b)
	if err != nil {
		k.t.Fatal(err)
	}
	var heard rtp.Packet
	if err := heard.Unmarshal(b[:n]); err != nil || heard.PayloadType != pt {
		k.t.Fatalf("heard %v, %v", heard.Header, err)
	}
	k.ours = from
}

// quiet reads what has come so far: until nothing comes for longer than from one packet of a prompt to the next.
func (k *keypad) quiet() {
	k.t.Helper()
	b := make([]byte, 2048)
	for {
		if err := k.socket.SetReadDeadline(time.Now().Add(5 * time.Millisecond)); err != nil {
			k.t.Fatal(err)
		}
		if _, err := k.socket.Read(b); err != nil {
			return
		}
	}
}

// press presses digits, each for 60 ms: three packets, whose last is sent three times. They go at the pace of a phone: the
// gateway has no room for many at once.
func (k *keypad) press(digits string) {
	k.t.Helper()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for _, d := range digits {
		for i, duration := range []uint16{160, 320, 480, 480, 480} {
			payload := []byte{byte(d - '0'), 10, byte(duration >> 8), byte(duration)}
			if i >= 2 {
				payload[1] |= 1 << 7
			}
			k.seq++
			packet, err := (&rtp.Packet{
				Header:  rtp.Header{Version: 2, Marker: i == 0, PayloadType: 101, SequenceNumber: k.seq, Timestamp: k.ts, SSRC: 700},
				Payload: payload,
			}).Marshal()
			<-pace.C
			if err == nil {
				_, err = k.socket.WriteToUDPAddrPort(packet, k.ours)
			}
			if err != nil {
				k.t.Fatal(err)
			}
		}
		k.ts += 1600
	}
}
