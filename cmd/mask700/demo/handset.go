package demo

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"

	"mask700/crash"
	"mask700/media/tone"
	"mask700/sip/flow"
	"mask700/sip/phone"
	"mask700/sip/token"
	"mask700/sip/transaction"
)

// handset is a telephone with a mouthpiece and an ear: it plays its tone and
// listens for the other party's.
type handset struct {
	number string
	hz     float64
	phone  *phone.Phone
	audio  *net.UDPConn

	ear struct {
		sync.Mutex // protects what follows
		raw        []byte
		heard      int // frames with the other party's tone
		hz         float64
	}
}

func newHandset(x *exchange, number string, hz, hear float64) (*handset, error) {
	audio, err := net.ListenUDP("udp4", &net.UDPAddr{IP: x.conn.LocalAddr().(*net.UDPAddr).IP})
	if err != nil {
		return nil, err
	}
	h := &handset{number: number, hz: hz, audio: audio}
	h.ear.hz = hear
	go crash.Guard(h.listen)()
	return h, nil
}

// ready puts a fresh telephone on the hook for the next call.
func (h *handset) ready(x *exchange, mint *token.Mint, now time.Time) {
	h.phone = phone.New(phone.Config{
		User: h.number, Host: x.conn.LocalAddr().String(), Server: x.gateway.String(), Network: flow.UDP,
		Mint: mint, Timers: transaction.DefaultTimers(), Name: h.number, SDP: h.describe,
		Ring: 200 * time.Millisecond,
	}, now)
	h.ear.Lock()
	h.ear.raw, h.ear.heard = nil, 0
	h.ear.Unlock()
}

// describe is the handset's own description, offer and answer alike. It names
// the number in every line that may hold text, for the search to find.
func (h *handset) describe([]byte) []byte {
	a := h.audio.LocalAddr().(*net.UDPAddr)
	return fmt.Appendf(nil, "v=0\r\no=%s 1 1 IN IP4 %s\r\ns=call of %s\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
		h.number, a.IP, h.number, a.IP, a.Port)
}

// talk plays the tone to where a description says, in frames of 20 ms.
func (h *handset) talk(description []byte, d time.Duration) error {
	to, err := audioOf(description)
	if err != nil {
		return err
	}
	play := tone.NewGenerator(h.hz, -10)
	p := rtp.Packet{Header: rtp.Header{
		Version: 2, PayloadType: 8, SSRC: rand.Uint32(), SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32(),
	}}
	frames := time.NewTicker(20 * time.Millisecond)
	defer frames.Stop()
	for range int(d / (20 * time.Millisecond)) {
		p.Payload = play.AppendFrame(p.Payload[:0], tone.ALaw)
		b, err := p.Marshal()
		if err != nil {
			return err
		}
		if _, err := h.audio.WriteToUDPAddrPort(b, to); err != nil {
			return err
		}
		p.SequenceNumber++
		p.Timestamp += tone.FrameSamples
		<-frames.C
	}
	return nil
}

// listen counts the frames that carry the other party's tone, and keeps what
// came for the search.
func (h *handset) listen() {
	b := make([]byte, 2048)
	var samples []int16
	for {
		n, _, err := h.audio.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		var p rtp.Packet
		h.ear.Lock()
		h.ear.raw = append(h.ear.raw, b[:n]...)
		if p.Unmarshal(b[:n]) == nil && p.PayloadType == 8 {
			samples = tone.ALaw.AppendSamples(samples[:0], p.Payload)
			if t, ok := tone.Detect(samples, h.ear.hz); ok && t.Hz == h.ear.hz {
				h.ear.heard++
			}
		}
		h.ear.Unlock()
	}
}

// heard is how long the other party's tone was heard, and everything that came
// with it.
func (h *handset) heard() (time.Duration, []byte) {
	h.ear.Lock()
	defer h.ear.Unlock()
	return time.Duration(h.ear.heard) * 20 * time.Millisecond, h.ear.raw
}

// audioOf reads where a description wants its audio. It is the handset's own
// reader, not the gateway's: the demonstration should not share its mistakes.
func audioOf(description []byte) (netip.AddrPort, error) {
	var addr netip.Addr
	var port uint16
	for line := range strings.SplitSeq(string(description), "\r\n") {
		if rest, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			addr, _ = netip.ParseAddr(rest)
		}
		if rest, ok := strings.CutPrefix(line, "m=audio "); ok {
			if _, err := fmt.Sscan(rest, &port); err != nil {
				return netip.AddrPort{}, err
			}
		}
	}
	if !addr.IsValid() || port == 0 {
		return netip.AddrPort{}, fmt.Errorf("the handset got no address for its audio")
	}
	return netip.AddrPortFrom(addr, port), nil
}
