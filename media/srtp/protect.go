package srtp

import (
	"encoding/binary"
	"errors"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// ErrForged says that a packet was not made with the key, was changed on its way,
// or came before.
var ErrForged = errors.New("srtp: a packet that is not authentic, or a repetition")

// window is the size of the replay window, in packets (RFC 3711 section 3.3.2).
const window = 64

// maxSources bounds the synchronization sources of one direction. Only who has the key
// can be one. None is forgotten: what was recorded of it could be played once more.
const maxSources = 256

// A direction that opens nothing yet may have begun in the middle of a stream, as
// that of a party which stays after a transfer does: its rollover counter is not
// known then (RFC 3711 section 3.3.1). So it is looked for.
const (
	maxHunt   = 24 // wraps, of 22 minutes each at 50 packets a second
	maxHunts  = 32 // packets that it is looked for in, and then
	someHunts = 64 // in one of so many: forged ones may have used those up
)

// Direction protects the packets that go one way: it opens those that come, or
// seals those that leave. The rollover counter lives in it, so one key has one
// Direction for as long as it may be used (Ring). It is for one goroutine at a time.
type Direction struct {
	key     Key
	context *srtp.Context // nil: it opens and seals nothing
	ssrc    uint32        // of the last RTP packet
	known   bool
	sources int
	reports int
	misses  uint               // packets that were not opened, before one was
	sealed  map[uint32]*sealed // by SSRC, all of them ours
	newest  *sealed            // of the packet sealed last
	scratch []byte
	header  rtp.Header
	csrc    [15]uint32 // backs header.CSRC
	report  rtcp.Header
}

// NewDirection makes one for a key, which must not be zero.
func NewDirection(k Key) (*Direction, error) {
	if k.IsZero() {
		return nil, errors.New("srtp: no key")
	}
	c, err := k.context()
	return &Direction{key: k, context: c}, err
}

// context makes one that knows no packet.
func (k Key) context() (*srtp.Context, error) {
	key, salt := k.split()
	c, err := srtp.CreateContext(key, salt, k.Suite().profile(), srtp.SRTPReplayProtection(window), srtp.SRTCPReplayProtection(window))
	if err != nil {
		return nil, errors.New("srtp: the key does not fit its suite")
	}
	return c, nil
}

// Key is what it was made for.
func (d *Direction) Key() Key { return d.key }

// Open authenticates and decrypts an SRTP packet in place and gives the RTP
// packet in it. It fails with ErrForged, and then b is spoilt and nothing is
// counted or remembered of it.
func (d *Direction) Open(b []byte) ([]byte, error) {
	if d.context == nil || len(b) < 12 || len(b) < 12+4*int(b[0]&0xf) {
		return nil, ErrForged
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	fresh := !d.known || ssrc != d.ssrc
	if fresh {
		_, old := d.context.ROC(ssrc)
		if fresh = !old; fresh && d.sources >= maxSources {
			return nil, ErrForged // a peer that takes ever new sources would fill the memory
		}
	}
	hunting := !d.known && (d.misses < maxHunts || d.misses%someHunts == 0)
	if hunting {
		d.scratch = append(d.scratch[:0], b...) // a failure spoils b
	}
	out, err := d.decrypt(d.context, b)
	if err != nil && hunting {
		out, err = d.hunt(b, ssrc)
	}
	if err != nil {
		if !d.known {
			d.misses++
		}
		return nil, ErrForged
	}
	d.scratch = nil
	if fresh {
		d.sources++
	}
	d.ssrc, d.known = ssrc, true
	return out, nil
}

func (d *Direction) decrypt(c *srtp.Context, b []byte) ([]byte, error) {
	d.header.CSRC = d.csrc[:0]
	d.header.Extensions = d.header.Extensions[:0]
	return c.DecryptRTP(b, b, &d.header)
}

// hunt opens a packet by the first of the next rollover counters that fits it. They are
// tried aside: what is not authentic leaves no trace.
func (d *Direction) hunt(b []byte, ssrc uint32) ([]byte, error) {
	trial, err := d.key.context()
	if err != nil {
		return nil, err
	}
	size := len(d.scratch)
	for roc := uint32(1); roc <= maxHunt; roc++ {
		trial.SetROC(ssrc, roc)
		copy(b[:size], d.scratch)
		if _, err := d.decrypt(trial, b[:size]); err == nil {
			d.context.SetROC(ssrc, roc)
			copy(b[:size], d.scratch)
			return d.decrypt(d.context, b[:size])
		}
	}
	return nil, ErrForged
}

// Seal encrypts an RTP packet in place; b has room for Overhead more bytes. It
// fails when the key has protected as many packets as it may, and with ErrUsed,
// which leaves b as it was.
func (d *Direction) Seal(b []byte) ([]byte, error) {
	switch {
	case d.context == nil:
		return nil, ErrUsed
	case len(b) < 12:
		return nil, errShort
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	if d.newest == nil || d.newest.ssrc != ssrc {
		d.newest = d.stream(ssrc)
	}
	if !d.newest.use(binary.BigEndian.Uint16(b[2:])) {
		return nil, ErrUsed
	}
	d.header.CSRC = d.csrc[:0]
	d.header.Extensions = d.header.Extensions[:0]
	return d.context.EncryptRTP(b, b, &d.header)
}

// OpenReport is Open for SRTCP.
func (d *Direction) OpenReport(b []byte) ([]byte, error) {
	if d.context == nil || len(b) < 8+4 {
		return nil, ErrForged
	}
	_, old := d.context.Index(binary.BigEndian.Uint32(b[4:]))
	if !old && d.reports >= maxSources {
		return nil, ErrForged // reports can do without, sound cannot
	}
	out, err := d.context.DecryptRTCP(b, b, &d.report)
	if err != nil {
		return nil, ErrForged
	}
	if !old {
		d.reports++
	}
	return out, nil
}

// SealReport is Seal for SRTCP.
func (d *Direction) SealReport(b []byte) ([]byte, error) {
	if d.context == nil {
		return nil, ErrUsed
	}
	return d.context.EncryptRTCP(b, b, &d.report)
}
