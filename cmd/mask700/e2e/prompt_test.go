package e2e

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/tone"
)

// spoken is a refusal that the caller hears.
type spoken struct {
	name    string
	caller  string
	prompts string // keys of media.prompts
	types   string // of the offer, the one that is spoken in first
	pt      byte
	file    string // what is heard, of media/prompt
	times   int    // that it is heard
	hz      float64
	status  int
}

// TestPrompts: what comes to the caller's port is the file, byte for byte, and the record is a refusal.
func TestPrompts(t *testing.T) {
	need(t, "sipp")
	for _, s := range []spoken{
		{name: "early in A-law", caller: "caller-prompt", prompts: "mode: early", types: "8 0 101", pt: 8,
			file: "zh/not-in-service.al", times: 1, status: 404},
		{name: "early in G.722", caller: "caller-prompt", prompts: "mode: early, language: en", types: "9 18", pt: 9,
			file: "en/not-in-service.g722", times: 1, status: 404},
		{name: "a tone", caller: "caller-prompt", prompts: "mode: early, language: tone", types: "8", pt: 8,
			file: "tone/china/unobtainable.al", times: 3, hz: 450, status: 404},
		{name: "after an answer", caller: "caller-prompt-answered", prompts: "mode: answer, language: en", types: "8", pt: 8,
			file: "en/not-in-service.al", times: 1, status: 200},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.heard(newWorld(t))
		})
	}
}

func (s spoken) heard(w *world) {
	t := w.t
	t.Helper()
	config := strings.Replace(w.config(setup{}), "media:\n", "media:\n  prompts: {"+s.prompts+"}\n", 1)
	w.serveWith(config, setup{})
	w.run("block", "add", block)
	file, err := os.ReadFile(filepath.Join("../../../media/prompt", s.file))
	if err != nil {
		t.Fatal(err)
	}
	ear, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(w.caller.addr.Addr(), 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer ear.Close()
	at := port(ear.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	c := w.begin(play{caller: s.caller, fields: []string{at, s.types}})
	got := listen(t, ear, s.pt, len(file)*s.times)
	if o := c.finish(); o.callerStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d", o.callerStatus)
	}
	if !bytes.Equal(got, bytes.Repeat(file, s.times)) {
		t.Error("other audio than the file's")
	}
	if s.hz > 0 {
		samples := tone.ALaw.AppendSamples(nil, got[:800]) // its first 100 ms
		if l := tone.Level(samples, s.hz); l < -15 || l > -11 {
			t.Errorf("%.0f Hz at %.1f dB", s.hz, l)
		}
	}
	records := w.records()
	if len(records) != 1 {
		t.Fatalf("%d records of one call", len(records))
	}
	ending{end: cdr.EndRefused, releasedBy: cdr.ByPlatform, status: s.status, q850: 1, refusal: binding.RefusalNoBinding}.agrees(t, records[0])
	w.shut(w.caller.number, w.callee.number)
}

// listen collects payloads of a type until there are so many bytes.
func listen(t *testing.T, on *net.UDPConn, pt byte, want int) []byte {
	t.Helper()
	got := make([]byte, 0, want)
	b := make([]byte, 2048)
	for len(got) < want {
		if err := on.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := on.Read(b)
		if err != nil {
			t.Errorf("after %d of %d bytes: %v", len(got), want, err)
			return got
		}
		if n <= 12 || b[1]&0x7f != pt {
			t.Fatalf("a packet of %d bytes that is no RTP of type %d", n, pt)
		}
		got = append(got, b[12:n]...)
	}
	return got
}

// TestWithoutPrompts: the flag goes before what the file says, of each trunk too.
func TestWithoutPrompts(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	w.serve(setup{left: "prompt: answer", flags: []string{"--prompt", "none"}})
	if o := w.play(play{caller: "caller-not-found"}); o.callerStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d", o.callerStatus)
	}
	w.shut(w.caller.number, w.callee.number)
}
