package ring

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mask700/store/seal"
)

// The lines of the file. Each ends with the first 4 bytes of the SHA-256 of what is before, which find damage and the
// line that a crash cut off.
//
//	mask700-ring-1 STORE MASTER                                          the first line
//	next USE N                                                           no key below N is ever made
//	key USE ID TENANT BUCKET CIPHER MADE WRAPPED                         seals new rows, or opened ones only after:
//	retire AT                                                            all keys of rows above
//	old …                                                                as key, retired
//	gone USE ID TENANT BUCKET CIPHER MADE DESTROYED                      destroyed
//	#audit SEQ HASH                                                      the audit log has had this line; the last one holds
//	#restored AT UID SEQ HASH                                            it had this one until a backup was put back
//
// Times are seconds since 1970, wrapped keys hexadecimal.
const (
	label      = "mask700-ring-1"
	labelStart = "mask700-ring-"

	note = "# The keys of a mask700 store, wrapped under its master key. Keep a copy of the newest beside the copy of the\n" +
		"# master key, never beside the data, and no older one: what was destroyed here would be readable with it.\n"
)

func appendLine(b []byte, format string, args ...any) []byte {
	at := len(b)
	b = fmt.Appendf(b, format, args...)
	sum := sha256.Sum256(b[at:])
	return append(hex.AppendEncode(append(b, ' '), sum[:4]), '\n')
}

// text is the whole file.
func (c *contents) text() []byte {
	b := appendLine([]byte(note), "%s %s %s", label, c.store, c.master)
	for _, u := range uses {
		b = appendLine(b, "next %s %d", u, c.next[u])
	}
	for _, k := range c.sorted() {
		b = k.append(b)
	}
	if c.noted != (Noted{}) {
		b = c.noted.append(b)
	}
	return b
}

// append writes the line of a key.
func (k *Key) append(b []byte) []byte {
	word, last := "key", hex.EncodeToString(k.wrapped)
	switch {
	case !k.Destroyed.IsZero():
		word, last = "gone", strconv.FormatInt(k.Destroyed.Unix(), 10)
	case k.Retired:
		word = "old"
	}
	return appendLine(b, "%s %s %d %d %d %s %d %s", word, k.Use, k.ID, k.Tenant, k.Bucket, k.Cipher, k.Made.Unix(), last)
}

func appendRetire(b []byte, at time.Time) []byte { return appendLine(b, "retire %d", at.Unix()) }

// retire marks the keys of rows.
func (c *contents) retire() {
	for _, k := range c.keys {
		if k.Bucket != 0 {
			k.Retired = true
		}
	}
}

// parse reads a file. whole is how much of it is lines that are whole; what a crash left of one behind them is passed
// over. Errors: ErrDamaged, ErrNewer.
func parse(text []byte) (c *contents, whole int, err error) {
	for n := 1; len(text) > whole; n++ {
		line, _, ended := bytes.Cut(text[whole:], []byte{'\n'})
		if !ended {
			break
		}
		size := len(line) + 1
		if len(line) > 0 && line[0] == '#' && !isNote(line) {
			whole += size
			continue
		}
		fields, ok := checked(line)
		if !ok && whole+size == len(text) && c != nil {
			break
		}
		if ok && c == nil {
			c, err = parseHead(fields)
		} else if ok {
			ok = c.parseLine(fields)
		}
		switch {
		case err != nil:
			return nil, 0, err
		case !ok:
			return nil, 0, fmt.Errorf("%w (line %d)", ErrDamaged, n)
		}
		whole += size
	}
	if c == nil {
		return nil, 0, fmt.Errorf("%w (it has no first line)", ErrDamaged)
	}
	return c, whole, nil
}

// checked returns the fields of a line whose sum is right, without it.
func checked(line []byte) ([]string, bool) {
	at := bytes.LastIndexByte(line, ' ')
	if at < 0 {
		return nil, false
	}
	sum := sha256.Sum256(line[:at])
	if string(line[at+1:]) != hex.EncodeToString(sum[:4]) {
		return nil, false
	}
	return strings.Split(string(line[:at]), " "), true
}

func parseHead(f []string) (*contents, error) {
	switch {
	case len(f) == 3 && f[0] == label && len(f[1]) == 32 && len(f[2]) == 16:
		return newContents(f[1], f[2]), nil
	case strings.HasPrefix(f[0], labelStart) && f[0] != label:
		return nil, ErrNewer
	}
	return nil, fmt.Errorf("%w (line 1)", ErrDamaged)
}

// parseLine takes a line over into c.
func (c *contents) parseLine(f []string) bool {
	switch {
	case f[0] == "next" && len(f) == 3:
		n, ok := number(f[2])
		if !slices.Contains(uses, Use(f[1])) || !ok || n < c.next[Use(f[1])] {
			return false
		}
		c.next[Use(f[1])] = n
		return true
	case f[0] == "retire" && len(f) == 2:
		c.retire()
		return true
	case len(f) == 8 && (f[0] == "key" || f[0] == "old" || f[0] == "gone"):
		k, ok := parseKey(f)
		if _, twice := c.keys[id{k.Use, k.ID}]; !ok || twice {
			return false
		}
		c.put(k)
		return true
	case f[0] == wordAudit || f[0] == wordRestored:
		return c.parseNote(f)
	}
	return false
}

func parseKey(f []string) (k Key, ok bool) {
	var good [5]bool
	var err error
	k.Use, good[0] = Use(f[1]), slices.Contains(uses, Use(f[1]))
	k.ID, good[1] = number(f[2])
	k.Tenant, good[2] = number(f[3])
	k.Bucket, good[3] = parseBucket(f[4])
	k.Cipher, err = seal.ParseCipher(f[5])
	k.Made, good[4] = seconds(f[6])
	if err != nil || good != [5]bool{true, true, true, true, true} || k.ID == 1<<32-1 {
		return k, false
	}
	switch f[0] {
	case "gone":
		k.Retired = true
		k.Destroyed, ok = seconds(f[7])
		return k, ok
	case "old":
		k.Retired = true
	}
	k.wrapped, err = hex.DecodeString(f[7])
	return k, err == nil && len(k.wrapped) == seal.KeySize+seal.Overhead
}

func number(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && strconv.FormatUint(n, 10) == s
}

func seconds(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return time.Unix(n, 0).UTC(), err == nil && n > 0
}
