package binding

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Service has the rules of making and ending a binding, above any Store. Its
// fields are not changed while it is in use; its methods may be called from
// several goroutines at once.
type Service struct {
	Plan   Plan
	Store  Store
	Now    func() time.Time // nil: time.Now
	Random io.Reader        // of ids; nil: the system's; safe for concurrent use
	Tenant string           // of requests that name none; "": DefaultTenant
	// NumberLike judges the texts of an update for somebody who must not learn whom a binding connects: one that reads like
	// a subscriber's number is refused, whoever's it is, and none is compared with the parties that the binding has, as the
	// refusal would tell of them. nil: they are compared ([ErrRepeats]).
	NumberLike func(text string) bool
}

// Create is CreateAgain for who does not ask whether it was there.
func (s *Service) Create(ctx context.Context, r Request) (Binding, error) {
	b, _, err := s.CreateAgain(ctx, r)
	return b, err
}

// CreateAgain makes a binding: it checks the request, takes the numbers asked for,
// has the store draw those that were not, and writes it in one transaction with
// the check that the numbers are free for these parties. One that the request lets
// be there already is returned as it now is, and again is true. A request that was
// refused is not remembered under its key.
//
// A refusal is a *FieldError that names the field; behind it stands one of
// the errors of this package (for a number asked for, ErrNotHeld, ErrNotOpen,
// ErrOtherTenant, ErrCrowded, a *QuarantineError or a *ConflictError). A *PoolError, which is an
// ErrNoFreeNumber, comes as it is. Any other error is the store's or the random
// source's.
func (s *Service) CreateAgain(ctx context.Context, r Request) (bound Binding, again bool, err error) {
	r.Tenant = cmp.Or(r.Tenant, s.Tenant, DefaultTenant)
	repeat, err := r.repeat()
	if err != nil {
		return Binding{}, false, err
	}
	if repeat.Key != "" { // what was done is answered, whatever holds by now
		switch b, err := s.Store.Repeated(ctx, r.Tenant, repeat, s.now()); {
		case err == nil:
			return b, true, nil
		case !errors.Is(err, ErrNotFound):
			return Binding{}, false, ofKey(err)
		}
	}
	b, err := s.ready(r)
	if err != nil {
		return Binding{}, false, err
	}
	if repeat != (Repeat{}) {
		bound, again, err = s.Store.BindAgain(ctx, b, repeat)
	} else {
		bound, err = s.bind(ctx, b)
	}
	if err != nil {
		return Binding{}, false, ofKey(s.refused(&b, err))
	}
	return bound, again, nil
}

// ready is the binding that a request asks for, checked as far as that goes
// without the others, with an id.
func (s *Service) ready(r Request) (b Binding, err error) {
	if b, err = s.check(r); err != nil {
		return Binding{}, err
	}
	if err := s.fit(&b); err != nil {
		return Binding{}, err
	}
	b.ID, err = NewID(s.Random)
	return b, err
}

// fit has a binding on numbers that were asked for end with their older ranges.
func (s *Service) fit(b *Binding) error {
	for _, number := range []struct {
		field string
		x     X
	}{{"x", b.X}, {"y", b.Y}} {
		if !number.x.Older() {
			continue
		}
		until, ok := s.Plan.Served(number.x.Block())
		switch {
		case !ok || !s.Plan.Numbers(number.x):
			return &FieldError{Field: number.field, Err: ErrNotHeld}
		case !until.IsZero() && !b.CreatedAt.Before(until):
			return &FieldError{Field: number.field, Err: ErrRangeOver}
		}
		if err := b.EndBy(until); err != nil {
			return &FieldError{Field: "expires", Err: err}
		}
	}
	return nil
}

// ofKey names the field of an error about a key.
func ofKey(err error) error {
	if errors.Is(err, ErrKeyUsed) || errors.Is(err, ErrKeyGone) {
		return &FieldError{Field: "idempotency_key", Err: err}
	}
	return err
}

// bind binds b, and draws the numbers that it lacks.
func (s *Service) bind(ctx context.Context, b Binding) (Binding, error) {
	if b.Lacks() {
		return s.Store.Draw(ctx, b)
	}
	return b, s.Store.Bind(ctx, b)
}

// Lacks reports whether a new binding has a number less than its mode needs.
func (b *Binding) Lacks() bool { return b.X == 0 || b.Y == 0 && b.Mode.HasY() }

// taken reports whether a store refuses the number and not the binding.
func taken(err error) bool {
	return errors.Is(err, ErrNotHeld) || errors.Is(err, ErrCrowded) || errors.Is(err, ErrQuarantine) || errors.As(err, new(*ConflictError))
}

