// Package audit keeps a log of what was shown or taken out that is otherwise kept from sight, and for what reason: a
// file to which lines are only ever added, each a JSON object that names the hash of the line before it.
//
//	{"seq":7,"at":"2026-01-02T03:04:05.678Z","who":"token ops","what":"recording.export","object":"…","reason":"…","prev":"HEX64","hash":"HEX64"}
//
// hash is the SHA-256 of the line up to and without `,"hash":`, so that it can be checked with a few lines of any
// language. prev of the first line is 64 zeroes. A line that is changed, left out, put in or moved breaks the chain
// there; one that is cut off at the end is missed by the anchor, which keeps number and hash of the last line in
// another place.
package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Hash is that of a line.
type Hash [sha256.Size]byte

// String is its hexadecimal form.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Head is the last line of a log; the zero value stands for none.
type Head struct {
	Seq  uint64
	Hash Hash
}

// Anchor keeps the head of a log, sealed and in another place than the log.
type Anchor interface {
	AuditHead() (Head, error)
	SetAuditHead(Head) error // on disk when it returns
}

// Entry is one line.
type Entry struct {
	Seq    uint64    `json:"seq"` // from 1, without a gap
	At     time.Time `json:"at"`
	Who    string    `json:"who"`    // "token NAME" or "local uid N"
	What   string    `json:"what"`   // "recording.export"
	Object string    `json:"object"` // an id
	Reason string    `json:"reason"`
	Prev   string    `json:"prev"`
	Hash   string    `json:"hash"`
}

// unsigned is an Entry without its hash, in the same order.
type unsigned struct {
	Seq    uint64    `json:"seq"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	What   string    `json:"what"`
	Object string    `json:"object"`
	Reason string    `json:"reason"`
	Prev   string    `json:"prev"`
}

var (
	// ErrBroken says that the log is not as it was written. Nothing is added to it: that would hide what was done.
	ErrBroken = errors.New("the audit log is not as it was written")
	// ErrReason says that a reason is missing, or is not one.
	ErrReason = errors.New("a reason is needed: 3 to 500 characters on one line")
)

// Bounds of an entry.
const (
	minReason = 3
	maxReason = 500 // characters
	maxLine   = 16 << 10
)

// CheckReason refuses a reason that says nothing, or that would not be one line.
func CheckReason(reason string) error {
	n := utf8.RuneCountInString(strings.TrimSpace(reason))
	if n < minReason || n > maxReason || !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl) {
		return ErrReason
	}
	return nil
}

// Log is an open audit log. Its methods may be called from many goroutines; one process at a time has it open.
type Log struct {
	path   string
	anchor Anchor

	mu    sync.Mutex // protects what follows, and that one line is written at a time
	file  *os.File
	head  Head
	fixed Head // as the anchor has it
	size  int64
	err   error // why nothing can be added
}

// Open opens the log of a path, and makes it, with mode 0600, at the first entry. It looks at the last line alone; a log
// that was tampered with opens, so that it can be read, but takes no further entry.
func Open(path string, anchor Anchor) (*Log, error) {
	l := &Log{path: path, anchor: anchor}
	want, err := anchor.AuditHead()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("audit: %w", err)
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	l.size = int64(len(whole))
	report := Verify(bytes.NewReader(whole), want)
	l.head = report.Head
	if report.Fault != "" {
		l.err = fmt.Errorf("%w (%s); keep it as it is and ask who changed it", ErrBroken, report.Fault)
		return l, nil
	}
	// A line without its end belongs to what was never done: it is done only once its line is on disk.
	if len(whole) < len(data) {
		if err := os.Truncate(path, l.size); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
	}
	l.fixed = want
	// Where the line was written and the anchor not, the machine stopped in between.
	return l, l.fix()
}

// Append adds a line and returns it as it was written: number, time and hashes are given here. When it returns without
// an error the line is on disk, and what it tells of may be done. ErrReason, ErrBroken, or the system's.
func (l *Log) Append(e Entry, at time.Time) (Entry, error) {
	if err := CheckReason(e.Reason); err != nil {
		return Entry{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return Entry{}, l.err
	}
	if err := errors.Join(l.open(), l.fix()); err != nil {
		return Entry{}, err
	}
	e.Seq, e.At, e.Prev = l.head.Seq+1, at.UTC().Round(time.Millisecond), l.head.Hash.String()
	line, hash, err := e.line()
	if err != nil {
		return Entry{}, err
	}
	_, err = l.file.WriteAt(line, l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		// What is on disk of it is cut off again; were it left, the next line would stand behind half of this one.
		return Entry{}, fmt.Errorf("audit: %w", errors.Join(err, l.file.Truncate(l.size)))
	}
	l.head, l.size = Head{Seq: e.Seq, Hash: hash}, l.size+int64(len(line))
	if err := l.fix(); err != nil {
		return Entry{}, err // the line stays: whether the anchor knows of it is not certain
	}
	e.Hash = hash.String()
	return e, nil
}

// fix has the anchor know the head.
func (l *Log) fix() error {
	if l.fixed == l.head {
		return nil
	}
	if err := l.anchor.SetAuditHead(l.head); err != nil {
		return err
	}
	l.fixed = l.head
	return nil
}

// open opens the file for writing, and makes it and syncs its directory when it is not there.
func (l *Log) open() error {
	if l.file != nil {
		return nil
	}
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	dir, err := os.Open(filepath.Dir(l.path))
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("audit: %w", err)
	}
	l.file = f
	return nil
}

// line is the entry as it is written, and its hash.
func (e *Entry) line() ([]byte, Hash, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(unsigned{e.Seq, e.At, e.Who, e.What, e.Object, e.Reason, e.Prev}); err != nil {
		return nil, Hash{}, fmt.Errorf("audit: %w", err)
	}
	body := bytes.TrimSuffix(b.Bytes(), []byte("}\n"))
	if len(body) > maxLine-128 {
		return nil, Hash{}, errors.New("audit: an entry that is too long")
	}
	hash := Hash(sha256.Sum256(body))
	return fmt.Appendf(bytes.Clone(body), ",\"hash\":%q}\n", hash.String()), hash, nil
}

// Close closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// snapshot opens what is written so far for reading.
func (l *Log) snapshot() (r io.Reader, done func() error, want Head, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if want, err = l.anchor.AuditHead(); err != nil {
		return nil, nil, Head{}, err
	}
	f, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return strings.NewReader(""), func() error { return nil }, want, nil
	}
	if err != nil {
		return nil, nil, Head{}, fmt.Errorf("audit: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, Head{}, fmt.Errorf("audit: %w", err)
	}
	return io.LimitReader(f, info.Size()), f.Close, want, nil
}

// List calls each for every line, in order. A line that cannot be read is passed over; Verify finds it.
func (l *Log) List(each func(Entry) error) error {
	r, done, _, err := l.snapshot()
	if err != nil {
		return err
	}
	defer done()
	for s := scanner(r); s.Scan(); {
		var e Entry
		if json.Unmarshal(s.Bytes(), &e) != nil {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// Verify goes through the whole log.
func (l *Log) Verify() (Report, error) {
	r, done, want, err := l.snapshot()
	if err != nil {
		return Report{}, err
	}
	defer done()
	return Verify(r, want), nil
}

func scanner(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 4<<10), maxLine)
	return s
}
