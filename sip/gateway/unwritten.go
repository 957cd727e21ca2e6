package gateway

import (
	"time"

	"mask700/binding/cdr"
)

// unwrittenLimit bounds the closing rows that wait for a store that fails. It
// is hours of refusals at an operator's busiest; what comes after is counted as
// lost.
const unwrittenLimit = 1 << 16

// unwrittenPause is the time between two attempts while the store fails.
const unwrittenPause = time.Second

// unwritten keeps the closing rows that the journal could not take, and brings
// them to it again until it does. The parties have been released by then: a
// phone must not ring on because a disk is full.
type unwritten struct {
	journal cdr.Journal
	pause   time.Duration
	rows    *mailbox[cdr.Record]
}

func newUnwritten(j cdr.Journal) *unwritten {
	return &unwritten{journal: j, pause: unwrittenPause, rows: newMailbox[cdr.Record](unwrittenLimit)}
}

// run tries until stop. Rows of calls that were open are closed by the next
// start then, as of a restart.
func (u *unwritten) run(stop <-chan struct{}) {
	var waiting []cdr.Record
	pause := time.NewTicker(u.pause)
	defer pause.Stop()
	for {
		select {
		case <-stop:
			return
		case <-pause.C:
		}
		if room := unwrittenLimit - len(waiting); room > 0 {
			waiting = append(waiting, u.rows.take()...)
		}
		for len(waiting) > 0 && u.write(waiting[0], stop) {
			waiting = waiting[1:]
		}
	}
}

// write brings one row to the journal and says whether it is there now.
func (u *unwritten) write(r cdr.Record, stop <-chan struct{}) bool {
	written := make(chan error, 1)
	u.journal.Close(r, func(_ uint64, err error) { written <- err })
	select {
	case err := <-written:
		// One that was only late is there already.
		return err == nil || isClosed(err)
	case <-stop:
		return false
	}
}
