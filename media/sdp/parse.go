package sdp

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"mask700/media/srtp"
)

// Bounds of what is read. A description that passes them is a fault of its
// writer, and reading it would cost more than a call is worth.
const (
	MaxSize    = 32 << 10 // bytes of a description
	MaxLine    = 4096     // bytes of a line
	MaxLines   = 1000     // lines
	MaxMedia   = 32       // m-lines
	MaxFormats = 64       // payload types of an m-line

	maxCrypto = 16 // keys of an m-line that are looked at
)

// Parse reads a session description (RFC 8866). Lines may end in LF alone and
// the last line need not end at all. What this package does not use is checked
// for its bounds and characters only, and forgotten. Parse fails with *Error.
func Parse(b []byte) (*Description, error) {
	switch {
	case len(b) == 0:
		return nil, &Error{Why: "the description is empty"}
	case len(b) > MaxSize:
		return nil, &Error{Why: "the description is too large"}
	}
	p := parser{session: section{send: true, recv: true}}
	text := bytes.TrimRight(b, "\r\n")
	for n := 1; ; n++ {
		line, rest, more := bytes.Cut(text, []byte("\n"))
		if why := p.line(n, string(bytes.TrimSuffix(line, []byte("\r")))); why != "" {
			return nil, &Error{Line: n, Why: why}
		}
		if !more {
			break
		}
		text = rest
	}
	if !p.origin {
		return nil, &Error{Why: "there is no origin line"}
	}
	if p.unnamed {
		return nil, ErrNotMaskable
	}
	return p.description(), nil
}

// section is what a run of lines sets: those before the first m-line, or those
// of one m-line.
type section struct {
	addr       netip.Addr
	connected  bool // a c= line was there, whatever became of its address
	send, recv bool
}

// reading is a media description under way.
type reading struct {
	section
	line     Line
	formats  []uint8
	rtpmaps  map[uint8]string
	fmtps    map[uint8]string
	feedback map[uint8]Feedback
	images   map[uint8]string
	rtcpPort uint16
	rtcpAddr netip.Addr
	layered  bool // more than one port: hierarchical encoding, not relayed
}

type parser struct {
	session section
	origin  bool
	unnamed bool // an m-line was there that cannot even be refused by its name
	media   []*reading
}

// line takes one line and gives the fault found in it, "" for none.
func (p *parser) line(n int, s string) string {
	s = strings.ReplaceAll(s, "\t", " ") // it may be in any text, and parts the words of some writers
	switch {
	case n > MaxLines:
		return "there are too many lines"
	case len(s) > MaxLine:
		return "the line is too long"
	case strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0:
		return "the line holds a control character"
	case len(s) < 2 || s[1] != '=':
		return "the line does not begin with a letter and an equals sign"
	case n == 1 && s != "v=0":
		return "the description does not begin with version 0"
	}
	value := s[2:]
	switch s[0] {
	case 'v':
		if n != 1 {
			return "the version is repeated"
		}
	case 'o':
		if p.origin || len(p.media) > 0 {
			return "the origin is repeated or out of place"
		}
		if len(strings.Fields(value)) < 6 { // more, where the name of the user has several words
			return "the origin does not have six fields"
		}
		p.origin = true
	case 'm':
		return p.mediaLine(value)
	case 'c':
		return p.current().connection(value)
	case 'a':
		p.attribute(value)
	case 'b':
		if len(p.media) > 0 {
			p.media[len(p.media)-1].line.Picture.bandwidth(value)
		}
	case 's', 'i', 'u', 'e', 'p', 't', 'r', 'z', 'k':
	default:
		return "the type letter is not one of a session description"
	}
	return ""
}

func (p *parser) current() *section {
	if len(p.media) == 0 {
		return &p.session
	}
	return &p.media[len(p.media)-1].section
}

