package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// probeRate is calls per second while the delay is measured: little enough that no queue forms.
const probeRate = 200

// delay is the time from INVITE to 180, phone to phone and through the gateway.
type delay struct{ direct, through []time.Duration }

func measureDelay(ctx context.Context, dir string, o options) (delay, error) {
	b, err := start(ctx, dir, o.binary, o.probe)
	if err != nil {
		return delay{}, err
	}
	defer b.gateway.Kill()
	phone, err := ring(b.callee)
	if err != nil {
		return delay{}, err
	}
	defer phone.Close()
	var d delay
	if d.direct, err = probe(ctx, b.caller, b.callee, b.lines); err != nil {
		return delay{}, fmt.Errorf("phone to phone: %w", err)
	}
	if d.through, err = probe(ctx, b.caller, b.left, b.lines); err != nil {
		return delay{}, fmt.Errorf("through the gateway: %w", err)
	}
	return d, nil
}

// quantile is the value below which a part q of the times lies.
func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// ring is the smallest of phones: it answers each INVITE with 180 and then 486, so that a call is over at once.
func ring(at netip.AddrPort) (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	go func() {
		b := make([]byte, 65535)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return // closed
			}
			text := string(b[:n])
			if !strings.HasPrefix(text, "INVITE ") {
				continue
			}
			for _, status := range []string{"180 Ringing", "486 Busy Here"} {
				// What is lost is asked for again, by a retransmission.
				_, _ = conn.WriteToUDPAddrPort([]byte(reply(text, status, at)), from)
			}
		}
	}()
	return conn, nil
}

func reply(request, status string, at netip.AddrPort) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\r\n")
	for line := range strings.SplitSeq(request, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "From", "Call-ID", "CSeq":
			b.WriteString(line + "\r\n")
		case "To":
			b.WriteString(line + ";tag=ring\r\n")
		case "":
			b.WriteString("Contact: <sip:ring@" + at.String() + ">\r\nContent-Length: 0\r\n\r\n")
			return b.String()
		}
	}
	return b.String()
}

// probe calls once for each line, probeRate times a second, and returns how long each 180 took.
func probe(ctx context.Context, from, to netip.AddrPort, lines [][]string) ([]time.Duration, error) {
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(from), net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	p := &prober{conn: conn, from: from, to: to, sent: map[string]time.Time{}, done: make(chan struct{}), left: len(lines)}
	go p.receive()

	tick := time.NewTicker(time.Second / probeRate)
	defer tick.Stop()
	run := rand.Uint64()
	for i, line := range lines {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := p.call(fmt.Sprintf("probe-%x-%d", run, i), line[0], line[1]); err != nil {
			return nil, err
		}
	}
	patience := time.NewTimer(5 * time.Second)
	defer patience.Stop()
	select {
	case <-p.done:
	case <-patience.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.left > 0 {
		return nil, fmt.Errorf("%d of %d calls did not ring and end with 486", p.left, len(lines))
	}
	return p.took, nil
}

// prober measures over one socket.
type prober struct {
	conn     *net.UDPConn
	from, to netip.AddrPort

	mutex sync.Mutex // protects what follows
	sent  map[string]time.Time
	took  []time.Duration
	left  int           // calls that have not ended
	done  chan struct{} // closed when none is left
}

func (p *prober) call(id, caller, x string) error {
	body := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", p.from.Addr())
	text := fmt.Sprintf("INVITE sip:%[1]s@%[2]s SIP/2.0\r\nVia: SIP/2.0/UDP %[3]s;branch=z9hG4bK%[4]s\r\nFrom: <sip:%[5]s@%[3]s>;tag=t%[4]s\r\n"+
		"To: <sip:%[1]s@%[2]s>\r\nCall-ID: %[4]s\r\nCSeq: 1 INVITE\r\nContact: <sip:%[5]s@%[3]s>\r\nMax-Forwards: 70\r\n"+
		"Content-Type: application/sdp\r\nContent-Length: %[6]d\r\n\r\n%[7]s", x, p.to, p.from, id, caller, len(body), body)
	p.mutex.Lock()
	p.sent[id] = time.Now()
	p.mutex.Unlock()
	_, err := p.conn.Write([]byte(text))
	return err
}

// receive takes the time of each first 180, and acknowledges each final response.
func (p *prober) receive() {
	b := make([]byte, 65535)
	ended := map[string]bool{}
	for {
		n, err := p.conn.Read(b)
		if err != nil {
			return // closed
		}
		now := time.Now()
		text := string(b[:n])
		id := header(text, "Call-ID")
		switch {
		case strings.HasPrefix(text, "SIP/2.0 180 "):
			p.mutex.Lock()
			if at, ok := p.sent[id]; ok {
				p.took = append(p.took, now.Sub(at))
				delete(p.sent, id)
			}
			p.mutex.Unlock()
		case strings.HasPrefix(text, "SIP/2.0 486 "):
			p.acknowledge(text, id)
			if !ended[id] {
				ended[id] = true
				p.end(id)
			}
		}
	}
}

// end counts a call that is over; one that never rang stays.
func (p *prober) end(id string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if _, waiting := p.sent[id]; waiting {
		return
	}
	if p.left--; p.left == 0 {
		close(p.done)
	}
}

func (p *prober) acknowledge(response, id string) {
	x := header(response, "To")
	target, _, _ := strings.Cut(strings.TrimPrefix(x, "<"), ">")
	text := fmt.Sprintf("ACK %s SIP/2.0\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		target, header(response, "Via"), header(response, "From"), x, id)
	// A lost ACK is asked for again, by the response.
	_, _ = p.conn.Write([]byte(text))
}

// header is the value of a header, "" when there is none.
func header(text, name string) string {
	for line := range strings.SplitSeq(text, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
