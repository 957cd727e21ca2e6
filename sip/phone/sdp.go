package phone

import (
	"bytes"
	"net/netip"
	"strconv"

	"mask700/media/sdp"
)

// Voice returns the SDP of a phone that speaks G.711 and DTMF events at an
// address: the function that Config wants. session is the number in o=.
func Voice(rtp netip.AddrPort, session uint64) func(offer []byte) []byte {
	leg := sdp.NewLeg(session)
	at := sdp.Local{Addr: rtp.Addr(), Port: rtp.Port()}
	own, err := sdp.Parse([]byte("v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" +
		"m=audio 9 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"))
	return func(offer []byte) []byte {
		if err != nil {
			return nil
		}
		if len(offer) == 0 {
			body, err := leg.Offer(own, at)
			if err != nil {
				return nil
			}
			return body
		}
		d, err := sdp.Parse(offer)
		if err != nil {
			return nil
		}
		leg.Receive(d)
		body, err := leg.Answer(own, at)
		if err != nil {
			return nil
		}
		return body
	}
}

// Held is an offer with its audio turned to sendonly, as a phone sends it that
// puts the other on hold (RFC 3264 section 8.4), and the next version in o=.
func Held(offer []byte) []byte {
	lines := bytes.Split(bytes.TrimSuffix(offer, []byte("\r\n")), []byte("\r\n"))
	directed := false
	for i, line := range lines {
		switch {
		case bytes.HasPrefix(line, []byte("o=")):
			if f := bytes.Fields(line); len(f) == 6 {
				if v, err := strconv.ParseUint(string(f[2]), 10, 63); err == nil {
					f[2] = strconv.AppendUint(nil, v+1, 10)
					lines[i] = bytes.Join(f, []byte(" "))
				}
			}
		case bytes.Equal(line, []byte("a=sendrecv")):
			lines[i], directed = []byte("a=sendonly"), true
		}
	}
	if !directed {
		lines = append(lines, []byte("a=sendonly"))
	}
	return append(bytes.Join(lines, []byte("\r\n")), "\r\n"...)
}
