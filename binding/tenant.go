package binding

import (
	"context"
	"errors"
	"regexp"
	"time"
)

// States of a tenant. Over the bindings of a suspended one nobody calls, and
// it makes no new ones; calls that go on are not cut off.
const (
	TenantActive    = "active"
	TenantSuspended = "suspended"
)

// MaxTenants is how many tenants there may be: whoever may add some must not
// fill the memory.
const MaxTenants = 1 << 16

// Tenant is one of the service users for whom bindings are made. It is plain
// data. DefaultTenant is there without being added.
type Tenant struct {
	Name    string    `json:"name"`
	State   string    `json:"state"`             // TenantActive or TenantSuspended
	Reason  string    `json:"reason,omitempty"`  // why it is suspended
	AddedAt time.Time `json:"added_at,omitzero"` // zero: a binding named it before tenants were added
	Since   time.Time `json:"since,omitzero"`    // of the state; zero: of always
	TenantSettings
}

// TenantSettings are the rules that hold for the bindings of a tenant. The
// zero value asks for nothing.
type TenantSettings struct {
	RequireConsent bool     `json:"require_consent"`        // every binding names a consent on record
	OwnBlocks      bool     `json:"own_blocks"`             // no number of the blocks that tenants share: a Store draws and binds none
	TTL            Duration `json:"ttl,omitempty"`          // of a binding that names no expiry; 0: none
	MaxDuration    Duration `json:"max_duration,omitempty"` // of a call over a binding that names none; 0: not limited
	Limits         string   `json:"limits,omitempty"`       // in place of those that are configured; package limit reads them
	Texts          string   `json:"texts,omitempty"`        // what becomes of real numbers in texts; see TextsPass
}

// What becomes of a text in which a real number stands. The empty value is
// what the installation is configured to do.
const (
	TextsPass   = "pass"
	TextsMask   = "mask"
	TextsRefuse = "refuse"
	TextsOff    = "off" // no texts, but over bindings that say TextsOn
)

// Check returns what is wrong with the settings, a *FieldError.
func (s *TenantSettings) Check() error {
	switch ttl, call := time.Duration(s.TTL), time.Duration(s.MaxDuration); {
	case ttl != 0 && ttl < time.Second:
		return refuse("ttl", "shorter than a second; give a longer one, or 0 for no expiry")
	case ttl > maxLife:
		return refuse("ttl", "longer than ten years; give a shorter one, or 0 for no expiry")
	case call != 0 && call < time.Second:
		return refuse("max_duration", "shorter than a second; give a longer one, or 0 for no limit")
	case call > maxCall:
		return refuse("max_duration", "longer than a day; give a shorter one, or 0 for no limit")
	}
	switch s.Texts {
	case "", TextsPass, TextsMask, TextsRefuse, TextsOff:
		return nil
	}
	return refuse("texts", "not a way to treat texts; one of pass, mask, refuse, off, or none for what is configured")
}

// Tenants is the part of a Store that keeps tenants.
type Tenants interface {
	// Tenants returns all of them in order of their names, DefaultTenant too.
	Tenants(ctx context.Context) ([]Tenant, error)

	// Tenant returns a tenant by its name. It reads memory only and never
	// blocks: it is asked for every call.
	Tenant(name string) (Tenant, bool)

	// PutTenant adds a tenant or changes it, one change after the other:
	// change gets what is there, or a tenant that has only its name, and
	// whether it is there. An error of change is returned and nothing is
	// written. The name stays. ErrTooManyTenants: there are MaxTenants.
	PutTenant(ctx context.Context, name string, change func(t *Tenant, known bool) error) (Tenant, error)
}

// Errors about tenants.
var (
	// ErrNoTenant: nobody added a tenant of that name.
	ErrNoTenant = errors.New("no tenant has this name; list the tenants, or add it first")
	// ErrSuspended: the tenant makes no bindings for now.
	ErrSuspended = errors.New("the tenant is suspended and makes no new bindings; resume it first")
	// ErrTooManyTenants: there are as many as may be.
	ErrTooManyTenants = errors.New("there are as many tenants as may be")
)

