package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"mask700/media/mediatest"
)

// A soak keeps all calls busy for long while some of them end and others begin in
// their place, on ports that were used before. Each party of an ended call goes on
// sending for a while, until after the port it sends to has been given to another
// call: nothing of that may come out anywhere.
//
//	talking ── silent ── ended, begun anew ── talking
//	                          └── its ghost sends ──
type soak struct {
	*lane
	every   time.Duration // between two changes; 0: none
	haunt   time.Duration // how long a ghost sends
	changes chan change   // to be made
	changed chan change   // made

	next    time.Time
	busy    map[int]bool // places that are between two calls
	haunted map[int]bool // places with a ghost: it sends from where the new call does
	silent  []change
	ghosts  []ghost
	free    []int           // slots of ghosts, each the first of two
	ghostly mediatest.Tally // what ghosts send; that it is received by no one, the lane's tally knows
	begun   uint32          // calls, which is the number of the next
	ended   uint64
	lost    uint64 // of ended calls
	err     error
}

// change is an end of a call and a new one in its place.
type change struct {
	place    int
	old, new call
	lines    [2]*mediatest.Line
	since    time.Time // silent
	err      error
}

// over says whether nothing of the call is on its way any more.
func (c *change) over(now time.Time) bool {
	quiet := now.Sub(c.since)
	return quiet >= patience || quiet >= silence && c.lines[0].Stream.Lost()+c.lines[1].Stream.Lost() == 0
}

// ghost is what a party of an ended call sends.
type ghost struct {
	place int
	slot  int
	until time.Time
}

// Times of a change: long enough for what is on its way to arrive, for which a relay
// that has no processor may take long, and longer than a port rests.
const (
	silence  = 500 * time.Millisecond
	patience = 10 * time.Second
	resting  = 5 * time.Second // media.Options.Rest
	haunting = resting + 3*time.Second
)

// spacing is the least time between two changes: a call whose packets are late holds up
// those behind it, as a relay does that has no processor for a moment, and what then
// waits would find the ports of all of them resting.
func spacing(every time.Duration) time.Duration { return every * 3 / 4 }

// soakPorts is the highest port of a pool that has room for all calls, for those
// that rest, and a few.
func soakPorts(calls int, every, rest time.Duration) int {
	pairs := calls + 4
	if every > 0 {
		pairs += int(rest / spacing(every))
	}
	return lowestPort + 2*pairs - 1
}

// newSoak opens all calls.
func newSoak(ctx context.Context, l *lane, o options, haunt time.Duration, where layout) (*soak, error) {
	calls, every := o.calls, o.change
	s := &soak{lane: l, every: every, haunt: haunt, busy: map[int]bool{}, haunted: map[int]bool{}, begun: uint32(calls),
		changes: make(chan change, calls), changed: make(chan change, calls)}
	ghosts := 1
	if every > 0 {
		ghosts += int((haunt + time.Second) / every)
	}
	if err := l.fill(calls, 2*ghosts, where, o.tick); err != nil {
		return nil, err
	}
	for i := range ghosts {
		s.free = append(s.free, 2*(calls+i))
	}
	l.tally = mediatest.Tally{Until: math.MaxInt64}
	s.ghostly = mediatest.Tally{Until: math.MaxInt64}
	l.traffic.Between = s.turn
	s.next = time.Now().Add(every)
	go s.operate(ctx)
	return s, nil
}

// operate ends and opens calls: a relay may take longer for that than the
// generator may wait.
func (s *soak) operate(ctx context.Context) {
	for next := time.NewTimer(0); ; next.Reset(spacing(s.every)) {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		select {
		case <-ctx.Done():
			return
		case c := <-s.changes:
			calls := []call{c.new}
			c.err = errors.Join(s.relay.end([]call{c.old}), s.relay.open(calls))
			c.new = calls[0]
			s.changed <- c
		}
	}
}