// mediaLine reads "media port[/count] proto fmt …" (RFC 8866 section 5.14).
func (p *parser) mediaLine(value string) string {
	if len(p.media) == MaxMedia {
		return "there are too many media descriptions"
	}
	f := strings.Fields(value)
	if len(f) < 4 {
		return "the media description has too few fields"
	}
	if len(f)-3 > MaxFormats {
		return "the media description has too many formats"
	}
	r := &reading{rtpmaps: map[uint8]string{}, fmtps: map[uint8]string{}, feedback: map[uint8]Feedback{}, images: map[uint8]string{}}
	r.send, r.recv = p.session.send, p.session.recv
	media, proto := among(mediaNames, f[0]), among(protoNames, f[2])
	if media != "" && proto != "" {
		r.line.Media, r.line.Proto = media, proto
	} else {
		r.line.Foreign = foreign(f[0], f[2], f[3])
		p.unnamed = p.unnamed || !r.line.isForeign()
	}
	port, count, layered := strings.Cut(f[1], "/")
	n, ok := number(port, 65535)
	if !ok {
		return "the media port is not a port"
	}
	if layered {
		c, ok := number(count, 65535)
		if !ok {
			return "the number of ports is not a number"
		}
		r.layered = c != 1
	}
	r.line.Port = uint16(n)
	r.line.T38.Present = slices.ContainsFunc(f[3:], func(s string) bool { return strings.EqualFold(s, "t38") })
	if overRTP(r.line.Proto) {
		for _, text := range f[3:] {
			pt, ok := number(text, 127)
			if !ok {
				return "a payload type is not a number up to 127"
			}
			if !slices.Contains(r.formats, uint8(pt)) {
				r.formats = append(r.formats, uint8(pt))
			}
		}
		r.line.Format = r.formats[0]
	}
	p.media = append(p.media, r)
	return ""
}

// connection reads "IN IP4 192.0.2.1" (RFC 8866 section 5.7). A host name, a
// multicast group or a range of addresses is well formed but of no use here: the
// address stays invalid.
func (s *section) connection(value string) string {
	f := strings.Fields(value)
	if len(f) != 3 || f[0] != "IN" || f[1] != "IP4" && f[1] != "IP6" {
		return "the connection is not an Internet address"
	}
	if s.connected {
		return "" // several addresses are layers of a multicast session
	}
	s.connected = true
	s.addr = address(f[1], f[2])
	return ""
}

// address reads a unicast or unspecified address, or gives the invalid one.
func address(family, text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" || a.Is4() != (family == "IP4") {
		return netip.Addr{}
	}
	a = a.Unmap()
	if a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return netip.Addr{}
	}
	return a
}

func (p *parser) attribute(value string) {
	name, arg, _ := strings.Cut(value, ":")
	switch cur := p.current(); name {
	case "sendrecv":
		cur.send, cur.recv = true, true
	case "sendonly":
		cur.send, cur.recv = true, false
	case "recvonly":
		cur.send, cur.recv = false, true
	case "inactive":
		cur.send, cur.recv = false, false
	default:
		if len(p.media) > 0 {
			p.media[len(p.media)-1].attribute(name, strings.TrimSpace(arg))
		}
	}
}

// attribute reads what belongs to one stream. Of an attribute that cannot be
// read, only the attribute is lost: it could not have been written again.
func (r *reading) attribute(name, arg string) {
	if r.line.isForeign() {
		return // whatever it means there
	}
	if !overRTP(r.line.Proto) {
		r.line.T38.attribute(name, arg)
		return // formats are no payload types there
	}
	switch name {
	case "rtpmap", "fmtp":
		text, rest, _ := strings.Cut(arg, " ")
		pt, ok := number(text, 127)
		if !ok {
			return
		}
		m := r.rtpmaps
		if name == "fmtp" {
			m = r.fmtps
		}
		if _, repeated := m[uint8(pt)]; !repeated {
			m[uint8(pt)] = strings.TrimSpace(rest)
		}
	case "crypto":
		// One that cannot be agreed to is passed over: there may be another.
		if c, err := srtp.Parse(arg); err == nil && len(r.line.Crypto) < maxCrypto {
			r.line.Crypto = append(r.line.Crypto, c)
		}
	case "rtcp-mux":
		r.line.Mux = true
	case "framerate":
		r.line.Picture.Rate = frameRate(arg)
	case "rtcp-fb":
		if pt, rest, ok := perType(arg); ok {
			r.feedback[pt] |= feedback(rest)
		}
	case "imageattr":
		if pt, rest, ok := perType(arg); ok && r.images[pt] == "" {
			r.images[pt] = imageSizes(rest)
		}
	case "ptime":
		r.line.Ptime = millis(arg)
	case "maxptime":
		r.line.MaxPtime = millis(arg)
	case "rtcp":
		f := strings.Fields(arg)
		if len(f) != 1 && len(f) != 4 {
			return
		}
		port, ok := number(f[0], 65535)
		if !ok {
			return
		}
		r.rtcpPort = uint16(port)
		if len(f) == 4 {
			r.rtcpAddr = address(f[2], f[3])
		}
	}
}