// goodTenant is the shape of a new tenant's name: it stands in paths, logs and
// records. One with a long run of digits, whatever separates them, could be
// somebody's number.
var (
	goodTenant = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	longDigits = regexp.MustCompile(`([0-9][._-]*){7}`)
)

// AddTenant adds an active tenant. A refusal is a *FieldError; behind it
// ErrExists stands for a name that is taken.
func (s *Service) AddTenant(ctx context.Context, name string, settings TenantSettings) (Tenant, error) {
	if !goodTenant.MatchString(name) || longDigits.MatchString(name) {
		return Tenant{}, refuse("name", "not the name of a tenant; up to 64 letters, digits, dots, dashes and underscores, "+
			"a letter or digit first, and no more than six digits in a row, also with dots, dashes and underscores between")
	}
	if err := settings.Check(); err != nil {
		return Tenant{}, err
	}
	now := s.now()
	return s.Store.PutTenant(ctx, name, func(t *Tenant, known bool) error {
		if known {
			return &FieldError{Field: "name", Err: errTenantThere}
		}
		t.State, t.AddedAt, t.Since, t.TenantSettings = TenantActive, now, now, settings
		return nil
	})
}

var errTenantThere error = kindError{"a tenant of this name is there already; change it with update", ErrExists}

// ChangeTenant changes the settings of a tenant. ErrNoTenant; a *FieldError of
// the settings.
func (s *Service) ChangeTenant(ctx context.Context, name string, change func(*TenantSettings) error) (Tenant, error) {
	return s.putTenant(ctx, name, func(t *Tenant) error {
		if err := change(&t.TenantSettings); err != nil {
			return err
		}
		return t.TenantSettings.Check()
	})
}

// SuspendTenant suspends a tenant for a reason. One that is suspended already
// stays so since then, for the new reason.
func (s *Service) SuspendTenant(ctx context.Context, name, reason string) (Tenant, error) {
	now := s.now()
	return s.putTenant(ctx, name, func(t *Tenant) error {
		if t.State != TenantSuspended {
			t.State, t.Since = TenantSuspended, now
		}
		t.Reason = reason
		return nil
	})
}

// ResumeTenant ends the suspension of a tenant; one that is not suspended
// stays as it is.
func (s *Service) ResumeTenant(ctx context.Context, name string) (Tenant, error) {
	now := s.now()
	return s.putTenant(ctx, name, func(t *Tenant) error {
		if t.State == TenantSuspended {
			t.State, t.Since = TenantActive, now
		}
		t.Reason = ""
		return nil
	})
}

func (s *Service) putTenant(ctx context.Context, name string, change func(*Tenant) error) (Tenant, error) {
	return s.Store.PutTenant(ctx, name, func(t *Tenant, known bool) error {
		if !known {
			return ErrNoTenant
		}
		return change(t)
	})
}

const missingConsent = "missing; this tenant's bindings name the consent of the user on record"

// checkTenant refuses a binding that its tenant may not make, and gives it
// what the tenant has for those that say nothing themselves.
func (s *Service) checkTenant(b *Binding, r *Request) error {
	t, ok := s.Store.Tenant(b.Tenant)
	if !ok {
		return &FieldError{Field: "tenant", Err: ErrNoTenant}
	}
	if t.State == TenantSuspended {
		return &FieldError{Field: "tenant", Err: ErrSuspended}
	}
	if t.RequireConsent && b.Consent == "" {
		return refuse("consent", missingConsent)
	}
	if r.TTL == 0 && r.Expires.IsZero() && r.Sliding == 0 {
		r.TTL = time.Duration(t.TTL)
	}
	if b.MaxDuration == 0 {
		b.MaxDuration = time.Duration(t.MaxDuration)
	}
	return nil
}
