package sdp

import (
	"net/netip"
	"strconv"
)

// compose writes a description of our own (RFC 8866): the address and ports are
// ours, names come out of this package's lists, the rest are numbers, but for what
// Foreign says.
func compose(session, version uint64, at netip.Addr, lines []Line) []byte {
	b := make([]byte, 0, 512)
	b = append(b, "v=0\r\no=- "...)
	b = strconv.AppendUint(b, session, 10)
	b = append(b, ' ')
	b = strconv.AppendUint(b, version, 10)
	b = append(b, " IN "...)
	b = appendAddr(b, at)
	b = append(b, "\r\ns=-\r\nc=IN "...)
	b = appendAddr(b, at)
	b = append(b, "\r\nt=0 0\r\n"...)
	for i := range lines {
		b = lines[i].appendTo(b)
	}
	return b
}

func appendAddr(b []byte, a netip.Addr) []byte {
	a = a.Unmap()
	if a.Is4() {
		b = append(b, "IP4 "...)
	} else {
		b = append(b, "IP6 "...)
	}
	return a.AppendTo(b)
}

// appendTo writes an m-line and its attributes. A rejected or disabled line has
// none, but RFC 8866 section 5.14 wants one format on it all the same.
func (ln *Line) appendTo(b []byte) []byte {
	if ln.isForeign() {
		return ln.Foreign.appendTo(b)
	}
	b = append(b, "m="...)
	b = append(b, ln.Media...)
	b = append(b, ' ')
	b = strconv.AppendUint(b, uint64(ln.Port), 10)
	b = append(b, ' ')
	b = append(b, ln.Proto...)
	if ln.Port == 0 {
		b = append(b, ' ')
		b = append(b, ln.placeholder()...)
		return append(b, "\r\n"...)
	}
	if ln.isFax() {
		b = append(b, " t38\r\n"...)
		return ln.T38.appendTo(b)
	}
	for _, c := range ln.Codecs {
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(c.PT), 10)
	}
	b = append(b, "\r\n"...)
	b = ln.Picture.appendBandwidth(b)
	for _, c := range ln.Codecs {
		b = c.appendTo(b)
	}
	for _, c := range ln.Crypto {
		b = append(c.Append(append(b, "a=crypto:"...)), "\r\n"...)
	}
	if ln.Mux {
		b = append(b, "a=rtcp-mux\r\n"...)
	}
	b = ln.Picture.appendRate(b)
	b = appendMillis(b, "a=ptime:", ln.Ptime)
	b = appendMillis(b, "a=maxptime:", ln.MaxPtime)
	switch {
	case ln.Send && ln.Recv:
		b = append(b, "a=sendrecv\r\n"...)
	case ln.Send:
		b = append(b, "a=sendonly\r\n"...)
	case ln.Recv:
		b = append(b, "a=recvonly\r\n"...)
	default:
		b = append(b, "a=inactive\r\n"...)
	}
	return b
}

// placeholder is the one format of a line that carries nothing.
func (ln *Line) placeholder() string {
	switch {
	case overRTP(ln.Proto):
		return strconv.Itoa(int(ln.Format))
	case ln.Media == "image":
		return "t38"
	default:
		return "*"
	}
}

func (c *Codec) appendTo(b []byte) []byte {
	b = append(b, "a=rtpmap:"...)
	b = strconv.AppendUint(b, uint64(c.PT), 10)
	b = append(b, ' ')
	b = append(b, c.Name...)
	b = append(b, '/')
	b = strconv.AppendUint(b, uint64(c.Clock), 10)
	if c.Channels > 1 {
		b = append(b, '/')
		b = strconv.AppendUint(b, uint64(c.Channels), 10)
	}
	b = append(b, "\r\n"...)
	b = c.appendAttribute(b, "a=fmtp:", c.Fmtp)
	for _, f := range feedbacks {
		if c.Feedback&f.bit != 0 {
			b = c.appendAttribute(b, "a=rtcp-fb:", f.text)
		}
	}
	return c.appendAttribute(b, "a=imageattr:", c.Image)
}

// appendAttribute writes an attribute of the payload type, or nothing.
func (c *Codec) appendAttribute(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	b = append(b, name...)
	b = strconv.AppendUint(b, uint64(c.PT), 10)
	b = append(b, ' ')
	b = append(b, text...)
	return append(b, "\r\n"...)
}

func appendMillis(b []byte, name string, ms uint16) []byte {
	if ms == 0 {
		return b
	}
	b = append(b, name...)
	b = strconv.AppendUint(b, uint64(ms), 10)
	return append(b, "\r\n"...)
}
