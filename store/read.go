package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// get copies the value out; false when there is none.
func get(r pebble.Reader, key []byte) ([]byte, bool, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, readError(err)
	}
	out := append([]byte(nil), v...)
	if err := closer.Close(); err != nil {
		return nil, false, readError(err)
	}
	return out, true, nil
}

func get64(r pebble.Reader, key []byte) (uint64, bool, error) {
	v, ok, err := get(r, key)
	if err != nil || !ok {
		return 0, false, err
	}
	if len(v) != 8 {
		return 0, false, ErrCorrupt
	}
	return binary.BigEndian.Uint64(v), true, nil
}

// seeks is a reader that finds key after key by one iterator: to open one for each key costs as much as to find it.
// What a Get returns is valid until the next. It sees the rows as they were when it was made.
type seeks struct {
	pebble.Reader
	it *pebble.Iterator
}

func newSeeks(r pebble.Reader) (*seeks, error) {
	it, err := r.NewIter(nil)
	if err != nil {
		return nil, readError(err)
	}
	return &seeks{r, it}, nil
}

// Get implements pebble.Reader.
func (s *seeks) Get(key []byte) ([]byte, io.Closer, error) {
	if !s.it.SeekPrefixGE(key) || !bytes.Equal(s.it.Key(), key) {
		return nil, nil, cmp.Or(s.it.Error(), pebble.ErrNotFound)
	}
	value, err := s.it.ValueAndErr()
	return value, io.NopCloser(nil), err
}

func (s *seeks) close() error {
	if err := s.it.Close(); err != nil {
		return readError(err)
	}
	return nil
}

// scan calls each for the rows from lower up to, and without, upper, until each returns false. key and value are
// valid only during the call.
func scan(r pebble.Reader, lower, upper []byte, each func(key, value []byte) (bool, error)) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return readError(err)
	}
	return walk(it, it.First(), each)
}

// scanPrefix is scan for the rows of one prefix as splitKey cuts it; a Bloom filter spares most of the work when
// there is none.
func scanPrefix(r pebble.Reader, prefix []byte, each func(key, value []byte) (bool, error)) error {
	it, err := r.NewIter(nil)
	if err != nil {
		return readError(err)
	}
	return walk(it, it.SeekPrefixGE(prefix), each)
}

// walk closes the iterator whatever happens: Pebble cannot be closed over one that was forgotten.
func walk(it *pebble.Iterator, ok bool, each func(key, value []byte) (bool, error)) (err error) {
	defer func() {
		if cerr := it.Close(); err == nil && cerr != nil {
			err = readError(cerr)
		}
	}()
	for ; ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return readError(err)
		}
		more, err := each(it.Key(), value)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// last returns the last key below upper that is not below lower.
func last(r pebble.Reader, lower, upper []byte) ([]byte, bool, error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, false, readError(err)
	}
	var key []byte
	ok := it.Last()
	if ok {
		key = append([]byte(nil), it.Key()...)
	}
	if err := it.Close(); err != nil {
		return nil, false, readError(err)
	}
	return key, ok, nil
}

// readError sets a damaged block apart from other failures of reading.
func readError(err error) error {
	if pebble.IsCorruptionError(err) {
		text, _, _ := strings.Cut(err.Error(), "\n") // what follows are the library's own notes
		return fmt.Errorf("%w: %s", ErrCorrupt, text)
	}
	return fmt.Errorf("store: read: %w", err)
}