// fieldOf names the field of the number asked for that an error of a store is
// about; "": of none. An error that names no number is about x, if that was
// asked for.
func fieldOf(given *Binding, err error) string {
	if !taken(err) {
		return ""
	}
	x := given.X
	var number *NumberError
	if errors.As(err, &number) {
		x = number.X
	}
	switch {
	case x == 0:
		return ""
	case x == given.X:
		return "x"
	case x == given.Y:
		return "y"
	}
	return ""
}

// refused turns an error of Bind into the refusal of the number asked for that
// it is about. Another error, and none, stay as they are.
func (s *Service) refused(given *Binding, err error) error {
	field := fieldOf(given, err)
	if field == "" {
		return err
	}
	x := given.X
	if field == "y" {
		x = given.Y
	}
	if errors.Is(err, ErrNotHeld) && !errors.Is(err, ErrOtherTenant) && !errors.Is(err, ErrNumberLocked) && !errors.Is(err, ErrRangeOver) {
		err = ErrNotHeld
		if s.Store.Holds(x.Block()) {
			err = ErrNotOpen
		}
	}
	return &FieldError{Field: field, Err: err}
}

// Delete takes one bind back: a binding that was bound again stays, with one
// less in Refs, and any other is unbound now. One that has ended is returned as
// it is. The error is ErrNotFound or the store's; it does not repeat the id,
// which may be a number by mistake.
func (s *Service) Delete(ctx context.Context, id string) (Binding, error) {
	return s.end(ctx, id, false)
}

// DeleteOnce is Delete under an idempotency key of the binding's tenant, for who may have to ask again: one bind is taken back
// within [KeyLife] however often it is asked for, and not that of another who shares the binding. "": it is Delete. A key
// that cannot be one, or that was used for something else, is a *FieldError.
func (s *Service) DeleteOnce(ctx context.Context, id, key string) (Binding, error) {
	if key == "" {
		return s.Delete(ctx, id)
	}
	if err := checkText("idempotency_key", key, maxKey); err != nil {
		return Binding{}, err
	}
	now := s.now()
	b, err := s.Store.ChangeOnce(ctx, id, Repeat{Key: key, Request: "delete " + id}, now, ending(now, false))
	return b, ofKey(err)
}

// End unbinds a binding now, however often it was bound, and is Delete else.
func (s *Service) End(ctx context.Context, id string) (Binding, error) { return s.end(ctx, id, true) }

func (s *Service) end(ctx context.Context, id string, whole bool) (Binding, error) {
	now := s.now()
	return s.Store.Change(ctx, id, ending(now, whole))
}

// ending is the change that takes one bind back, or the whole.
func ending(now time.Time, whole bool) func(*Binding) error {
	return func(b *Binding) error {
		switch state := b.State(now); {
		case state == StateExpired || !b.EndedAt.IsZero():
		case b.Refs > 0 && !whole:
			b.Refs--
			b.UpdatedAt = now
		default:
			b.EndedAt = now
		}
		return nil
	}
}

// AddBlock is AddBlockFor DefaultTenant.
func (s *Service) AddBlock(ctx context.Context, digits string) (BlockState, error) {
	return s.AddBlockFor(ctx, DefaultTenant, digits)
}

// AddBlockFor holds a block, given by its digits, and opens it to the
// bindings of a tenant; "": DefaultTenant, which shares its blocks with every
// tenant that has none. A refusal is a *FieldError with ErrBlock, ErrRangeOver or
// ErrExists, or one about the tenant.
func (s *Service) AddBlockFor(ctx context.Context, tenant, digits string) (BlockState, error) {
	b, err := ParseBlock(digits)
	if err != nil {
		return BlockState{}, &FieldError{Field: "block", Err: err}
	}
	until, ok := s.Plan.Served(b)
	switch {
	case !ok:
		return BlockState{}, &FieldError{Field: "block", Err: ErrNoRange}
	case !until.IsZero() && !s.now().Before(until):
		return BlockState{}, &FieldError{Field: "block", Err: ErrRangeOver}
	}
	if tenant == "" {
		tenant = DefaultTenant
	}
	if _, ok := s.Store.Tenant(tenant); !ok {
		return BlockState{}, &FieldError{Field: "tenant", Err: ErrNoTenant}
	}
	state := BlockState{Block: b, State: BlockOpen, AddedAt: s.now(), Tenant: tenant, Until: until, Prefixes: s.Plan.parts(b)}
	err = s.Store.AddBlock(ctx, state)
	if errors.Is(err, ErrExists) {
		return BlockState{}, &FieldError{Field: "block", Err: fmt.Errorf("%s is %w", b, ErrExists)}
	}
	if err != nil {
		return BlockState{}, err
	}
	return state, nil
}

// now is the time as it is stored: UTC, in whole milliseconds, so that what
// is returned is what will be read.
func (s *Service) now() time.Time {
	now := s.Now
	if now == nil {
		now = time.Now
	}
	return now().UTC().Truncate(time.Millisecond)
}
