package main

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"mask700/media/mediatest"
)

// TestSoakReusesPorts: calls end, others get their ports, and what the ended
// calls' parties still send comes out nowhere.
func TestSoakReusesPorts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b := newBench(t)
	const rest = 300 * time.Millisecond
	b.options = options{calls: 20, change: 100 * time.Millisecond, tick: time.Millisecond}
	l, err := newLane(ctx, nameUser, true, anywhere)
	if errors.Is(err, mediatest.ErrNoNamespace) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	args := []string{"-rest=" + rest.String(), "-top=" + strconv.Itoa(soakPorts(b.calls, b.change, rest))}
	if l.relay, err = asRelay(startOurs(ctx, l.through(), anywhere, args, b.notes)); err != nil {
		t.Fatal(err)
	}
	s, err := newSoak(ctx, l, b.options, 4*rest, anywhere)
	if err != nil {
		t.Fatal(err)
	}
	// Until there were so many changes that most ports have been used twice.
	for until := time.Now().Add(time.Minute); s.ended < 30 && s.err == nil && time.Now().Before(until); {
		if err := l.run(ctx, 200*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.traffic.Drain(silence); err != nil {
		t.Fatal(err)
	}
	m, err := s.look(time.Second)
	if err != nil || s.err != nil {
		t.Fatal(err, s.err)
	}
	var out strings.Builder
	if err := s.verdict(&m, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if m.ended < 30 || m.ghostly == 0 || m.tally.Received == 0 || m.losses.NoPort == 0 || strings.Contains(m.dropped, "refused 0,") {
		t.Errorf("%d ended, %d of ghosts, of which %d came to no port: %s", m.ended, m.ghostly, m.losses.NoPort, out.String())
	}
}

func TestSoakVerdict(t *testing.T) {
	for name, test := range map[string]struct {
		m  minute
		ok bool
	}{
		"nothing lost":                {minute{}, true},
		"lost on the wires":           {minute{missing: 5, losses: losses{ToRelay: 2, FromRelay: 2, Rig: 1}}, true},
		"one more lost":               {minute{missing: 6, losses: losses{ToRelay: 2, FromRelay: 2, Rig: 1}}, false},
		"lost at full sockets":        {minute{missing: 5, losses: losses{Sockets: 5}}, false},
		"a packet where it is not to": {minute{tally: mediatest.Tally{Misdirected: 1}}, false},
		"a stray":                     {minute{tally: mediatest.Tally{Stray: 1}}, false},
	} {
		s := &soak{}
		if err := s.verdict(&test.m, new(strings.Builder)); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
