// Package canary makes marks that tests plant in what one party of a call sends,
// and finds them in what another receives, however they are written there. It
// shares no code with the readers and writers of the program, so that what these
// get wrong it can still see. Only tests use it.
package canary

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// What all marks of a kind begin with. Four digits follow, so that a mark that was
// cut short is still found, and one that is found names who wrote it and where.
const (
	numberStem = "1391357" // of a national mobile number of eleven digits
	textStem   = "kanari"  // a token of RFC 3261, a host label and a part of a URI alike
	hostStem   = "10.91."  // of an IPv4 address

	host6Stem = "2001:db8:5ca1::1:" // of an IPv6 address; the digits are the last group
)

// Marks is how many marks of a kind there are.
const Marks = 10000

// Number is a mark for where a telephone number may stand: eleven digits.
func Number(id int) string { return fmt.Sprintf("%s%04d", numberStem, id) }

// Text is a mark for where a word may stand: letters and digits, no run of which
// could be a number.
func Text(id int) string { return fmt.Sprintf("%s%04d", textStem, id) }

// Host is a mark for where an IPv4 address may stand.
func Host(id int) string { return fmt.Sprintf("%s%d.%d", hostStem, id/100, id%100) }

// Host6 is a mark for where an IPv6 address may stand.
func Host6(id int) string { return host6Stem + strconv.Itoa(id) }

// XORed is an IPv4 address as STUN writes it where routers shall not rewrite it (RFC 8489 section 14.2).
func XORed(host string) [4]byte {
	b := netip.MustParseAddr(host).As4()
	for i, c := range cookie {
		b[i] ^= c
	}
	return b
}

// cookie is that of STUN.
var cookie = [4]byte{0x21, 0x12, 0xa4, 0x42}

// Hit is a mark that was found.
type Hit struct {
	Mark string // as Number, Text, Host and Host6 write it, or the word that was added
	How  string // what had to be done to see it: "plain", "base64, percent"
}

// id reads the four digits of a mark; -1: it is cut short.
func id(s []byte) int {
	if len(s) < 4 {
		return -1
	}
	n, err := strconv.ParseUint(string(s[:4]), 10, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

// Party is the thousands of a mark's number, by which tests tell whose it is; -1: the
// mark is cut short.
func Party(mark string) int {
	var n int
	var err error
	switch {
	case strings.HasPrefix(mark, host6Stem):
		n, err = strconv.Atoi(mark[len(host6Stem):])
	case strings.HasPrefix(mark, hostStem):
		var high, low int
		if _, err = fmt.Sscanf(mark[len(hostStem):], "%d.%d", &high, &low); err == nil {
			n = high*100 + low
		}
	case strings.HasPrefix(mark, numberStem):
		n, err = strconv.Atoi(mark[len(numberStem):])
	default:
		n, err = strconv.Atoi(strings.TrimPrefix(mark, textStem))
	}
	if err != nil {
		return -1
	}
	return n / 1000
}

// IsNumber reports whether a mark is one of a telephone number.
func IsNumber(mark string) bool { return strings.HasPrefix(mark, numberStem) }

// IsMark reports whether a word that was found is a mark, not one that was added.
func IsMark(word string) bool {
	for _, stem := range []string{numberStem, textStem, hostStem, host6Stem} {
		if strings.HasPrefix(word, stem) {
			return true
		}
	}
	return false
}
