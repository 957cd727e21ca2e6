package rig

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// Stream is what tshark's RTP analysis says of one stream of a capture.
type Stream struct {
	From, To             netip.AddrPort
	SSRC                 string
	Packets, Lost        int
	MinJitter, MaxJitter float64 // ms, of RFC 3550's estimator over the stream
}

// Streams analyses the RTP of a capture that has ended, by a program that is not ours.
func (c *Capture) Streams(ctx context.Context) ([]Stream, error) {
	cmd := exec.CommandContext(ctx, "tshark", "-n", "-q", "-r", c.file, "--enable-heuristic", "rtp_udp", "-z", "rtp,streams")
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("tshark: %w: %s", err, problem.String())
	}
	return parseStreams(string(out))
}

// streamLine is a row of tshark's table: two times, two addresses with ports, the SSRC, the payload's name, packets,
// lost and their share, three deltas, three jitters.
var streamLine = regexp.MustCompile(`^\s*[\d.]+\s+[\d.]+\s+(\S+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(0x[0-9A-Fa-f]+)\s+(.*?)\s+(\d+)\s+(-?\d+) \(\S+%\)\s+[\d.]+\s+[\d.]+\s+[\d.]+\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)`)

func parseStreams(out string) ([]Stream, error) {
	var streams []Stream
	for _, line := range strings.Split(out, "\n") {
		m := streamLine.FindStringSubmatch(line)
		if m == nil {
			if strings.Contains(line, "0x") {
				return nil, fmt.Errorf("tshark printed a stream of another shape: %q", line)
			}
			continue
		}
		from, err := netip.ParseAddrPort(m[1] + ":" + m[2])
		if err != nil {
			return nil, err
		}
		to, err := netip.ParseAddrPort(m[3] + ":" + m[4])
		if err != nil {
			return nil, err
		}
		s := Stream{From: from, To: to, SSRC: m[5]}
		for _, n := range []struct {
			text string
			to   *int
		}{{m[7], &s.Packets}, {m[8], &s.Lost}} {
			if *n.to, err = strconv.Atoi(n.text); err != nil {
				return nil, err
			}
		}
		for _, f := range []struct {
			text string
			to   *float64
		}{{m[9], &s.MinJitter}, {m[11], &s.MaxJitter}} {
			if *f.to, err = strconv.ParseFloat(f.text, 64); err != nil {
				return nil, err
			}
		}
		streams = append(streams, s)
	}
	return streams, nil
}
