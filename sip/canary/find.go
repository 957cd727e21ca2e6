package canary

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Finder looks for all marks, and for the words that it was told of. It serves one
// goroutine.
type Finder struct {
	stems []stem
	heads [4096]bool // the first two bytes of each stem, by headOf
	low   []byte     // the text that is searched, in lower case
}

func headOf(a, b byte) int { return int(a)<<4&0xff0 ^ int(b) }

// stem is what a mark begins with, or a whole word, in lower case.
type stem struct {
	bytes []byte
	read  func(rest []byte) string // the mark, by what follows the stem; "": it is none
}

// NewFinder returns one that knows all marks.
func NewFinder() *Finder {
	f := &Finder{}
	numbered := func(text string, write func(int) string) {
		f.add(text, func(rest []byte) string {
			if n := id(rest); n >= 0 {
				return write(n)
			}
			return text
		})
	}
	numbered(numberStem, Number)
	numbered(textStem, Text)
	f.add(hostStem, hostAfter('.'))
	f.add("10-91-", hostAfter('-'))
	f.add("0a5b", hostBehind([2]byte{})) // four bytes, as hex
	f.add(hex.EncodeToString([]byte{0x0a ^ cookie[0], 0x5b ^ cookie[1]}), hostBehind([2]byte(cookie[2:])))
	f.add(host6Stem, host6After(1))
	f.add("2001:0db8:5ca1:0000:0000:0000:0001:", host6After(4))
	f.add("20010db85ca10000000000000001", host6After(4)) // 16 bytes, as hex
	return f
}

func (f *Finder) add(text string, read func([]byte) string) {
	b := bytes.ToLower([]byte(text))
	f.stems = append(f.stems, stem{b, read})
	f.heads[headOf(b[0], b[1])] = true
}

// hostBehind reads the last two bytes of an address, as hex of what they are together with others.
func hostBehind(mask [2]byte) func([]byte) string {
	return func(rest []byte) string {
		if len(rest) < 4 {
			return ""
		}
		b, err := hex.DecodeString(string(rest[:4]))
		if err != nil || b[0]^mask[0] > 99 || b[1]^mask[1] > 99 {
			return ""
		}
		return Host(int(b[0]^mask[0])*100 + int(b[1]^mask[1]))
	}
}

// host6After reads the last group of an address, which has so many digits at least.
func host6After(least int) func([]byte) string {
	return func(rest []byte) string {
		n := 0
		for n < min(4, len(rest)) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		id, err := strconv.Atoi(string(rest[:n]))
		if err != nil || n < least {
			return host6Stem
		}
		return Host6(id)
	}
}

// hostAfter reads the last two parts of an address.
func hostAfter(separator byte) func([]byte) string {
	return func(rest []byte) string {
		high, rest, ok := bytes.Cut(rest, []byte{separator})
		n := 0
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		h, err1 := strconv.ParseUint(string(high), 10, 7)
		l, err2 := strconv.ParseUint(string(rest[:n]), 10, 7)
		if !ok || err1 != nil || err2 != nil {
			return hostStem
		}
		return Host(int(h)*100 + int(l))
	}
}

// Add has the finder look for a word too: a number without its leading zero or
// country code, a name.
func (f *Finder) Add(words ...string) {
	for _, w := range words {
		f.add(w, func([]byte) string { return w })
	}
}

// AddHost has the finder look for an address, which is not the beginning of another
// one, and for its bytes: as they are, as hex, and as STUN hides those of IPv4.
func (f *Finder) AddHost(a netip.Addr) {
	w := a.String()
	f.add(w, func(rest []byte) string {
		if len(rest) > 0 && (rest[0] >= '0' && rest[0] <= '9' || rest[0] == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9') {
			return ""
		}
		return w
	})
	same := func([]byte) string { return w }
	f.add(hex.EncodeToString(a.AsSlice()), same)
	if a.Is4() {
		hidden := XORed(w)
		f.add(hex.EncodeToString(hidden[:]), same)
		return
	}
	f.add(a.StringExpanded(), same)
}

// Find gives every mark and word in b, each once.
func (f *Finder) Find(b []byte) []Hit {
	var hits []Hit
	f.walk(&hits, b, "", depth)
	return hits
}

// Plain gives the marks and words that b holds as they are written here.
func (f *Finder) Plain(b []byte) []Hit {
	var hits []Hit
	f.scan(&hits, b, "", "plain")
	return hits
}

// walk searches a text, then what can be read out of it.
func (f *Finder) walk(hits *[]Hit, b []byte, how string, left int) {
	f.scan(hits, b, how, "plain")
	for _, l := range looks {
		if l.name == "BCD" && strings.HasSuffix(how, "hex") {
			continue // the digits as they stood, but for an odd one
		}
		if l.name == fromBehind && how != "" {
			continue // what is decoded is noise for the most part, in which four bytes are by chance
		}
		f.scan(hits, l.read(b), how, l.name)
	}
	if left == 0 {
		return
	}
	for _, d := range decodings {
		inner := d.read(b)
		if left < depth { // what is noise by now holds no further text
			f.scan(hits, inner, how, d.name)
			inner = texts(inner)
		}
		if len(inner) > 0 {
			f.walk(hits, inner, join(how, d.name), left-1)
		}
	}
}

// scan searches one text as it is.
func (f *Finder) scan(hits *[]Hit, b []byte, how, last string) {
	if len(b) == 0 {
		return
	}
	low := append(f.low[:0], b...)
	f.low = low
	for i, c := range low {
		if c >= 'A' && c <= 'Z' {
			low[i] = c + 'a' - 'A'
		}
	}
	for at := 0; at+1 < len(low); at++ {
		if !f.heads[headOf(low[at], low[at+1])] {
			continue
		}
		for i := range f.stems {
			s := &f.stems[i]
			if !bytes.HasPrefix(low[at:], s.bytes) {
				continue
			}
			mark := s.read(low[at+len(s.bytes):])
			if mark != "" && !slices.ContainsFunc(*hits, func(h Hit) bool { return h.Mark == mark }) {
				*hits = append(*hits, Hit{mark, join(how, last)})
			}
		}
	}
}

func join(how, last string) string {
	if how == "" {
		return last
	}
	return how + ", " + last
}

// texts keeps the lines of b that are text for the most part.
func texts(b []byte) []byte {
	var out []byte
	for line := range bytes.Lines(b) {
		n := 0
		for _, c := range line {
			if c >= ' ' && c < 0x7f {
				n++
			}
		}
		if n >= least-1 && n*10 >= len(line)*9 {
			out = append(out, line...)
		}
	}
	return out
}
