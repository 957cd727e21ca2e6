package binding

import (
	"strconv"
	"time"
)

// BlockSize is how many numbers a block has: serials 0 to 9999.
const BlockSize = 10000

const (
	digitsOfBlock = 11
	firstBlock    = Block(firstX / BlockSize)
	lastBlock     = Block(lastX / BlockSize)
)

// Block is what the regulator assigns and an installation holds: the first
// 11 digits of 10 000 consecutive 700 numbers. The zero value is none.
type Block uint64

// ParseBlock reads exactly 11 digits that begin with 700. It returns
// ErrBlock for anything else.
func ParseBlock(s string) (Block, error) {
	if len(s) != digitsOfBlock {
		return 0, ErrBlock
	}
	v, ok := decimal([]byte(s))
	if !ok || !Block(v).Valid() {
		return 0, ErrBlock
	}
	return Block(v), nil
}

// Valid reports whether b is 11 digits that begin with 700.
func (b Block) Valid() bool { return b >= firstBlock && b <= lastBlock }

// Number returns the 700 number of a serial from 0 to 9999, and 0 for any
// other serial or a block that is not valid.
func (b Block) Number(serial int) X {
	if !b.Valid() || serial < 0 || serial >= BlockSize {
		return 0
	}
	return X(b)*BlockSize + X(serial)
}

// String returns the 11 digits, "" for the zero value.
func (b Block) String() string {
	if b == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(b), 10)
}

// MarshalText returns the 11 digits, nothing for the zero value.
func (b Block) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads what MarshalText wrote, and returns ErrBlock for
// anything else.
func (b *Block) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*b = 0
		return nil
	}
	v, err := ParseBlock(string(text))
	if err != nil {
		return err
	}
	*b = v
	return nil
}

// What a held block is open to. Calls are answered on all of them.
const (
	BlockOpen     = "open"     // new bindings may be made
	BlockLocked   = "locked"   // no new bindings for now
	BlockDraining = "draining" // no new bindings any more: it is to be removed
)

// BlockState is a block that this installation holds.
type BlockState struct {
	Block   Block     `json:"block"`
	State   string    `json:"state"` // BlockOpen, BlockLocked or BlockDraining
	AddedAt time.Time `json:"added_at"`
	Tenant  string    `json:"tenant"`
}

// Stock is how the numbers of a held block stand at a moment.
type Stock struct {
	BlockState
	InUse         int `json:"in_use"`  // a binding on it lives
	Free          int `json:"free"`    // neither in use nor locked
	Fresh         int `json:"fresh"`   // of the free ones: never in use
	Resting       int `json:"resting"` // of the free ones: in use less than the quarantine ago
	LockedNumbers []X `json:"locked_numbers,omitempty"`
	// Unread: rows on it cannot be read, so that only LockedNumbers is known.
	Unread bool `json:"unread,omitempty"`
}
