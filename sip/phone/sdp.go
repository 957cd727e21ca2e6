package phone

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mask700/media/sdp"
)

// Voice returns the SDP of a phone that speaks G.711 and DTMF events at an
// address: the function that Config wants. session is the number in o=. codecs are
// the static payload types of its codecs, in order; none: 8 and 0.
func Voice(rtp netip.AddrPort, session uint64, codecs ...int) func(offer []byte) []byte {
	leg := sdp.NewLeg(session, sdp.Policy{})
	at := sdp.Local{Addr: rtp.Addr(), Port: rtp.Port()}
	if len(codecs) == 0 {
		codecs = []int{8, 0}
	}
	formats := strings.Trim(fmt.Sprint(codecs), "[]")
	own, err := sdp.Parse([]byte("v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" +
		"m=audio 9 RTP/AVP " + formats + " 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"))
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

// describe is the description of an offer inside a dialog.
func (c *call) describe(change Change) []byte {
	s := &c.dialog.session
	body := c.phone.config.SDP(nil)
	switch {
	case change == NoOffer || body == nil:
		return nil
	case change == AsItIs && s.agreed != nil:
		return s.agreed
	}
	return s.padded(revise(body, change))
}

// padded adds the m-lines that the session has and a description has not, as
// lines that carry nothing (RFC 3264 section 8.2).
func (s *session) padded(body []byte) []byte {
	o, _ := readOutline(body)
	agreed, _ := readOutline(s.agreed)
	for _, l := range agreed.lines[min(len(o.lines), len(agreed.lines)):] {
		body = fmt.Appendf(body, "m=%s 0 %s %s\r\n", l.media, l.proto, l.formats[0])
	}
	return body
}

// revise changes the description of a phone that sends and receives on one audio
// line.
func revise(body []byte, change Change) []byte {
	switch change {
	case Hold:
		return directed(body, "sendonly")
	case HoldOld:
		return replaceLine(body, "c=", func(string) string { return "c=IN IP4 0.0.0.0" })
	case Inactive:
		return directed(body, "inactive")
	case Move:
		return replaceLine(body, "m=audio ", func(line string) string {
			f := strings.Fields(line)
			port, err := strconv.ParseUint(f[1], 10, 16)
			if err == nil {
				f[1] = strconv.FormatUint((port+2)%65536, 10)
			}
			return strings.Join(f, " ")
		})
	case OneCodec:
		return oneCodec(body)
	case Video:
		o, _ := readOutline(body)
		if len(o.lines) > 1 {
			return body // it has been offered before, and has its line
		}
		return append(slices.Clip(body), "m=video 50000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"...)
	}
	return body
}

// replaceLine changes the first line that begins so.
func replaceLine(body []byte, prefix string, with func(string) string) []byte {
	lines := strings.Split(string(body), "\r\n")
	for i, line := range lines {
		if strings.HasPrefix(line, prefix) {
			lines[i] = with(line)
			break
		}
	}
	return []byte(strings.Join(lines, "\r\n"))
}

// directed gives the audio line a direction.
func directed(body []byte, direction string) []byte {
	if bytes.Contains(body, []byte("\r\na=sendrecv\r\n")) {
		return bytes.Replace(body, []byte("\r\na=sendrecv\r\n"), []byte("\r\na="+direction+"\r\n"), 1)
	}
	return append(slices.Clip(body), "a="+direction+"\r\n"...)
}

// oneCodec leaves the first codec of the audio line, and the events.
func oneCodec(body []byte) []byte {
	o, ok := readOutline(body)
	if !ok || len(o.lines) == 0 {
		return body
	}
	var gone []string
	for i, f := range o.lines[0].formats {
		if i > 0 && !strings.HasPrefix(o.lines[0].maps[f], "telephone-event") {
			gone = append(gone, f)
		}
	}
	var b strings.Builder
	for line := range strings.SplitAfterSeq(string(body), "\r\n") {
		kind, rest, _ := strings.Cut(line, ":")
		pt, _, _ := strings.Cut(rest, " ")
		switch {
		case (kind == "a=rtpmap" || kind == "a=fmtp") && slices.Contains(gone, pt):
		case strings.HasPrefix(line, "m=audio "):
			f := slices.DeleteFunc(strings.Fields(line), func(f string) bool { return slices.Contains(gone, f) })
			b.WriteString(strings.Join(f, " ") + "\r\n")
		default:
			b.WriteString(line)
		}
	}
	return []byte(b.String())
}
