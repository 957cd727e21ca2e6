package store

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"mask700/store/seal"
)

// When a binding is over is read as it was written, never sooner, and at most a second later; entries up to format 4 have it
// in seconds since 1970.
func TestOver(t *testing.T) {
	t.Parallel()
	start := uint64(testStart.UnixNano()) + 123_456_789
	begun := timeOf(int64(start))
	key := whoKey(seal.Hash{1}, place{testBlock.Number(1), start})
	for _, c := range []struct {
		end  time.Time
		size int
	}{
		{begun.Add(24 * time.Hour), 3}, {begun.Add(time.Nanosecond), 1}, {begun, 1}, {begun.Add(1500 * time.Millisecond), 1},
		{begun.Add((relativeOver - 2) * time.Second), 4}, {begun.Add((relativeOver - 1) * time.Second), 5},
		{lastTime.Add(-time.Hour), 5},
	} {
		value := appendOver(nil, start, c.end)
		got, err := parseOver(key, value)
		if late := got.Sub(c.end); err != nil || late < 0 || late >= time.Second || len(value) != c.size {
			t.Errorf("over %v after the start: %v later, %d bytes, %v", c.end.Sub(begun), late, len(value), err)
		}
	}
	if got, err := parseOver(key, appendOver(nil, start, lastTime)); err != nil || !got.Equal(lastTime) {
		t.Errorf("never: %v, %v", got, err)
	}
	if got, err := parseOver(key, appendOver(nil, start, lastTime.Add(-time.Nanosecond))); err != nil || got.Unix() != lastTime.Unix() {
		t.Errorf("in the last second there is: %v, %v", got, err)
	}
	if got, err := parseOver(key, appendOver(nil, start, begun.Add(-time.Hour))); err != nil || !got.Equal(begun) {
		t.Errorf("before the start: %v, %v", got, err)
	}
	old := binary.AppendUvarint(nil, uint64(begun.Add(time.Hour).Unix()))
	if got, err := parseOver(key, old); err != nil || got.Unix() != begun.Add(time.Hour).Unix() {
		t.Errorf("an entry of before: %v, %v", got, err)
	}
	for _, bad := range [][]byte{nil, {1, 2}, {0x80}, binary.AppendUvarint(nil, 1<<60)} {
		if _, err := parseOver(key, bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%x: %v", bad, err)
		}
	}
	if _, err := parseOver(key[:5], []byte{1}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a short key: %v", err)
	}
}
