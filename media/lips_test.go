package media

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// A picture comes later than the sound of its instant. What its sender says of that
// is in our own reports: who plays by them shows both at once.
func TestPictureAndSoundOfOneInstant(t *testing.T) {
	const late = 150 * time.Millisecond
	for _, told := range []bool{true, false} {
		k := newClock()
		r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: k.read}})
		c := watch(t, r)
		k.advance(r, 0)
		// At one instant of A's there are this sound and this picture.
		theirNTP := uint64(3_900_000_000) << 32
		sound, picture := c.a.ts+160, c.camA.ts
		send(t, c.a.rtp, c.a.frame("voice"), at(c.session.Local(A)))
		heard := c.b.hear()
		k.advance(r, late)
		send(t, c.camA.rtp, c.camA.picture(99, 1), at(c.video.Local(A)))
		seen := c.camB.hear()
		if told {
			for _, x := range []struct {
				p    *phone
				s    Session
				rtpT uint32
			}{{c.a, c.session, sound}, {c.camA, c.video, picture}} {
				b, err := (&rtcp.SenderReport{SSRC: x.p.ssrc, NTPTime: theirNTP, RTPTime: x.rtpT}).Marshal()
				if err != nil {
					t.Fatal(err)
				}
				send(t, x.p.rtcp, b, control(x.s.Local(A)))
			}
			eventually(t, "both are read", func() bool { st := c.session.Stats(); return st.AtoB.RTCP == 1 && st.Video.AtoB.RTCP == 1 })
		}
		k.advance(r, 4*time.Second)
		// By our reports, when was what B heard, and when what it saw?
		when := func(p *phone, ts uint32, clock int64) int64 {
			sr, ok := decode(t, receive(t, p.rtcp))[0].(*rtcp.SenderReport)
			if !ok {
				t.Fatal("no sender report")
			}
			if sr.NTPTime == theirNTP {
				t.Error("A's clock is B's to see")
			}
			ns := int64(sr.NTPTime>>32)*1e9 + int64(sr.NTPTime&0xffffffff)*1e9>>32
			return ns + int64(int32(ts-sr.RTPTime))*1e9/clock
		}
		apart := time.Duration(when(c.camB, seen.Timestamp, 90000) - when(c.b, heard.Timestamp, 8000)).Round(time.Millisecond)
		want := late
		if told {
			want = 0
		}
		if apart != want {
			t.Errorf("told %t: the picture is %v after the sound, want %v", told, apart, want)
		}
	}
}

// Clocks that are not one are not believed.
func TestClocksThatAreNotOne(t *testing.T) {
	k := newClock()
	r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: k.read}})
	c := watch(t, r)
	send(t, c.a.rtp, c.a.frame("voice"), at(c.session.Local(A)))
	c.b.hear()
	send(t, c.camA.rtp, c.camA.picture(99, 1), at(c.video.Local(A)))
	c.camB.hear()
	v := c.video.(*session)
	for i, x := range []struct{ sound, picture uint64 }{{100 << 32, 103 << 32}, {103 << 32, 100 << 32}, {1 << 60, 1 << 32}, {0, 1 << 63}} {
		for _, report := range []struct {
			p   *phone
			s   Session
			ntp uint64
		}{{c.a, c.session, x.sound | 1<<20}, {c.camA, c.video, x.picture | 1<<20}} {
			b, err := (&rtcp.SenderReport{SSRC: report.p.ssrc, NTPTime: report.ntp, RTPTime: report.p.ts}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			send(t, report.p.rtcp, b, control(report.s.Local(A)))
		}
		eventually(t, "both are read", func() bool {
			st := c.session.Stats()
			return st.AtoB.RTCP == uint64(i+1) && st.Video.AtoB.RTCP == uint64(i+1)
		})
		v.shard.mu.Lock()
		skew := v.skew(A, r.now())
		v.shard.mu.Unlock()
		if skew != 0 {
			t.Errorf("%x, %x: corrected by %d", x.sound, x.picture, int32(skew))
		}
	}
}
