package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"mask700/media/mediatest"
)

// sample is what one window of measurement of one relay gave.
type sample struct {
	Relay    string        `json:"relay"`
	Run      int           `json:"run"`
	Calls    int           `json:"calls"`
	Rate     int           `json:"rate"` // packets a second that were to be sent
	Took     time.Duration `json:"took_ns"`
	Sent     uint64        `json:"sent"`
	Received uint64        `json:"received"`
	Lost     uint64        `json:"lost"`
	Losses   losses        `json:"losses"`
	Dropped  string        `json:"dropped,omitempty"` // in the relay's own words, since it was started

	// Processor time while the packets were received that Passed counts.
	Passed      uint64        `json:"passed"`
	RelayTime   time.Duration `json:"relay_ns"`         // the relay's process
	RelayKernel time.Duration `json:"relay_receive_ns"` // the threads that receive for it
	RigTime     time.Duration `json:"rig_ns"`           // generator, judge, and the threads that receive for them
	Others      time.Duration `json:"others_ns"`        // all else on the machine, as far as the coarse account tells
	Stolen      time.Duration `json:"stolen_ns"`        // by the host of a virtual machine

	P50 time.Duration `json:"delay_p50_ns"`
	P99 time.Duration `json:"delay_p99_ns"`
	Max time.Duration `json:"delay_max_ns"`

	Wrong         uint64         `json:"wrong"` // of which:
	Duplicate     uint64         `json:"duplicate"`
	Disordered    uint64         `json:"disordered"`
	Misdirected   uint64         `json:"misdirected"`
	Damaged       uint64         `json:"damaged"`
	Renumbered    uint64         `json:"renumbered"`
	Stray         uint64         `json:"stray"`
	Control       uint64         `json:"rtcp"`
	SameSSRC      uint64         `json:"same_ssrc"`
	SameSeq       uint64         `json:"same_sequence"`
	SameTimestamp uint64         `json:"same_timestamp"`
	Pace          mediatest.Pace `json:"pace"`
}

// perPacket is a time in microseconds for each packet that came out.
func (s *sample) perPacket(d time.Duration) float64 {
	if s.Passed == 0 {
		return 0
	}
	return float64(d) / 1e3 / float64(s.Passed)
}

// relaying is what the relay costs on its own processor.
func (s *sample) relaying() float64 { return s.perPacket(s.RelayTime + s.RelayKernel) }

// whole is what relaying costs the whole machine: relay and rig, less what the rig
// costs without a relay.
func (s *sample) whole(control *sample) float64 {
	return s.perPacket(s.RelayTime+s.RelayKernel+s.RigTime) - control.perPacket(control.RigTime)
}

// busy is the share of a processor that the relay had.
func (s *sample) busy() float64 { return float64(s.RelayTime+s.RelayKernel) / float64(s.Took) }

// kept is the share of identifiers that went through as they were.
func (s *sample) kept() string {
	if s.Received == 0 {
		return "-"
	}
	word := func(n uint64) string {
		switch n {
		case s.Received:
			return "kept"
		case 0:
			return "new"
		}
		return fmt.Sprintf("%.1f%% kept", 100*float64(n)/float64(s.Received))
	}
	return fmt.Sprintf("%s/%s/%s", word(s.SameSSRC), word(s.SameSeq), word(s.SameTimestamp))
}

// clocks are all accounts of processor time at one moment.
type clocks struct {
	at                      time.Time
	relay, relayKernel, rig time.Duration
	machine, stolen         time.Duration
	received                uint64
}

func (l *lane) clocks() (c clocks, err error) {
	c.at, c.received = time.Now(), l.tally.Received
	if l.relay != nil {
		if c.relay, err = mediatest.Used(l.relay.pid()); err != nil {
			return c, err
		}
	}
	for _, pid := range l.receivers.relay {
		used, err := mediatest.Used(pid)
		if err != nil {
			return c, err
		}
		c.relayKernel += used
	}
	for _, pid := range append([]int{os.Getpid()}, l.receivers.rig...) {
		used, err := mediatest.Used(pid)
		if err != nil {
			return c, err
		}
		c.rig += used
	}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return c, err
	}
	c.machine, c.stolen, err = machineTime(string(text))
	return c, err
}

