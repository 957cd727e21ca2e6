package sdp

import (
	"strconv"
	"strings"
)

// T38 is what a fax line says of itself (ITU-T T.38 annex D): numbers and words
// out of closed lists. The zero value is no fax.
type T38 struct {
	Present     bool
	Version     uint8  // T38FaxVersion
	BitRate     uint16 // T38MaxBitRate in bit/s, 0: absent
	FillBits    bool   // T38FaxFillBitRemoval
	MMR         bool   // T38FaxTranscodingMMR
	JBIG        bool   // T38FaxTranscodingJBIG
	Rates       uint8  // T38FaxRateManagement: index in t38Rates
	MaxBuffer   uint16 // T38FaxMaxBuffer in bytes, 0: absent
	MaxDatagram uint16 // T38FaxMaxDatagram in bytes, 0: absent
	Correction  uint8  // T38FaxUdpEC: index in t38Corrections
}

// The words of two attributes; the first of each stands for absence.
var (
	t38Rates       = []string{"", "localTCF", "transferredTCF"}
	t38Corrections = []string{"", "t38UDPFEC", "t38UDPRedundancy", "t38UDPNoEC"}
)

// isFax says whether a line is a fax over UDPTL, the transport that is relayed.
func (ln *Line) isFax() bool {
	return ln.T38.Present && ln.Media == "image" && ln.Proto == "udptl"
}

// attribute reads one attribute of a fax line. What cannot be read is left out,
// as a vendor's own attributes are.
func (t *T38) attribute(name, arg string) {
	is := func(known string) bool { return strings.EqualFold(name, known) }
	switch {
	case is("T38FaxVersion"):
		t.Version = uint8(bounded(arg, 9))
	case is("T38MaxBitRate"), is("T38FaxMaxRate"):
		t.BitRate = bounded(arg, 33600)
	case is("T38FaxFillBitRemoval"):
		t.FillBits = on(arg)
	case is("T38FaxTranscodingMMR"):
		t.MMR = on(arg)
	case is("T38FaxTranscodingJBIG"):
		t.JBIG = on(arg)
	case is("T38FaxRateManagement"):
		t.Rates = word(t38Rates, arg)
	case is("T38FaxMaxBuffer"):
		t.MaxBuffer = bounded(arg, 65535)
	case is("T38FaxMaxDatagram"):
		t.MaxDatagram = bounded(arg, 65535)
	case is("T38FaxUdpEC"):
		t.Correction = word(t38Corrections, arg)
	}
}

// bounded reads a number, 0 when it is none or too large.
func bounded(arg string, limit uint16) uint16 {
	n, ok := number(arg, uint64(limit))
	if !ok {
		return 0
	}
	return uint16(n)
}

// on reads a flag, which is there alone or with a number.
func on(arg string) bool { return arg == "" || arg == "1" }

// word gives the place of a word in a list, 0 when it is not there.
func word(list []string, s string) uint8 {
	for i, w := range list {
		if i > 0 && strings.EqualFold(w, s) {
			return uint8(i)
		}
	}
	return 0
}

// appendTo writes the attributes of a fax line.
func (t *T38) appendTo(b []byte) []byte {
	number := func(name string, n uint16) {
		b = append(b, "a="+name+":"...)
		b = strconv.AppendUint(b, uint64(n), 10)
		b = append(b, "\r\n"...)
	}
	number("T38FaxVersion", uint16(t.Version))
	if t.BitRate > 0 {
		number("T38MaxBitRate", t.BitRate)
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"T38FaxFillBitRemoval", t.FillBits}, {"T38FaxTranscodingMMR", t.MMR}, {"T38FaxTranscodingJBIG", t.JBIG}} {
		if flag.set {
			b = append(b, "a="+flag.name+"\r\n"...)
		}
	}
	if r := t38Rates[int(t.Rates)%len(t38Rates)]; r != "" {
		b = append(b, "a=T38FaxRateManagement:"+r+"\r\n"...)
	}
	if t.MaxBuffer > 0 {
		number("T38FaxMaxBuffer", t.MaxBuffer)
	}
	if t.MaxDatagram > 0 {
		number("T38FaxMaxDatagram", t.MaxDatagram)
	}
	if c := t38Corrections[int(t.Correction)%len(t38Corrections)]; c != "" {
		b = append(b, "a=T38FaxUdpEC:"+c+"\r\n"...)
	}
	return b
}
