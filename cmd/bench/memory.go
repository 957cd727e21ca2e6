package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mask700/cmd/mask700/e2e/rig"
)

// memory is what live calls take.
type memory struct {
	calls         int
	before, while int64 // resident, bytes
}

// measureMemory holds calls on a gateway that has carried as many before, so that what is set up once is not counted
// as the calls'.
func measureMemory(ctx context.Context, dir string, o options) (memory, error) {
	b, err := start(ctx, dir, o.binary, o.hold)
	if err != nil {
		return memory{}, err
	}
	defer b.gateway.Kill()
	const rate = 250
	climb := time.Duration(o.hold) * time.Second / rate
	limit, cancel := context.WithTimeout(ctx, 3*climb+90*time.Second)
	defer cancel()

	if err := b.play(limit, min(o.hold, rate), rate, o.talk); err != nil {
		return memory{}, err
	}
	m := memory{}
	if m.before, err = residentOf(b.gateway.PID()); err != nil {
		return memory{}, err
	}
	caller, callee, err := b.phones(ctx, o.hold, rate, climb+4*time.Second)
	if err != nil {
		return memory{}, err
	}
	defer callee.Kill()
	defer caller.Kill()
	err = rig.Poll(limit, fmt.Sprintf("%d live calls", o.hold), func() (bool, error) {
		if caller.Ended() {
			return false, b.explain("caller", fmt.Errorf("the calls ended with %d of them live at most", m.calls))
		}
		out, err := b.gateway.Run(limit, "call", "list", "-o", "json")
		live := strings.Count(out, "\n")
		if live >= m.calls && err == nil {
			m.calls = live
			m.while, err = residentOf(b.gateway.PID())
		}
		return live == o.hold, err
	})
	if err != nil {
		return memory{}, err
	}
	if _, err := caller.Wait(limit); err != nil {
		return memory{}, b.explain("caller", err)
	}
	return m, nil
}

// play carries calls and waits for their end.
func (b *bench) play(ctx context.Context, calls, rate int, talk time.Duration) error {
	caller, callee, err := b.phones(ctx, calls, rate, talk)
	if err != nil {
		return err
	}
	defer callee.Kill()
	if _, err := caller.Wait(ctx); err != nil {
		return b.explain("caller", err)
	}
	if _, err := callee.Wait(ctx); err != nil {
		return b.explain("callee", err)
	}
	return nil
}
