package media

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mask700/media/rebase"
)

// weather is what a network does to a stream, drawn from a seed that is its SSRC.
type weather struct {
	name    string
	ssrc    uint32
	first   uint16        // sequence number
	lost    float64       // share of the packets
	twice   float64       // likewise
	late    time.Duration // on average: most come sooner, a few much later
	inOrder bool          // none overtakes another
}

// arrival is when the packet of some number comes, in ns since the first.
type arrival struct {
	at int64
	n  int
}

// arrivals plays the weather on packets that are sent at some pace. The first comes first and the last one last:
// tshark counts what is lost up to that which came last, we up to the highest number.
func (w weather) arrivals(packets int, pace time.Duration) (out []arrival) {
	r := rand.New(rand.NewPCG(uint64(w.ssrc), 1))
	latest := int64(-1000)
	for n := range packets {
		ends := n == 0 || n == packets-1
		if r.Float64() < w.lost && !ends {
			continue
		}
		at := int64(n) * int64(pace)
		if !ends {
			at += int64(r.ExpFloat64() * float64(w.late))
		}
		if w.inOrder || ends {
			at = max(at, latest+1000)
		}
		latest = max(at, latest)
		out = append(out, arrival{at, n})
		if r.Float64() < w.twice {
			at += int64(pace) / 7
			latest = max(at, latest)
			out = append(out, arrival{at, n})
		}
	}
	slices.SortStableFunc(out, func(a, b arrival) int { return int(a.at - b.at) })
	return out
}

// captured is an Ethernet frame and when it came, in ns.
type captured struct {
	at    int64
	frame []byte
}

// analysis is what tshark says of a stream: times in ms.
type analysis struct {
	packets, lost                   int
	maxDelta, meanJitter, maxJitter float64
}

// analyse asks tshark, which shares nothing with us, about the streams of a capture, by their SSRCs.
func analyse(t *testing.T, all []captured) map[uint32]analysis {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("tshark is not installed; testdata/setup/needs.sh installs it")
	}
	const nanoseconds, ethernet = 0xa1b23c4d, 1
	b := binary.LittleEndian.AppendUint32(nil, nanoseconds)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, ethernet, 0, 0, 0)
	for _, c := range all {
		for _, v := range []int64{c.at / 1e9, c.at % 1e9, int64(len(c.frame)), int64(len(c.frame))} {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
		b = append(b, c.frame...)
	}
	file := filepath.Join(t.TempDir(), "streams.pcap")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("tshark", "-n", "-q", "-r", file, "--enable-heuristic", "rtp_udp", "-z", "rtp,streams").Output()
	if err != nil {
		t.Fatal(err)
	}
	streams := map[uint32]analysis{}
	for line := range strings.Lines(string(out)) {
		// Two times, two addresses with ports, SSRC, payload, packets, lost and their share, three deltas, three jitters.
		f := strings.Fields(line)
		if len(f) < 16 || !strings.HasPrefix(f[6], "0x") {
			continue
		}
		number := func(i int) float64 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				t.Fatalf("tshark printed a stream of another shape: %q", line)
			}
			return v
		}
		ssrc, err := strconv.ParseUint(f[6], 0, 32)
		if _, twice := streams[uint32(ssrc)]; err != nil || twice {
			t.Fatalf("tshark printed %q", out)
		}
		streams[uint32(ssrc)] = analysis{int(number(8)), int(number(9)), number(13), number(15), number(16)}
	}
	return streams
}

// frameFor is an RTP packet as it would come over a wire.
func frameFor(packet []byte) []byte {
	b := append(make([]byte, 12), 8, 0, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(28+len(packet)))
	b = append(b, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 4000>>8, 4000&0xff, 5000>>8, 5000&0xff)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(packet)))
	return append(append(b, 0, 0), packet...)
}

