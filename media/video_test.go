package media

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// camera is a phone's video.
func camera(t *testing.T, host string, ssrc uint32) *phone {
	p := newPhone(t, host)
	p.ssrc, p.seq, p.ts = ssrc, 40000, 900000
	return p
}

func (p *phone) videoRemote(pt, other uint8) Remote {
	r := p.remote()
	r.Types = []PayloadType{{PT: pt, Clock: 90000, Name: "H264", Map: other}}
	return r
}

// picture is a part of a picture of the camera's, as big as they come.
func (p *phone) picture(pt uint8, first byte) []byte {
	p.seq++
	payload := bytes.Repeat([]byte{first}, 1200)
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, PayloadType: pt, SequenceNumber: p.seq, Timestamp: p.ts, SSRC: p.ssrc}, Payload: payload}).Marshal()
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

// call is two phones with cameras: A numbers its video 99, B 97.
type videoCall struct {
	session, video Session
	a, b           *phone
	camA, camB     *phone
}

func watch(t *testing.T, r *Relay) videoCall {
	t.Helper()
	s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", Video: true})
	if err != nil {
		t.Fatal(err)
	}
	c := videoCall{session: s, video: s.Video(), a: newPhone(t, "127.0.0.2"), b: newPhone(t, "127.0.0.3"),
		camA: camera(t, "127.0.0.2", 0xaaaa), camB: camera(t, "127.0.0.3", 0xbbbb)}
	s.SetRemote(A, c.a.remote())
	s.SetRemote(B, c.b.remote())
	c.video.SetRemote(A, c.camA.videoRemote(99, 97))
	c.video.SetRemote(B, c.camB.videoRemote(97, 99))
	for _, s := range []Session{s, c.video} {
		s.Settle(A)
		s.Settle(B)
	}
	return c
}

func TestVideoBesideTheAudio(t *testing.T) {
	r := newRelay(t, Options{})
	c := watch(t, r)
	ports := map[uint16]bool{}
	for _, s := range []Session{c.session, c.video} {
		ports[s.Local(A).Port], ports[s.Local(B).Port] = true, true
	}
	if len(ports) != 4 {
		t.Fatalf("ports %v", ports)
	}
	for _, dir := range []struct {
		from, to   *phone
		side       Side
		pt, outPT  uint8
		voice, ear *phone
	}{{c.camA, c.camB, A, 99, 97, c.a, c.b}, {c.camB, c.camA, B, 97, 99, c.b, c.a}} {
		send(t, dir.voice.rtp, dir.voice.frame("voice"), at(c.session.Local(dir.side)))
		voice := dir.ear.hear()
		var was rtp.Packet
		// A picture comes at once.
		for i := range 40 {
			send(t, dir.from.rtp, dir.from.picture(dir.pt, byte(i)), at(c.video.Local(dir.side)))
		}
		for i := range 40 {
			got := dir.to.hear()
			if got.PayloadType != dir.outPT || len(got.Payload) != 1200 || got.Payload[0] != byte(i) || !got.Marker {
				t.Fatalf("%v: %d: got %v", dir.side, i, got.Header)
			}
			if got.SSRC == dir.from.ssrc || got.SSRC == voice.SSRC || i > 0 && (got.SSRC != was.SSRC || got.SequenceNumber != was.SequenceNumber+1 || got.Timestamp != was.Timestamp) {
				t.Fatalf("%v: %d: %v after %v", dir.side, i, got.Header, was.Header)
			}
			was = got
		}
	}
	// Video is not for the audio's port, nor the other way round.
	send(t, c.camA.rtp, c.camA.picture(99, 1), at(c.session.Local(A)))
	send(t, c.a.rtp, c.a.frame("voice"), at(c.video.Local(A)))
	eventually(t, "both are refused", func() bool {
		st := c.session.Stats()
		return st.AtoB.Unknown+st.AtoB.Refused == 1 && st.Video.AtoB.Unknown+st.Video.AtoB.Refused == 1
	})
	st := c.session.Close()
	if st.AtoB.Packets != 1 || st.Codec != "PCMA" || st.Video.AtoB.Packets != 40 || st.Video.BtoA.Packets != 40 || st.Video.Codec != "H264" ||
		st.Video.AtoB.Bytes != 40*1200 || st.Video.AtoB.Kernel != 0 {
		t.Errorf("%+v", st)
	}
	if st := r.Stats(); st.Sessions != 0 || st.Opened != 1 || st.Pools[0].InUse != 0 || st.Pools[0].Resting != 4 || st.Shards[0].Sockets != 0 {
		t.Errorf("%+v", st)
	}
}

