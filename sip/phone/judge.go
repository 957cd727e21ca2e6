package phone

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"mask700/sip/message"
)

// chronicle is what one dialog of the other side has described so far.
type chronicle struct {
	origin string            // o= without its version and address
	bodies map[uint64][]byte // by version
	last   uint64
	types  map[string]string // what each payload type stands for
	offer  []byte            // the last
	active []byte            // of the last exchange that came to its end
	lines  []string          // the m-lines of that
	unsure bool              // a description may have been lost
}

// outline is what a description says, as far as the rules of RFC 3264 look at it.
// The reader is the phone's own: it should not share the gateway's mistakes.
type outline struct {
	origin  string
	version uint64
	lines   []outlined
}

type outlined struct {
	media, proto, port string
	formats            []string
	maps               map[string]string
	direction          string
}

func readOutline(body []byte) (o outline, ok bool) {
	direction := "sendrecv"
	for line := range strings.SplitSeq(strings.TrimSuffix(string(body), "\r\n"), "\r\n") {
		kind, value, _ := strings.Cut(line, "=")
		f := strings.Fields(value)
		switch {
		case kind == "o" && len(f) == 6:
			v, err := strconv.ParseUint(f[2], 10, 64)
			o.origin, o.version, ok = f[0]+" "+f[1], v, err == nil
		case kind == "m" && len(f) >= 4:
			o.lines = append(o.lines, outlined{
				media: f[0], port: f[1], proto: f[2], formats: f[3:], maps: map[string]string{}, direction: direction,
			})
		case kind == "m":
			return o, false
		case kind == "a":
			name, rest, _ := strings.Cut(value, ":")
			switch n := len(o.lines); {
			case name == "rtpmap" && n > 0:
				pt, codec, _ := strings.Cut(rest, " ")
				o.lines[n-1].maps[pt] = strings.ToLower(codec)
			case value == "sendrecv" || value == "sendonly" || value == "recvonly" || value == "inactive":
				if n == 0 {
					direction = value
				} else {
					o.lines[n-1].direction = value
				}
			}
		}
	}
	return o, ok
}

// title names a message in a complaint.
func title(m *message.Message) string {
	if m.IsRequest() {
		return m.Method
	}
	return strconv.Itoa(m.Status) + " to " + m.Method
}

// agree notes what an exchange has come to: our description and theirs.
func (k *chronicle) agree(ours, theirs []byte) {
	o, _ := readOutline(ours)
	k.active, k.lines = theirs, nil
	for _, l := range o.lines {
		k.lines = append(k.lines, l.media)
	}
}

// see compares a description with those before it (RFC 3264 section 8, RFC 8866
// section 5.2). Every one is shown to it, also those that are refused: a version
// that was used is spent.
func (c *call) see(d *dialog, m *message.Message) {
	p, k := c.phone, &d.session.peer
	o, ok := readOutline(m.Body)
	if !ok {
		p.blame("%s has a description that cannot be read", title(m))
		return
	}
	if k.bodies == nil {
		k.bodies, k.types = map[uint64][]byte{}, map[string]string{}
		k.origin, k.last = o.origin, o.version
	}
	before, known := k.bodies[o.version]
	// While an answer of theirs is on its way, it may have the number between.
	crosses := m.IsRequest() && d.session.turn == ours
	switch {
	case o.origin != k.origin:
		p.blame("%s has the description of another session: o= has changed", title(m))
	case known && !bytes.Equal(before, m.Body):
		p.blame("%s has a description that changed, and its version has not (RFC 3264 section 8)", title(m))
	case k.active != nil && o.version == versionOf(k.active)+1 && bytes.Equal(withVersion(k.active, o.version), m.Body):
		p.blame("%s has a version that changed, and its description has not (RFC 3264 section 8)", title(m))
	case o.version > k.last+1 && !crosses && !k.unsure:
		p.blame("%s has a version that went up by %d (RFC 3264 section 8)", title(m), o.version-k.last)
	}
	k.unsure = k.unsure && o.version <= k.last
	k.bodies[o.version] = m.Body
	k.last = max(k.last, o.version)
	for i, l := range o.lines {
		for pt, codec := range l.maps {
			key := strconv.Itoa(i) + " " + pt
			if old := k.types[key]; old != "" && old != codec {
				p.blame("%s has another codec for payload type %s (RFC 3264 section 8.3.2)", title(m), pt)
			}
			k.types[key] = codec
		}
	}
}

// judgeOffer looks at an offer of theirs.
func (c *call) judgeOffer(d *dialog, m *message.Message) {
	o, _ := readOutline(m.Body)
	k := &d.session.peer
	if len(o.lines) < len(k.lines) {
		c.phone.blame("%s offers %d m-lines after %d (RFC 3264 section 8)", title(m), len(o.lines), len(k.lines))
		return
	}
	for i, media := range k.lines {
		if o.lines[i].media != media {
			c.phone.blame("%s changes the order of the m-lines (RFC 3264 section 8)", title(m))
			return
		}
	}
}

// judgeAnswer looks at the answer to our offer.
func (c *call) judgeAnswer(d *dialog, m *message.Message) {
	c.see(d, m)
	o, _ := readOutline(m.Body)
	offer, _ := readOutline(d.session.offer)
	if len(o.lines) != len(offer.lines) {
		c.phone.blame("%s answers %d m-lines with %d (RFC 3264 section 6)", title(m), len(offer.lines), len(o.lines))
		return
	}
	for i, l := range o.lines {
		c.judgeLine(m, offer.lines[i], l)
	}
}

// judgeLine looks at one m-line of an answer (RFC 3264 section 6).
func (c *call) judgeLine(m *message.Message, offer, l outlined) {
	switch {
	case l.media != offer.media || l.proto != offer.proto:
		c.phone.blame("%s answers an m-line with another (RFC 3264 section 6)", title(m))
		return
	case l.port == "0":
		return
	case offer.port == "0":
		c.phone.blame("%s revives an m-line that was offered with port 0 (RFC 3264 section 8.2)", title(m))
	}
	for _, f := range l.formats {
		if !slices.Contains(offer.formats, f) {
			c.phone.blame("%s lists a format that was not offered (RFC 3264 section 6.1)", title(m))
		}
	}
	may := map[string][]string{
		"sendrecv": {"sendrecv", "sendonly", "recvonly", "inactive"},
		"sendonly": {"recvonly", "inactive"}, "recvonly": {"sendonly", "inactive"}, "inactive": {"inactive"},
	}[offer.direction]
	if !slices.Contains(may, l.direction) {
		c.phone.blame("%s answers %s with %s (RFC 3264 section 6.1)", title(m), offer.direction, l.direction)
	}
}
