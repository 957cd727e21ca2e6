package audit

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// reader reads a log line by line in memory of a fixed size. The standard scanner will not do: it takes a carriage
// return for a part of a line's end, and a last line without one for whole.
type reader struct{ b *bufio.Reader }

func newReader(r io.Reader) *reader { return &reader{bufio.NewReaderSize(r, maxLine)} }

// errLong is a line that was never written here.
var errLong = errors.New("a line that is too long")

// next returns a line without its end, valid until the next call, and whether it had one. io.EOF comes with the last
// or after it.
func (r *reader) next() (line []byte, whole bool, err error) {
	line, err = r.b.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, false, errLong
	}
	line, whole = bytes.CutSuffix(line, []byte("\n"))
	return line, whole, err
}

// ended reports whether nothing follows.
func (r *reader) ended() bool {
	_, err := r.b.Peek(1)
	return err == io.EOF
}