// ask sends feedback as a viewer would, after a report.
func ask(t *testing.T, p *phone, to Local, wish rtcp.Packet) {
	t.Helper()
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: p.ssrc},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: p.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "bob@10.9.9.9"}}}}}, wish})
	if err != nil {
		t.Fatal(err)
	}
	send(t, p.rtcp, b, control(to))
}

// asked gives what the sender of a video is asked, after our own report and name.
func asked(t *testing.T, p *phone) rtcp.Packet {
	t.Helper()
	raw := receive(t, p.rtcp)
	if bytes.Contains(raw, []byte("bob")) {
		t.Errorf("the viewer's name is in % x", raw)
	}
	packets := decode(t, raw)
	cname(t, packets)
	if len(packets) != 3 {
		t.Fatalf("asked %v", packets)
	}
	return packets[2]
}

func TestFeedbackReachesTheSenderOfAVideo(t *testing.T) {
	r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: newClock().read}})
	c := watch(t, r)
	var seen []rtp.Packet
	var sent []uint16
	for range 3 {
		send(t, c.camA.rtp, c.camA.picture(99, 1), at(c.video.Local(A)))
		sent, seen = append(sent, c.camA.seq), append(seen, c.camB.hear())
		c.camA.seq++ // one that is lost on its way to us
	}
	// What B sends has an SSRC toward A, which is who asks.
	send(t, c.camB.rtp, c.camB.picture(97, 1), at(c.video.Local(B)))
	us := c.camA.hear().SSRC
	ours := seen[0].SSRC

	ask(t, c.camB, c.video.Local(B), &rtcp.PictureLossIndication{SenderSSRC: c.camB.ssrc, MediaSSRC: ours})
	if got, ok := asked(t, c.camA).(*rtcp.PictureLossIndication); !ok || *got != (rtcp.PictureLossIndication{SenderSSRC: us, MediaSSRC: c.camA.ssrc}) {
		t.Errorf("PLI: %v", got)
	}
	// B misses the second that came, and the one lost after it.
	ask(t, c.camB, c.video.Local(B), &rtcp.TransportLayerNack{SenderSSRC: c.camB.ssrc, MediaSSRC: ours,
		Nacks: []rtcp.NackPair{{PacketID: seen[1].SequenceNumber, LostPackets: 1}}})
	nack, ok := asked(t, c.camA).(*rtcp.TransportLayerNack)
	if !ok || nack.SenderSSRC != us || nack.MediaSSRC != c.camA.ssrc || len(nack.Nacks) != 1 || nack.Nacks[0] != (rtcp.NackPair{PacketID: sent[1], LostPackets: 1}) {
		t.Errorf("NACK: %v, want %d", nack, sent[1])
	}
	// The packet comes again, under the number that B knows it by.
	c.camA.seq = sent[1] - 1
	send(t, c.camA.rtp, c.camA.picture(99, 7), at(c.video.Local(A)))
	if got := c.camB.hear(); got.SequenceNumber != seen[1].SequenceNumber || got.SSRC != ours || got.Payload[0] != 7 {
		t.Errorf("again: %v, want number %d", got.Header, seen[1].SequenceNumber)
	}
	// A whole picture is wanted, is wanted still, and another one is.
	for i, number := range []uint8{200, 200, 201} {
		ask(t, c.camB, c.video.Local(B), &rtcp.FullIntraRequest{SenderSSRC: c.camB.ssrc, FIR: []rtcp.FIREntry{{SSRC: ours, SequenceNumber: number}}})
		got, ok := asked(t, c.camA).(*rtcp.FullIntraRequest)
		if want := [...]uint8{1, 1, 2}[i]; !ok || got.SenderSSRC != us || len(got.FIR) != 1 || got.FIR[0] != (rtcp.FIREntry{SSRC: c.camA.ssrc, SequenceNumber: want}) {
			t.Errorf("FIR: %v, want number %d", got, want)
		}
	}
	// About another stream, or of a kind that we do not know, nothing is asked.
	for _, wish := range []rtcp.Packet{
		&rtcp.PictureLossIndication{SenderSSRC: c.camB.ssrc, MediaSSRC: c.camA.ssrc},
		&rtcp.TransportLayerNack{SenderSSRC: c.camB.ssrc, MediaSSRC: ours, Nacks: []rtcp.NackPair{{PacketID: seen[0].SequenceNumber - 20000}}},
		&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: c.camB.ssrc, Bitrate: 1, SSRCs: []uint32{ours}},
		&rtcp.SliceLossIndication{SenderSSRC: c.camB.ssrc, MediaSSRC: ours, SLI: []rtcp.SLIEntry{{First: 1}}},
	} {
		ask(t, c.camB, c.video.Local(B), wish)
	}
	// And from a stranger nothing is taken.
	stranger := camera(t, "127.0.0.4", 0xcccc)
	ask(t, stranger, c.video.Local(B), &rtcp.PictureLossIndication{MediaSSRC: ours})
	eventually(t, "all are read", func() bool {
		st := c.session.Stats().Video.BtoA
		return st.RTCP == 9 && st.Refused == 1
	})
	ask(t, c.camB, c.video.Local(B), &rtcp.PictureLossIndication{MediaSSRC: ours})
	if got, ok := asked(t, c.camA).(*rtcp.PictureLossIndication); !ok {
		t.Errorf("asked %v", got)
	}
	if st := c.session.Stats(); st.Video.BtoA.Feedback != 6 || st.Video.AtoB.Feedback != 0 || st.BtoA.RTCP != 0 {
		t.Errorf("%+v", st.Video)
	}
}

