package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A capture of a recording has addresses of the documentation (RFC 5737), ports and SSRCs that are nobody's: those of
// the call are not recorded. Each party is at one of the first two; a third tells, in session descriptions that are
// announced as RFC 2974 has it, what the payload types stand for.
var (
	captureHosts   = [2]netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:5004"), netip.MustParseAddrPort("192.0.2.2:5004")}
	captureTeller  = netip.MustParseAddrPort("192.0.2.3:9875")
	captureHearers = netip.MustParseAddrPort("224.2.127.254:9875")
	captureSSRC    = [2]uint32{1, 2}
)

// Sizes of a capture's parts. Its packets are IPv4 without a link's header.
const (
	pcapHeader  = 24
	pcapItem    = 16
	linkRaw     = 101
	ipHeader    = 20
	udpHeader   = 8
	rtpHeader   = 12
	maxDatagram = 1<<16 - 1 - ipHeader - udpHeader

	firstDynamic, lastDynamic = 96, 127
)

// MeasurePCAP is for a writer that is only asked for, with the result and the size in bytes, when it is certain that the
// recording can be written: as a capture of two RTP streams, from the caller and from the callee, whatever their codecs.
// Sequence numbers, timestamps and times of arrival are those that were received; keys of the phone are not recorded.
// What is cut off or damaged is written up to there, which is no error. Errors: those of open and of the writer.
func MeasurePCAP(open Open, begin func(Result, int64) (io.Writer, error)) (Result, error) {
	var res Result
	r, err := open()
	if err != nil {
		return res, err
	}
	measured := &sized{w: io.Discard}
	gap, end, err := writeCapture(measured, r, 1<<62, func(p *Packet) {
		res.Packets[p.Side]++
		res.Length = max(res.Length, p.At)
	})
	if err != nil {
		return res, err
	}
	res.ended(r, gap, end)
	w, err := begin(res, measured.n)
	if err != nil {
		return res, err
	}
	if r, err = open(); err != nil {
		return res, err
	}
	_, _, err = writeCapture(w, r, res.Packets[Caller]+res.Packets[Callee], func(*Packet) {})
	return res, err
}

// errEnough ends a capture of a recording that has grown since it was measured.
var errEnough = errors.New("enough")

