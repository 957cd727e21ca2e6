// Package audit keeps a log of what was shown or taken out that is otherwise kept from sight, and for what reason: a
// file to which lines are only ever added, each a JSON object that names the hash of the line before it.
//
//	{"seq":7,"at":"2026-01-02T03:04:05.678Z","who":"token ops","what":"recording.export","object":"…","reason":"…","prev":"HEX64","hash":"HEX64"}
//
// hash is the SHA-256 of the line up to and without `,"hash":`, so that it can be checked with a few lines of any
// language. prev of the first line is 64 zeroes, or the hash of the line that was before it: lines whose time is over are cut
// off at the beginning ([Log.Cut]), which a line says that stays, and the anchor. A line that is changed, left out, put in or moved breaks the chain
// there. What is cut off at the end, or added there, is found by the anchor: it keeps number and hash of the last line
// in another place, and before a line is written the hash that it is going to have. So no line can be put in place of
// one that a crash cut off, and none can be taken away and called a crash. Both may be taken away together, or an older copy of both be put
// in their place: for that a line is noted now and then outside of their directory ([Floor]), which the log has to have.
//
// The file is one and is not rotated: an entry takes about 350 bytes. It is read as a stream, whatever its size.
package audit

import (
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
	"syscall"
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

// Mark is what an anchor keeps of a log.
type Mark struct {
	Head      // the last line that is whole on disk
	Next Hash // of the line that is being written behind it; zero: none is
	Base Head // the line before the first; zero: none was cut off
	Cut  Head // the line up to which is being cut off; zero: none is
}

// Anchor keeps the mark of a log, sealed and in another place than the log, and its floor in a third.
type Anchor interface {
	AuditHead() (Mark, error)
	SetAuditHead(Mark) error // on disk when it returns
	AuditFloor() (Floor, error)
	// SetAuditFloor notes a line that is on disk, and no line before it; of a backup that was put back nothing is left then.
	SetAuditFloor(Head) error
}

// Entry is one line.
type Entry struct {
	Seq    uint64    `json:"seq"` // from 1, without a gap
	At     time.Time `json:"at"`
	Who    string    `json:"who"`    // "token NAME" or "local uid N"
	What   string    `json:"what"`   // "recording.export"
	Object string    `json:"object"` // ids, or the filter of a list; a number in it is masked
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
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("the audit log is closed")
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

// file is what a log needs of an *os.File.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(int64) error
	Stat() (fs.FileInfo, error)
}

// Log is an open audit log. Its methods may be called from many goroutines; one process at a time has it open.
type Log struct {
	path   string
	anchor Anchor
	create func(path string) (file, error)

	mu     sync.Mutex // protects what follows, and that one line is written at a time
	file   file
	head   Head
	base   Head  // the line before the first
	size   int64 // up to the end of the last line
	length int64 // of the last line
	torn   bool  // behind it stands a part of a line that could not be cut off
	closed bool
	err    error // why nothing can be added

	floor   Head   // as it was noted last
	tried   uint64 // the line that was last to be noted
	unnoted error  // why it was not
}

// Open opens the log of a path, and makes it, with mode 0600, at the first entry. It reads the whole log once; one that
// was tampered with opens, so that it can be looked at, but takes no further entry.
func Open(path string, anchor Anchor) (*Log, error) {
	l := &Log{path: path, anchor: anchor, create: create}
	want, err := anchor.AuditHead()
	if err != nil {
		return nil, err
	}
	floor, err := anchor.AuditFloor()
	if err != nil {
		return nil, err
	}
	report, err := verifyFile(path, want, floor)
	if err != nil {
		return nil, err
	}
	l.head, l.base, l.size, l.length = report.Head, report.Base, report.size, report.length
	if report.Fault != "" {
		l.floor = floor.Head
		l.err = fmt.Errorf("%w (%s); keep it as it is and ask who changed it", ErrBroken, report.Fault)
		return l, nil
	}
	// A part of a line belongs to what was never done: that is done only once its line is on disk and the anchor says so.
	if report.torn {
		if err := os.Truncate(path, l.size); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
	}
	// A cut that a crash left is done or it is not; what it would have put in place of the file is of no use.
	if err := os.Remove(path + cutSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if settled := (Mark{Head: l.head, Base: l.base}); settled != want {
		if err := anchor.SetAuditHead(settled); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin(floor)
	return l, nil
}

// verifyFile looks at a file; one that is not there is empty.
func verifyFile(path string, want Mark, floor Floor) (Report, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return verify(strings.NewReader(""), want, floor), nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("audit: %w", err)
	}
	defer f.Close()
	return verify(f, want, floor), nil
}

// Broken says why nothing can be added to the log, as far as that is known: ErrBroken, or nil.
func (l *Log) Broken() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Append adds a line and returns it as it was written: number, time and hashes are given here. When it returns without
// an error the line is on disk, and what it tells of may be done. ErrReason, ErrBroken, ErrClosed, or the system's.
func (l *Log) Append(e Entry, at time.Time) (Entry, error) {
	if err := CheckReason(e.Reason); err != nil {
		return Entry{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ready(); err != nil {
		return Entry{}, err
	}
	written, err := l.append(e, at)
	l.note(noteEvery)
	return written, err
}

// ready reports whether the log can be written to. mu is held.
func (l *Log) ready() error {
	if l.closed {
		return ErrClosed
	}
	if l.err == nil {
		l.err = l.look()
	}
	err := l.err
	if err != nil && !errors.Is(err, ErrBroken) {
		l.err = nil // it may be better the next time
	}
	return err
}

// append is Append of a log that is ready. mu is held.
func (l *Log) append(e Entry, at time.Time) (Entry, error) {
	e.Seq, e.At, e.Prev = l.head.Seq+1, at.UTC().Round(time.Millisecond), l.head.Hash.String()
	line, hash, err := e.line()
	if err != nil {
		return Entry{}, err
	}
	if err := l.anchor.SetAuditHead(Mark{Head: l.head, Next: hash, Base: l.base}); err != nil {
		return Entry{}, err
	}
	_, err = l.file.WriteAt(line, l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		// What is on disk of it is cut off again; were it left, the next line would stand behind half of this one.
		l.torn = true
		return Entry{}, fmt.Errorf("audit: %w", errors.Join(err, l.mend()))
	}
	l.head, l.size, l.length = Head{Seq: e.Seq, Hash: hash}, l.size+int64(len(line)), int64(len(line))
	if err := l.anchor.SetAuditHead(Mark{Head: l.head, Base: l.base}); err != nil {
		return Entry{}, err // the line stays: the anchor knows that it was coming
	}
	e.Hash = hash.String()
	return e, nil
}

// mend cuts off what stands of a line that could not be written.
func (l *Log) mend() error {
	if !l.torn {
		return nil
	}
	if err := l.file.Truncate(l.size); err != nil {
		return err
	}
	l.torn = false
	return nil
}

// look opens the file where it is not open, and sees that it still is the one in its place and ends as it was left:
// a line that is written into a file that was put aside would be seen by nobody.
func (l *Log) look() error {
	if err := l.open(); err != nil {
		return err
	}
	if err := l.mend(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	broken := func(what string) error { return fmt.Errorf("%w (%s)", ErrBroken, what) }
	ours, err := l.file.Stat()
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	theirs, err := os.Lstat(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return broken("the file is gone")
	case err != nil:
		return fmt.Errorf("audit: %w", err)
	case !os.SameFile(ours, theirs):
		return broken("another file is in its place")
	case ours.Size() != l.size:
		return broken("its length changed while it was open")
	case l.size == 0:
		return nil
	}
	line := make([]byte, l.length)
	if _, err := l.file.ReadAt(line, l.size-l.length); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if hash, _, ok := readLine(line[:len(line)-1]); !ok || hash != l.head.Hash {
		return broken("its last line changed while it was open")
	}
	return nil
}

// open opens the file for writing, and makes it when it is not there.
func (l *Log) open() (err error) {
	if l.file == nil {
		l.file, err = l.create(l.path)
	}
	return err
}

// create opens a file, which is made and its directory synced where it is not there. A link is not followed.
func create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("audit: %w", err)
	}
	return f, nil
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

// Close notes the last line as the floor, as far as that can be done, and closes the file. Nothing can be added any more.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.note(1)
	}
	l.closed = true
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// Copy calls during and copies the log as it is then to a new file, on disk when it returns: no line is added meanwhile, so
// that what is copied of the anchor belongs to it. A log without a line is no file.
func (l *Log) Copy(path string, during func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	if err := during(); err != nil {
		return err
	}
	in, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// snapshot is a log as it is at a moment.
type snapshot struct {
	io.Reader
	done  func() error
	want  Mark
	floor Floor
}

// snapshot opens what is written so far for reading.
func (l *Log) snapshot() (s snapshot, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.want, err = l.anchor.AuditHead(); err == nil {
		s.floor, err = l.anchor.AuditFloor()
	}
	if err != nil {
		return s, err
	}
	f, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.Reader, s.done = strings.NewReader(""), func() error { return nil }
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("audit: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return s, fmt.Errorf("audit: %w", err)
	}
	s.Reader, s.done = io.LimitReader(f, info.Size()), f.Close
	return s, nil
}

// List calls each for every line, in order. A line that cannot be read is passed over; Verify finds it.
func (l *Log) List(each func(Entry) error) error {
	s, err := l.snapshot()
	if err != nil {
		return err
	}
	defer s.done()
	for in := newReader(s); ; {
		line, whole, err := in.next()
		var e Entry
		if whole && json.Unmarshal(line, &e) == nil {
			if err := each(e); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
	}
}

// Verify goes through the whole log. Its floor has to be in it, and known lines, which somebody noted elsewhere at an earlier time:
// a log that was put back together with its mark is whole in itself.
func (l *Log) Verify(known ...Head) (Report, error) {
	s, err := l.snapshot()
	if err != nil {
		return Report{}, err
	}
	defer s.done()
	return verify(s, s.want, s.floor, known...), nil
}
