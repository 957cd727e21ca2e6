package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// origins numbers the addresses of 127/8 in an order that jumps about, each
// once before any comes again, but for those that are somebody's in the bench.
type origins struct {
	at    uint32
	taken netip.Prefix
}

// step is odd, so that its multiples are all numbers of 24 bits.
const step = 0x9e3779

func (o *origins) next() netip.Addr {
	for {
		o.at++
		n := o.at * step & 0xffffff
		a := netip.AddrFrom4([4]byte{127, byte(n >> 16), byte(n >> 8), byte(n)})
		// The first and the last address of a network are no host's.
		if n != 0 && n != 0xffffff && !o.taken.Contains(a) {
			return a
		}
	}
}

// kind is one kind of datagram in a flood: its text, and where in it a number
// of 16 digits stands that makes each its own.
type kind struct {
	share int // in a thousand
	text  []byte
	marks []int
}

// mark stands for that number.
const mark = "################"

func newKind(share int, text string) kind {
	k := kind{share: share, text: []byte(text)}
	for at := 0; ; at += len(mark) {
		i := bytes.Index(k.text[at:], []byte(mark))
		if i < 0 {
			return k
		}
		at += i
		k.marks = append(k.marks, at)
	}
}

// write writes the datagram of a number and returns its length.
func (k *kind) write(b []byte, number uint64) int {
	n := copy(b, k.text)
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], number)
	for _, at := range k.marks {
		hex.Encode(b[at:], raw[:])
	}
	return n
}

// flood is what a hostile network sends to a gateway's address, most of it
// without a meaning: to a source that is on a trunk the one or other is answered.
func flood(to netip.AddrPort) []kind {
	request := func(method, toTag, more, body string) string {
		return fmt.Sprintf("%[1]s sip:700100000019999@%[2]s SIP/2.0\r\nVia: SIP/2.0/UDP flood.invalid;rport;branch=z9hG4bK%[3]s\r\n"+
			"Max-Forwards: 70\r\nFrom: <sip:13800000001@flood.invalid>;tag=%[3]s\r\nTo: <sip:700100000019999@%[2]s>%[4]s\r\n"+
			"Call-ID: %[3]s@flood.invalid\r\nCSeq: 1 %[1]s\r\nContact: <sip:13800000001@flood.invalid>\r\nUser-Agent: flood\r\n%[5]s"+
			"Content-Length: %[6]d\r\n\r\n%[7]s", method, to, mark, toTag, more, len(body), body)
	}
	offer := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
	return []kind{
		newKind(304, request("OPTIONS", "", "", "")),
		newKind(150, request("BYE", ";tag="+mark, "", "")),
		newKind(100, request("ACK", ";tag="+mark, "", "")),
		newKind(50, request("REGISTER", "", "Expires: 3600\r\n", "")),
		newKind(45, request("CANCEL", "", "", "")),
		newKind(50, request("OPTIONS", "", "Max-Forwards: no\r\n", "")),
		newKind(150, strings.Replace(request("INVITE", ";tag="+mark, "", ""), "INVITE sip:700100000019999@"+to.String()+" SIP/2.0", "SIP/2.0 200 OK", 1)),
		newKind(50, "X"+mark+strings.Repeat("\xff\x00", 300)),
		newKind(50, "\x80\x08"+mark+strings.Repeat("\xd5", 160)), // RTP
		newKind(50, strings.Replace(request("INVITE", "", "Subject: "+strings.Repeat("\"<,;", 200)+"\x00\r\n", ""), "\r\nVia: ", "\r\nVia ", 1)),
		// Each of these is a call that is refused: its transaction lasts for half a
		// minute, because nobody acknowledges, and its record goes to disk. The
		// store collects rows in memory until there are enough for a table, tens of
		// MiB of them; so few that this is not taken for the flood's.
		newKind(1, request("INVITE", "", "Content-Type: application/sdp\r\n", offer)),
	}
}

// schedule is a thousand numbers of kinds, as many of each as its share.
func schedule(kinds []kind) []int {
	var list []int
	for i := range kinds {
		for range kinds[i].share {
			list = append(list, i)
		}
	}
	return list
}
