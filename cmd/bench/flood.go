package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// points is how often a flood is interrupted to look at the gateway.
const points = 20

// measureFlood sends packets from as many sources, first of no trunk and then of
// one, and prints what the gateway's memory does meanwhile. It is an error when
// that grows to the end, or when no call gets through afterwards.
func measureFlood(ctx context.Context, dir string, o options, out io.Writer) error {
	for _, f := range []struct{ title, sources string }{
		{"sources that are on no trunk", ""},
		{"sources that are on a trunk", "127.0.0.0/8"},
	} {
		b, err := startFrom(ctx, dir, o.binary, 1, f.sources)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%d packets, each from an address of its own: %s\n\n", o.packets, f.title)
		err = b.flooded(ctx, o, out)
		b.gateway.Kill()
		if err != nil {
			return fmt.Errorf("%s: %w", f.title, err)
		}
	}
	return nil
}

// flooded floods one gateway.
func (b *bench) flooded(ctx context.Context, o options, out io.Writer) error {
	fmt.Fprintln(out, pointNames)
	seen, err := b.pour(ctx, o, func(p point) { fmt.Fprintln(out, p) })
	if err != nil {
		return err
	}
	r, err := b.recover(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nthe last transaction ended %.0f s later; then a call rang after %s ms\n\n", r.quiet.Seconds(), ms(r.ring))
	return grown(seen)
}

// pour sends the packets and looks at the gateway at every point.
func (b *bench) pour(ctx context.Context, o options, see func(point)) ([]point, error) {
	s, err := newSender(b.left)
	if err != nil {
		return nil, err
	}
	defer s.close()
	kinds := flood(b.left)
	order := schedule(kinds)
	from := &origins{taken: netip.PrefixFrom(b.left.Addr(), 24).Masked()}
	began := time.Now()
	var list []point
	for sent := int64(0); sent < o.packets; {
		k := &kinds[order[sent*7919%int64(len(order))]]
		number := uint64(sent)
		if err := s.put(from.next(), func(buffer []byte) int { return k.write(buffer, number) }); err != nil {
			return nil, err
		}
		sent++
		if sent%stretch == 0 || sent == o.packets {
			if err := b.keepUp(ctx, s, sent, began, o.floodRate); err != nil {
				return nil, err
			}
		}
		if sent*points/o.packets > int64(len(list)) {
			if err := s.flush(); err != nil {
				return nil, err
			}
			p, err := b.look(ctx)
			if err != nil {
				return nil, err
			}
			p.sent, p.answers, p.took = sent, s.answers.Load(), time.Since(began)
			list = append(list, p)
			see(p)
		}
	}
	return list, nil
}

// A flood is sent in stretches of so many packets, and one more is sent when no
// more bytes than these wait in the gateway's socket, so that most of it is read
// and not dropped by the kernel. The socket has room for 8 MiB, of which a packet
// takes 1.5 KiB; to ask how much waits costs the kernel milliseconds.
const (
	stretch      = 48 * burst
	waitingLimit = 2 << 20
)

// keepUp waits until the next packets may be sent: as the rate says, or with none
// as soon as the gateway has read what was sent.
func (b *bench) keepUp(ctx context.Context, s *sender, sent int64, began time.Time, rate int) error {
	if err := s.flush(); err != nil {
		return err
	}
	if rate > 0 {
		return pause(ctx, time.Until(began.Add(time.Duration(sent)*time.Second/time.Duration(rate))))
	}
	for {
		waiting, err := waitingAt(b.left)
		if err != nil || waiting < waitingLimit {
			return err
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look sees what the gateway is at.
func (b *bench) look(ctx context.Context) (p point, err error) {
	if p.resident, err = residentOf(b.gateway.PID()); err != nil {
		return p, err
	}
	if p.dropped, err = droppedBy(b.gateway.PID()); err != nil {
		return p, err
	}
	text, err := b.gateway.Run(ctx, "status", "-o", "json")
	if err != nil {
		return p, err
	}
	var status struct {
		Calls    int               `json:"calls"`
		Records  uint64            `json:"records"`
		Counters map[string]uint64 `json:"counters"`
	}
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		return p, fmt.Errorf("status: %w", err)
	}
	p.calls, p.records, p.counters = status.Calls, status.Records, status.Counters
	return p, nil
}

// recovery is how a gateway is after a flood.
type recovery struct{ quiet, ring time.Duration }

// recover waits for the end of what the flood began, the longest of which are
// refused INVITEs without an ACK (64*T1), and makes a call.
func (b *bench) recover(ctx context.Context) (r recovery, err error) {
	began := time.Now()
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		p, err := b.look(limit)
		if err != nil {
			return r, fmt.Errorf("waiting for the end of every transaction: %w", err)
		}
		if p.counters["transactions"] == 0 {
			break
		}
		if err := pause(limit, 250*time.Millisecond); err != nil {
			return r, fmt.Errorf("%d transactions do not end", p.counters["transactions"])
		}
	}
	r.quiet = time.Since(began)
	phone, err := ring(b.callee)
	if err != nil {
		return r, err
	}
	defer phone.Close()
	times, err := probe(ctx, b.caller, b.left, b.lines)
	if err != nil {
		return r, fmt.Errorf("after the flood: %w", err)
	}
	r.ring = quantile(times, 1)
	return r, nil
}
