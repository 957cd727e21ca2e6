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
	Base  Head   // the line before the first that is there; zero: none was cut off
	Fault string // where and how it breaks, in a sentence without an entry's text; "": it does not

	size, length int64 // up to the end of that line; of it alone
	torn         bool  // behind it stands a part of the line that was being written
}

// Verify follows the chain from the first line to the last and holds that against the mark that the anchor has, and
// against lines that are known from elsewhere. Where the anchor says that a line was being written, that one line may be
// there behind the last, whole or in part, or not.
func Verify(r io.Reader, want Mark, known ...Head) Report { return verify(r, want, Floor{}, known...) }

// verify is Verify of a log that has a floor.
func verify(r io.Reader, want Mark, floor Floor, known ...Head) Report {
	var rep Report
	fault := func(format string, args ...any) Report {
		rep.Fault = fmt.Sprintf(format, args...)
		return rep
	}
	writing := want.Next != Hash{}
	rep.Base, rep.Head = want.Base, want.Base
	first := true
	for in := newReader(r); !rep.torn; {
		line, whole, err := in.next()
		if err != nil && err != io.EOF {
			return fault("line %d cannot be read", rep.Head.Seq+1)
		}
		if len(line) == 0 && !whole {
			if err == io.EOF {
				break
			}
			continue
		}
		hash, e, ok := readLine(line)
		// A crash while its beginning was cut off leaves the file as it was or as it was going to be.
		if first && ok && want.Cut.Seq > want.Base.Seq && e.Seq == want.Cut.Seq+1 {
			rep.Base, rep.Head = want.Cut, want.Cut
		}
		first = false
		n := rep.Head.Seq + 1
		switch {
		case !whole || !ok:
			// A crash leaves a beginning of the one line that was being written, or a part of it with zeroes before.
			if writing && rep.Head == want.Head && in.ended() {
				rep.torn = true
				continue
			}
			return fault("line %d is not as it was written", n)
		case e.Seq != n:
			return fault("line %d has the number %d: a line was left out, put in or moved", n, e.Seq)
		case e.Prev != rep.Head.Hash.String():
			return fault("line %d does not follow the one before it", n)
		}
		for _, k := range known {
			if k.Seq == n && k.Hash != hash {
				return fault("line %d has another hash than the one given", n)
			}
		}
		if floor.binds() && n == floor.Seq && hash != floor.Hash {
			return fault("line %d has another hash than is noted in the ring", n)
		}
		rep.Head = Head{Seq: n, Hash: hash}
		rep.length = int64(len(line)) + 1
		rep.size += rep.length
		switch {
		case n == want.Seq+1 && !(writing && hash == want.Next), n > want.Seq+1:
			return fault("line %d was never written here: there were %d", n, want.Seq)
		case n == want.Seq && hash != want.Hash:
			return fault("line %d is another than was written", n)
		}
	}
	if rep.Head.Seq < want.Seq {
		return fault("it ends at line %d, and there were %d", rep.Head.Seq, want.Seq)
	}
	if rep.Fault = floor.missed(&rep); rep.Fault != "" {
		return rep
	}
	for _, k := range known {
		switch {
		case k.Seq == rep.Base.Seq && k.Seq > 0 && k.Hash != rep.Base.Hash:
			return fault("line %d has another hash than the one given", k.Seq)
		case k.Seq < rep.Base.Seq:
			return fault("line %d was deleted with all up to line %d when their time was over; give a later one", k.Seq, rep.Base.Seq)
		}
		if k.Seq > rep.Head.Seq {
			return fault("it ends at line %d, and line %d is known", rep.Head.Seq, k.Seq)
		}
	}
	return rep
}

// readLine reads a line, without its end, and checks its own hash.
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
