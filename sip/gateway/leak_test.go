package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
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
		log: slog.New(slog.NewTextHandler(&log, nil)), stop: make(chan struct{}),
		leaks: newLeaks(func(l Leak) error { told <- l; return nil }),
	}
	g.running.Go(func() { g.leaks.run(g.stop) })
	g.leaked(call.LeakStopped{Record: "record", To: call.Callee, Of: call.Caller, Kind: sentinel.Number, Number: number, What: "INVITE"})
	l := <-told
	g.leaked(call.LeakStopped{Record: "text", To: call.Callee, Of: call.Caller, Kind: sentinel.Number, Number: number, What: "MESSAGE", Written: true})
	words := <-told
	close(g.stop)
	g.running.Wait()
	const want = "INVITE to the callee held the number of the caller, 138****8000; it was not sent, and the call is ended"
	if l.Record != "record" || l.Reason != want {
		t.Errorf("told %q of %q, want %q", l.Reason, l.Record, want)
	}
	const written = "the words of a text to the callee held the number of the caller, 138****8000; it was not sent, and is refused"
	if words.Record != "text" || words.Reason != written {
		t.Errorf("told %q of %q, want %q", words.Reason, words.Record, written)
	}
	if text := log.String(); !strings.Contains(text, "kind=number") || strings.Count(text, "fault of the program") != 1 || strings.Contains(text, "0013800") || strings.Contains(text, "13800138000") {
		t.Errorf("the log says %s", text)
	}
}

// With nobody to take them they are not waited for, and none is lost: those that found
// no room are told of in sum, behind the others.
func TestNoLeakIsLost(t *testing.T) {
	const many = 3*maxLeaks + 7
	var told []string
	hangs := true
	q := newLeaks(func(l Leak) error {
		if hangs {
			return errors.New("the disk hangs")
		}
		told = append(told, l.Record+" "+l.Reason)
		return nil
	})
	for i := range many {
		q.add(Leak{Record: fmt.Sprint(i)})
	}
	if q.deliver() || len(told) != 0 {
		t.Fatalf("told though nobody took it: %d", len(told))
	}
	hangs = false
	if !q.deliver() {
		t.Fatal("not told")
	}
	if len(told) != maxLeaks+1 || told[0] != "0 " || told[maxLeaks-1] != fmt.Sprint(maxLeaks-1, " ") ||
		told[maxLeaks] != fmt.Sprintf(" %d further messages were stopped; the log has each of them", many-maxLeaks) {
		t.Errorf("%d: %q … %q", len(told), told[0], told[len(told)-1])
	}
	if n := q.summed.Load(); n != many-maxLeaks {
		t.Errorf("%d are counted that are told of in sum", n)
	}
	q.add(Leak{Record: "next"})
	if !q.deliver() || told[len(told)-1] != "next " {
		t.Errorf("after the sum: %q", told[len(told)-1])
	}
	newLeaks(nil).add(Leak{}) // nobody wants to know
}

// Told one by one or in sum, the numbers are right, whoever is quicker; one that could
// not be told is told later, and what comes while all ends is told by the end.
func TestLeaksAreToldWhileTheyCome(t *testing.T) {
	const writers, each = 8, 200
	sum, failures := 0, 0
	q := newLeaks(func(l Leak) error {
		if failures++; failures%50 == 0 {
			return errors.New("now and then")
		}
		n := 1
		if l.Record == "" {
			if _, err := fmt.Sscanf(l.Reason, "%d further", &n); err != nil {
				t.Error(err)
			}
		}
		sum += n
		return nil
	})
	q.pause = 0
	stop := make(chan struct{})
	var told, all sync.WaitGroup
	told.Go(func() { q.run(stop) })
	for range writers {
		all.Go(func() {
			for range each {
				q.add(Leak{Record: "call"})
			}
		})
	}
	all.Wait()
	close(stop)
	told.Wait()
	for !q.deliver() {
	}
	if sum != writers*each {
		t.Errorf("%d of %d were told of", sum, writers*each)
	}
}
