package ring

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Noted is what a ring says of the audit log of its store, so that whoever reaches the data directory alone cannot take the end of it
// away. Keys have no part in it.
type Noted struct {
	Seq  uint64 // of a line that the log has had; 0: none is noted
	Hash [sha256.Size]byte
	// Restored is when a backup was put back after that, whose log need not have the line, and By the user id of who did so. Zero:
	// none was.
	Restored time.Time // to the second
	By       uint32
}

// maxNotes is how many lines about the audit log gather behind the keys before the file is written anew with the last of them.
const maxNotes = 256

// Words of those lines. A release that does not know them takes them for comments, so that it can be gone back to: it passes over what
// begins so.
const (
	wordAudit    = "#audit"
	wordRestored = "#restored"
)

// isNote reports whether a line is one about the audit log.
func isNote(line []byte) bool {
	word, _, _ := strings.Cut(string(line[:min(len(line), len(wordRestored)+1)]), " ")
	return word == wordAudit || word == wordRestored
}

func (n *Noted) append(b []byte) []byte {
	if n.Restored.IsZero() {
		return appendLine(b, "%s %d %x", wordAudit, n.Seq, n.Hash)
	}
	return appendLine(b, "%s %d %d %d %x", wordRestored, n.Restored.Unix(), n.By, n.Seq, n.Hash)
}

// parseNote takes such a line over into c: the last one holds.
func (c *contents) parseNote(f []string) bool {
	var n Noted
	ok := true
	if f[0] == wordRestored {
		if len(f) != 5 {
			return false
		}
		var good bool
		n.Restored, ok = seconds(f[1])
		n.By, good = number(f[2])
		ok = ok && good
		f = f[2:]
	}
	if len(f) != 3 {
		return false
	}
	var err error
	if n.Seq, err = strconv.ParseUint(f[1], 10, 64); err != nil || strconv.FormatUint(n.Seq, 10) != f[1] || len(f[2]) != 2*len(n.Hash) {
		return false
	}
	if _, err := hex.Decode(n.Hash[:], []byte(f[2])); err != nil || f[2] != strings.ToLower(f[2]) {
		return false
	}
	c.noted = n
	c.notes++
	return ok
}

// Noted is what was last noted of the audit log.
func (r *Ring) Noted() Noted {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.now.noted
}

// Note notes n of the audit log, on disk when it returns: as a line behind the keys, which stand as they are. When those lines have
// become many, the file is written anew with the last, as it is for a key that is destroyed.
func (r *Ring) Note(n Noted) error {
	n.Restored = n.Restored.Truncate(time.Second).UTC()
	r.write.Lock()
	defer r.write.Unlock()
	switch {
	case r.fault != nil:
		return r.fault
	case r.now.noted == n:
		return nil
	case r.now.notes >= maxNotes:
		return r.changeLocked(func(c *contents) (bool, error) { c.noted = n; return true, nil }, nil)
	}
	if err := r.addLine(n.append(nil)); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.noted = n
	r.now.notes++
	return nil
}