// machineTime is what all processors worked, and what the host of a virtual
// machine took, in ticks of 1/100 s.
func machineTime(text string) (busy, stolen time.Duration, err error) {
	fields := strings.Fields(text)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, fmt.Errorf("/proc/stat does not begin with all processors")
	}
	var n [8]int64 // user, nice, system, idle, iowait, irq, softirq, steal
	for i := range n {
		if n[i], err = strconv.ParseInt(fields[1+i], 10, 64); err != nil {
			return 0, 0, err
		}
	}
	const tick = time.Second / 100
	return time.Duration(n[0]+n[1]+n[2]+n[5]+n[6]) * tick, time.Duration(n[7]) * tick, nil
}

// Times around a window: before it the relay gets going; after it packets of the
// window may still come, with traffic as before and then without, until none has
// come for a while.
const (
	settle = 500 * time.Millisecond
	linger = 200 * time.Millisecond
	late   = 5 * time.Second
)

// measure runs the traffic for a while and counts a window of it.
func (l *lane) measure(ctx context.Context, window time.Duration) (s sample, err error) {
	l.tally = mediatest.Tally{}
	if err := l.run(ctx, settle); err != nil {
		return s, err
	}
	l.tally = mediatest.Tally{From: time.Now().UnixNano()}
	l.tally.Until = l.tally.From + int64(window)
	l.traffic.Pace = mediatest.Pace{}
	lost, err := l.losses()
	if err != nil {
		return s, err
	}
	before, err := l.clocks()
	if err != nil {
		return s, err
	}
	if err := l.run(ctx, window); err != nil {
		return s, err
	}
	after, err := l.clocks()
	if err != nil {
		return s, err
	}
	s = sample{Relay: l.name, Calls: l.active, Took: after.at.Sub(before.at), Passed: after.received - before.received,
		RelayTime: after.relay - before.relay, RelayKernel: after.relayKernel - before.relayKernel, RigTime: after.rig - before.rig,
		Stolen: after.stolen - before.stolen}
	s.Others = max(after.machine-before.machine-s.RelayTime-s.RelayKernel-s.RigTime, 0)
	s.Pace = l.traffic.Pace
	if err := l.run(ctx, linger); err != nil {
		return s, err
	}
	if err := l.drain(); err != nil {
		return s, err
	}
	now, err := l.losses()
	if err != nil {
		return s, err
	}
	s.Losses = now.since(lost)
	if l.relay != nil {
		if s.Dropped, err = l.relay.dropped(); err != nil {
			return s, err
		}
	}
	t := &l.tally
	s.Rate = l.active * 100
	s.Sent, s.Received, s.Lost = t.Sent, t.Received, t.Lost()
	s.P50, s.P99, s.Max = t.Delay.Quantile(0.5), t.Delay.Quantile(0.99), t.Delay.Max()
	s.Wrong, s.Duplicate, s.Disordered, s.Misdirected = t.Wrong(), t.Duplicate, t.Disordered, t.Misdirected
	s.Damaged, s.Renumbered, s.Stray, s.Control = t.Damaged, t.Renumbered, t.Stray, t.Control
	s.SameSSRC, s.SameSeq, s.SameTimestamp = t.SameSSRC, t.SameSeq, t.SameTimestamp
	return s, nil
}

// drain receives until nothing of what was sent is missing, or none has come for a
// while.
func (l *lane) drain() error {
	for began := time.Now(); l.tally.Received < l.tally.Sent && time.Since(began) < late; {
		before := l.tally.Received
		if err := l.traffic.Drain(linger); err != nil {
			return err
		}
		if l.tally.Received == before {
			return nil
		}
	}
	return l.traffic.Drain(linger / 10)
}
