package gateway

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"mask700/media/sdp"
	"mask700/sip/message"
)

// event is the last packet of a telephone event of 100 ms (RFC 4733 section 2.3).
func event(t *testing.T, seq uint16, ts uint32, key byte) []byte {
	t.Helper()
	b, err := (&rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: true, PayloadType: 101, SequenceNumber: seq, Timestamp: ts, SSRC: 7},
		Payload: []byte{key, 0x8a, 800 >> 8, 800 & 0xff},
	}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// portOf is where a description of ours wants its audio.
func portOf(t *testing.T, body []byte) netip.AddrPort {
	t.Helper()
	d, err := sdp.Parse(body)
	if err != nil || d.Audio < 0 {
		t.Fatalf("no audio: %v", err)
	}
	return netip.AddrPortFrom(d.Lines[d.Audio].Addr, d.Lines[d.Audio].Port)
}

// hearSome is the next packet that a phone hears.
func hearSome(t *testing.T, on *net.UDPConn) (heard rtp.Packet) {
	t.Helper()
	if err := on.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2048)
	n, _, err := on.ReadFromUDPAddrPort(b)
	if err == nil {
		err = heard.Unmarshal(b[:n])
	}
	if err != nil {
		t.Fatal(err)
	}
	return heard
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// Over real sockets: keys that the caller sends as telephone events reach a callee without
// any as INFOs, each once and in order; one that this sends in an INFO reaches the caller
// as an event. Nothing of it is logged.
func TestKeysCrossBetweenEventsAndINFO(t *testing.T) {
	var log bytes.Buffer
	w := newWorldWith(t, func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	voice := socket(t, "127.0.3.1")
	described := func(types string) string {
		return fmt.Sprintf("v=0\no=- 1 1 IN IP4 127.0.3.1\ns=-\nc=IN IP4 127.0.3.1\nt=0 0\nm=audio %d RTP/AVP %s\na=rtpmap:101 telephone-event/8000\n",
			voice.LocalAddr().(*net.UDPAddr).Port, types)
	}
	w.send(w.peer, strings.Replace(w.request("INVITE", "keys", alice, x, described("8 101")), "CSeq:", "Allow: INVITE, ACK, CANCEL, BYE\r\nCSeq:", 1))
	var invite *message.Message
	for invite == nil {
		if m := w.receive(); m.IsRequest() && m.Method == "INVITE" {
			invite = m
		}
	}
	answer := message.Response{Echo: invite.Echo(w.gateway.Addr(0)), Status: 200, ToTag: "bob", Contact: "<sip:bob@" + w.peer.LocalAddr().String() + ">", Allow: true}
	answer.ContentType = "application/sdp"
	answer.Body = []byte(crlf(described("8")))
	w.send(w.peer, string(answer.Append(nil)))
	ok := w.expect(200, "INVITE")
	d, err := sdp.Parse(ok.Body)
	if err != nil || len(d.Lines[0].Codecs) != 2 {
		t.Fatalf("the caller has agreed on %+v, %v", d, err)
	}
	ours := portOf(t, ok.Body)
	ack := strings.Replace(w.request("ACK", "keys", alice, x, ""), "To: <sip:"+x+"@gateway>", "To: "+ok.To.Text, 1)
	w.send(w.peer, ack)

	for i, key := range []byte{5, 11} {
		packet := event(t, uint16(4*i), uint32(4000*i), key)
		for n := range 3 { // the end is sent three times
			packet[3] = byte(4*i + n)
			if _, err := voice.WriteToUDPAddrPort(packet, ours); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, want := range []string{"Signal=5\r\nDuration=100\r\n", "Signal=#\r\nDuration=100\r\n"} {
		var m *message.Message
		for m == nil || m.Method != "INFO" {
			m = w.receive()
		}
		if string(m.Body) != want || m.ContentType != message.DTMFType || m.To.Tag != "bob" {
			t.Errorf("told of %q", m.Body)
		}
		taken := message.Response{Echo: m.Echo(w.gateway.Addr(0)), Status: 200}
		w.send(w.peer, string(taken.Append(nil)))
	}

	// The callee's dialog, the other way round.
	info := w.request("INFO", invite.CallID, bob, x, "Signal=7\nDuration=60\n")
	info = strings.Replace(info, "application/sdp", message.DTMFType, 1)
	info = strings.Replace(info, "From: <sip:"+bob+"@"+w.peer.LocalAddr().String()+">;tag=from"+invite.CallID, "From: "+invite.To.Text+";tag=bob", 1)
	info = strings.Replace(info, "To: <sip:"+x+"@gateway>", "To: "+invite.From.Text, 1)
	w.send(w.peer, info)
	if heard := hearSome(t, voice); heard.PayloadType != 101 || heard.Payload[0] != 7 || heard.SSRC == 7 {
		t.Errorf("heard %v", heard)
	}
	w.expect(200, "INFO")
	w.gateway.Close()
	for _, l := range strings.Split(log.String(), "\n") {
		if strings.Contains(l, "Signal") || strings.Contains(l, "key=") {
			t.Errorf("logged: %s", l)
		}
	}
}