// turn does what is due, every 20 ms, between two packets.
func (s *soak) turn() {
	now := time.Now()
	for more := true; more && s.err == nil; {
		select {
		case c := <-s.changed:
			s.err = s.replace(c, now)
		default:
			more = false
		}
	}
	for len(s.silent) > 0 && s.silent[0].over(now) {
		c := s.silent[0]
		s.silent = s.silent[1:]
		for _, l := range c.lines {
			s.lost += l.Stream.Lost()
		}
		s.changes <- c
	}
	for len(s.ghosts) > 0 && !now.Before(s.ghosts[0].until) {
		slot := s.ghosts[0].slot
		delete(s.haunted, s.ghosts[0].place)
		s.ghosts = s.ghosts[1:]
		for i := range 2 {
			s.err = errors.Join(s.err, s.traffic.Place(slot+i, nil))
		}
		s.free = append(s.free, slot)
	}
	if s.every > 0 && !now.Before(s.next) && len(s.free) > len(s.busy) {
		s.next = now.Add(s.every)
		s.hush(now)
	}
}

// hush begins to end a call.
func (s *soak) hush(now time.Time) {
	place := s.random.IntN(len(s.calls))
	if s.busy[place] || s.haunted[place] {
		return // another one next time
	}
	s.busy[place] = true
	c := change{place: place, old: s.calls[place], new: newCall(s.begun, place), since: now}
	s.begun++
	for i := range 2 {
		c.lines[i] = s.lines[2*place+i]
		s.err = errors.Join(s.err, s.traffic.Place(2*place+i, nil))
	}
	s.silent = append(s.silent, c)
}

// replace begins the new call, and the ghost of the old one.
func (s *soak) replace(c change, now time.Time) error {
	if c.err != nil {
		return fmt.Errorf("call %d in place of %d: %w", c.new.ID, c.old.ID, c.err)
	}
	slot := s.free[0]
	s.free = s.free[1:]
	for i, old := range c.lines {
		s.traffic.Unplug(old)
		ghost := *old
		ghost.To, ghost.Stream = nil, mediatest.NewStream(2*c.old.ID+uint32(i), s.identity(), &s.ghostly)
		if err := s.traffic.Place(slot+i, &ghost); err != nil {
			return err
		}
	}
	s.ghosts = append(s.ghosts, ghost{place: c.place, slot: slot, until: now.Add(s.haunt)})
	s.calls[c.place] = c.new
	delete(s.busy, c.place)
	s.haunted[c.place] = true
	s.ended++
	return s.place(c.place)
}

// start has the calls begin to talk one after the other, as calls do that are set up: what they cost until they are settled
// would come all at once otherwise.
func (s *soak) start(ctx context.Context) error {
	const (
		step = 100 * time.Millisecond
		rate = 100 // calls a second
	)
	calls := len(s.calls)
	s.next = time.Now().Add(time.Duration(calls) * time.Second / rate)
	for n := 0; n < calls && ctx.Err() == nil; {
		n = min(n+int(rate*step/time.Second), calls)
		s.limit(n)
		if err := s.run(ctx, step); err != nil {
			return err
		}
	}
	s.traffic.Limit(math.MaxInt) // ghosts send from behind the calls
	return ctx.Err()
}

// missing is how many packets are lost for good.
func (s *soak) missing() (n uint64) {
	n = s.lost
	for _, c := range s.silent {
		n += c.lines[0].Stream.Missing() + c.lines[1].Stream.Missing()
	}
	for place := range s.calls {
		if s.busy[place] {
			continue // its streams are among the silent ones, or counted
		}
		for _, l := range s.lines[2*place : 2*place+2] {
			n += l.Stream.Missing()
		}
	}
	return n
}

