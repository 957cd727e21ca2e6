package ring

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Period is how long one data key of a tenant is used.
type Period uint8

// The periods. A month is the default: data that is kept for months needs few keys of months, and is destroyed at most
// a month late. By the day it is destroyed to the day, at thirty times the keys.
const (
	Month Period = iota
	Day
)

// ErrPeriod says that a period is not one of those known here.
var ErrPeriod = errors.New("a period that is not known; month and day are")

// ParsePeriod reads the name that a configuration has.
func ParsePeriod(name string) (Period, error) {
	for _, p := range []Period{Month, Day} {
		if p.String() == name {
			return p, nil
		}
	}
	return 0, ErrPeriod
}

// String is the name in a configuration.
func (p Period) String() string {
	switch p {
	case Month:
		return "month"
	case Day:
		return "day"
	}
	return "unknown"
}

// Bucket is a month or a day in UTC as the digits YYYYMMDD, DD being 00 for a month. Zero stands for all time.
type Bucket uint32

// Of returns the bucket of a moment.
func (p Period) Of(at time.Time) Bucket {
	y, m, d := at.UTC().Date()
	if y < 1 || y > 9999 {
		return 0
	}
	b := Bucket(y*10000 + int(m)*100)
	if p == Day {
		b += Bucket(d)
	}
	return b
}

func (b Bucket) parts() (year int, month time.Month, day int) {
	return int(b / 10000), time.Month(b / 100 % 100), int(b % 100)
}

// valid reports whether b is what Of may return.
func (b Bucket) valid() bool {
	if b == 0 {
		return true
	}
	y, m, d := b.parts()
	if y > 9999 || m < 1 || m > 12 {
		return false
	}
	at := time.Date(y, m, max(d, 1), 0, 0, 0, 0, time.UTC)
	return at.Day() == max(d, 1) && y > 0
}

// Begin is the first moment of b; of all time it is the zero time.
func (b Bucket) Begin() time.Time {
	if b == 0 {
		return time.Time{}
	}
	y, m, d := b.parts()
	return time.Date(y, m, max(d, 1), 0, 0, 0, 0, time.UTC)
}

// End is the first moment after b; ok is false for all time, which has none.
func (b Bucket) End() (end time.Time, ok bool) {
	if b == 0 {
		return time.Time{}, false
	}
	if _, _, d := b.parts(); d == 0 {
		return b.Begin().AddDate(0, 1, 0), true
	}
	return b.Begin().AddDate(0, 0, 1), true
}

// String is "2026-11", "2026-11-26", or empty for all time.
func (b Bucket) String() string {
	y, m, d := b.parts()
	switch {
	case b == 0:
		return ""
	case d == 0:
		return fmt.Sprintf("%04d-%02d", y, m)
	}
	return fmt.Sprintf("%04d-%02d-%02d", y, m, d)
}

func parseBucket(s string) (Bucket, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return Bucket(n), err == nil && Bucket(n).valid()
}
