package binding

import "time"

// Mode is a way to write edges; see the package comment.
type Mode string

// The modes of the operator's interface. Bindings of all but remote are made and
// stored; a row of that one is the answer of an endpoint for one call.
const (
	ModeAXB    Mode = "axb"
	ModeAXYB   Mode = "axyb"
	ModeGXB    Mode = "gxb"
	ModeGXYB   Mode = "gxyb"
	ModeAX     Mode = "ax"
	ModeAXE    Mode = "axe"
	ModeRemote Mode = "remote"
)

func (m Mode) known() bool {
	switch m {
	case ModeAXB, ModeAXYB, ModeGXB, ModeGXYB, ModeAX, ModeAXE, ModeRemote:
		return true
	}
	return false
}

// available reports whether bindings of the mode are made and stored.
func (m Mode) available() bool { return m.known() && m != ModeRemote }

// open reports whether a mode connects anyone who dials.
func (m Mode) open() bool { return m == ModeAX || m == ModeAXE }

// OneWay restricts which party may call. The zero value restricts nothing.
type OneWay string

// Values of OneWay.
const (
	BothWays   OneWay = ""
	OneWayAToB OneWay = "a-to-b" // only A may call B
	OneWayBToA OneWay = "b-to-a" // only B may call A
)

// Texts says whether a binding carries texts. The zero value leaves it to its
// tenant, who has them unless it says TextsOff.
type Texts string

// Values of Texts, beside TextsOff.
const (
	TextsAsTenant Texts = ""
	TextsOn       Texts = "on"
)

// CarriesTexts says whether texts are carried over b, whose tenant has these settings.
func (b *Binding) CarriesTexts(t *TenantSettings) bool {
	return b.Texts == TextsOn || b.Texts == TextsAsTenant && t.Texts != TextsOff
}

// State is where a binding is in its life.
type State string

// States of a binding. Only a live one carries calls.
const (
	StatePending State = "pending" // not made yet at the moment asked about
	StateLive    State = "live"
	StateExpired State = "expired"
	StateUnbound State = "unbound"
)

// DefaultTenant is the tenant of a binding that names none.
const DefaultTenant = "default"

// Binding says who reaches whom over a 700 number. It is plain data: the
// rules of making one are those of [Service], the calls that it carries are
// its [Binding.Edges].
type Binding struct {
	ID        string // letters only
	Mode      Mode
	X, Y      X        // Y: second number of the modes that have one
	A, B      Number   // A: in the modes that have a group, the member whom B reaches; zero: none
	Group     []Number // members, in the modes that have a group
	Extension string   // digits dialled behind X, in mode axe

	Order        string // the tenant's order, mandatory
	Consent      string // reference to the consent on record
	IndustrialID string
	Tenant       string
	Data         string // passed through into the records

	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	EndedAt   time.Time // when it was unbound; zero: not
	UpdatedAt time.Time // when it was changed last; zero: never

	Sliding time.Duration // each call or text moves the expiry so far ahead; zero: it stays
	Refs    int           // how often it was bound again and not unbound since
	Changes []Change      // of parties and consent, oldest first; an engine appends to it (Revise)

	MaxDuration time.Duration // of one call; zero: not limited
	OneWay      OneWay
	Back        Back // whom the protected side reaches, in the modes where that may be several
	Record      bool // what is said in its calls is recorded
	Texts       Texts
}

// State returns the state of b at a moment. Of unbinding and expiry, what
// came first counts. The moment of expiry is no longer live.
func (b *Binding) State(at time.Time) State {
	ended := !b.EndedAt.IsZero() && !at.Before(b.EndedAt)
	expired := !b.ExpiresAt.IsZero() && !at.Before(b.ExpiresAt)
	switch {
	case at.Before(b.CreatedAt):
		return StatePending
	case expired && (!ended || !b.EndedAt.Before(b.ExpiresAt)):
		return StateExpired
	case ended:
		return StateUnbound
	default:
		return StateLive
	}
}

// ended is when b ended, the zero time while nothing says that it will.
func (b *Binding) ended() time.Time {
	if b.EndedAt.IsZero() || !b.ExpiresAt.IsZero() && b.ExpiresAt.Before(b.EndedAt) {
		return b.ExpiresAt
	}
	return b.EndedAt
}

// HasParty reports whether n is a party of b, in whatever role.
func (b *Binding) HasParty(n Number) bool {
	if n.IsZero() {
		return false
	}
	if b.A == n || b.B == n {
		return true
	}
	for _, member := range b.Group {
		if member == n {
			return true
		}
	}
	return false
}

// SharesParty reports whether a subscriber is a party of both bindings.
func (b *Binding) SharesParty(other *Binding) bool {
	if b.HasParty(other.A) || b.HasParty(other.B) {
		return true
	}
	for _, member := range other.Group {
		if b.HasParty(member) {
			return true
		}
	}
	return false
}

// Collides reports whether both bindings cannot live on one number: they share
// a party, or both are for anyone who dials it and the same digits behind it.
func (b *Binding) Collides(other *Binding) bool {
	return b.SharesParty(other) || b.Mode.open() && other.Mode.open() && b.Extension == other.Extension
}

// OnX reports whether x is a number of b.
func (b *Binding) OnX(x X) bool { return x != 0 && (b.X == x || b.Y == x) }
