package binding

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"
)

// Update asks for a change of a binding that lives. What is nil, empty or zero
// stays as it is; a pointer to "" or 0 takes away what may be left out. As
// [Request] it carries numbers in clear and shows none of them.
type Update struct {
	A, B         *string
	GroupAdd     []string
	GroupRemove  []string
	OneWay       *string
	MaxDuration  *time.Duration
	Data         *string
	Consent      *string
	IndustrialID *string
	Record       *bool
	Texts        *string
	TTL          time.Duration // from now
	Expires      time.Time
	Sliding      *time.Duration
	Back         *string
	NoExpiry     bool // it does not expire any more
}

// Extension asks for a later expiry: one of both.
type Extension struct {
	TTL     time.Duration // from now
	Expires time.Time
}

var errNoUpdate = errors.New("nothing is to be changed; name what is to be")

// empty reports whether nothing is asked for.
func (u *Update) empty() bool {
	return u.A == nil && u.B == nil && len(u.GroupAdd) == 0 && len(u.GroupRemove) == 0 && u.OneWay == nil && u.MaxDuration == nil &&
		u.Data == nil && u.Consent == nil && u.IndustrialID == nil && u.Record == nil && u.Texts == nil && u.TTL == 0 && u.Expires.IsZero() && u.Sliding == nil &&
		u.Back == nil && !u.NoExpiry
}

// Update changes a binding and returns it as it now is. Its id, order and
// numbers stay, and so do calls that go on. A refusal is ErrEnded, ErrChanges,
// ErrNotFound, a *FieldError, or a *ConflictError when a party that comes
// stands on the number already. No error repeats what was written.
func (s *Service) Update(ctx context.Context, id string, u Update) (Binding, error) {
	if u.empty() {
		return Binding{}, &FieldError{Field: "update", Err: errNoUpdate}
	}
	p, err := s.parseUpdate(&u)
	if err != nil {
		return Binding{}, err
	}
	now := s.now()
	if err := s.tenantOf(ctx, id, p); err != nil {
		return Binding{}, err
	}
	b, err := s.Store.Change(ctx, id, func(b *Binding) error { return p.apply(b, now) })
	return b, u.late(err)
}

// late names the field of an expiry that is later than the number is served.
func (u *Update) late(err error) error {
	switch {
	case !errors.Is(err, ErrRangeEnds):
		return err
	case u.TTL != 0:
		return &FieldError{Field: "ttl", Err: err}
	}
	return &FieldError{Field: "expires", Err: err}
}

// tenantOf takes the rules of the tenant of a binding into an update.
func (s *Service) tenantOf(ctx context.Context, id string, p *parsedUpdate) error {
	b, err := s.Store.Binding(ctx, id)
	if err != nil {
		return err
	}
	t, ok := s.Store.Tenant(b.Tenant)
	if ok && t.State == TenantSuspended {
		return refuse("tenant", "suspended, and its bindings stay as they are; resume it first")
	}
	p.consent = t.RequireConsent
	return nil
}

// Extend moves the expiry of a binding that lives to a later time. Sooner
// ones are refused: what is asked for is that it lives longer.
func (s *Service) Extend(ctx context.Context, id string, e Extension) (Binding, error) {
	u := Update{TTL: e.TTL, Expires: e.Expires}
	if u.empty() {
		return Binding{}, refuse("ttl", "missing; give a time to live, or when it is to expire")
	}
	p, err := s.parseUpdate(&u)
	if err != nil {
		return Binding{}, err
	}
	now := s.now()
	if err := s.tenantOf(ctx, id, p); err != nil {
		return Binding{}, err
	}
	b, err := s.Store.Change(ctx, id, func(b *Binding) error {
		before := b.ExpiresAt
		field := "expires"
		if e.TTL != 0 {
			field = "ttl"
		}
		switch err := p.apply(b, now); {
		case err != nil:
			return err
		case before.IsZero():
			return refuse(field, "the binding does not expire, so that there is nothing to extend; an update can give it an expiry")
		case b.ExpiresAt.Before(before):
			return refuse(field, "sooner than the binding expires now, which would not extend it; an update can cut it short")
		}
		return nil
	})
	return b, u.late(err)
}

