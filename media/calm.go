package media

import "time"

// calm limits how often a direction leaves the usual way, for the kernel or for a
// lane: one whose source changes every few packets costs more there than it saves.
type calm struct {
	since int64 // start of the window, ns
	took  int   // entries made in it
	wait  int64 // the last wait, 0 after a window in which there was no need
	until int64 // no entry before
}

const (
	calmEntries = 8 // in one window
	calmWindow  = int64(time.Second)
	calmFirst   = int64(500 * time.Millisecond) // the first wait; each further one is twice as long
	calmLongest = int64(8 * time.Second)
)

// entered counts an entry. It is true when the direction is to wait before the next.
func (c *calm) entered(now int64) bool {
	if now-c.since >= calmWindow {
		*c = calm{since: now}
	}
	if c.took++; c.took < calmEntries {
		return false
	}
	c.wait = min(max(2*c.wait, calmFirst), calmLongest)
	c.until = now + c.wait
	// A window that begins with the end of the wait tells whether it helped.
	c.since, c.took = c.until, 0
	return true
}
