package gateway

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/sip/call"
	"mask700/sip/sentinel"
)

// What is told of a leak says whose what it was, and nothing of it.
func TestALeakIsToldWithoutTheSecret(t *testing.T) {
	number, err := binding.Plan{}.ParseNumber("13800138000")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	told := make(chan Leak, 1)
	g := &Gateway{
		options: Options{Leaked: func(l Leak) { told <- l }}, log: slog.New(slog.NewTextHandler(&log, nil)),
		leaks: make(chan Leak, 1), stop: make(chan struct{}),
	}
	g.running.Go(g.tellLeaks)
	g.leaked(call.LeakStopped{Record: "record", To: call.Callee, Of: call.Caller, Kind: sentinel.Number, Number: number, What: "INVITE"})
	l := <-told
	close(g.stop)
	g.running.Wait()
	const want = "INVITE to the callee held the number of the caller, 138****8000; it was not sent, and the call is ended"
	if l.Record != "record" || l.Reason != want {
		t.Errorf("told %q of %q, want %q", l.Reason, l.Record, want)
	}
	if text := log.String(); !strings.Contains(text, "kind=number") || strings.Contains(text, "0013800") || strings.Contains(text, "13800138000") {
		t.Errorf("the log says %s", text)
	}
	// With nobody to take them they are not waited for.
	for range 3 {
		g.leaked(call.LeakStopped{Record: "record", Kind: sentinel.Host, Left: true, What: "BYE"})
	}
}