// parsedUpdate is an update whose numbers are read.
type parsedUpdate struct {
	*Update
	a, b        Number
	add, remove []Number
	consent     bool // there has to be one, of whoever comes too
	numberLike  func(text string) bool
}

func (s *Service) parseUpdate(u *Update) (*parsedUpdate, error) {
	p := &parsedUpdate{Update: u, numberLike: s.NumberLike}
	for _, party := range []struct {
		field string
		text  *string
		into  *Number
	}{{"a", u.A, &p.a}, {"b", u.B, &p.b}} {
		if party.text == nil || *party.text == "" {
			continue
		}
		n, err := s.Plan.ParseNumber(*party.text)
		if err != nil {
			return nil, &FieldError{Field: party.field, Err: err}
		}
		*party.into = n
	}
	for _, list := range []struct {
		field string
		texts []string
		into  *[]Number
	}{{"group_add", u.GroupAdd, &p.add}, {"group_remove", u.GroupRemove, &p.remove}} {
		if len(list.texts) > maxGroup {
			return nil, refuse(list.field, "more than a thousand members; send them in several updates")
		}
		for _, text := range list.texts {
			n, err := s.Plan.ParseNumber(text)
			if err != nil {
				return nil, &FieldError{Field: list.field, Err: err}
			}
			*list.into = append(*list.into, n)
		}
	}
	switch {
	case u.NoExpiry && (u.TTL != 0 || !u.Expires.IsZero()):
		return nil, refuse("expires", "none, and a time as well; give one of them")
	case u.TTL != 0 && !u.Expires.IsZero():
		return nil, refuse("ttl", "given together with expires; give one of them")
	case u.TTL != 0:
		return p, checkTTL(u.TTL)
	}
	return p, nil
}

// apply changes b.
func (p *parsedUpdate) apply(b *Binding, now time.Time) error {
	if b.State(now) == StateExpired || !b.EndedAt.IsZero() {
		return ErrEnded
	}
	b.UpdatedAt = now
	for _, step := range []func(*Binding, time.Time) error{p.agreed, p.parties, p.members, p.terms, p.times} {
		if err := step(b, now); err != nil {
			return err
		}
	}
	if err := checkSides(b); err != nil {
		return err
	}
	if err := checkTerms(b); err != nil {
		return err
	}
	if err := checkTexts(b, nil); err != nil {
		return err
	}
	return p.secrets(b)
}

// secrets is checkSecrets for what comes: a text, against the parties, and a party, against the texts. What was there is not
// judged anew, which nobody who changes something else could mend.
func (p *parsedUpdate) secrets(b *Binding) error {
	given := map[string]bool{"consent": p.Consent != nil, "industrial_id": p.IndustrialID != nil, "data": p.Data != nil}
	come := append([]Number{p.a, p.b}, p.add...)
	for _, text := range b.texts() {
		against := come
		switch {
		case given[text.field] && p.numberLike == nil:
			against = b.parties()
		case given[text.field] && p.numberLike(text.value):
			return refuse(text.field, "holds what reads like a subscriber's number, which would then stand in every record; take it out")
		}
		if Mentions(text.value, against...) {
			return &FieldError{Field: text.field, Err: ErrRepeats}
		}
	}
	return nil
}

// agreed has a party that is given come with a consent that is given too, where the tenant's bindings name one: that of who was
// there is not theirs. It asks for it whoever is there, as who may not see the parties could find them by naming others.
func (p *parsedUpdate) agreed(*Binding, time.Time) error {
	if p.consent && p.Consent == nil && (!p.a.IsZero() || !p.b.IsZero() || len(p.add) > 0) {
		return refuse("consent", "missing; whoever comes into a binding of this tenant comes with the consent of the user on record: name it, also where it is the one before")
	}
	return nil
}

