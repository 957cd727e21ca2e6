package gateway

import (
	"fmt"

	"mask700/sip/call"
)

// Leak is a message that was not sent, because it held what its receiver must not
// learn. It tells what kind of thing that was, and nothing of it.
type Leak struct {
	Record string // id of the call's record
	Reason string // one line
}

// maxLeaks bounds the leaks that wait to be told of; all are counted.
const maxLeaks = 256

// leaked tells of a leak in the log, and elsewhere as soon as that can be.
func (g *Gateway) leaked(a call.LeakStopped) {
	of := a.Of.String()
	if a.Left {
		of = "party that has left"
	}
	number := "a number not known"
	if !a.Number.IsZero() {
		number = a.Number.String() // masked
	}
	reason := fmt.Sprintf("%s to the %s held the %s of the %s, %s; it was not sent, and the call is ended", a.What, a.To, a.Kind, of, number)
	g.log.Error("a message that would have told one party of another was stopped: this is a fault of the program, report it",
		"call", a.Record, "message", a.What, "to", a.To.String(), "of", of, "kind", a.Kind.String())
	select {
	case g.leaks <- Leak{a.Record, reason}:
	default:
	}
}

// tellLeaks tells who has asked for it.
func (g *Gateway) tellLeaks() {
	for {
		select {
		case l := <-g.leaks:
			if g.options.Leaked != nil {
				g.options.Leaked(l)
			}
		case <-g.stop:
			return
		}
	}
}
