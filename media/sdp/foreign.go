package sdp

import "strings"

// Foreign is what a media description says of itself whose kind or transport is in no
// list of ours, such as "application 9 TCP/MRCPv2 1". It is the only text of a peer's
// that is kept, to refuse the line by it (RFC 3264 section 6), and it is written to that
// peer alone: an answer takes it from the offer of its own leg, and of the other leg only
// streams that are relayed are looked at, which are none of these.
type Foreign struct {
	Media  string // a token
	Proto  string // tokens with slashes between them
	Format string // the first format, a token
}

// maxToken bounds each text of a Foreign, in bytes. The longest registered transports
// have 18.
const maxToken = 32

// foreign takes the three texts of a line; it is zero unless each can be written again as
// it was read.
func foreign(media, proto, format string) Foreign {
	if len(proto) > maxToken || !isToken(media) || !isToken(format) {
		return Foreign{}
	}
	for part := range strings.SplitSeq(proto, "/") {
		if !isToken(part) {
			return Foreign{}
		}
	}
	return Foreign{Media: media, Proto: proto, Format: format}
}

// isForeign says whether a line can be nothing but refused.
func (ln *Line) isForeign() bool { return ln.Foreign != Foreign{} }

// isToken says whether a text is a token (RFC 8866 section 9) that is not too long.
func isToken(s string) bool {
	other := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]`, r) }
	return s != "" && len(s) <= maxToken && strings.IndexFunc(s, other) < 0
}

// appendTo writes the refused line.
func (f *Foreign) appendTo(b []byte) []byte {
	return append(b, "m="+f.Media+" 0 "+f.Proto+" "+f.Format+"\r\n"...)
}