// soak runs one relay for long and reports each minute.
func (b *bench) soakLong(ctx context.Context) (err error) {
	name := nameUser
	if b.path == pathKernel {
		name = nameKernel
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l, err := newLane(ctx, name, true, b.where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	args := []string{"-path=" + b.path, "-top=" + strconv.Itoa(soakPorts(b.calls, b.change, resting))}
	if l.relay, err = asRelay(startOurs(ctx, l.through(), b.where, args, b.notes)); err != nil {
		return err
	}
	s, err := newSoak(ctx, l, b.options, haunting, b.where)
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(b.options.out, "soak.txt"))
	if err != nil {
		return err
	}
	defer file.Close()
	out := io.MultiWriter(b.out, file)
	b.head(ctx, out)
	fmt.Fprintf(out, "soak: %s, %d calls, one ended and another begun every %s, for %s\n%s\n", name, b.calls, b.change, b.soak, soakNames)
	if err := s.start(ctx); err != nil {
		return err
	}
	var last minute
	for began := time.Now(); ; {
		left := b.soak - time.Since(began)
		if left <= 0 {
			break
		}
		if err := l.run(ctx, min(left, time.Minute)); err != nil {
			return err
		}
		if left <= time.Minute {
			if err := l.drain(); err != nil {
				return err
			}
		}
		m, err := s.look(time.Since(began))
		if err != nil {
			return err
		}
		fmt.Fprintln(out, m.line(&last))
		last = m
		l.tally.Delay, l.traffic.Pace = mediatest.Histogram{}, mediatest.Pace{}
		if s.err != nil {
			return s.err
		}
	}
	return s.verdict(&last, out)
}

// minute is what a soak has come to.
type minute struct {
	at       time.Duration
	tally    mediatest.Tally
	ghostly  uint64 // packets sent by ghosts
	ended    uint64
	missing  uint64
	losses   losses
	used     time.Duration // processor time of relay and of what receives for it
	resident int64         // bytes of the relay
	pace     mediatest.Pace
	dropped  string
}

func (s *soak) look(at time.Duration) (m minute, err error) {
	m = minute{at: at, tally: s.tally, ghostly: s.ghostly.Sent, ended: s.ended, missing: s.missing(), pace: s.traffic.Pace}
	if m.losses, err = s.losses(); err != nil {
		return m, err
	}
	c, err := s.clocks()
	if err != nil {
		return m, err
	}
	m.used = c.relay + c.relayKernel
	if m.dropped, err = s.relay.dropped(); err != nil {
		return m, err
	}
	m.resident, err = residentOf(s.relay.pid())
	return m, err
}

const soakFormat = "%7v %10v %8v %7v %6v %6v %6v %8v %8v %8v %8v %7v %8v %7v %8v  %s"

var soakNames = fmt.Sprintf(soakFormat, "TIME", "RECEIVED", "LOST", "WRONG", "ENDED", "GHOSTS", "BUSY", "RSS MiB", "P50 us", "P99 us", "MAX ms",
	"LATE ms", "LEFT OUT", "SOCKETS", "NO PORT", "LOST WHERE")

// line is a line of the table: RECEIVED, LOST, WRONG, ENDED, GHOSTS, SOCKETS and
// NO PORT since the start, the others of this minute.
func (m *minute) line(last *minute) string {
	where := m.losses
	where.NoPort = 0 // what ghosts send
	f := func(d time.Duration) string { return fmt.Sprintf("%.1f", micros(d)/1e3) }
	us := func(share float64) string { return fmt.Sprintf("%.0f", micros(m.tally.Delay.Quantile(share))) }
	return fmt.Sprintf(soakFormat, m.at.Round(time.Second), m.tally.Received, m.missing, m.tally.Wrong(), m.ended, m.ghostly,
		fmt.Sprintf("%.0f%%", 100*float64(m.used-last.used)/float64(m.at-last.at)), m.resident>>20, us(0.5), us(0.99), f(m.tally.Delay.Max()),
		f(m.pace.Latest), m.pace.Skipped, m.losses.Sockets, m.losses.NoPort, where)
}

// verdict is an error when anything was lost that the relay had received, or came
// where it did not belong.
func (s *soak) verdict(m *minute, out io.Writer) error {
	elsewhere := m.losses.ToRelay + m.losses.FromRelay + m.losses.Rig
	ours := m.missing - min(m.missing, elsewhere)
	fmt.Fprintf(out, "%d packets sent and %d received on %d calls; %d lost, of them %d on the wires of the rig; %d wrong (%s)\n", m.tally.Sent,
		m.tally.Received, uint64(s.begun), m.missing, min(m.missing, elsewhere), m.tally.Wrong(), &m.tally)
	fmt.Fprintf(out, "%d packets sent by parties of ended calls; the relay says: %s\n", m.ghostly, m.dropped)
	if ours > 0 || m.tally.Wrong() > 0 {
		return fmt.Errorf("%d packets lost by the relay, %d wrong", ours, m.tally.Wrong())
	}
	return nil
}

// residentOf is the memory of a process that is in RAM, bytes.
func residentOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm has %d fields", pid, len(fields))
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
