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

// Create makes a binding: it checks the request, takes the X asked for or
// draws a free one at random from the open blocks, and writes it in one
// transaction with the check that the number is free for these parties.
//
// A refusal is a *FieldError that names the field; behind it stands one of
// the errors of this package (for the number asked for, ErrNotHeld,
// ErrNotOpen, ErrCrowded or a *ConflictError). ErrNoFreeNumber comes as it
// is. Any other error is the store's or the random source's.
func (s *Service) Create(ctx context.Context, r Request) (Binding, error) {
	b, err := s.check(r)
	if err != nil {
		return Binding{}, err
	}
	if b.ID, err = NewID(s.Random); err != nil {
		return Binding{}, err
	}
	if b.X != 0 {
		return s.bindGiven(ctx, b)
	}
	return s.bindDrawn(ctx, b)
}

// bindGiven binds the X that was asked for.
func (s *Service) bindGiven(ctx context.Context, b Binding) (Binding, error) {
	err := s.bind(ctx, b)
	var conflict *ConflictError
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, ErrNotHeld) && s.Store.Holds(b.X.Block()):
		return Binding{}, &FieldError{Field: "x", Err: ErrNotOpen}
	case errors.Is(err, ErrNotHeld):
		return Binding{}, &FieldError{Field: "x", Err: ErrNotHeld}
	case errors.As(err, &conflict), errors.Is(err, ErrCrowded):
		return Binding{}, &FieldError{Field: "x", Err: err}
	default:
		return Binding{}, err
	}
}

// bindDrawn binds a number drawn from the open blocks. A number that is
// taken by a party, or that was closed between the look and the write, is
// drawn again.
func (s *Service) bindDrawn(ctx context.Context, b Binding) (Binding, error) {
	open, err := s.openBlocks(ctx)
	if err != nil {
		return Binding{}, err
	}
	for range maxDraws {
		if b.X, err = s.draw(open); err != nil {
			return Binding{}, err
		}
		err = s.bind(ctx, b)
		var conflict *ConflictError
		switch {
		case err == nil:
			return b, nil
		case errors.As(err, &conflict), errors.Is(err, ErrCrowded):
		case errors.Is(err, ErrNotHeld):
			if open, err = s.openBlocks(ctx); err != nil {
				return Binding{}, err
			}
		default:
			return Binding{}, err
		}
	}
	return Binding{}, ErrNoFreeNumber
}

// bind writes b unless its number is crowded: of a number with MaxRowsOnX
// rows a store returns no older ones, so that a live one among them would be
// lost to calls if another row came before it.
func (s *Service) bind(ctx context.Context, b Binding) error {
	rows, err := s.Store.OnX(ctx, b.X)
	if err != nil {
		return err
	}
	if len(rows) >= MaxRowsOnX && rows[len(rows)-1].State(b.CreatedAt) == StateLive {
		return ErrCrowded
	}
	return s.Store.Bind(ctx, b)
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
