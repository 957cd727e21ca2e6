package rig

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Capture records the packets of a network of Hosts on loopback. It needs dumpcap, tshark and the right to capture.
type Capture struct {
	file    string
	process *Process
	mark    netip.AddrPort // where the packet that ends the capture goes
}

// Packet is what one UDP datagram or TCP segment carried.
type Packet struct {
	From, To netip.Addr
	Payload  string
}

// StartCapture captures everything between the hosts into a file.
func StartCapture(ctx context.Context, file string, h Hosts) (*Capture, error) {
	network := netip.PrefixFrom(h.Left, 24).Masked()
	return startCapture(ctx, file, "lo", "net "+network.String(), netip.AddrPortFrom(h.Switch, 9))
}

func startCapture(ctx context.Context, file, device, filter string, mark netip.AddrPort) (*Capture, error) {
	cmd := exec.Command("dumpcap", "-q", "-i", device, "-f", filter, "-B", "16", "-w", file)
	p, err := Start("dumpcap", cmd, "File: ")
	if err != nil {
		return nil, err
	}
	c := &Capture{file: file, process: p, mark: mark}
	if err := p.Ready(ctx); err != nil {
		p.Kill()
		return nil, err
	}
	return c, nil
}

// Packets ends the capture and returns what was captured. A packet of its own, sent last, shows that all before it
// are in the file.
func (c *Capture) Packets(ctx context.Context) ([]Packet, error) {
	defer c.process.Kill()
	mark := fmt.Appendf(nil, "end of capture %d", time.Now().UnixNano())
	conn, err := net.Dial("udp", c.mark.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	err = Poll(ctx, "the capture to be on disk", func() (bool, error) {
		// Nobody listens there; the refusal of the one before is of no interest.
		_, _ = conn.Write(mark)
		data, err := os.ReadFile(c.file)
		return bytes.Contains(data, mark), err
	})
	if err != nil {
		return nil, err
	}
	if _, err := c.process.Stop(5 * time.Second); err != nil {
		return nil, err
	}
	return readCapture(ctx, c.file)
}

// Kill ends a capture whose packets are not wanted.
func (c *Capture) Kill() { c.process.Kill() }

func readCapture(ctx context.Context, file string) ([]Packet, error) {
	cmd := exec.CommandContext(ctx, "tshark", "-n", "-r", file, "-Y", "not icmp and (udp.payload or tcp.payload)",
		"-T", "fields", "-e", "ip.src", "-e", "ip.dst", "-e", "udp.payload", "-e", "tcp.payload")
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("tshark: %w: %s", err, problem.String())
	}
	var packets []Packet
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		fields := strings.Split(line, "\t")
		if len(fields) < 3 {
			return nil, fmt.Errorf("tshark printed a line of %d fields", len(fields))
		}
		var p Packet
		if p.From, err = netip.ParseAddr(fields[0]); err != nil {
			return nil, err
		}
		if p.To, err = netip.ParseAddr(fields[1]); err != nil {
			return nil, err
		}
		payload, err := hex.DecodeString(strings.Join(fields[2:], ""))
		if err != nil {
			return nil, fmt.Errorf("tshark: %w", err)
		}
		p.Payload = string(payload)
		packets = append(packets, p)
	}
	return packets, nil
}
