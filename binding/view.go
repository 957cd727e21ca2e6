package binding

import (
	"strings"
	"time"
)

// View is a binding as the operator's interface shows it: in JSON the names
// are kept between versions, and every subscriber number is masked, unless
// the view was made for somebody who may see it (ViewWith). A client reads it
// back with encoding/json.
type View struct {
	ID           string     `json:"id"`
	Mode         Mode       `json:"mode"`
	X            X          `json:"x"`
	Y            X          `json:"y"`
	A            Masked     `json:"a"`
	B            Masked     `json:"b"`
	Group        []Masked   `json:"group"`
	Extension    string     `json:"extension"`
	State        State      `json:"state"`
	Order        string     `json:"order"`
	Consent      string     `json:"consent"`
	IndustrialID string     `json:"industrial_id"`
	Tenant       string     `json:"tenant"`
	CreatedAt    time.Time  `json:"created_at"`
	ExpiresAt    *time.Time `json:"expires_at"`         // null: never
	EndedAt      *time.Time `json:"ended_at,omitempty"` // when it was unbound
	UpdatedAt    *time.Time `json:"updated_at"`         // when it was changed last; null: never
	Sliding      Duration   `json:"sliding"`            // each call or text moves the expiry so far ahead
	Refs         int        `json:"refs"`               // how often it is to be deleted until it ends
	MaxDuration  Duration   `json:"max_duration"`
	OneWay       OneWay     `json:"one_way"`
	Back         Back       `json:"back,omitempty"`
	Record       bool       `json:"record"`
	Texts        Texts      `json:"texts,omitempty"` // nothing: as its tenant has them
	Data         string     `json:"data"`
	Legs         []Leg      `json:"legs"`
	Changes      []Step     `json:"changes,omitempty"` // of parties and consent, oldest first
}

// Step is a [Change] as it is shown.
type Step struct {
	At    time.Time `json:"at"`
	Field string    `json:"field"` // "a", "b", "group" or "consent"
	Out   Masked    `json:"out,omitempty"`
	In    Masked    `json:"in,omitempty"`
	Was   string    `json:"was,omitempty"` // the consent before
}

// Leg is one direction in which a binding may be called: Caller dials Dials,
// the handset of Rings rings and shows Shows.
type Leg struct {
	Caller    Masked `json:"caller"` // Anyone where every caller is connected
	Dials     X      `json:"dials"`
	Extension string `json:"extension,omitempty"` // dialled behind it
	Rings     Masked `json:"rings"`               // LastCaller where that is not known before
	Shows     X      `json:"shows"`

	Then []Masked `json:"then,omitempty"` // who rings when that handset does not answer, in this order
}

// Anyone stands in the place of a caller who may be anybody.
const Anyone = Masked("anyone")

// LastCaller stands in the place of whoever called last.
const LastCaller = Masked("last caller")

// Leg returns the edge with its numbers as they are shown to somebody.
func (e Edge) Leg(show func(Number) Masked) Leg {
	l := Leg{Caller: show(e.Caller), Dials: e.Dialled, Extension: e.Extension, Rings: show(e.Callee), Shows: e.Shown}
	if e.Anyone {
		l.Caller = Anyone
	}
	if e.Callee.IsZero() && e.Back == BackLast {
		l.Rings = LastCaller
	}
	return l
}

// View returns b as it is at a moment, its numbers masked. Directions that
// are forbidden are no legs.
func (b Binding) View(at time.Time) View { return b.ViewWith(at, Number.Masked) }

// ViewWith is View with another way to show numbers.
func (b Binding) ViewWith(at time.Time, show func(Number) Masked) View {
	v := View{
		ID: b.ID, Mode: b.Mode, X: b.X, Y: b.Y,
		A: show(b.A), B: show(b.B), Group: []Masked{}, Extension: b.Extension,
		State: b.State(at), Order: b.Order, Consent: b.Consent,
		IndustrialID: b.IndustrialID, Tenant: b.Tenant,
		CreatedAt: b.CreatedAt, ExpiresAt: moment(b.ExpiresAt), EndedAt: moment(b.EndedAt),
		UpdatedAt: moment(b.UpdatedAt), Sliding: Duration(b.Sliding), Refs: b.Refs + 1,
		MaxDuration: Duration(b.MaxDuration), OneWay: b.OneWay, Back: b.Back, Record: b.Record, Texts: b.Texts, Data: b.Data,
		Legs: []Leg{},
	}
	if !b.EndedAt.IsZero() {
		v.Refs = 0
	}
	for _, c := range b.Changes {
		v.Changes = append(v.Changes, Step{At: c.At, Field: c.Field, Out: show(c.Out), In: show(c.In), Was: c.Was})
	}
	for _, member := range b.Group {
		v.Group = append(v.Group, show(member))
	}
	for _, e := range b.Edges() {
		if !e.Forbidden {
			l := e.Leg(show)
			for _, n := range b.Next(e) {
				l.Then = append(l.Then, show(n))
			}
			v.Legs = append(v.Legs, l)
		}
	}
	return v
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Duration is a time.Duration that is written as people write one ("2h",
// "1m30s"), and "" for zero.
type Duration time.Duration

// String returns the written form.
func (d Duration) String() string {
	if d == 0 {
		return ""
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText returns the written form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [time.ParseDuration] reads, or nothing for zero.
// Its error does not repeat the text.
func (d *Duration) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return errDuration
	}
	*d = Duration(v)
	return nil
}
