package message

import (
	"net/netip"
	"strconv"
	"strings"
)

// Echo is the part of a request that its responses repeat (RFC 3261 section
// 8.2.6.2). It goes back to where it came from and nowhere else.
type Echo struct {
	Via       []string
	From, To  string
	CallID    string
	CSeq      uint32
	Method    string // CSeq's
	Timestamp string // of the 100 alone (section 8.2.6.1)
	CSeqText  string // CSeq verbatim, where it could not be read
	ToTag     bool   // To has a tag already
}

// Echo returns what responses to the request repeat. The top Via tells the peer
// the address that its request came from: received, when it is not the one in
// sent-by or when rport asks for it, and rport's value, when it is asked for
// (RFC 3261 section 18.2.1, RFC 3581 section 4). All else is verbatim.
func (m *Message) Echo(src netip.AddrPort) Echo {
	e := Echo{
		Via:  make([]string, len(m.Via)),
		From: m.From.Text, To: m.To.Text,
		CallID: m.CallID, CSeq: m.CSeq, Method: m.CSeqMethod, CSeqText: m.CSeqText,
		ToTag: m.To.Tag != "", Timestamp: m.Timestamp,
	}
	for i := range m.Via {
		e.Via[i] = m.Via[i].Text
	}
	if len(e.Via) > 0 && src.IsValid() {
		e.Via[0] = m.Via[0].received(src)
	}
	return e
}

// received is the entry with the address that its request came from.
func (v *Via) received(src netip.AddrPort) string {
	from := src.Addr().Unmap().WithZone("")
	if !v.RPort {
		if sentBy, err := netip.ParseAddr(v.Host); err == nil && sentBy.Unmap() == from {
			return v.Text
		}
	}
	text := make([]byte, 0, len(v.Text)+64)
	value := v.Text
	if i := strings.IndexByte(value, ';'); i >= 0 {
		text = append(text, value[:i]...)
		p := params{rest: value[i:]}
		for {
			name, _, ok := p.next()
			if !ok {
				break
			}
			// A received or a value of rport that the peer wrote itself is no
			// word of ours.
			if !equalFold(name, "received") && !equalFold(name, "rport") {
				text = append(text, ';')
				text = append(text, p.text...)
			}
		}
		text = append(text, p.rest...)
	} else {
		text = append(text, value...)
	}
	text = append(text, ";received="...)
	text = from.AppendTo(text)
	if v.RPort {
		text = append(text, ";rport="...)
		text = strconv.AppendUint(text, uint64(src.Port()), 10)
	}
	return string(text)
}
