package gateway

import (
	"time"

	"mask700/binding"
	"mask700/sip/call"
)

// goneTime is for how long a binding that was ended together with its calls is
// remembered: longer than a lookup that was under way then can last.
const goneTime = 30 * time.Second

// gone are the bindings that were ended together with their calls a moment ago.
// Only the loop touches it. A lookup that was made before the end must not let a
// call through after it.
type gone map[string]time.Time

func (g *gone) add(binding string, now time.Time) {
	if *g == nil {
		*g = make(gone)
	}
	for id, at := range *g {
		if now.Sub(at) > goneTime {
			delete(*g, id)
		}
	}
	(*g)[binding] = now
}

// checked is an event as a call is to hear it.
func (g gone) checked(ev call.Event, now time.Time) call.Event {
	d, ok := ev.(call.Decided)
	if !ok || len(g) == 0 || d.Decision.Binding == nil {
		return ev
	}
	if at, ok := g[d.Decision.Binding.ID]; !ok || now.Sub(at) > goneTime || d.Decision.Refusal != binding.RefusalNone {
		return ev
	}
	return call.Decided{Decision: binding.Decision{Refusal: binding.RefusalNoBinding}, Verdict: d.Verdict}
}
