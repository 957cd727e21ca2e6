package audit

import (
	"fmt"
	"time"
)

// noteEvery is after how many lines at the latest the floor is set anew while the log is open.
const noteEvery = 16

// Floor is what is known of a log outside of the directory that it and its mark are in: whoever takes both away, or puts an
// older copy of both in their place, does not reach it.
type Floor struct {
	Head               // a line that the log has had; zero: none is known
	Restored time.Time // when a backup was put back after that, which need not have the line; zero: none was
	By       string    // who did that
}

// binds reports whether the log must have the line.
func (f *Floor) binds() bool { return f.Seq > 0 && f.Restored.IsZero() }

// missed says how a log that was followed to its end lacks the line; "": it does not, or the line was cut off at the
// beginning with those whose time is over.
func (f *Floor) missed(rep *Report) string {
	switch {
	case !f.binds():
	case f.Seq > rep.Head.Seq:
		return fmt.Sprintf("it ends at line %d, and line %d is noted in the ring: what was behind is gone, or an older data directory was put back by other means than `mask700 restore`",
			rep.Head.Seq, f.Seq)
	case f.Seq == rep.Base.Seq && f.Hash != rep.Base.Hash:
		return fmt.Sprintf("line %d has another hash than is noted in the ring", f.Seq)
	}
	return ""
}

// begin has the floor of a log that was opened. Where a backup was put back, a line says so before any other is written, with
// what is known of the log that was here before.
func (l *Log) begin(floor Floor) {
	l.floor = floor.Head
	if !floor.Restored.IsZero() {
		e := Entry{Who: floor.By, What: "store.restore", Object: "nothing is noted of the log before", Reason: "a backup was put back"}
		if floor.Seq > 0 {
			e.Object = fmt.Sprintf("the log before had entry %d, its hash %s", floor.Seq, floor.Hash.String())
		}
		l.floor = Head{}
		if l.unnoted = l.ready(); l.unnoted == nil {
			_, l.unnoted = l.append(e, floor.Restored)
		}
		if l.unnoted != nil {
			return // the next to open it says so
		}
	}
	l.note(1)
}

// note sets the floor to the last line, if so many were written since that was tried last, or in any case for 1. What is to be done for an entry may be
// done without it: the next line tries again, and Noted says that it failed. mu is held.
func (l *Log) note(every uint64) {
	if l.err != nil || l.head == l.floor || every > 1 && l.head.Seq < max(l.tried, l.floor.Seq)+every {
		return
	}
	l.tried = l.head.Seq
	if l.unnoted = l.anchor.SetAuditFloor(l.head); l.unnoted == nil {
		l.floor = l.head
	}
}

// Noted is the line that is noted outside of the log's directory, and why a later one could not be. The zero Head: none is, and
// the end of the log is known by its mark alone.
func (l *Log) Noted() (Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.floor, l.unnoted
}
