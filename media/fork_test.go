package media

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"mask700/media/srtp"
)

// Phones below a trunk that forks have all got the one offer of their INVITE, and with it
// one key of ours. While they take turns, in their early media and then in the answer, no
// two packets to them have one number under it: what one of them and somebody on the way
// have would give both away (RFC 3711 section 9.1). So the one stream goes on, in number and
// in rollover counter, whoever gets it, and so does that of our reports.
func TestForksUnderOneKeyShareNoNumber(t *testing.T) {
	for _, suite := range srtp.Suites {
		t.Run(suite.String(), func(t *testing.T) {
			c := newClock()
			r := newRelay(t, Options{Clock: Clock{Now: c.read}})
			a, first, second := newPhone(t, "127.0.0.2"), newGuarded(t, "127.0.0.3", 1, suite), newGuarded(t, "127.0.0.4", 2, suite)
			second.out, second.get = first.out, first.get // one listener of both, as one who has the key could be
			s := open(t, r)
			s.SetRemote(A, a.remote())
			type index struct {
				ssrc uint32
				roc  int
				seq  uint16
			}
			used := map[index]bool{}
			reports := map[uint32]bool{}
			stream, last, roc := uint32(0), uint16(0), 0
			hear := func(from *guarded) {
				t.Helper()
				b := receive(t, from.rtp)
				var h rtp.Header
				if _, err := h.Unmarshal(b); err != nil {
					t.Fatal(err)
				}
				switch {
				case len(used) == 0:
					stream = h.SSRC
				case h.SSRC != stream || h.SequenceNumber != last+1:
					t.Fatalf("stream %x, packet %d, after %x, %d", h.SSRC, h.SequenceNumber, stream, last)
				case h.SequenceNumber == 0:
					roc++
				}
				last = h.SequenceNumber
				at := index{h.SSRC, roc, last}
				if used[at] {
					t.Fatalf("%+v was sealed twice", at)
				}
				used[at] = true
				if _, err := from.get.Open(b); err != nil {
					t.Fatalf("packet %d: %v", last, err)
				}
			}
			report := func(from *guarded) {
				t.Helper()
				c.advance(r, 10*time.Second)
				c.advance(r, 10*time.Second)
				b := receive(t, from.rtcp)
				tail := b[len(b)-4:] // GCM has the index at the end, the others before the tag
				if n := map[srtp.Suite]int{srtp.AES128CMSHA180: 10, srtp.AES128CMSHA132: 10}[suite]; n > 0 {
					tail = b[len(b)-4-n : len(b)-n]
				}
				at := binary.BigEndian.Uint32(tail) &^ (1 << 31)
				if reports[at] {
					t.Errorf("report %d was sealed twice", at)
				}
				reports[at] = true
				plain, err := from.get.OpenReport(b)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := rtcp.Unmarshal(plain); err != nil {
					t.Error(err)
				}
			}
			for round := range 4 {
				for _, phone := range []*guarded{first, second} {
					s.SetRemote(B, phone.remote())
					if round == 3 && phone == second {
						s.Settle(A)
						s.Settle(B)
					}
					for range 3 {
						send(t, a.rtp, a.frame("hello"), at(s.Local(A)))
						hear(phone)
					}
					report(phone)
				}
				a.ssrc++ // the caller begins anew, which begins nothing anew for them
				a.seq -= 40
			}
			if len(used) != 24 || len(reports) < 8 {
				t.Errorf("%d packets, %d reports", len(used), len(reports))
			}
		})
	}
}
