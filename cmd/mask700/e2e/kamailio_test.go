package e2e

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/e2e/rig"
)

// TestKamailio: Kamailio is the softswitch, with the very configuration that `config example kamailio` prints, and
// mask700 runs on the one that `config example mask700` prints, but for the addresses and the kernel's part in the
// audio. Everything on the wire is captured and searched.
func TestKamailio(t *testing.T) {
	need(t, "sipp", "kamailio", "dumpcap", "tshark")
	rows := []scenario{
		{name: "audio both ways, caller hangs up", play: pair("caller-rtp", "callee-rtp"), audio: true, want: callerHangsUp},
		{name: "reverse, callee hangs up", play: pair("caller-await-bye", "callee-bye"), reverse: true, want: calleeHangsUp},
		{name: "cancelled after 180", play: pair("caller-cancel-ringing", "callee-cancelled"), want: callerCancels},
		{name: "hold and resume", play: pair("caller-hold", "callee-reinvited-twice"), want: callerHangsUp},
		{name: "marks in every message", play: pair("caller-marked", "callee-marked"), audio: true, marks: true, want: callerHangsUp},
		{name: "what Asterisk sends", play: pair("caller-asterisk", "callee-reinvited"), want: callerHangsUp},
	}
	for _, s := range rows {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.throughKamailio(newWorld(t))
		})
	}
}

func (s scenario) throughKamailio(w *world) {
	t := w.t
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	softswitch := w.port(w.hosts.Switch)
	w.hosts.Right = netip.Addr{} // one trunk: both calls are between the softswitch and the same address
	w.right = netip.AddrPort{}

	w.serveWith(w.example(ctx, "mask700", softswitch), setup{})
	w.run("block", "add", block)
	w.kamailio(ctx, w.example(ctx, "kamailio", netip.AddrPort{}), softswitch)
	w.register(ctx, softswitch)
	a, b := w.caller.number, w.callee.number
	if s.reverse {
		a, b = b, a
	}
	w.bind(a, b, w.x)
	capture, err := rig.StartCapture(ctx, filepath.Join(w.dir, "wire.pcapng"), w.hosts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(capture.Kill)

	s.play.remote = softswitch
	o := w.play(s.play)
	if o.callerStatus != 0 || o.calleeStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
	}
	w.unseen(o)
	packets, err := capture.Packets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.search(packets, s.audio)
	observed, err := capture.Observe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.observe(observed, s.marks, s.audio)

	records := w.records()
	if len(records) != 1 {
		t.Fatalf("%d records of one call", len(records))
	}
	r := records[0]
	s.want.agrees(t, r)
	if r.TrunkIn != "softswitch" || r.TrunkOut != "softswitch" {
		t.Errorf("record: %+v", r)
	}
	if s.audio {
		streams, err := capture.Streams(ctx)
		if err != nil {
			t.Fatal(err)
		}
		w.agree(streams, r.Media.AtoB, w.hosts.Caller, w.hosts.Callee)
		w.agree(streams, r.Media.BtoA, w.hosts.Callee, w.hosts.Caller)
	}
	w.shut(w.caller.number, w.callee.number, w.forwarder)
}

// example is the text that `config example` prints. In the gateway's own the addresses of the documentation become
// those of this test, and the kernel relays nothing: what it hands on on loopback no capture sees leave.
func (w *world) example(ctx context.Context, name string, softswitch netip.AddrPort) string {
	w.t.Helper()
	out, err := exec.CommandContext(ctx, binary(w.t), "config", "example", name).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	if name == "kamailio" {
		return string(out)
	}
	return strings.NewReplacer(
		"192.0.2.10:5060", softswitch.String(), "192.0.2.10", softswitch.Addr().String(),
		"192.0.2.20:5060", w.left.String(), "192.0.2.20", w.left.Addr().String(), "offload: auto ", `offload: "off" `,
	).Replace(string(out))
}

// kamailio starts the softswitch; the file is as printed, its defines come from the command line.
func (w *world) kamailio(ctx context.Context, config string, at netip.AddrPort) {
	w.t.Helper()
	w.kamailioWith(ctx, config, at,
		"-A", "LISTEN_UDP=udp:"+at.String(), "-A", "LISTEN_TCP=tcp:"+at.String(),
		"-A", `MASK700_IP="`+w.left.Addr().String()+`"`, "-A", `MASK700_URI="sip:`+w.left.String()+`"`,
		"-A", `PHONES="`+netip.PrefixFrom(w.hosts.Left, 24).Masked().String()+`"`)
}

