package admin

import (
	"context"
	"net/http"
	"time"
)

// notFoundTime is how long after its request a tenant is told that there is no such thing, or a whole number of times as long where the
// store was slower. What nobody ever made is looked for in less time than what is another's, whose row is read and opened: without this,
// who asks for ids and looks at the clock would learn which there are. As the gateway does with callers (refusalTime).
const notFoundTime = 10 * time.Millisecond

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

// since is what is called before a problem is told of a request that came now.
func (e evenly) since(ctx context.Context) func(status int) {
	came := e.now()
	return func(status int) {
		if status == http.StatusNotFound {
			e.pause(ctx, notFoundTime-max(e.now().Sub(came), 0)%notFoundTime)
		}
	}
}
