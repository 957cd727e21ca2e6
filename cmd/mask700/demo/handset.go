package demo

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"

	"mask700/media/tone"
	"mask700/sip/message"
	"mask700/sip/token"
)

// handset is a small phone: it speaks SIP to the gateway through the exchange
// that it hangs on, plays a tone, and listens for the other party's.
type handset struct {
	number   string // its own, as it dials and is dialled
	hz       float64
	exchange *exchange
	mint     *token.Mint
	audio    *net.UDPConn
	inbox    chan *message.Message

	callID, tag string
	seq         uint32

	seen struct {
		sync.Mutex // protects what follows
		raw        []byte
		shown      string // the caller that its display showed
		heard      int    // frames with the other party's tone
		hearHz     float64
	}
}

func newHandset(x *exchange, number string, hz, hear float64, mint *token.Mint) (*handset, error) {
	audio, err := net.ListenUDP("udp4", &net.UDPAddr{IP: x.conn.LocalAddr().(*net.UDPAddr).IP})
	if err != nil {
		return nil, err
	}
	h := &handset{number: number, hz: hz, exchange: x, mint: mint, audio: audio, inbox: make(chan *message.Message, 64)}
	h.seen.hearHz = hear
	x.handsets[number] = h
	go h.listen()
	return h, nil
}

// take is called by the exchange for every message to this handset.
func (h *handset) take(m *message.Message, raw []byte) {
	h.seen.Lock()
	h.seen.raw = append(h.seen.raw, raw...)
	h.seen.Unlock()
	select {
	case h.inbox <- m:
	default: // a handset that is not used any more
	}
}

// wait returns the next message that is wanted.
func (h *handset) wait(what string, limit time.Duration, wanted func(*message.Message) bool) (*message.Message, error) {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for {
		select {
		case m := <-h.inbox:
			if wanted(m) {
				return m, nil
			}
		case <-timeout.C:
			return nil, fmt.Errorf("the handset waited %s for %s in vain", limit, what)
		}
	}
}

func (h *handset) host() string { return h.exchange.conn.LocalAddr().String() }

func (h *handset) offer() []byte {
	a := h.audio.LocalAddr().(*net.UDPAddr)
	return fmt.Appendf(nil, "v=0\r\no=%s 1 1 IN IP4 %s\r\ns=call of %s\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
		h.number, a.IP, h.number, a.IP, a.Port)
}

func (h *handset) request(method, target, to string) message.Request {
	h.seq++
	return message.Request{
		Method: method, Target: target, Via: "SIP/2.0/UDP " + h.host(), Branch: h.mint.Branch(),
		From: "\"" + h.number + "\" <sip:" + h.number + "@" + h.host() + ">;tag=" + h.tag, To: to,
		CallID: h.callID, CSeq: h.seq, MaxForwards: 70, Contact: "<sip:" + h.number + "@" + h.host() + ">",
	}
}

// dial calls a number, talks for d, and hangs up.
func (h *handset) dial(number string, d time.Duration) error {
	h.callID, h.tag, h.seq = h.mint.Token(), h.mint.Token(), 0
	h.exchange.owner.Store(h.callID, h)
	target := "sip:" + number + "@" + h.exchange.gateway.String()
	invite := h.request("INVITE", target, "<"+target+">")
	invite.ContentType, invite.Body = "application/sdp", h.offer()
	h.exchange.send(invite.Append(nil))
	final, err := h.wait("the answer", 5*time.Second, func(m *message.Message) bool { return m.Status >= 200 && m.Method == "INVITE" })
	if err != nil {
		return err
	}
	h.seq--
	ack := h.request("ACK", target, final.To.Text)
	if final.Status >= 300 {
		ack.Branch = invite.Branch
		h.exchange.send(ack.Append(nil))
		return fmt.Errorf("the call was answered %d", final.Status)
	}
	ack.Target = final.ContactURI()
	h.exchange.send(ack.Append(nil))
	if err := h.talk(final.Body, d); err != nil {
		return err
	}
	bye := h.request("BYE", final.ContactURI(), final.To.Text)
	h.exchange.send(bye.Append(nil))
	_, err = h.wait("the end", 5*time.Second, func(m *message.Message) bool { return m.Status == 200 && m.Method == "BYE" })
	return err
}

// answer takes the next call, talks until the other side hangs up, and returns.
func (h *handset) answer(d time.Duration) error {
	invite, err := h.wait("a call", 5*time.Second, func(m *message.Message) bool { return m.IsRequest() && m.Method == "INVITE" })
	if err != nil {
		return err
	}
	h.seen.Lock()
	h.seen.shown = invite.From.URI.User
	h.seen.Unlock()
	h.callID, h.tag = invite.CallID, h.mint.Token()
	respond := func(m *message.Message, status int, body []byte) {
		r := message.Response{Echo: m.Echo(h.exchange.gateway), Status: status, ToTag: h.tag, Contact: "<sip:" + h.number + "@" + h.host() + ">"}
		if body != nil {
			r.ContentType, r.Body = "application/sdp", body
		}
		h.exchange.send(r.Append(nil))
	}
	respond(invite, 180, nil)
	respond(invite, 200, h.offer())
	if _, err = h.wait("the ACK", 5*time.Second, func(m *message.Message) bool { return m.Method == "ACK" }); err != nil {
		return err
	}
	if err := h.talk(invite.Body, d); err != nil {
		return err
	}
	bye, err := h.wait("the end", 5*time.Second, func(m *message.Message) bool { return m.IsRequest() && m.Method == "BYE" })
	if err != nil {
		return err
	}
	respond(bye, 200, nil)
	return nil
}

// talk plays the tone to where a description says, in frames of 20 ms.
func (h *handset) talk(description []byte, d time.Duration) error {
	to, err := audioOf(description)
	if err != nil {
		return err
	}
	h.seen.Lock()
	h.seen.heard = 0
	h.seen.Unlock()
	play := tone.NewGenerator(h.hz, -10)
	p := rtp.Packet{Header: rtp.Header{
		Version: 2, PayloadType: 8, SSRC: uint32(h.mint.Uint64()), SequenceNumber: uint16(h.mint.Uint64()), Timestamp: uint32(h.mint.Uint64()),
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
		h.seen.Lock()
		h.seen.raw = append(h.seen.raw, b[:n]...)
		if p.Unmarshal(b[:n]) == nil && p.PayloadType == 8 {
			samples = tone.ALaw.AppendSamples(samples[:0], p.Payload)
			if t, ok := tone.Detect(samples, h.seen.hearHz); ok && t.Hz == h.seen.hearHz {
				h.seen.heard++
			}
		}
		h.seen.Unlock()
	}
}

// report is what the handset has seen since the last one.
func (h *handset) report() (shown string, heard time.Duration, raw []byte) {
	h.seen.Lock()
	defer h.seen.Unlock()
	return h.seen.shown, time.Duration(h.seen.heard) * 20 * time.Millisecond, h.seen.raw
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