// kamailioWith starts the softswitch, which listens at an address, with some flags.
func (w *world) kamailioWith(ctx context.Context, config string, at netip.AddrPort, flags ...string) {
	w.t.Helper()
	file := filepath.Join(w.dir, "kamailio.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		w.t.Fatal(err)
	}
	run := filepath.Join(w.dir, "kamailio")
	if err := os.Mkdir(run, 0o700); err != nil {
		w.t.Fatal(err)
	}
	args := append([]string{"-DD", "-E", "-f", file, "-m", "32", "-M", "4", "-w", run, "-Y", run}, flags...)
	p, err := rig.Start("kamailio", exec.Command("kamailio", args...), "")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if _, err := p.Stop(3 * time.Second); err != nil {
			w.t.Log(err)
		}
		if err := os.WriteFile(filepath.Join(w.dir, "kamailio.log"), []byte(p.Output()), 0o600); err != nil {
			w.t.Log(err)
		}
	})
	// Kamailio binds before its workers run; what comes in between waits in the socket.
	for _, network := range []string{"udp", "tcp"} {
		err := rig.Poll(ctx, "kamailio to listen", func() (bool, error) {
			if p.Ended() {
				w.t.Fatalf("kamailio ended at once:\n%s", p.Output())
			}
			return rig.Bound(network, at)
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// register tells the softswitch where both phones are.
func (w *world) register(ctx context.Context, softswitch netip.AddrPort) {
	w.t.Helper()
	p := &rig.Phone{
		Scenario: filepath.Join(scenarios(w.t), "register.xml"), Role: "register", Dir: w.dir, Network: "udp",
		Addr: w.port(w.hosts.Callee), Media: w.port(w.hosts.Callee).Port(), Remote: softswitch, Within: 10 * time.Second,
		Lines: [][]string{{w.callee.number, w.callee.addr.String()}, {w.caller.number, w.caller.addr.String()}},
	}
	p.Flags = p.Traced()
	if status := w.wait(ctx, w.start(ctx, p)); status != 0 {
		w.t.Fatalf("the phones could not register: SIPp ended with %d", status)
	}
}

// search: on the way to and from one phone nothing of the other; between the softswitch and the gateway never both
// in one packet; and nothing by which the two calls could be told to belong together.
func (w *world) search(packets []rig.Packet, audio bool) {
	t := w.t
	t.Helper()
	ofCaller := []string{w.caller.number, w.caller.addr.Addr().String(), w.forwarder}
	ofCallee := []string{w.callee.number, w.callee.addr.Addr().String()}
	// What the caller's phone was sent, and what the callee's. What they send says nothing: every SIPp has one SSRC.
	marks := map[bool]map[string]bool{true: {}, false: {}}
	seen := 0
	for _, p := range packets {
		touches := func(a netip.Addr) bool { return p.From == a || p.To == a }
		atCaller, atCallee := touches(w.hosts.Caller), touches(w.hosts.Callee)
		switch {
		case atCaller && atCallee:
			t.Errorf("a packet went straight from phone to phone: %s to %s", p.From, p.To)
		case atCaller:
			w.absent(p, ofCallee)
		case atCallee:
			w.absent(p, ofCaller)
		default:
			_, a := rig.Find(p.Payload, ofCaller)
			_, b := rig.Find(p.Payload, ofCallee)
			if a && b {
				t.Errorf("%s to %s holds something of both parties:\n%s", p.From, p.To, p.Payload)
			}
			continue
		}
		seen++
		if m := mark(p.Payload); m != "" && (p.To == w.hosts.Caller || p.To == w.hosts.Callee) {
			marks[atCaller][m] = true
		}
	}
	for m := range marks[true] {
		if marks[false][m] {
			t.Errorf("both phones saw %s", m)
		}
	}
	if want := 10; seen < want || len(marks[true]) == 0 || len(marks[false]) == 0 {
		t.Errorf("%d packets and %d, %d marks at the phones: the capture cannot be whole", seen, len(marks[true]), len(marks[false]))
	}
	if audio && (len(marks[true]) < 2 || len(marks[false]) < 2) {
		t.Errorf("%d and %d marks at the phones; want a Call-ID and an SSRC at each", len(marks[true]), len(marks[false]))
	}
}

// agree: the record of one direction is what tshark makes of the streams from the one phone and to the other.
func (w *world) agree(streams []rig.Stream, f cdr.FlowView, from, to netip.Addr) {
	w.t.Helper()
	var in, out []rig.Stream
	for _, s := range streams {
		if s.From.Addr() == from {
			in = append(in, s)
		}
		if s.To.Addr() == to {
			out = append(out, s)
		}
	}
	if len(in) != 1 || len(out) != 1 {
		w.t.Fatalf("tshark finds %d streams from one phone and %d to the other", len(in), len(out))
	}
	// What a phone sends twice, tshark takes off what is lost.
	if out[0].Packets < 20 || uint64(out[0].Packets) != f.Packets || uint64(max(in[0].Lost, 0)) != f.Lost || out[0].Lost > 0 {
		w.t.Errorf("record: %+v\ntshark, in: %+v\ntshark, out: %+v", f, in[0], out[0])
	}
	// tshark times a packet as it is captured, we as it is read: a busy machine puts a little between the two.
	const between = 3
	if f.JitterMS < in[0].MinJitter-between || f.JitterMS > in[0].MaxJitter+between || f.MaxJitterMS < f.JitterMS || f.MaxJitterMS > in[0].MaxJitter+between || f.MOS < 4 {
		w.t.Errorf("record: %+v\ntshark, in: %+v", f, in[0])
	}
}

// mark is what tells one call from another on a leg: the Call-ID of a message, the SSRC of an RTP packet.
func mark(payload string) string {
	if len(payload) > 12 && payload[0]&0xc0 == 0x80 && payload[1]&0x7f < 64 {
		return "SSRC " + payload[8:12]
	}
	return strings.Join(rig.Message{Text: payload}.Header("Call-ID"), "")
}

func (w *world) absent(p rig.Packet, words []string) {
	w.t.Helper()
	if word, found := rig.Find(p.Payload, words); found {
		w.t.Errorf("%s to %s holds %q:\n%q", p.From, p.To, word, p.Payload)
	}
}
