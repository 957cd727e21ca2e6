package binding

import (
	"cmp"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a request may carry, in bytes of UTF-8.
const (
	maxOrder  = 128 // consent and industrial id too
	maxTenant = 64
	maxData   = 1024
)

// maxLife bounds an expiry: what is beyond is a slip of a unit.
const maxLife = 10 * 366 * 24 * time.Hour

// minSliding keeps the writes of a sliding expiry few: see slideStep.
const minSliding = time.Minute

// maxCall bounds max_duration for the same reason.
const maxCall = 24 * time.Hour

// check turns a request into a binding without id and, unless X was given,
// without number. Every error is a *FieldError.
func (s *Service) check(r Request) (Binding, error) {
	b := Binding{
		Mode: Mode(r.Mode), Order: r.Order, Consent: r.Consent, IndustrialID: r.IndustrialID,
		Tenant: r.Tenant, Data: r.Data, OneWay: OneWay(r.OneWay), Back: Back(r.Back), MaxDuration: r.MaxDuration, Record: r.Record, Sliding: r.Sliding, Texts: Texts(r.Texts),
		CreatedAt: s.now(),
	}
	if b.Tenant == "" {
		b.Tenant = cmp.Or(s.Tenant, DefaultTenant)
	}
	for _, step := range []func(*Binding, *Request) error{s.checkMode, s.checkParties, checkExtension, s.checkX, checkTexts, s.checkTenant, checkTimes, checkSecrets} {
		if err := step(&b, &r); err != nil {
			return Binding{}, err
		}
	}
	return b, nil
}

// Check refuses what no binding may carry, whoever made it: texts too long or
// with the number of a party in them, times that cannot be, no order. The error
// is a *FieldError.
func (b *Binding) Check() error {
	for _, step := range []func(*Binding, *Request) error{checkTexts, checkTimes, checkSecrets} {
		if err := step(b, &Request{}); err != nil {
			return err
		}
	}
	return nil
}

func refuse(field, text string) error { return &FieldError{Field: field, Err: errors.New(text)} }

func (s *Service) checkX(b *Binding, r *Request) error {
	for _, number := range []struct {
		field, text string
		into        *X
	}{{"x", r.X, &b.X}, {"y", r.Y, &b.Y}} {
		if number.text == "" {
			continue
		}
		x, err := s.Plan.ParseX(number.text)
		if err != nil {
			return &FieldError{Field: number.field, Err: err}
		}
		*number.into = x
	}
	if b.X != 0 && b.X == b.Y {
		return refuse("y", "the same number as x; a binding of this mode needs two")
	}
	return nil
}

func checkTexts(b *Binding, _ *Request) error {
	if strings.TrimSpace(b.Order) == "" {
		return refuse("order", "missing; every binding names its order")
	}
	for _, text := range []struct {
		field, value string
		max          int
	}{
		{"order", b.Order, maxOrder},
		{"consent", b.Consent, maxOrder},
		{"industrial_id", b.IndustrialID, maxOrder},
		{"tenant", b.Tenant, maxTenant},
		{"data", b.Data, maxData},
	} {
		if err := checkText(text.field, text.value, text.max); err != nil {
			return err
		}
	}
	return nil
}

// checkText refuses a text that cannot be stored or printed.
func checkText(field, value string, most int) error {
	switch {
	case len(value) > most:
		return refuse(field, "too long; shorten it")
	case !utf8.ValidString(value):
		return refuse(field, "not text in UTF; encode it anew")
	case strings.ContainsFunc(value, isControl):
		return refuse(field, "has a control character; take it out")
	}
	return nil
}

// isControl is true of what could break a line of a log or of a file, or
// turn the direction of what follows.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

func checkTimes(b *Binding, r *Request) error {
	if err := checkTerms(b); err != nil {
		return err
	}
	switch {
	case r.TTL != 0 && !r.Expires.IsZero():
		return refuse("ttl", "given together with expires; give one of them")
	case r.TTL != 0:
		if err := checkTTL(r.TTL); err != nil {
			return err
		}
		b.ExpiresAt = b.CreatedAt.Add(r.TTL).Truncate(time.Millisecond)
	case !r.Expires.IsZero():
		b.ExpiresAt = r.Expires.UTC().Truncate(time.Millisecond)
	case r.Sliding > 0:
		b.ExpiresAt = b.CreatedAt.Add(r.Sliding).Truncate(time.Millisecond)
	}
	return checkExpiry(b.ExpiresAt, b.CreatedAt)
}

func checkTTL(ttl time.Duration) error {
	switch {
	case ttl < time.Millisecond:
		return refuse("ttl", "over at once; give a longer time, or none for no expiry")
	case ttl > maxLife:
		return refuse("ttl", "longer than ten years; give a shorter one, or none for no expiry")
	}
	return nil
}

func checkExpiry(expires, now time.Time) error {
	switch {
	case !expires.IsZero() && !expires.After(now):
		return refuse("expires", "not in the future; give a time that is still to come")
	case !expires.IsZero() && expires.Sub(now) > maxLife:
		return refuse("expires", "more than ten years ahead; give an earlier time, or none for no expiry")
	}
	return nil
}

// checkTerms checks what is the same when a binding is made and when it is
// changed.
func checkTerms(b *Binding) error {
	switch {
	case b.Sliding < 0 || b.Sliding > 0 && b.Sliding < minSliding:
		return refuse("sliding", "shorter than a minute; give a longer time, or none for an expiry that stays")
	case b.Sliding > maxLife:
		return refuse("sliding", "longer than ten years; give a shorter time, or none for an expiry that stays")
	case b.MaxDuration < 0 || b.MaxDuration > 0 && b.MaxDuration < time.Second:
		return refuse("max_duration", "shorter than a second; give a longer one, or none for no limit")
	case b.MaxDuration > maxCall:
		return refuse("max_duration", "longer than a day; give a shorter one, or none for no limit")
	case b.OneWay != BothWays && b.OneWay != OneWayAToB && b.OneWay != OneWayBToA:
		return refuse("one_way", "not a direction; one of a-to-b, b-to-a, or none for both ways")
	case b.Texts != TextsAsTenant && b.Texts != TextsOn && b.Texts != TextsOff:
		return refuse("texts", "one of on, off, or none for what the tenant has")
	}
	return nil
}

// checkSecrets refuses a text that repeats the number of a party: it would
// stand unmasked in every record of the binding.
func checkSecrets(b *Binding, _ *Request) error {
	parties := b.parties()
	for _, text := range b.texts() {
		if Mentions(text.value, parties...) {
			return &FieldError{Field: text.field, Err: ErrRepeats}
		}
	}
	return nil
}

// textField is a text of a binding under its name in JSON.
type textField struct{ field, value string }

// texts are those that stand in every record of the binding.
func (b *Binding) texts() [5]textField {
	return [...]textField{{"order", b.Order}, {"consent", b.Consent}, {"industrial_id", b.IndustrialID}, {"tenant", b.Tenant}, {"data", b.Data}}
}

func (b *Binding) parties() []Number { return append([]Number{b.A, b.B}, b.Group...) }
