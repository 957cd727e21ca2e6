package message

import (
	"log/slog"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// silencing guards the library's logger, which is set without a lock.
var silencing sync.Mutex

// Silence turns off the logger of the sipgo library. It is called before any
// message is read; calling it again does no harm.
//
// [Parse] itself gives that logger nothing. What would: the accessors of a
// sip.Message (Via, From, Contact, Route and so on) where a header was not parsed
// already, with the value that they could not read; the transport layer, with
// the whole message that it could not parse; the transaction layer, with start
// lines. None of them is used here, and a later use must not be the way that a
// number gets into a log.
func Silence() {
	silencing.Lock()
	defer silencing.Unlock()
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
}
