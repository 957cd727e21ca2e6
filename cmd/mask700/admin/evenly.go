package admin

import (
	"bytes"
	"context"
	"net/http"
	"time"
)

// notFoundTime is how long after its request a tenant is told that there is no such thing, or a whole number of times as long where the
// store was slower. What nobody ever made is looked for in less time than what is another's, whose row is read and opened: without this,
// who asks for ids and looks at the clock would learn which there are. As the gateway does with callers (refusalTime). What a request that
// is about somebody's number comes to, be it done or refused, is told in the same way: whether he may be bound is looked for among the
// bindings of all.
const notFoundTime = 10 * time.Millisecond

// listTime is the same of an answer that is picked from what all tenants have on a number, with a party, under an order: what is another's
// is read and left out, some microseconds each, so that there is time for thousands of them.
const listTime = 100 * time.Millisecond

// evenly has those answers wait.
type evenly struct {
	now   func() time.Time
	pause func(context.Context, time.Duration)
}

func newEvenly() evenly {
	return evenly{now: time.Now, pause: func(ctx context.Context, d time.Duration) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done(): // nobody is there any more
		}
	}}
}

// since is what is called before something is told of a request that came now: it waits until a whole number of steps is over.
func (e evenly) since(ctx context.Context) func(step time.Duration) {
	came := e.now()
	return func(step time.Duration) { e.pause(ctx, step-max(e.now().Sub(came), 0)%step) }
}

// held keeps an answer back, the whole of it: what comes in between to be left out would be seen in its lines.
type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements [http.ResponseWriter].
func (h *held) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

// Write implements [http.ResponseWriter].
func (h *held) Write(b []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(b)
}

// FlushError is for [http.ResponseController]: nothing leaves before its time.
func (h *held) FlushError() error { return nil }

// Unwrap is for [http.ResponseController], which sets deadlines.
func (h *held) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// send lets the answer go.
func (h *held) send() {
	_ = http.NewResponseController(h.ResponseWriter).SetWriteDeadline(time.Now().Add(answerTime)) // what has no deadline is not concerned
	h.ResponseWriter.WriteHeader(max(h.status, http.StatusOK))
	_, _ = h.ResponseWriter.Write(h.body.Bytes()) // the client is gone; there is nobody left to tell
}
