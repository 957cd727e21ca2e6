package media

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/pion/rtcp"

	"mask700/media/socket"
)

// loopback6 is the other family's.
var loopback6 = netip.IPv6Loopback()

// loopback4 is from where the kernel speaks to itself, where no address is given.
var loopback4 = netip.MustParseAddr("127.0.0.1")

// newPhone6 is a phone there.
func newPhone6(t *testing.T) *phone {
	t.Helper()
	p := &phone{t: t, ssrc: 0x66666666, seq: 6000, ts: 960000}
	for _, c := range []**net.UDPConn{&p.rtp, &p.rtcp} {
		var err error
		if *c, err = net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { (*c).Close() })
	}
	return p
}

// anywhere is a relay whose pool has no address of its own.
func anywhere(t *testing.T, min, max uint16) *Relay {
	t.Helper()
	return newRelay(t, Options{Pools: []Pool{{Name: "one", Min: min, Max: max}}})
}

// openToward opens a session toward two IPv4 phones, of which A has answered, and B has
// been heard before its answer.
func openToward(t *testing.T, r *Relay, a, b *phone) Session {
	t.Helper()
	s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", PeerA: addrOf(a.rtp).Addr(), PeerB: addrOf(b.rtp).Addr()})
	if err != nil {
		t.Fatal(err)
	}
	s.SetRemote(A, a.remote())
	s.SetRemote(B, b.remote())
	return s
}

// relayed lets one phone say something that the other hears, and gives what it has heard.
func relayed(t *testing.T, s Session, from Side, speaks, hears *phone) (ssrc uint32, seq uint16) {
	t.Helper()
	send(t, speaks.rtp, speaks.frame("voice"), at(s.Local(from)))
	got := hears.hear()
	if string(got.Payload) != "voice" {
		t.Fatalf("%v: heard %q", from, got.Payload)
	}
	return got.SSRC, got.SequenceNumber
}

func TestASideMovesToAnotherFamily(t *testing.T) {
	r := anywhere(t, 16000, 16099)
	a, b, next := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone6(t)
	s := openToward(t, r, a, b)
	toB, _ := relayed(t, s, A, a, b)
	toA, seq := relayed(t, s, B, b, a)
	wasA, wasB := s.Local(A), s.Local(B)

	if moved, err := s.Move(B, loopback6); !moved || err != nil {
		t.Fatalf("%t, %v", moved, err)
	}
	if got := s.Local(B); got.Addr != loopback6 || s.Local(A) != wasA {
		t.Fatalf("A is at %v, B at %v", s.Local(A), got)
	}
	bye, err := rtcp.Unmarshal(receive(t, b.rtcp))
	if err != nil || len(bye) != 3 {
		t.Errorf("the first one's goodbye is %v, %v", bye, err)
	} else if left, ok := bye[2].(*rtcp.Goodbye); !ok || left.Sources[0] != toB {
		t.Errorf("it is of %v, not of %x", bye[2], toB)
	}
	if st := r.Stats().Pools[0]; st.InUse != 2 || st.Resting != 1 {
		t.Errorf("%d pairs in use, %d rest", st.InUse, st.Resting)
	}
	if n := r.Stats().Shards[0].Sockets; n != 4 {
		t.Errorf("%d sockets", n)
	}

	// Nobody is there until signalling says where.
	send(t, next.rtp, next.frame("too early"), at(s.Local(B)))
	eventually(t, "it is refused", func() bool { return s.Stats().BtoA.Refused == 1 })
	s.SetRemote(A, a.remote())
	s.SetRemote(B, next.remote())
	s.Settle(A)
	s.Settle(B)
	if ssrc, _ := relayed(t, s, A, a, next); ssrc == toB {
		t.Error("the next one hears the stream that the first one heard")
	}
	if ssrc, n := relayed(t, s, B, next, a); ssrc != toA || n != seq+1 {
		t.Errorf("A hears stream %x, packet %d, after %x, %d", ssrc, n, toA, seq)
	}
	// What the first one still sends, to where it was told, is nobody's.
	send(t, b.rtp, b.frame("late"), at(wasB))
	if _, n := relayed(t, s, B, next, a); n != seq+2 {
		t.Errorf("A hears packet %d after %d", n, seq+1)
	}
	if st := s.Close(); st.AtoB.Packets != 2 || st.BtoA.Packets != 3 {
		t.Errorf("%+v", st)
	}
	if st := r.Stats(); st.Pools[0].InUse != 0 || st.Pools[0].Resting != 3 || st.Shards[0].Sockets != 0 || st.AtoB.Packets != 2 || st.BtoA.Packets != 3 {
		t.Errorf("%+v", st)
	}
}

// Where our address toward the next one is the same, and where the pool has one, nothing
// moves: what the peers were told is still right.
func TestASideStays(t *testing.T) {
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	for name, c := range map[string]struct {
		pool Pool
		peer netip.Addr
	}{
		"the same address": {Pool{Name: "one", Min: 16100, Max: 16199}, netip.MustParseAddr("127.0.0.77")},
		"a fixed address":  {Pool{Name: "one", Address: loopback, Min: 16200, Max: 16299}, loopback6},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelay(t, Options{Pools: []Pool{c.pool}})
			s := openToward(t, r, a, b)
			was := s.Local(B)
			toB, seq := relayed(t, s, A, a, b)
			if moved, err := s.Move(B, c.peer); moved || err != nil || s.Local(B) != was {
				t.Errorf("%t, %v, at %v after %v", moved, err, s.Local(B), was)
			}
			if ssrc, n := relayed(t, s, A, a, b); ssrc != toB || n != seq+1 {
				t.Errorf("B hears stream %x, packet %d, after %x, %d", ssrc, n, toB, seq)
			}
			if st := r.Stats().Pools[0]; st.InUse != 2 || st.Resting != 0 {
				t.Errorf("%d pairs in use, %d rest", st.InUse, st.Resting)
			}
		})
	}
}

