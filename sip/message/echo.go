package message

import "net/netip"

// Echo is the part of a request that its responses repeat (RFC 3261 section
// 8.2.6.2).
type Echo struct {
	Via      []string
	From, To string
	CallID   string
	CSeq     uint32
	Method   string
	ToTag    bool // To has a tag already
}

// Echo returns what responses to the request repeat, with the address that it
// came from in the top Via (RFC 3261 section 18.2.1, RFC 3581 section 4).
func (m *Message) Echo(src netip.AddrPort) Echo {
	e := Echo{From: m.From.Text, To: m.To.Text, CallID: m.CallID, CSeq: m.CSeq, Method: m.Method, ToTag: m.To.Tag != ""}
	for _, v := range m.Via {
		e.Via = append(e.Via, v.Text)
	}
	return e
}
