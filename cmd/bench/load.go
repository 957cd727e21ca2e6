package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"mask700/cmd/mask700/e2e/rig"
)

// load is what the run at a fixed rate gave.
type load struct {
	calls         int
	failed        int
	retransmitted [2]int // by the caller's phone, by the callee's
	took          time.Duration
	cpu           processor
	dropped       int64
}

func measureLoad(ctx context.Context, dir string, o options) (load, error) {
	calls := o.rate * o.seconds
	b, err := start(ctx, dir, o.binary, calls)
	if err != nil {
		return load{}, err
	}
	defer b.gateway.Kill()
	var l load
	before, err := cpuOf(b.gateway.PID())
	if err != nil {
		return load{}, err
	}
	caller, callee, err := b.phones(ctx, calls, o.rate, o.talk)
	if err != nil {
		return load{}, err
	}
	defer callee.Kill()
	defer caller.Kill()
	began := time.Now()
	limit, cancel := context.WithTimeout(ctx, time.Duration(o.seconds+60)*time.Second)
	defer cancel()
	if _, err := caller.Wait(limit); err != nil {
		return load{}, b.explain("caller", err)
	}
	l.took = time.Since(began) - o.talk
	// What the gateway still does for these calls counts too: the callee's side has to end.
	_, calleeError := callee.Wait(limit)
	after, err := cpuOf(b.gateway.PID())
	if err != nil {
		return load{}, fmt.Errorf("%w\n%s", err, b.gateway.Output())
	}
	l.cpu = after.since(before)
	if l.dropped, err = droppedBy(b.gateway.PID()); err != nil {
		return load{}, err
	}
	for i, role := range []string{"caller", "callee"} {
		c, err := readCounts(b.statistics(role))
		if err != nil {
			return load{}, err
		}
		l.retransmitted[i] = c.retransmitted
		if role == "caller" {
			l.calls, l.failed = c.successful+c.failed, c.failed
		}
	}
	if l.failed == 0 && calleeError != nil {
		return load{}, b.explain("callee", calleeError)
	}
	return l, nil
}

// explain adds the first lines of what a phone complained of.
func (b *bench) explain(role string, err error) error {
	p := rig.Phone{Role: role, Dir: b.dir}
	if data, readError := os.ReadFile(p.ErrorFile()); readError == nil {
		lines := strings.SplitN(string(data), "\n", 12)
		return fmt.Errorf("%w\n%s", err, strings.Join(lines[:min(11, len(lines))], "\n"))
	}
	return err
}
