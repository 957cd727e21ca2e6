package gateway

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/media/prompt"
	"mask700/media/sdp"
	"mask700/sip/call"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

func TestEveryPromptOfACallIsInTheCatalogue(t *testing.T) {
	c, err := prompt.Load(prompt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []call.Prompt{call.NotInService, call.OrderFinished, call.CallLimit, call.LastMinute, call.EnterExtension, call.Ringback, call.Busy, call.Congestion, call.Unobtainable} {
		for _, codec := range prompt.Codecs {
			if c.Clip(prompt.ID(p), codec) == nil {
				t.Errorf("no %s in %s", p, codec)
			}
		}
	}
}

// noise is some frames of audio that nothing else sounds like.
func noise(seed uint64, frames int) []byte {
	r := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, 160*frames)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// promptWorld has short prompts of its own, and gives their payloads by codec.
func promptWorld(t *testing.T, mode string, most, frames int) (*world, map[string][]byte) {
	t.Helper()
	clips, payloads := shortPrompts(t, frames)
	w := newWorldWith(t, func(o *Options) {
		o.Trunks[0].Prompt = mode
		o.Prompts = Prompts{Catalogue: clips, Max: most}
	})
	return w, payloads
}

// shortPrompts are prompts of a few frames, of which all are as long that refuse or ask.
func shortPrompts(t *testing.T, frames int) (*prompt.Catalogue, map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "en"), 0o755); err != nil {
		t.Fatal(err)
	}
	law, wide := noise(1, frames), noise(2, frames)
	for name, b := range map[string][]byte{"not-in-service.al": law, "not-in-service.g722": wide, "enter-extension.al": law} {
		if err := os.WriteFile(filepath.Join(dir, "en", name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	clips, err := prompt.Load(prompt.Options{Language: "en", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	mu := bytes.Join(clips.Clip(prompt.NotInService, "PCMU").Frames, nil)
	return clips, map[string][]byte{"PCMA": law, "PCMU": mu, "G722": wide}
}

// offering is an offer of some payload types, to be sent to a socket.
func offering(at *net.UDPConn, types string) string {
	return fmt.Sprintf("v=0\no=- 1 1 IN IP4 127.0.3.1\ns=-\nc=IN IP4 127.0.3.1\nt=0 0\nm=audio %d RTP/AVP %s\na=rtpmap:101 telephone-event/8000\n",
		at.LocalAddr().(*net.UDPAddr).Port, types)
}

// hear collects as many payloads as there should be, and checks that they are one stream of a payload type.
func hear(t *testing.T, on *net.UDPConn, pt byte, want []byte) {
	t.Helper()
	var got []byte
	var first, last []byte
	b := make([]byte, 2048)
	for len(got) < len(want) {
		if err := on.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := on.Read(b)
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", len(got), len(want), err)
		}
		p := bytes.Clone(b[:n])
		if n < 12 || p[0] != 0x80 || p[1]&0x7f != pt {
			t.Fatalf("a packet that begins with % x", p[:min(n, 12)])
		}
		if first == nil {
			first = p
		} else if s := uint16(p[2])<<8 | uint16(p[3]); s != (uint16(last[2])<<8|uint16(last[3]))+1 || !bytes.Equal(p[8:12], first[8:12]) {
			t.Fatal("not one stream in order")
		}
		last, got = p, append(got, p[12:]...)
	}
	if !bytes.Equal(got, want) {
		t.Error("other audio than the prompt's")
	}
}

// answerOf reads the description of a response.
func answerOf(t *testing.T, m *message.Message) []sdp.Codec {
	t.Helper()
	d, err := sdp.Parse(m.Body)
	if err != nil || d.Audio < 0 || !d.Lines[0].Send || !d.Lines[0].Recv {
		t.Fatalf("the answer: %v, %v", d, err)
	}
	return d.Lines[d.Audio].Codecs
}

const nobody = "13600000004"

func (w *world) ack(to *message.Message, callID string) string {
	text := w.request("ACK", callID, nobody, x, "")
	return strings.Replace(text, fmt.Sprintf("To: <sip:%s@gateway>", x), "To: "+to.To.Text, 1)
}

// closed gives the one record, which is on disk before the last word is sent.
func (w *world) closed() cdr.Record {
	w.t.Helper()
	list := w.journal.Closed()
	if len(list) != 1 {
		w.t.Fatalf("%d records", len(list))
	}
	return list[0]
}

func TestARefusedCallerHearsWhyFirst(t *testing.T) {
	for _, row := range []struct {
		types, codec string
		pt           byte
	}{
		{"8 0 101", "PCMA", 8}, {"0 8", "PCMU", 0}, {"9 18 8", "PCMA", 8}, {"18 9", "G722", 9},
	} {
		t.Run(row.types, func(t *testing.T) {
			w, prompts := promptWorld(t, trunk.PromptEarly, 1, 15)
			ear := socket(t, "127.0.3.1")
			w.send(w.peer, w.request("INVITE", "early", nobody, x, offering(ear, row.types)))
			codecs := answerOf(t, w.expect(183, "INVITE"))
			if len(codecs) != 1 || codecs[0].Name != row.codec || codecs[0].PT != row.pt {
				t.Fatalf("the answer has %v", codecs)
			}
			hear(t, ear, row.pt, prompts[row.codec])
			if m := w.expect(404, "INVITE"); m.Q850 != 1 {
				t.Errorf("404 with cause %d", m.Q850)
			}
			if r := w.closed(); r.End != cdr.EndRefused || r.SIPStatus != 404 || !r.AnsweredAt.IsZero() {
				t.Errorf("the record says %s, %d", r.End, r.SIPStatus)
			}
		})
	}
}

func TestARefusedCallerIsAnsweredAndReleased(t *testing.T) {
	w, prompts := promptWorld(t, trunk.PromptAnswer, 1, 15)
	ear := socket(t, "127.0.3.1")
	w.send(w.peer, w.request("INVITE", "answer", nobody, x, offering(ear, "8")))
	ok := w.expect(200, "INVITE")
	answerOf(t, ok)
	w.send(w.peer, w.ack(ok, "answer"))
	hear(t, ear, 8, prompts["PCMA"])
	for m := w.receive(); ; m = w.receive() {
		if m.Method == "BYE" {
			if m.Q850 != 1 {
				t.Errorf("BYE with cause %d", m.Q850)
			}
			break
		}
	}
	if r := w.closed(); r.End != cdr.EndRefused || r.SIPStatus != 200 || r.AnsweredAt.IsZero() {
		t.Errorf("the record says %s, %d", r.End, r.SIPStatus)
	}
}

func TestAPromptEndsWithTheCall(t *testing.T) {
	w, _ := promptWorld(t, trunk.PromptEarly, 1, 2900) // of nearly a minute
	ear := socket(t, "127.0.3.1")
	invite := w.request("INVITE", "cancel", nobody, x, offering(ear, "8"))
	w.send(w.peer, invite)
	w.expect(183, "INVITE")
	if _, err := ear.Read(make([]byte, 2048)); err != nil {
		t.Fatal(err)
	}
	cancel := strings.Replace(w.request("CANCEL", "cancel", nobody, x, ""), "z9hG4bKCANCEL", "z9hG4bKINVITE", 1)
	w.send(w.peer, cancel)
	w.expect(487, "INVITE")
	if r := w.closed(); r.End != cdr.EndRefused || r.SIPStatus != 487 || r.ReleasedBy != cdr.ByCaller {
		t.Errorf("the record says %s by %s, %d", r.End, r.ReleasedBy, r.SIPStatus)
	}
	if n := w.gateway.prompting.Load(); n != 0 {
		t.Errorf("%d prompts are still counted", n)
	}
}

// Beyond the bound the refusal goes out at once, and room that was taken is given back.
func TestOnlySoManyHearAPromptAtOnce(t *testing.T) {
	w, _ := promptWorld(t, trunk.PromptEarly, 1, 25)
	ear := socket(t, "127.0.3.1")
	w.send(w.peer, w.request("INVITE", "one", nobody, x, offering(ear, "8")))
	w.expect(183, "INVITE")
	w.send(w.peer, w.request("INVITE", "two", nobody, x, offering(ear, "8")))
	for {
		m := w.receive()
		if m.CallID == "two" && m.Status == 183 {
			t.Fatal("two hear a prompt where one may")
		}
		if m.CallID == "two" && m.Status == 404 {
			break
		}
	}
	for w.expect(404, "INVITE").CallID != "one" {
	}
	w.send(w.peer, w.request("INVITE", "three", nobody, x, offering(ear, "8")))
	for w.expect(183, "INVITE").CallID != "three" {
	}
}

// Of two codecs that a call may use, that which is heard is the one that a prompt is played in, to both.
func TestAPromptInTheCodecThatIsHeard(t *testing.T) {
	w, prompts := promptWorld(t, trunk.PromptNone, 1, 10)
	worker := w.gateway.loops[0].media
	ears := [2]*net.UDPConn{socket(t, "127.0.3.1"), socket(t, "127.0.3.1")}
	open := call.OpenMedia{Pools: [2]string{"in", "in"}}
	for s, ear := range ears {
		open.Peers[s].Remote = ear.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	opened := worker.openMedia("a call", open)
	if opened.Err != nil {
		t.Fatal(opened.Err)
	}
	for s := range ears {
		at := open.Peers[s].Remote
		worker.perform(mediaJob{id: "a call", action: call.SetRemote{Side: call.Side(s), Signal: at.Addr(), Remote: sdp.RemoteMedia{
			RTP: at, Send: true, Recv: true, Types: []sdp.PayloadType{
				{PT: 8, Clock: 8000, Name: "PCMA", Map: 8}, {PT: 0, Clock: 8000, Name: "PCMU", Map: 0},
			},
		}}})
	}
	worker.perform(mediaJob{id: "a call", action: call.SettleMedia{}})
	packet := append([]byte{0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4}, bytes.Repeat([]byte{0xff}, 160)...)
	local := opened.Local[0]
	if _, err := ears[0].WriteToUDP(packet, &net.UDPAddr{IP: local.Addr.AsSlice(), Port: int(local.Port)}); err != nil {
		t.Fatal(err)
	}
	hear(t, ears[1], 0, packet[12:])
	for s := range ears {
		worker.perform(mediaJob{id: "a call", action: call.PlayMedia{Side: call.Side(s), Prompt: call.NotInService}})
	}
	for _, ear := range ears {
		hear(t, ear, 0, prompts["PCMU"])
	}
}
