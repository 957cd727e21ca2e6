package binding

import (
	"strconv"
	"time"
)

// BlockSize is how many numbers a block has: serials 0 to 9999.
const BlockSize = 10000

const (
	firstBlock   = Block(firstX / BlockSize)
	lastBlock    = Block(lastX / BlockSize)
	lastOldBlock = Block(lastOlder / BlockSize)
)

// Block is what an installation holds: 10 000 consecutive numbers, by the digits
// that they have in common. Of 700 numbers the regulator assigns it, and it has
// 11 digits; of an older range it has all but the last four, which are 1 to 10.
// The zero value is none.
type Block uint64

// ParseBlock reads the digits of a block, of an older range that looks like landlines
// with or without the 0. It returns ErrBlock for anything else; whether there is such
// an older range says [Plan.Served].
func ParseBlock(s string) (Block, error) {
	v, ok := decimal([]byte(s))
	if !ok || !Block(v).Valid() || s[0] == '0' && (s[1] == '0' || X(v * BlockSize).String()[0] != '0') {
		return 0, ErrBlock
	}
	return Block(v), nil
}

// Valid reports whether b is 11 digits that begin with 700, or can be a block of
// an older range.
func (b Block) Valid() bool { return b >= firstBlock && b <= lastBlock || b.Older() }

// Older reports whether b can be a block of an older range: 1 to 10 digits that do
// not begin with 700.
func (b Block) Older() bool { return b > 0 && b <= lastOldBlock && !begins700(uint64(b)) }

// Number returns the number of a serial from 0 to 9999, and 0 for any
// other serial or a block that is not valid.
func (b Block) Number(serial int) X {
	if !b.Valid() || serial < 0 || serial >= BlockSize {
		return 0
	}
	return X(b)*BlockSize + X(serial)
}

// String returns the digits, "" for the zero value.
func (b Block) String() string {
	if b == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(b), 10)
}

// MarshalText returns the digits, nothing for the zero value.
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
	// Until is when the numbers of an older range are not served any more; zero:
	// they are for good. An engine does not store it, but says what is configured.
	Until time.Time `json:"until,omitzero"`
	// Prefixes is what its numbers begin with where older ranges have only a part of
	// it; like Until. An engine does not say.
	Prefixes []string `json:"prefixes,omitempty"`
}

// Stock is how the numbers of a held block stand at a moment.
type Stock struct {
	BlockState
	InUse         int `json:"in_use"`           // a binding on it lives
	Free          int `json:"free"`             // neither in use nor worn nor locked
	Fresh         int `json:"fresh"`            // of the free ones: never in use
	Resting       int `json:"resting"`          // of the free ones: in use less than the quarantine ago
	Absent        int `json:"absent,omitempty"` // of an older range that is narrower than a block: those that it has not
	Worn          int `json:"worn,omitempty"`   // as many bindings were on it as it takes, with those that are over and kept; one may live
	LockedNumbers []X `json:"locked_numbers,omitempty"`
	// Unread: rows on it cannot be read, so that only LockedNumbers is known.
	Unread bool `json:"unread,omitempty"`
	// Ended: of an older range whose last day is over, or that is not configured
	// any more. None of its numbers is free then.
	Ended bool `json:"ended,omitempty"`
	// Decided: an endpoint decides whom calls to its numbers reach. None is drawn.
	Decided bool `json:"decided,omitempty"`
}