// Packets that are lost, late, overtaken and sent twice, at times that are the same for both: what we count and
// estimate is what tshark does.
func TestFiguresOfABadNetworkAreTsharks(t *testing.T) {
	t.Parallel()
	const packets, pace = 1500, 20 * time.Millisecond
	type ours struct {
		packets, lost                   int
		maxDelta, meanJitter, maxJitter float64
	}
	want, noted := map[uint32]ours{}, map[uint32][2]float64{}
	var all []captured
	bad := []weather{
		{name: "a good one", ssrc: 0x70000001, first: 65000, inOrder: true},
		{name: "lost", ssrc: 0x70000002, first: 65000, lost: 0.05, inOrder: true},
		{name: "lost and late", ssrc: 0x70000003, first: 65000, lost: 0.02, late: 8 * time.Millisecond, inOrder: true},
		{name: "lost, late and overtaken", ssrc: 0x70000004, first: 100, lost: 0.02, late: 15 * time.Millisecond},
		{name: "late and twice", ssrc: 0x70000005, first: 100, twice: 0.02, late: 8 * time.Millisecond},
	}
	table := &newPayloads((&phone{t: t, rtp: listen(t, "127.0.0.2"), rtcp: listen(t, "127.0.0.2")}).remote().Types, false).table
	for i, w := range bad {
		s := rebase.New(rebase.Initial{SSRC: 1})
		start := int64(1700000000+1000*i) * 1e9
		var f ours
		var sum float64
		came := w.arrivals(packets, pace)
		for j, a := range came {
			p := phone{t: t, ssrc: w.ssrc, seq: w.first + uint16(a.n) - 1, ts: uint32(160 * a.n)}
			b := p.frame("voice")
			all = append(all, captured{start + a.at, frameFor(b)})
			if s.Read(b, start+a.at, table) != rebase.OK {
				t.Fatalf("%s: packet %d is not read", w.name, a.n)
			}
			if j > 0 && a.at/1e9 > came[j-1].at/1e9 {
				s.Received.Note() // as every second does
			}
			jitter := milliseconds(s.Received.Jitter())
			f.maxJitter = max(f.maxJitter, jitter)
			sum += jitter
			if j > 0 {
				f.maxDelta = max(f.maxDelta, float64(a.at-came[j-1].at)/1e6)
			}
		}
		report, _ := s.Received.Report()
		f.packets, f.lost, f.meanJitter = int(s.Received.Packets()), int(report.Lost), sum/float64(len(came))
		if f.lost != packets-len(came) || (w.lost > 0) != (f.lost > 0) || (w.late > 0) != (f.maxJitter > 5) {
			t.Errorf("%s: %d came of %d, and we count %+v", w.name, len(came), packets, f)
		}
		s.Received.Note()
		noted[w.ssrc] = [2]float64{milliseconds(s.Received.MeanJitter()), milliseconds(s.Received.MaxJitter())}
		want[w.ssrc] = f
	}
	streams := analyse(t, all)
	for _, w := range bad {
		got, f := streams[w.ssrc], want[w.ssrc]
		// Ours is in ticks of the clock, an eighth of a millisecond.
		if got.packets != f.packets || got.lost != f.lost || math.Abs(got.maxDelta-f.maxDelta) > 0.002 ||
			math.Abs(got.meanJitter-f.meanJitter) > 0.2 || math.Abs(got.maxJitter-f.maxJitter) > 0.2 {
			t.Errorf("%s: tshark says %+v, we say %+v", w.name, got, f)
		}
		// What the record says is seen once a second, of an estimate that is over 16 packets.
		if mean, greatest := noted[w.ssrc][0], noted[w.ssrc][1]; math.Abs(mean-got.meanJitter) > got.meanJitter/5+0.2 || greatest < mean || greatest > got.maxJitter+0.2 {
			t.Errorf("%s: tshark says %+v, the record %.2f ms, at most %.2f", w.name, got, mean, greatest)
		}
	}
}

