package rig

import (
	"context"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"strings"
)

// Observed is a packet as tshark understands it.
type Observed struct {
	From, To netip.Addr
	Fields   []Field
}

// Field is one thing that tshark has decoded.
type Field struct {
	Name  string // "sip.Call-ID", "rtcp.sdes.text"; empty: a line without a name
	Show  string // the value in words
	Label string // the whole line as Wireshark shows it
	Raw   string // the bytes that it was read from
}

// Observe gives every packet of a capture that has ended, but those that tell of errors, with all of its fields. SIP,
// SDP, RTP and RTCP are found on any port, also on one that is registered for something else.
func (c *Capture) Observe(ctx context.Context) ([]Observed, error) {
	cmd := exec.CommandContext(ctx, "tshark", "-n", "-r", c.file, "-Y", "not icmp", "-T", "pdml", "-o", "udp.try_heuristic_first:TRUE",
		"--enable-heuristic", "sip_udp", "--enable-heuristic", "rtp_udp", "--enable-heuristic", "rtcp_udp")
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("tshark: %w", err)
	}
	list, err := readPDML(out)
	if end := cmd.Wait(); err == nil && end != nil {
		err = fmt.Errorf("tshark: %w: %s", end, problem.String())
	}
	return list, err
}

// readPDML reads the packets of tshark's XML. Fields lie in one another; each is taken.
func readPDML(r io.Reader) (list []Observed, err error) {
	d := xml.NewDecoder(r)
	var p *Observed
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("tshark's fields: %w", err)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch element.Name.Local {
		case "packet":
			list = append(list, Observed{})
			p = &list[len(list)-1]
		case "field":
			if p == nil {
				return nil, errors.New("tshark printed a field outside of a packet")
			}
			if err := p.add(element); err != nil {
				return nil, err
			}
		}
	}
}

func (p *Observed) add(element xml.StartElement) error {
	var f Field
	for _, a := range element.Attr {
		switch a.Name.Local {
		case "name":
			f.Name = a.Value
		case "show":
			f.Show = a.Value
		case "showname":
			f.Label = a.Value
		case "value":
			raw, err := hex.DecodeString(a.Value)
			if err == nil { // a field of a few bits is told in digits
				f.Raw = string(raw)
			}
		}
	}
	var err error
	switch f.Name {
	case "ip.src":
		p.From, err = netip.ParseAddr(f.Show)
	case "ip.dst":
		p.To, err = netip.ParseAddr(f.Show)
	}
	p.Fields = append(p.Fields, f)
	return err
}

// Of gives the values of the fields of a name.
func (p *Observed) Of(name string) (values []string) {
	for _, f := range p.Fields {
		if f.Name == name && f.Show != "" {
			values = append(values, f.Show)
		}
	}
	return values
}

// Text is all that tshark says of the packet and of the bytes that it has read, one after another, but for what no sender
// has written and for what anything is in by chance; see unsearched.
func (p *Observed) Text() string {
	var b strings.Builder
	sound := len(p.Of("rtp.payload")) > 0
	for i := range p.Fields {
		f := &p.Fields[i]
		if unsearched(f.Name, sound) {
			continue
		}
		for _, text := range []string{f.Show, f.Label, f.Raw} {
			b.WriteString(text)
			b.WriteByte('\x1e')
		}
	}
	return b.String()
}

// unsearched says which fields are not looked through:
//
//   - frame and eth: when and on which device the capture saw the packet, by the capture's own clock and counting. None of it was
//     sent by the program, but the link's header, which on loopback is zeros.
//   - tcp but its payload: sequence numbers, timestamps and windows are the kernel's, ten random digits each, in which six digits that a
//     phone told stand once in a few runs. Of udp only what tshark works out itself: the times between packets.
//   - rtp.payload, and the payload of the datagram that it is in: the sound itself is carried across on purpose, and in the samples
//     of enough calls every mark of four bytes stands once, by chance. The header around it is read field by field.
//
// IP with its addresses, identification, TTL and options, UDP with its ports, and the payload of whatever is not sound are searched.
func unsearched(name string, sound bool) bool {
	layer, what, _ := strings.Cut(name, ".")
	switch layer {
	case "frame", "eth":
		return true
	case "tcp":
		return what != "payload"
	case "udp":
		return strings.HasPrefix(what, "time") || strings.HasPrefix(what, "stream") || what == "payload" && sound
	}
	return name == "rtp.payload"
}
