package media

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"
)

// ledger is a file that says until when each port pair of a pool is not to be used,
// so that a process which was killed tells the next one. It holds eight bytes for
// each even port, little endian: ns since 1970, or inUse64. Nothing is synced: what
// was written outlives the process, and with the machine the calls' peers go away
// from it too.
type ledger struct {
	file *os.File // nil: nothing is noted
}

// inUse64 is the time of a port that a call has.
const inUse64 = math.MaxInt64

// ledgerPorts are the even ports that there may be.
const ledgerPorts = 1 << 15

// openLedger opens the ledger of a pool in a directory, "": none, and gives the times
// that it has. It has its full size from then on, so that a full disk does not
// matter later.
func openLedger(dir, pool string) (*ledger, []int64, error) {
	until := make([]int64, ledgerPorts)
	if dir == "" {
		return &ledger{}, until, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("media: %w", err)
	}
	name := sha256.Sum256([]byte(pool))
	f, err := os.OpenFile(filepath.Join(dir, hex.EncodeToString(name[:8])), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("media: %w", err)
	}
	b := make([]byte, 8*ledgerPorts)
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, errors.Join(fmt.Errorf("media: %w", err), f.Close())
	}
	for i := range n / 8 {
		until[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	clear(b[n&^7:])
	if _, err := f.WriteAt(b, 0); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("media: %w", err), f.Close())
	}
	return &ledger{f}, until, nil
}

// note says until when a port is not to be used. Only who has the port calls it. A
// note that cannot be written costs a port its rest after a crash, and no call.
func (l *ledger) note(port uint16, until int64) {
	if l.file == nil {
		return
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(until))
	_, _ = l.file.WriteAt(b[:], 8*int64(port/2))
}

func (l *ledger) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// doubtful is how long a port of a call that a crash cut off is only taken when no
// other is left: its peers may go on sending until they notice, at the latest when
// the usual session timer of half an hour runs out (RFC 4028 section 4.1 has it as
// the default).
const doubtful = 30 * time.Minute

// recall takes the ports out of free that an earlier process left no time to rest.
// Those of its live calls are doubtful, and rest as well. Times further off than a
// rest are another clock's.
func (p *ports) recall(until []int64, now time.Time) {
	p.doubtFrom, p.doubtUntil = now.Add(p.rest), now.Add(doubtful)
	free := p.free[:0]
	for _, port := range p.free {
		switch at := until[port/2]; {
		case at == inUse64:
			p.doubted = append(p.doubted, port)
		case at > now.UnixNano():
			p.used[port] = struct{}{}
			p.give(port, now)
		default:
			free = append(free, port)
		}
	}
	p.free = free
}