// Calls in user space, on the usual way and side by side, whose packets come from a bad network at times that are given:
// what the relay counts and estimates is what tshark does.
func TestLanesAndTheUsualWayAgreeWithTshark(t *testing.T) {
	c := newClock()
	r := inUserSpace(t, Options{Timeout: -1, Clock: Clock{Now: c.read}})
	const packets, pace = 400, 20 * time.Millisecond
	want := map[string]analysis{}
	var all []captured
	calls := []struct {
		name string
		on   func(Session) int
		weather
	}{
		{"the usual way", nil, weather{ssrc: 0x73000001, first: 65400, lost: 0.03, late: 8 * time.Millisecond}},
		{"side by side", riding, weather{ssrc: 0x73000002, first: 65400, lost: 0.03, twice: 0.02, late: 8 * time.Millisecond}},
	}
	for _, call := range calls {
		a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
		s := talk(t, r, a, b)
		if call.on == nil {
			s.Record(&taped{})
		} else {
			overTo(t, s, a, b, call.on)
		}
		before := s.Stats().AtoB
		var f analysis
		var sum float64
		came, rode, start := call.arrivals(packets, pace), 0, c.read()
		for i, next := range came {
			<-c.now
			c.now <- start.Add(time.Duration(next.at))
			a.ssrc, a.seq, a.ts = call.ssrc, call.first+uint16(next.n)-1, uint32(160*next.n)
			packet := a.frame("voice")
			all = append(all, captured{start.UnixNano() + next.at, frameFor(packet)})
			if call.on != nil && call.on(s) == 2 {
				rode++
			}
			send(t, a.rtp, packet, at(s.Local(A)))
			b.hear()
			jitter := milliseconds(jitterOf(s, A))
			sum, f.maxJitter = sum+jitter, max(f.maxJitter, jitter)
			if i > 0 {
				f.maxDelta = max(f.maxDelta, float64(next.at-came[i-1].at)/1e6)
			}
		}
		st := s.Stats().AtoB
		f.packets, f.lost, f.meanJitter = int(st.Packets-before.Packets), int(st.Lost-before.Lost), sum/float64(len(came))
		if f.packets != len(came) || f.lost < 3 || f.maxJitter < 3 || call.on != nil && rode < packets*8/10 {
			t.Errorf("%s: %d came, %d of them side by side; we count %+v", call.name, len(came), rode, f)
		}
		want[call.name] = f
	}
	streams := analyse(t, all)
	for _, call := range calls {
		got, f := streams[call.ssrc], want[call.name]
		if got.packets != f.packets || got.lost != f.lost || math.Abs(got.maxDelta-f.maxDelta) > 0.002 ||
			math.Abs(got.meanJitter-f.meanJitter) > 0.2 || math.Abs(got.maxJitter-f.maxJitter) > 0.2 {
			t.Errorf("%s: tshark says %+v, we say %+v", call.name, got, f)
		}
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// wiretap takes a copy of what comes in at lo before anything else sees it. What it has not been asked for waits in
// its socket.
type wiretap int

func newWiretap(t *testing.T) wiretap {
	t.Helper()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	for option, value := range map[int]int{unix.SO_RCVBUFFORCE: 16 << 20, unix.SO_TIMESTAMPNS: 1} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, value); err != nil {
			t.Fatal(err)
		}
	}
	everything := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: lo.Index}); err != nil {
		t.Fatal(err)
	}
	return wiretap(fd)
}

