package binding

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Directions of a Bar, as its number sees them.
const (
	BarFrom = "from" // the number may not call, nor write
	BarTo   = "to"   // the number may not be called, nor written to
	BarBoth = "both"
)

// MaxBarsOnNumber is how many entries of one tenant, or for every
// tenant, a number may have on block lists: for every call of it they
// are gone through. Each tenant's are counted for themselves, so that none
// learns whether others have any.
const MaxBarsOnNumber = 256

// DefaultBars and DefaultTenantBars are how many entries the block lists may have,
// all of them and those of one tenant, and MaxBars how many can be allowed.
const (
	DefaultBars       = 1_000_000
	DefaultTenantBars = 100_000
	MaxBars           = 10_000_000
)

// Bar is an entry of a block list: a subscriber who may not call or be called,
// by one other or by anyone, over the bindings of one tenant or of all. It
// never changes; it is there until it is removed, and counts until Until.
type Bar struct {
	ID        string // letters only
	Number    Number
	Peer      Number // the other side; zero: whoever it is
	Tenant    string // "": over the bindings of every tenant
	Direction string // BarFrom, BarTo or BarBoth
	CreatedAt time.Time
	Until     time.Time // zero: until it is removed
	Reason    string
}

// Live reports whether the entry counts at a moment.
func (b *Bar) Live(at time.Time) bool { return b.Until.IsZero() || at.Before(b.Until) }

// Bars reports whether the entry keeps caller from callee over a binding of a
// tenant at a moment.
func (b *Bar) Bars(caller, callee Number, tenant string, at time.Time) bool {
	if b.Tenant != "" && b.Tenant != tenant || !b.Live(at) {
		return false
	}
	from := b.Direction != BarTo && b.Number == caller && (b.Peer.IsZero() || b.Peer == callee)
	to := b.Direction != BarFrom && b.Number == callee && (b.Peer.IsZero() || b.Peer == caller)
	return from || to
}

// same reports whether two entries say the same, but for how long and why.
func (b *Bar) same(other *Bar) bool {
	return b.Number == other.Number && b.Peer == other.Peer && b.Tenant == other.Tenant && b.Direction == other.Direction
}

// Covers reports whether b says at a moment all that other would say, as long
// as it would.
func (b *Bar) Covers(other *Bar, at time.Time) bool {
	return b.same(other) && b.Live(at) && (b.Until.IsZero() || !other.Until.IsZero() && !b.Until.Before(other.Until))
}

// BarFilter selects entries. The fields that are set must all hold.
type BarFilter struct {
	Number Number // exactly of this number; as a peer it is not found
	Tenant string // of this tenant alone
	After  string // only ids that sort after this one: the cursor of a page
	Limit  int    // at most so many; 0: all
}

// Match reports whether b is selected by everything in f but Limit.
func (f *BarFilter) Match(b *Bar) bool {
	return b.ID > f.After && (f.Tenant == "" || f.Tenant == b.Tenant) &&
		(f.Number.IsZero() || f.Number == b.Number)
}

// BarStore keeps the block lists. Every write is on disk when the method
// returns without an error. All methods may be called from several goroutines
// at once.
type BarStore interface {
	// AddBar adds an entry and returns it; where one is there that covers it
	// already, that one is returned and nothing is written. ErrManyBars: its
	// number has MaxBarsOnNumber of its tenant. ErrTenantBars and ErrAllBars: there
	// is no room for more. ErrExists: the id is taken.
	AddBar(ctx context.Context, b Bar) (Bar, error)

	// Bar returns the entry with an id. ErrNoBar: none.
	Bar(ctx context.Context, id string) (Bar, error)

	// RemoveBar removes an entry and returns it. ErrNoBar: none has the id.
	RemoveBar(ctx context.Context, id string) (Bar, error)

	// Bars calls each for the selected entries in ascending order of id, until
	// Limit, those too that are over. An error of each ends it and is returned.
	Bars(ctx context.Context, f BarFilter, each func(Bar) error) error

	// Barred returns an entry that keeps caller from callee over a binding of
	// a tenant at a moment, and false where there is none. It is asked for
	// every call.
	Barred(ctx context.Context, caller, callee Number, tenant string, at time.Time) (Bar, bool, error)
}