// millis reads a packet time. RFC 8866 section 6.4 allows a fraction, which no
// codec here has a use for.
func millis(s string) uint16 {
	whole, _, _ := strings.Cut(s, ".")
	n, ok := number(whole, 1000)
	if !ok {
		return 0
	}
	return uint16(n)
}

func (p *parser) description() *Description {
	d := &Description{Lines: make([]Line, len(p.media))}
	for i, r := range p.media {
		d.Lines[i] = r.finish(p.session)
	}
	d.Audio, d.Video = choose(d.Lines, Policy{}, netip.Addr{}), -1 // a leg looks again by its own policy
	return d
}

// finish resolves what depends on lines that may come in any order.
func (r *reading) finish(session section) Line {
	ln := r.line
	ln.Addr = session.addr
	if r.connected {
		ln.Addr = r.addr
	}
	ln.Send, ln.Recv = r.send, r.recv
	if r.rtcpPort != 0 {
		a := r.rtcpAddr
		if !a.IsValid() {
			a = ln.Addr
		}
		if a.IsValid() && !a.IsUnspecified() {
			ln.RTCP = netip.AddrPortFrom(a, r.rtcpPort)
		}
	}
	if !ln.isFax() {
		ln.T38 = T38{}
	}
	if !secureRTP(ln.Proto) {
		ln.Crypto = nil // keys for what is not encrypted are a wish, not an offer
	}
	if ln.Media != "video" {
		ln.Picture = Picture{}
	}
	if ln.Media != "audio" && ln.Media != "video" || !plainRTP(ln.Proto) && !secureRTP(ln.Proto) || r.layered {
		return ln
	}
	for _, pt := range r.formats {
		c, ok := codecOf(ln.Media, pt, r.rtpmaps[pt], ln.Mux)
		if !ok {
			continue
		}
		c.Fmtp = fmtp(c.Name, r.fmtps[pt])
		if ln.Media == "video" {
			c.Feedback = r.feedback[pt] | r.feedback[everyType]
			if c.Image = r.images[pt]; c.Image == "" {
				c.Image = r.images[everyType]
			}
		}
		ln.Codecs = append(ln.Codecs, c)
	}
	return ln
}

// mediaNames and protoNames are what an m-line that is relayed, or could be one day,
// may be told to be. Any other is Foreign.
var (
	mediaNames = []string{"audio", "video", "text", "application", "message", "image"}
	protoNames = []string{
		"RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF",
		"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", "TCP/RTP/AVP", "TCP/RTP/AVPF",
		"TCP/TLS/RTP/SAVP", "TCP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF",
		"udp", "udptl", "UDP/TLS/UDPTL", "TCP", "TCP/TLS", "TCP/MSRP", "TCP/TLS/MSRP",
		"UDP/BFCP", "TCP/BFCP", "TCP/TLS/BFCP", "UDP/TLS/BFCP", "TCP/DTLS/BFCP",
		"DTLS/SCTP", "UDP/DTLS/SCTP", "TCP/DTLS/SCTP",
	}
)

// overRTP says whether the formats of a line are payload types.
func overRTP(proto string) bool { return strings.Contains(proto, "RTP/") }

// among gives the list's spelling of a name, "" when it is not there.
func among(list []string, name string) string {
	for _, n := range list {
		if strings.EqualFold(n, name) {
			return n
		}
	}
	return ""
}