func (p *parsedUpdate) parties(b *Binding, _ time.Time) error {
	want := shapeOf(b.Mode)
	for _, party := range []struct {
		field string
		given *string
		n     Number
		want  presence
		into  *Number
	}{{"a", p.A, p.a, want.a, &b.A}, {"b", p.B, p.b, want.b, &b.B}} {
		switch {
		case party.given == nil:
			continue
		case party.n.IsZero() && party.want == required:
			return refuse(party.field, missingParty)
		}
		*party.into = party.n
	}
	return nil
}

func (p *parsedUpdate) members(b *Binding, _ time.Time) error {
	for _, list := range []struct {
		field string
		names []Number
	}{{"group_add", p.add}, {"group_remove", p.remove}} {
		if len(list.names) > 0 && shapeOf(b.Mode).group == absent {
			return refuse(list.field, "mode "+string(b.Mode)+" has no group; leave it out")
		}
	}
	for _, n := range p.remove {
		i := slices.Index(b.Group, n)
		if i < 0 {
			return refuse("group_remove", "names somebody who is no member; look the binding up")
		}
		b.Group = slices.Delete(b.Group, i, i+1)
	}
	for _, n := range p.add {
		if slices.Contains(b.Group, n) {
			return refuse("group_add", "names somebody who is a member already; leave them out")
		}
		b.Group = append(b.Group, n)
	}
	if len(b.Group) == 0 && shapeOf(b.Mode).group == required {
		return refuse("group_remove", "nobody would be left in the group; delete the binding, or add somebody first")
	}
	return nil
}

func (p *parsedUpdate) terms(b *Binding, _ time.Time) error {
	if p.OneWay != nil {
		if *p.OneWay != "" && b.Mode.open() {
			return refuse("one_way", "mode "+string(b.Mode)+" has no two directions; leave it out")
		}
		b.OneWay = OneWay(*p.OneWay)
	}
	if p.Back != nil {
		b.Back = Back(*p.Back)
		if err := checkBack(b); err != nil {
			return err
		}
	}
	if p.MaxDuration != nil {
		b.MaxDuration = *p.MaxDuration
	}
	if p.Record != nil {
		b.Record = *p.Record
	}
	if p.Texts != nil {
		b.Texts = Texts(*p.Texts)
	}
	for _, text := range []struct {
		given *string
		into  *string
	}{{p.Data, &b.Data}, {p.Consent, &b.Consent}, {p.IndustrialID, &b.IndustrialID}} {
		if text.given != nil {
			*text.into = *text.given
		}
	}
	if p.consent && p.Consent != nil && b.Consent == "" {
		return refuse("consent", missingConsent)
	}
	return nil
}

func (p *parsedUpdate) times(b *Binding, now time.Time) error {
	if p.Sliding != nil {
		b.Sliding = *p.Sliding
	}
	expires := b.ExpiresAt
	switch {
	case p.NoExpiry && b.Sliding > 0:
		return refuse("expires", "none, and the binding expires when it is not used; end its sliding as well")
	case p.NoExpiry:
		expires = time.Time{}
	case p.TTL != 0:
		expires = now.Add(p.TTL).Truncate(time.Millisecond)
	case !p.Expires.IsZero():
		expires = p.Expires.UTC().Truncate(time.Millisecond)
	case p.Sliding != nil && *p.Sliding > 0 && expires.IsZero():
		expires = now.Add(*p.Sliding).Truncate(time.Millisecond)
	}
	if expires.Equal(b.ExpiresAt) {
		return nil
	}
	b.ExpiresAt = expires
	return checkExpiry(expires, now)
}

// String says nothing of what is in it: any of its texts may hold a number.
func (u Update) String() string { return "update of a binding" }

// Format implements [fmt.Formatter]: String under every verb.
func (u Update) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// LogValue implements [slog.LogValuer] with String.
func (u Update) LogValue() slog.Value { return slog.StringValue(u.String()) }
