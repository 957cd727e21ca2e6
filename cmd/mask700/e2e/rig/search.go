package rig

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Disguises are the byte strings in which a number (or an address, or any word) may hide in a packet: as it is, in
// base64 at each of the three alignments, in hexadecimal, and, for digits, the last eight of them, percent-escaped,
// and in the swapped half-octets (BCD) of telephony.
func Disguises(word string) []string {
	d := []string{word, hex.EncodeToString([]byte(word)), strings.ToUpper(hex.EncodeToString([]byte(word)))}
	for pad := range 3 {
		d = append(d, inBase64(word, pad))
	}
	if strings.Trim(word, "0123456789") != "" || len(word) < 8 {
		return d
	}
	d = append(d, word[len(word)-8:])
	var escaped strings.Builder
	for _, digit := range []byte(word) {
		escaped.WriteString("%" + hex.EncodeToString([]byte{digit}))
	}
	d = append(d, escaped.String())
	for _, digits := range []string{word, "86" + word} {
		swapped := make([]byte, len(digits)/2) // an odd last digit shares its octet with filler
		for i := range swapped {
			swapped[i] = digits[2*i] - '0' | (digits[2*i+1]-'0')<<4
		}
		d = append(d, string(swapped), hex.EncodeToString(swapped))
	}
	return d
}

// inBase64 is what stays the same of a word in base64 with pad bytes before it, whatever stands around it.
func inBase64(word string, pad int) string {
	b := append(make([]byte, pad), word...)
	text := base64.RawStdEncoding.EncodeToString(b)
	skip := []int{0, 2, 3}[pad]
	keep := len(b) * 8 / 6 // whole sextets
	return text[skip:keep]
}

// Find returns the first of the words that data holds in any disguise.
func Find(data string, words []string) (string, bool) {
	for _, w := range words {
		for _, d := range Disguises(w) {
			if strings.Contains(data, d) {
				return w, true
			}
		}
	}
	return "", false
}
