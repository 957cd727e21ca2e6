package main

import (
	"fmt"
	"time"
)

// point is what was seen of a gateway after so many packets.
type point struct {
	sent, answers int64
	took          time.Duration
	resident      int64  // bytes
	dropped       int64  // packets that the kernel dropped, because the socket was full
	calls         int    // live
	records       uint64 // written
	counters      map[string]uint64
}

const pointFormat = "%10v %8v %9v %9v %8v %13v %9v %9v %9v %9v %9v %9v"

// pointNames is the line above a table of points.
var pointNames = fmt.Sprintf(pointFormat, "PACKETS", "SECONDS", "RSS MiB", "ANSWERS", "CALLS", "TRANSACTIONS", "RECORDS",
	"NO TRUNK", "NO SIP", "STRAY", "NO ROOM", "KERNEL")

// String is one line of the table: what came and what was kept of it, and how
// many packets were dropped, why. NO ROOM are those that a shard had no room for,
// KERNEL those that never came so far.
func (p point) String() string {
	c := p.counters
	return fmt.Sprintf(pointFormat, p.sent, fmt.Sprintf("%.1f", p.took.Seconds()), fmt.Sprintf("%.1f", mib(p.resident)), p.answers, p.calls,
		c["transactions"], p.records, c["sources_refused"], c["messages_malformed"], c["messages_stray"], c["messages_dropped"]+c["overload"], p.dropped)
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// slack is what a gateway may grow in the second half of a flood: what a garbage
// collector may be late by.
const slack = 32 << 20

// grown is an error when a gateway took more memory in the second half of a flood
// than in the first.
func grown(list []point) error {
	var most [2]int64
	for i, p := range list {
		half := i * 2 / len(list)
		most[half] = max(most[half], p.resident)
	}
	if most[1] > most[0]+most[0]/10+slack {
		return fmt.Errorf("memory grew from %.1f MiB in the first half to %.1f MiB in the second", mib(most[0]), mib(most[1]))
	}
	return nil
}
