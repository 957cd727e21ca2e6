package canary

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
)

// depth is how many encodings may lie in one another: percent in base64 in hex.
const depth = 3

// least is the shortest run of letters that may be base64 or hex.
const least = 8

// decoding is one way to read a text as another. It gives nil where there is nothing
// to be read in that way.
type decoding struct {
	name string
	read func([]byte) []byte
}

var decodings = []decoding{
	{"percent", percent},
	{"entities", entities},
	{"base64", base64At(0)}, {"base64", base64At(1)}, {"base64", base64At(2)}, {"base64", base64At(3)},
	{"hex", hexAt(0)}, {"hex", hexAt(1)},
}

// looks are readings that are searched, but in which nothing else is looked for.
var looks = []decoding{
	{"without separators", squeezed},
	{"backwards", backwards},
	{"BCD", nibbles(false)}, {"reversed BCD", nibbles(true)}, {fromBehind, bytesBackwards},
	{"reversed BCD in digits", swappedAt(0)}, {"reversed BCD in digits", swappedAt(1)},
}

// percent undoes every %HH.
func percent(b []byte) []byte {
	if bytes.IndexByte(b, '%') < 0 {
		return nil
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			if n, err := strconv.ParseUint(string(b[i+1:i+3]), 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// entities undoes the numeric ones of XML: &#49; and &#x31;.
func entities(b []byte) []byte {
	if !bytes.Contains(b, []byte("&#")) {
		return nil
	}
	var out []byte
	for len(b) > 0 {
		at := bytes.Index(b, []byte("&#"))
		if at < 0 {
			return append(out, b...)
		}
		out = append(out, b[:at]...)
		b = b[at+2:]
		end := bytes.IndexByte(b, ';')
		if end < 0 {
			continue
		}
		digits, base := string(b[:end]), 10
		if strings.HasPrefix(digits, "x") {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseUint(digits, base, 8); err == nil {
			out, b = append(out, byte(n)), b[end+1:]
		}
	}
	return out
}

// runs gives what each run of letters that may stand for bytes decodes to, where
// that is text, one after another with a line's end between them.
func runs(b []byte, of func(byte) bool, at int, read func([]byte) []byte) []byte {
	var out []byte
	for len(b) > 0 {
		n := 0
		for n < len(b) && of(b[n]) {
			n++
		}
		if n >= least+at {
			if got := read(b[at:n]); len(got) > 0 {
				out = append(append(out, got...), '\n')
			}
		}
		b = b[min(n+1, len(b)):]
	}
	return out
}

func inBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}

// base64At reads each run from its at-th letter on, in either alphabet.
func base64At(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		return runs(b, inBase64, at, func(run []byte) []byte {
			if len(run)%4 == 1 {
				run = run[:len(run)-1] // six bits are no byte
			}
			run = bytes.Clone(run)
			for i, c := range run {
				switch c {
				case '-':
					run[i] = '+'
				case '_':
					run[i] = '/'
				}
			}
			out := make([]byte, base64.RawStdEncoding.DecodedLen(len(run)))
			n, _ := base64.RawStdEncoding.Decode(out, run)
			return out[:n]
		})
	}
}

func inHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// hexAt reads each run from its at-th digit on.
func hexAt(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		return runs(b, inHex, at, func(run []byte) []byte {
			out := make([]byte, 0, len(run)/2)
			for i := 0; i+1 < len(run); i += 2 {
				n, _ := strconv.ParseUint(string(run[i:i+2]), 16, 8)
				out = append(out, byte(n))
			}
			return out
		})
	}
}

// squeezed leaves only letters and digits: what separates digits, folds lines,
// quotes a character or pads it to two bytes goes.
func squeezed(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			out = append(out, c)
		}
	}
	return out
}

func backwards(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[len(b)-1-i] = c
	}
	return out
}

// nibbles writes every byte as its two halves, the low one first in the reversed
// BCD of Q.763 and of E.212.
func nibbles(reversed bool) func([]byte) []byte {
	const digits = "0123456789abcdef"
	return func(b []byte) []byte {
		out := make([]byte, 0, 2*len(b))
		for _, c := range b {
			if reversed {
				c = c<<4 | c>>4
			}
			out = append(out, digits[c>>4], digits[c&15])
		}
		return out
	}
}

// fromBehind is the reading of bytesBackwards.
const fromBehind = "bytes backwards"

// bytesBackwards writes every byte as its two halves, the last byte first: an address in
// the order of most processors.
func bytesBackwards(b []byte) []byte { return nibbles(false)(backwards(b)) }

// swappedAt changes the places of the digits of each pair, from the at-th digit of
// a run on: reversed BCD that was written as hex.
func swappedAt(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		return runs(b, inHex, at, func(run []byte) []byte {
			out := bytes.Clone(run)
			for i := 0; i+1 < len(out); i += 2 {
				out[i], out[i+1] = out[i+1], out[i]
			}
			return out
		})
	}
}