// A viewer that asks without end is heard so often a second.
func TestFeedbackIsBounded(t *testing.T) {
	k := newClock()
	r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: k.read}})
	c := watch(t, r)
	send(t, c.camA.rtp, c.camA.picture(99, 1), at(c.video.Local(A)))
	ours := c.camB.hear().SSRC
	for i := range maxWishes + 10 {
		ask(t, c.camB, c.video.Local(B), &rtcp.PictureLossIndication{MediaSSRC: ours})
		eventually(t, "it is read", func() bool { return c.video.Stats().BtoA.RTCP == uint64(i+1) })
	}
	if n := c.video.Stats().BtoA.Feedback; n != maxWishes {
		t.Errorf("%d taken on", n)
	}
	k.advance(r, time.Second)
	ask(t, c.camB, c.video.Local(B), &rtcp.PictureLossIndication{MediaSSRC: ours})
	eventually(t, "the next second", func() bool { return c.video.Stats().BtoA.Feedback == maxWishes+1 })
}

// Feedback in audio, where nobody has asked for it, ends here.
func TestNoFeedbackAboutAudio(t *testing.T) {
	r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: newClock().read}})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	ours := b.hear().SSRC
	ask(t, b, s.Local(B), &rtcp.PictureLossIndication{MediaSSRC: ours})
	eventually(t, "it is read", func() bool { return s.Stats().BtoA.RTCP == 1 })
	if st := s.Stats(); st.BtoA.Feedback != 0 {
		t.Errorf("%+v", st.BtoA)
	}
}

// Audio and video of one party have one name, so that they are played together;
// that of the other party has another.
func TestOneNameForAudioAndVideo(t *testing.T) {
	k := newClock()
	r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: k.read}})
	c := watch(t, r)
	k.advance(r, 0)
	k.advance(r, 4*time.Second)
	names := map[*phone]string{}
	for _, p := range []*phone{c.a, c.b, c.camA, c.camB} {
		names[p] = cname(t, decode(t, receive(t, p.rtcp)))
	}
	if names[c.a] != names[c.camA] || names[c.b] != names[c.camB] || names[c.a] == names[c.b] {
		t.Errorf("names %v", names)
	}
}