// writeCapture writes so many packets at most.
func writeCapture(w io.Writer, r *Reader, most uint64, seen func(*Packet)) (gap uint64, end error, err error) {
	c := newCapture(w, r.Header.Start)
	if err := c.begin(); err != nil {
		return 0, nil, err
	}
	gap, end, err = each(r, func(p *Packet) error {
		if most == 0 {
			return errEnough
		}
		most--
		seen(p)
		return c.packet(p)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return gap, end, err
}

// capture is a file of packets that is being written.
type capture struct {
	w       io.Writer
	start   time.Time
	numbers map[string]uint8 // payload types, by what they stand for
	listed  []string         // the same in their order
	dynamic uint8            // the next to give
	told    uint64           // descriptions
	b       []byte
}

func newCapture(w io.Writer, start time.Time) *capture {
	return &capture{w: w, start: start, numbers: map[string]uint8{}, dynamic: firstDynamic}
}

// begin writes the header of the file: microseconds, little-endian.
func (c *capture) begin() error {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = le.AppendUint16(le.AppendUint16(b, 2), 4)
	b = append(b, make([]byte, 8)...)
	b = le.AppendUint32(le.AppendUint32(b, 1<<16-1), linkRaw)
	_, err := c.w.Write(b)
	return err
}

func (c *capture) packet(p *Packet) error {
	if len(p.Payload) > maxDatagram-rtpHeader {
		return fmt.Errorf("%w: a packet of %d bytes", ErrFormat, len(p.Payload))
	}
	number, ok := c.numbers[p.Codec]
	if !ok {
		number = c.give(p.Codec)
		if err := c.tell(p.At); err != nil {
			return err
		}
	}
	be := binary.BigEndian
	b := c.datagram(captureHosts[p.Side], captureHosts[p.Side^1], rtpHeader+len(p.Payload), 64)
	b = be.AppendUint16(append(b, 0x80, number), p.Sequence)
	b = be.AppendUint32(be.AppendUint32(b, p.Timestamp), captureSSRC[p.Side])
	return c.write(append(b, p.Payload...), p.At)
}

// give finds a payload type for what has none: its own by RFC 3551, else a dynamic one. When those have run out all of
// them are given anew, which the next description tells.
func (c *capture) give(codec string) uint8 {
	name, _, _ := strings.Cut(codec, "/")
	number, fixed := staticTypes[name]
	taken := slices.ContainsFunc(c.listed, func(other string) bool { return c.numbers[other] == number })
	if !fixed || taken { // the same codec with other parameters
		if c.dynamic > lastDynamic {
			clear(c.numbers)
			c.listed, c.dynamic = nil, firstDynamic
		}
		number = c.dynamic
		c.dynamic++
	}
	c.numbers[codec] = number
	c.listed = append(c.listed, codec)
	return number
}

// staticTypes are those of RFC 3551 section 6 for voice.
var staticTypes = map[string]uint8{"PCMU": 0, "GSM": 3, "G723": 4, "PCMA": 8, "G722": 9, "G728": 15, "G729": 18}

// tell writes a description of both streams as it is announced (RFC 2974 section 3).
func (c *capture) tell(at time.Duration) error {
	c.told++
	text := c.description()
	teller := captureTeller.Addr().As4()
	const kind = "application/sdp\x00"
	b := c.datagram(captureTeller, captureHearers, 8+len(kind)+len(text), 1)
	b = binary.BigEndian.AppendUint16(append(b, 0x20, 0), uint16(c.told))
	return c.write(append(append(append(b, teller[:]...), kind...), text...), at)
}

// description says what both parties may send.
func (c *capture) description() string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- 1 %d IN IP4 %s\r\ns=recording\r\nt=0 0\r\n", c.told, captureTeller.Addr())
	for side, name := range [2]string{"caller", "callee"} {
		to := captureHosts[side^1]
		fmt.Fprintf(&b, "m=audio %d RTP/AVP", to.Port())
		for _, codec := range c.listed {
			b.WriteString(" " + strconv.Itoa(int(c.numbers[codec])))
		}
		fmt.Fprintf(&b, "\r\ni=%s\r\nc=IN IP4 %s\r\n", name, to.Addr())
		for _, codec := range c.listed {
			rtpmap, parameters, _ := strings.Cut(codec, " ")
			if !strings.Contains(rtpmap, "/") {
				rtpmap += "/8000"
			}
			fmt.Fprintf(&b, "a=rtpmap:%d %s\r\n", c.numbers[codec], rtpmap)
			if parameters != "" {
				fmt.Fprintf(&b, "a=fmtp:%d %s\r\n", c.numbers[codec], parameters)
			}
		}
	}
	return b.String()
}

// datagram begins a packet, with room for its place in the file before it, up to where the contents of UDP follow. UDP
// has no checksum, as IPv4 allows.
func (c *capture) datagram(from, to netip.AddrPort, contents int, ttl byte) []byte {
	be := binary.BigEndian
	src, dst := from.Addr().As4(), to.Addr().As4()
	b := append(c.b[:0], make([]byte, pcapItem)...)
	b = be.AppendUint16(append(b, 0x45, 0), uint16(ipHeader+udpHeader+contents))
	b = append(b, 0, 0, 0x40, 0, ttl, 17, 0, 0) // not to be fragmented; UDP
	b = append(append(b, src[:]...), dst[:]...)
	be.PutUint16(b[pcapItem+10:], headerSum(b[pcapItem:]))
	b = be.AppendUint16(be.AppendUint16(b, from.Port()), to.Port())
	return be.AppendUint16(be.AppendUint16(b, uint16(udpHeader+contents)), 0)
}

// headerSum is the checksum of an IPv4 header in which it is zero (RFC 1071).
func headerSum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < ipHeader; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum&0xffff + sum>>16
	return ^uint16(sum + sum>>16)
}

// write puts a packet into the file that arrived so long after the first.
func (c *capture) write(b []byte, at time.Duration) error {
	le, when, n := binary.LittleEndian, c.start.Add(at), uint32(len(b)-pcapItem)
	le.PutUint32(b, uint32(when.Unix()))
	le.PutUint32(b[4:], uint32(when.Nanosecond()/1000))
	le.PutUint32(b[8:], n)
	le.PutUint32(b[12:], n)
	c.b = b
	_, err := c.w.Write(b)
	return err
}

// sized counts what is written.
type sized struct {
	w io.Writer
	n int64
}

func (s *sized) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.n += int64(n)
	return n, err
}
