package binding

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxDraws bounds how many numbers are tried for one binding.
const maxDraws = 64

// Service has the rules of making and ending a binding, above any Store. Its
// fields are not changed while it is in use; its methods may be called from
// several goroutines at once.
type Service struct {
	Plan   Plan
	Store  Store
	Now    func() time.Time // nil: time.Now
	Random io.Reader        // nil: the system's; safe for concurrent use
}

// Create makes a binding: it checks the request, takes the numbers asked for,
// draws those that were not at random from the open blocks, and writes it in
// one transaction with the check that the numbers are free for these parties.
//
// A refusal is a *FieldError that names the field; behind it stands one of
// the errors of this package (for a number asked for, ErrNotHeld, ErrNotOpen,
// ErrCrowded or a *ConflictError). ErrNoFreeNumber comes as it is. Any other
// error is the store's or the random source's.
func (s *Service) Create(ctx context.Context, r Request) (Binding, error) {
	b, err := s.check(r)
	if err != nil {
		return Binding{}, err
	}
	if b.ID, err = NewID(s.Random); err != nil {
		return Binding{}, err
	}
	given := b // the numbers that were asked for
	var drawn []*X
	if b.X == 0 {
		drawn = append(drawn, &b.X)
	}
	if b.Y == 0 && shapeOf(b.Mode).y != absent {
		drawn = append(drawn, &b.Y)
	}
	if len(drawn) == 0 {
		if err := s.Store.Bind(ctx, b); err != nil {
			return Binding{}, s.refused(&given, err)
		}
		return b, nil
	}
	open, err := s.openBlocks(ctx)
	if err != nil {
		return Binding{}, err
	}
	for range maxDraws {
		for _, x := range drawn {
			if *x, err = s.draw(open); err != nil {
				return Binding{}, err
			}
		}
		if b.X == b.Y {
			continue
		}
		err = s.Store.Bind(ctx, b)
		if err == nil {
			return b, nil
		}
		if field := fieldOf(&given, err); field != "" || !taken(err) {
			return Binding{}, s.refused(&given, err)
		}
		// A number that is taken by a party, or that was closed between the
		// look and the write, is drawn again.
		if errors.Is(err, ErrNotHeld) {
			if open, err = s.openBlocks(ctx); err != nil {
				return Binding{}, err
			}
		}
	}
	return Binding{}, ErrNoFreeNumber
}

// taken reports whether a store refuses the number and not the binding.
func taken(err error) bool {
	return errors.Is(err, ErrNotHeld) || errors.Is(err, ErrCrowded) || errors.As(err, new(*ConflictError))
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
	if errors.Is(err, ErrNotHeld) {
		err = ErrNotHeld
		if s.Store.Holds(x.Block()) {
			err = ErrNotOpen
		}
	}
	return &FieldError{Field: field, Err: err}
}

func (s *Service) openBlocks(ctx context.Context) ([]Block, error) {
	states, err := s.Store.Blocks(ctx)
	if err != nil {
		return nil, err
	}
	var open []Block
	for _, state := range states {
		if state.State == BlockOpen {
			open = append(open, state.Block)
		}
	}
	if len(open) == 0 {
		return nil, ErrNoOpenBlock
	}
	return open, nil
}

func (s *Service) draw(open []Block) (X, error) {
	i, err := draw(s.Random, len(open))
	if err != nil {
		return 0, err
	}
	serial, err := draw(s.Random, BlockSize)
	if err != nil {
		return 0, err
	}
	return open[i].Number(serial), nil
}

// Delete unbinds a binding now and returns it. One that was unbound before
// is returned as it is. The error is ErrNotFound or the store's; it does not
// repeat the id, which may be a number by mistake.
func (s *Service) Delete(ctx context.Context, id string) (Binding, error) {
	return s.Store.Unbind(ctx, id, s.now())
}

// AddBlock holds a block, given by its 11 digits, and opens it. A refusal is
// a *FieldError with ErrBlock or ErrExists.
func (s *Service) AddBlock(ctx context.Context, digits string) (BlockState, error) {
	b, err := ParseBlock(digits)
	if err != nil {
		return BlockState{}, &FieldError{Field: "block", Err: err}
	}
	state := BlockState{Block: b, State: BlockOpen, AddedAt: s.now(), Tenant: DefaultTenant}
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
