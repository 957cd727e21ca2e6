package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
)

// Report is what a look at a whole log found.
type Report struct {
	Head  Head   // the last line up to which the chain holds
	Fault string // where and how it breaks, in a sentence without an entry's text; "": it does not
}

// Verify follows the chain from the first line to the last and holds that against the head that the anchor has. A log
// may be one line ahead of its anchor: the line is written first.
func Verify(r io.Reader, want Head) Report {
	var rep Report
	s := scanner(r)
	fault := func(format string, args ...any) Report {
		rep.Fault = fmt.Sprintf(format, args...)
		return rep
	}
	anchored := want.Seq == 0
	for s.Scan() {
		n := rep.Head.Seq + 1
		hash, e, ok := readLine(s.Bytes())
		switch {
		case !ok:
			return fault("line %d is not as it was written", n)
		case e.Seq != n:
			return fault("line %d has the number %d: a line was left out, put in or moved", n, e.Seq)
		case e.Prev != rep.Head.Hash.String():
			return fault("line %d does not follow the one before it", n)
		}
		rep.Head = Head{Seq: n, Hash: hash}
		anchored = anchored || rep.Head == want
	}
	switch err := s.Err(); {
	case err != nil:
		return fault("line %d cannot be read", rep.Head.Seq+1)
	case rep.Head.Seq < want.Seq:
		return fault("it ends at line %d, and there were %d", rep.Head.Seq, want.Seq)
	case !anchored:
		return fault("line %d is another than was written", want.Seq)
	case rep.Head.Seq > want.Seq+1:
		return fault("it has %d lines, and %d were written", rep.Head.Seq, want.Seq)
	}
	return rep
}

// readLine reads a line and checks its own hash.
func readLine(line []byte) (Hash, Entry, bool) {
	at := bytes.LastIndex(line, []byte(`,"hash":"`))
	if at < 0 || len(line) != at+len(`,"hash":"`)+2*sha256.Size+len(`"}`) || !bytes.HasSuffix(line, []byte(`"}`)) {
		return Hash{}, Entry{}, false
	}
	var e Entry
	if json.Unmarshal(line, &e) != nil {
		return Hash{}, Entry{}, false
	}
	var said Hash
	if n, err := hex.Decode(said[:], line[len(line)-2-2*sha256.Size:len(line)-2]); err != nil || n != len(said) {
		return Hash{}, Entry{}, false
	}
	hash := Hash(sha256.Sum256(line[:at]))
	// The hash in capitals, or the object written in another way, would be another line with the same sense.
	again, _, err := e.line()
	return hash, e, err == nil && hash == said && bytes.Equal(bytes.TrimSuffix(again, []byte("\n")), line)
}