// A side that cannot move goes on where it is, and nothing is kept of the attempt.
func TestASideThatCannotMoveStays(t *testing.T) {
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	goesOn := func(t *testing.T, r *Relay, s Session, sockets int) {
		t.Helper()
		relayed(t, s, A, a, b)
		relayed(t, s, B, b, a)
		if st := r.Stats(); st.Pools[0].InUse != 2 || st.Shards[0].Sockets != sockets {
			t.Errorf("%d pairs in use, %d sockets, before %d", st.Pools[0].InUse, st.Shards[0].Sockets, sockets)
		}
	}
	t.Run("no ports", func(t *testing.T) {
		r := anywhere(t, 16300, 16303)
		s := openToward(t, r, a, b)
		n := r.Stats().Shards[0].Sockets
		if moved, err := s.Move(B, loopback6); moved || !errors.Is(err, ErrNoPorts) {
			t.Errorf("%t, %v", moved, err)
		}
		goesOn(t, r, s, n)
		if st := r.Stats(); st.NoPorts != 1 || st.Failed != 0 {
			t.Errorf("%+v", st)
		}
	})
	t.Run("no way", func(t *testing.T) {
		r := anywhere(t, 16400, 16499)
		s := openToward(t, r, a, b)
		n := r.Stats().Shards[0].Sockets
		if moved, err := s.Move(B, netip.Addr{}); moved || err == nil {
			t.Errorf("%t, %v", moved, err)
		}
		goesOn(t, r, s, n)
		if st := r.Stats(); st.Failed != 1 {
			t.Errorf("%+v", st)
		}
	})
	t.Run("not watched", func(t *testing.T) {
		e, fails := patiently(), errors.New("no room")
		watched := 0
		e.watch = func(p *socket.Poll, u socket.UDP, tag uint64) error {
			if watched++; watched == 12 { // the video's second, after the eight of Open
				return fails
			}
			return p.Add(u, tag)
		}
		r := newRelayOn(t, Options{Pools: []Pool{{Name: "one", Min: 16500, Max: 16599}}}, e)
		s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", PeerA: loopback4, PeerB: loopback4, Video: true})
		if err != nil {
			t.Fatal(err)
		}
		if moved, err := s.Move(B, loopback6); moved || !errors.Is(err, fails) {
			t.Errorf("%t, %v", moved, err)
		}
		if st := r.Stats(); st.Pools[0].InUse != 4 || st.Pools[0].Resting != 2 || st.Shards[0].Sockets != 8 || s.Local(B).Addr != loopback4 {
			t.Errorf("%+v, %+v", st.Pools[0], st.Shards[0])
		}
	})
	t.Run("closed", func(t *testing.T) {
		r := anywhere(t, 16600, 16699)
		s := openToward(t, r, a, b)
		s.Close()
		if moved, err := s.Move(B, loopback6); moved || !errors.Is(err, ErrClosed) {
			t.Errorf("%t, %v", moved, err)
		}
		if st := r.Stats(); st.Pools[0].InUse != 0 || st.Shards[0].Sockets != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// The video goes where the audio does, under the same name.
func TestAVideoMovesToo(t *testing.T) {
	r := anywhere(t, 16700, 16799)
	s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", PeerA: loopback4, PeerB: loopback4, Video: true})
	if err != nil {
		t.Fatal(err)
	}
	if moved, err := s.Move(B, loopback6); !moved || err != nil {
		t.Fatalf("%t, %v", moved, err)
	}
	if v := s.Video(); s.Local(B).Addr != loopback6 || v.Local(B).Addr != loopback6 || v.Local(B).Port == s.Local(B).Port || v.Local(A).Addr != loopback4 {
		t.Errorf("audio at %v, video at %v", s.Local(B), v.Local(B))
	}
	sound := s.(*session)
	if name := sound.legs[B].reporter.cname; name != sound.video.legs[B].reporter.cname || name == sound.legs[A].reporter.cname {
		t.Error("the video has another name than the audio, or both sides have one")
	}
	camera, next := newPhone(t, "127.0.0.2"), newPhone6(t)
	v := s.Video()
	v.SetRemote(A, camera.videoRemote(99, 97))
	v.SetRemote(B, next.videoRemote(97, 99))
	v.Settle(A)
	v.Settle(B)
	send(t, camera.rtp, camera.picture(99, 'x'), at(v.Local(A)))
	if got := next.hear(); got.PayloadType != 97 || got.Payload[0] != 'x' {
		t.Errorf("heard %v", got.Header)
	}
	s.Close()
	if st := r.Stats(); st.Pools[0].InUse != 0 || st.Pools[0].Resting != 6 || st.Shards[0].Sockets != 0 {
		t.Errorf("%+v", st)
	}
}