// Errors about block lists.
var (
	// ErrNoBar: no entry has that id.
	ErrNoBar = errors.New("no entry of a block list has this id; list them to find it")
	// ErrTenantBars and ErrAllBars: there are as many entries as may be, of the tenant or at all.
	ErrTenantBars = errors.New("the block list of this tenant has as many entries as one may have (blocklist.tenant_entries); remove some")
	ErrAllBars    = errors.New("the block lists have as many entries as they may have (blocklist.entries); remove some")
	// ErrManyBars: the number has as many entries as may be.
	ErrManyBars = errors.New("this number has as many entries as one may have; bar it for everyone, or remove some")
)

// BarRequest asks for an entry. Its numbers are as they were written. In JSON
// it carries them in clear, as a Request does.
type BarRequest struct {
	Number    string    `json:"number"`
	Peer      string    `json:"peer,omitempty"`   // empty: whoever it is
	Tenant    string    `json:"tenant,omitempty"` // empty: over the bindings of every tenant
	Direction string    `json:"direction"`
	Until     time.Time `json:"until,omitzero"` // zero: until it is removed
	Reason    string    `json:"reason"`
}

// String says what it is and nothing else: its texts may hold numbers.
func (BarRequest) String() string { return "request for an entry of a block list" }

// Format implements [fmt.Formatter]: String under every verb.
func (r BarRequest) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements [slog.LogValuer] with String.
func (r BarRequest) LogValue() slog.Value { return slog.StringValue(r.String()) }

const maxReason = 256

// AddBar puts an entry on a block list. A refusal is a *FieldError.
func (s *Service) AddBar(ctx context.Context, bars BarStore, r BarRequest) (Bar, error) {
	b := Bar{Tenant: r.Tenant, Direction: r.Direction, Reason: strings.TrimSpace(r.Reason), CreatedAt: s.now()}
	for _, n := range []struct {
		field, text string
		into        *Number
	}{{"number", r.Number, &b.Number}, {"peer", r.Peer, &b.Peer}} {
		if n.text == "" && n.field == "peer" {
			continue
		}
		var err error
		if *n.into, err = s.Plan.ParseNumber(n.text); err != nil {
			return Bar{}, &FieldError{Field: n.field, Err: err}
		}
	}
	if !r.Until.IsZero() {
		b.Until = r.Until.UTC().Truncate(time.Millisecond)
	}
	_, tenant := s.Store.Tenant(b.Tenant)
	switch {
	case b.Number == b.Peer:
		return Bar{}, refuse("peer", "the same number as that of the entry; give the other side's, or none for anyone")
	case b.Direction != BarFrom && b.Direction != BarTo && b.Direction != BarBoth:
		return Bar{}, refuse("direction", "not a direction; one of from (it may not call), to (it may not be called), both")
	case b.Tenant != "" && !tenant:
		return Bar{}, &FieldError{Field: "tenant", Err: ErrNoTenant}
	case !b.Until.IsZero() && !b.Until.After(b.CreatedAt):
		return Bar{}, refuse("until", "not in the future; give a time that is still to come, or none")
	case b.Reason == "":
		return Bar{}, refuse("reason", "missing; every entry says why it is there")
	}
	if err := checkText("reason", b.Reason, maxReason); err != nil {
		return Bar{}, err
	}
	if Mentions(b.Reason, b.Number, b.Peer) {
		return Bar{}, refuse("reason", "repeats a number of the entry; take it out")
	}
	var err error
	if b.ID, err = NewID(s.Random); err != nil {
		return Bar{}, err
	}
	b, err = bars.AddBar(ctx, b)
	if errors.Is(err, ErrManyBars) {
		return Bar{}, &FieldError{Field: "number", Err: err}
	}
	return b, err
}

// BarView is an entry as it may be shown.
type BarView struct {
	ID        string     `json:"id"`
	Number    Masked     `json:"number"`
	Peer      Masked     `json:"peer"`   // empty: whoever it is
	Tenant    string     `json:"tenant"` // empty: every tenant
	Direction string     `json:"direction"`
	Live      bool       `json:"live"`
	CreatedAt time.Time  `json:"created_at"`
	Until     *time.Time `json:"until"` // null: until it is removed
	Reason    string     `json:"reason"`
}

// View returns b at a moment, its numbers shown by show.
func (b *Bar) View(at time.Time, show func(Number) Masked) BarView {
	v := BarView{
		ID: b.ID, Number: show(b.Number), Tenant: b.Tenant, Direction: b.Direction, Live: b.Live(at), CreatedAt: b.CreatedAt, Reason: b.Reason,
	}
	if !b.Peer.IsZero() {
		v.Peer = show(b.Peer)
	}
	if !b.Until.IsZero() {
		v.Until = &b.Until
	}
	return v
}