// A call whose audio is silent lives while its video flows, and ends once.
func TestVideoKeepsACallAlive(t *testing.T) {
	k := newClock()
	ended := make(chan Session, 4)
	r := newRelay(t, Options{Timeout: 10 * time.Second, Clock: Clock{Now: k.read}, OnTimeout: func(s Session) { ended <- s }})
	c := watch(t, r)
	for range 5 {
		k.advance(r, 9*time.Second)
		send(t, c.camA.rtp, c.camA.picture(99, 1), at(c.video.Local(A)))
		c.camB.hear()
	}
	if len(ended) != 0 {
		t.Fatal("it was ended")
	}
	k.advance(r, 10*time.Second)
	k.advance(r, 20*time.Second)
	if len(ended) != 1 || <-ended != c.session || r.Stats().TimedOut != 1 {
		t.Error("it was not ended once")
	}
}

// A call takes all of its ports or none.
func TestVideoTakesTwiceThePorts(t *testing.T) {
	r := newRelay(t, Options{Pools: []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15009}}})
	spec := OpenSpec{PoolA: "one", PoolB: "one", Video: true}
	if _, err := r.Open(spec); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open(spec); !errors.Is(err, ErrNoPorts) {
		t.Errorf("five pairs were enough for two: %v", err)
	}
	if st := r.Stats(); st.Pools[0].InUse != 4 || st.Opened != 1 || st.NoPorts != 1 {
		t.Errorf("%+v", st)
	}
}

// The peers of a call cannot make it send to itself across its two streams.
func TestVideoIsNotSentToTheAudio(t *testing.T) {
	r := newRelay(t, Options{})
	s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", Video: true})
	if err != nil {
		t.Fatal(err)
	}
	cam := camera(t, "127.0.0.2", 0xaaaa)
	to := func(l Local) Remote {
		m := cam.videoRemote(99, 99)
		m.RTP, m.RTCP, m.Signal = at(l), control(l), loopback
		return m
	}
	s.Video().SetRemote(A, cam.videoRemote(99, 99))
	s.Video().SetRemote(B, to(s.Local(A)))
	s.SetRemote(B, to(s.Video().Local(A)))
	send(t, cam.rtp, cam.picture(99, 1), at(s.Video().Local(A)))
	eventually(t, "it is muted", func() bool { return s.Stats().Video.AtoB.Muted == 1 })
	if st := s.Stats(); st.BtoA != (Flow{}) || st.AtoB != (Flow{}) {
		t.Errorf("%+v", st)
	}
}

// Without a video nothing of it is there.
func TestNoVideo(t *testing.T) {
	r := newRelay(t, Options{})
	if v := open(t, r).Video(); v != nil {
		t.Errorf("a video at %v", v.Local(A))
	}
	c := watch(t, r)
	// Taken out of the call by an offer, it lets nothing pass.
	c.video.SetRemote(B, Remote{Signal: netip.MustParseAddr("127.0.0.3")})
	send(t, c.camB.rtp, c.camB.picture(97, 1), at(c.video.Local(B)))
	eventually(t, "it is refused", func() bool { st := c.session.Stats().Video.BtoA; return st.Unknown+st.Refused == 1 })
	send(t, c.camA.rtp, c.camA.picture(99, 1), at(c.video.Local(A)))
	eventually(t, "it is muted", func() bool { return c.session.Stats().Video.AtoB.Muted == 1 })
}

// A call that is paused shows nothing either.
func TestPauseStopsTheVideoToo(t *testing.T) {
	r := newRelay(t, Options{})
	c := watch(t, r)
	show := func() { send(t, c.camA.rtp, c.camA.picture(99, 1), at(c.video.Local(A))) }
	show()
	c.camB.hear()
	c.session.Pause(true)
	show()
	eventually(t, "the picture is muted", func() bool { return c.video.Stats().AtoB.Muted == 1 })
	silent(t, c.camB)
	c.session.Pause(false)
	show()
	if got := c.camB.hear(); len(got.Payload) != 1200 {
		t.Errorf("%v", got.Header)
	}
	if st := c.video.Stats(); st.AtoB.Packets != 2 || st.AtoB.Muted != 1 {
		t.Errorf("%+v", st.AtoB)
	}
}
