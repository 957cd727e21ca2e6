package digest

import (
	"net/netip"
	"time"
)

// A source that fails failLimit times in failTime is not answered for failTime.
const (
	failLimit  = 20
	failTime   = 10 * time.Second
	maxSources = 16384 // that are known to have failed
)

// failing counts the wrong passwords of one source.
type failing struct {
	count int
	since time.Time // of the first that is counted
	until time.Time // it is not answered before
}

type failures struct {
	sources *recent[netip.Prefix, failing]
}

// barred reports whether a source has failed too often to be answered.
func (f *failures) barred(now time.Time, source netip.Prefix) bool {
	e := f.sources.entries[source]
	return e != nil && now.Before(e.until)
}

// note counts a failure.
func (f *failures) note(now time.Time, source netip.Prefix) {
	e := f.sources.entries[source]
	if e == nil {
		if f.sources.full() {
			f.sources.drop()
		}
		e = f.sources.add(source, failing{})
	}
	if now.Sub(e.since) > failTime {
		e.count, e.since = 0, now
	}
	if e.count++; e.count >= failLimit {
		e.count, e.until = 0, now.Add(failTime)
	}
}
