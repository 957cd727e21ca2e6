package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// cutSuffix stands behind the name of the file that takes the log's place when its beginning is cut off.
const cutSuffix = ".cut"

// CutOff says which lines were cut off.
type CutOff struct {
	First, Last uint64
	Until       time.Time // of the last of them
	Hash        Hash      // of the last of them, and by that of all: each names the one before
	Size        int64     // bytes
}

// String is as it stands in the line about it.
func (c CutOff) String() string {
	return fmt.Sprintf("entries %d to %d, the last of %s; hash of the last %s", c.First, c.Last, c.Until.Format(time.RFC3339), c.Hash.String())
}

// Cut deletes the lines that were written before a moment, but never the last line. What was deleted is a line of its own,
// for which who, what and reason are those of e, and is on disk before. The chain goes on unbroken: the first line that is
// left names the hash of the last that went, the line about it too, and the anchor keeps it. A crash leaves it done or not
// done. The zero CutOff: nothing was so old. Errors are those of Append.
func (l *Log) Cut(before time.Time, e Entry, at time.Time) (CutOff, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ready(); err != nil {
		return CutOff{}, err
	}
	c, err := l.older(before)
	if err != nil || c.Last == 0 {
		return CutOff{}, err
	}
	if err := CheckReason(e.Reason); err != nil {
		return CutOff{}, err
	}
	e.Object = c.String()
	if _, err := l.append(e, at); err != nil {
		return CutOff{}, err
	}
	base := Head{c.Last, c.Hash}
	if err := l.anchor.SetAuditHead(Mark{Head: l.head, Base: l.base, Cut: base}); err != nil {
		return CutOff{}, err
	}
	if err := l.replace(c.Size); err != nil {
		// It may stand in its place or not; which of them is for the next look at the whole to say.
		l.err = fmt.Errorf("audit: its beginning was not cut off: %w", err)
		return CutOff{}, l.err
	}
	l.base, l.size = base, l.size-c.Size
	err = l.anchor.SetAuditHead(Mark{Head: l.head, Base: l.base})
	l.note(1) // what was noted before may be gone with the beginning
	return c, err
}

// older finds the lines before a moment that stand before all others.
func (l *Log) older(before time.Time) (c CutOff, err error) {
	f, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("audit: %w", err)
	}
	defer f.Close()
	c.First = l.base.Seq + 1
	for in := newReader(io.LimitReader(f, l.size)); ; {
		line, whole, err := in.next()
		if err != nil && err != io.EOF {
			return c, fmt.Errorf("audit: %w", err)
		}
		if !whole {
			return c, nil
		}
		hash, e, ok := readLine(line)
		if !ok {
			return c, fmt.Errorf("%w (line %d)", ErrBroken, c.Last+1)
		}
		if !e.At.Before(before) || e.Seq == l.head.Seq {
			return c, nil
		}
		c.Last, c.Until, c.Hash, c.Size = e.Seq, e.At, hash, c.Size+int64(len(line))+1
	}
}

// replace puts in the place of the file one without its first bytes.
func (l *Log) replace(cut int64) (err error) {
	path := l.path + cutSuffix
	out, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.NewSectionReader(l.file, cut, l.size-cut))
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	if err := os.Rename(path, l.path); err != nil {
		return err
	}
	if err := l.file.Close(); err != nil {
		return err
	}
	l.file = nil
	dir, err := os.Open(filepath.Dir(l.path))
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err != nil {
		return err
	}
	return l.open()
}

// Oldest is when the first line that is there was written; zero: there is none.
func (l *Log) Oldest() (time.Time, error) {
	s, err := l.snapshot()
	if err != nil {
		return time.Time{}, err
	}
	defer s.done()
	line, whole, err := newReader(s).next()
	var e Entry
	switch {
	case err == io.EOF || err == nil && whole && json.Unmarshal(line, &e) == nil:
		return e.At, nil
	case err != nil:
		return time.Time{}, fmt.Errorf("audit: %w", err)
	}
	return time.Time{}, ErrBroken
}