// to gives the RTP that has come to some addresses of IPv4.
func (w wiretap) to(t *testing.T, places map[netip.AddrPort]bool) (all []captured) {
	t.Helper()
	frame, control := make([]byte, 2048), make([]byte, 256)
	for {
		n, size, _, from, err := unix.Recvmsg(int(w), frame, control, 0)
		if err == unix.EAGAIN {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		const ports = 14 + 20
		link, ok := from.(*unix.SockaddrLinklayer)
		if !ok || link.Pkttype == unix.PACKET_OUTGOING || n < ports+8+12 || frame[14] != 0x45 || frame[23] != unix.IPPROTO_UDP ||
			!places[netip.AddrPortFrom(netip.AddrFrom4([4]byte(frame[30:34])), binary.BigEndian.Uint16(frame[ports+2:]))] {
			continue
		}
		messages, err := unix.ParseSocketControlMessage(control[:size])
		if err != nil || len(messages) != 1 || messages[0].Header.Type != unix.SCM_TIMESTAMPNS {
			t.Fatalf("no time of a packet: %v", err)
		}
		stamp := messages[0].Data
		at := int64(binary.NativeEndian.Uint64(stamp))*1e9 + int64(binary.NativeEndian.Uint64(stamp[8:]))
		all = append(all, captured{at, slices.Clone(frame[:n])})
	}
}

// estimate is the jitter after the last packet of a stream at 8000 Hz, in ms, by RFC 3550 appendix A.8 in floating
// point, and the greatest on the way.
func estimate(all []captured, ssrc uint32) (last, greatest float64) {
	var before float64
	first := true
	for _, c := range all {
		p := c.frame[14+20+8:]
		if binary.BigEndian.Uint32(p[8:]) != ssrc {
			continue
		}
		transit := float64(c.at-all[0].at)/1e6 - float64(int32(binary.BigEndian.Uint32(p[4:])))/8
		if !first {
			last += (math.Abs(transit-before) - last) / 16
			greatest = max(greatest, last)
		}
		before, first = transit, false
	}
	return last, greatest
}

// jitterOf is the jitter of what comes from a side, as it is now.
func jitterOf(s Session, side Side) time.Duration {
	x := s.(*session)
	x.shard.mu.Lock()
	defer x.shard.mu.Unlock()
	x.take(side)
	return x.legs[side].in.Received.Jitter()
}

// Calls over the usual way, side by side and in the kernel, both of whose phones are behind a bad network: what our
// figures say at the end is what tshark reads off the wire.
func TestKernelAndUserSpaceAgreeWithTshark(t *testing.T) {
	if !alone(t) {
		return
	}
	const packets, pace = 150, 10 * time.Millisecond
	inKernel, inUser := newRelay(t, Options{}), inUserSpace(t, Options{Pools: []Pool{{Name: "one", Address: loopback, Min: 16000, Max: 16999}}})
	wire := newWiretap(t)
	type party struct {
		*phone
		to   netip.AddrPort
		came []arrival
		base phone // before the first
	}
	var parties []*party
	var sessions []Session
	places := map[netip.AddrPort]bool{}
	ways := []struct {
		name  string
		relay *Relay
		on    func(Session) int
	}{{"the usual way", inUser, nil}, {"side by side", inUser, riding}, {"the kernel", inKernel, active}}
	for i, way := range ways {
		a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
		a.ssrc, b.ssrc = 0x71000000+uint32(i), 0x72000000+uint32(i)
		s := talk(t, way.relay, a, b)
		if way.on == nil {
			s.Record(&taped{})
		} else {
			overTo(t, s, a, b, way.on)
		}
		sessions = append(sessions, s)
		for side, p := range []*phone{a, b} {
			w := weather{ssrc: p.ssrc, lost: 0.05 * float64(side+1), late: time.Duration(5*(side+1)) * time.Millisecond}
			to := at(s.Local(Side(side)))
			places[to] = true
			parties = append(parties, &party{p, to, w.arrivals(packets, pace), *p})
		}
	}
	start := time.Now()
	for left := true; left; {
		left = false
		next := pace
		for _, p := range parties {
			for len(p.came) > 0 {
				if wait := time.Duration(p.came[0].at) - time.Since(start); wait > 0 {
					next = min(next, wait)
					break
				}
				n := p.came[0].n
				p.came = p.came[1:]
				p.seq, p.ts = p.base.seq+uint16(n), p.base.ts+uint32(80*n)-80 // frame adds 160
				send(t, p.rtp, p.frame("voice"), p.to)
			}
			left = left || len(p.came) > 0
		}
		time.Sleep(next)
	}
	all := wire.to(t, places)
	streams := analyse(t, all)
	for i, way := range ways {
		var st Stats
		eventually(t, way.name+": all is counted", func() bool {
			st = sessions[i].Stats()
			return st.AtoB.Packets == uint64(streams[parties[2*i].ssrc].packets) && st.BtoA.Packets == uint64(streams[parties[2*i+1].ssrc].packets)
		})
		for side, f := range []Flow{st.AtoB, st.BtoA} {
			p := parties[2*i+side]
			name := fmt.Sprintf("%s, from %s", way.name, Side(side))
			got := streams[p.ssrc]
			last, greatest := estimate(all, p.ssrc)
			if got.lost < 3 || uint64(got.lost) != f.Lost || last < 3 {
				t.Errorf("%s: tshark says %+v, the jitter is %.2f ms at the end; we say %+v", name, got, last, f)
			}
			// The kernel times a packet as it comes, as the wire is read; user space as it is read, which a busy machine
			// does late, so that it is held to tshark at times that are given.
			if jitter := milliseconds(jitterOf(sessions[i], Side(side))); way.relay == inKernel && math.Abs(jitter-last) > 1 {
				t.Errorf("%s: the jitter is %.2f ms at the end; we say %.2f", name, last, jitter)
			}
			// Of the whole call it is what was seen at some moments, of which a busy machine lets there be few.
			mean, greater := milliseconds(f.Jitter), milliseconds(f.MaxJitter)
			if mean <= 0 || greater < mean || way.relay == inKernel && greater > got.maxJitter+1 {
				t.Errorf("%s: tshark says %+v; we say %.2f ms, at most %.2f", name, got, mean, greater)
			}
			if math.Abs(greatest-got.maxJitter) > 0.2 {
				t.Errorf("%s: tshark's jitter is %.2f ms at most, by the RFC %.2f", name, got.maxJitter, greatest)
			}
			if in := f.Kernel > packets*8/10; in != (way.relay == inKernel) {
				t.Errorf("%s: %d of %d packets by the kernel", name, f.Kernel, f.Packets)
			}
		}
	}
}
