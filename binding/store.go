package binding

import (
	"cmp"
	"context"
	"time"
)

// MaxRowsOnX is how many rows [Store.OnX] returns at most.
const MaxRowsOnX = 64

// DefaultLimitOnX is how many bindings may live on one number at once, where
// nothing else is configured, and MaxLimitOnX the most that may be.
const (
	DefaultLimitOnX = 200
	MaxLimitOnX     = 5000
)

// Filter selects bindings. The fields that are set must all hold.
type Filter struct {
	Number  Number    // a party, in whatever role; without LiveAt former ones too, with it those of that moment
	X       X         // a number of the binding, X or Y
	Order   string    // exactly this order
	Consent string    // exactly this reference, a former one too
	LiveAt  time.Time // live at this moment; zero: any state
	Limit   int       // at most so many; 0: all
	After   string    // the id of a binding: only what a list has behind it, the cursor of a page
	Erased  *int      // where to count those passed over because their key was destroyed; nil: nobody asks
}

// Newest reports whether what f selects is listed newest first: all that is found
// by a number, an order, a consent or an X. Without any of them the list is in
// ascending order of id.
func (f *Filter) Newest() bool {
	return !f.Number.IsZero() || f.X != 0 || f.Order != "" || f.Consent != ""
}

// Listed compares two bindings by where a list has them.
func (f *Filter) Listed(a, b *Binding) int {
	if f.Newest() {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.X, b.X), cmp.Compare(a.ID, b.ID))
	}
	return cmp.Compare(a.ID, b.ID)
}

// Match reports whether b is selected by everything in f but Limit and After.
func (f *Filter) Match(b *Binding) bool {
	switch {
	case !f.Number.IsZero() && !f.matchParty(b):
		return false
	case f.X != 0 && !b.OnX(f.X):
		return false
	case f.Order != "" && b.Order != f.Order:
		return false
	case f.Consent != "" && !b.HadConsent(f.Consent):
		return false
	case !f.LiveAt.IsZero() && b.State(f.LiveAt) != StateLive:
		return false
	}
	return true
}

func (f *Filter) matchParty(b *Binding) bool {
	if f.LiveAt.IsZero() {
		return b.HadParty(f.Number)
	}
	then := b.AsOf(f.LiveAt)
	return then.HasParty(f.Number)
}

// Store is all that the domain needs from an engine. Every write is on disk
// when the method returns without an error, and either whole or not at all.
// All methods may be called from several goroutines at once.
//
// An engine is told which blocks are served until when, as [Plan.Served] has it. On
// one that is not, or not any more, nothing is bound; and no binding is made or
// changed so that it would outlive one: see [Binding.EndBy].
type Store interface {
	Tenants

	// AddBlock holds a block from now on. ErrExists: it is held already, in
	// whatever state.
	AddBlock(ctx context.Context, b BlockState) error

	// RemoveBlock gives a block up. ErrNotHeld: it is not held. ErrInUse:
	// bindings on it are live by the engine's clock, or will be: made by one
	// that was set back since. Rows of ended bindings stay.
	RemoveBlock(ctx context.Context, b Block) error

	// SetBlock puts a block into another state, BlockOpen, BlockLocked or
	// BlockDraining, and returns it. Bindings on it stay as they are.
	// ErrNotHeld: it is not held.
	SetBlock(ctx context.Context, b Block, state string) (BlockState, error)

	// LockNumber keeps a number from being bound anew, or opens it to that
	// again. Bindings on it stay as they are. ErrNotHeld: its block is not held.
	LockNumber(ctx context.Context, x X, locked bool) error

	// Stock returns how the numbers of the blocks held stand, in ascending
	// order of block. What is not known yet is counted, which reads every row
	// on the block once.
	Stock(ctx context.Context) ([]Stock, error)

	// Blocks returns the blocks held, in ascending order.
	Blocks(ctx context.Context) ([]BlockState, error)

	// Holds reports whether a block is held, in whatever state. It reads
	// memory only and never blocks: it is asked for every call.
	Holds(b Block) bool

	// Block returns a block that is held, in whatever state; false: it is not
	// held. Like Holds it reads memory only, and costs the same however many
	// blocks there are.
	Block(b Block) (BlockState, bool)

	// Bind writes a new binding, in one transaction with its checks:
	// ErrNotHeld (or ErrNotOpen, ErrNumberLocked, ErrRangeOver or ErrOtherTenant, which are
	// some) when the number is locked or the
	// block of X, or of Y where there is one, is not held, not open, or not
	// one that the tenant draws from (see Draw); *ConflictError when a
	// party of it, in whatever role, is a party of another binding on X (or
	// on Y) while b lives, which may be later where clocks differ or are set
	// back; ErrCrowded when as many bindings are
	// live on X (or on Y) then as may be; *QuarantineError when a party of it
	// is kept off X (or Y), see [Binding.KeptOff], or dialled it not long
	// enough ago; *RangeError when it would outlive an older range, where one that
	// can be cut is; ErrExists when the id is taken. A
	// *NumberError around the first ones says which of two numbers it is.
	Bind(ctx context.Context, b Binding) error

	// Draw is Bind for a binding that lacks X, or Y in a mode that has two
	// numbers: it draws them and returns the binding with them. They come
	// from the open blocks of the tenant; of one that has no block at all,
	// from those of DefaultTenant, unless its settings say OwnBlocks. Numbers
	// that never were in use come first, in an order that cannot be guessed, then
	// those that are free again; one that is in use for another pair only where
	// the engine was told to share them. Those of older ranges are drawn when there is no free 700 number, and
	// where the binding does not outlive them or can be cut. An error of Bind about a number that was given is returned as it
	// is; *PoolError: there is no number left to draw.
	Draw(ctx context.Context, b Binding) (Binding, error)

	// Import is Bind, or Draw where numbers lack, of many bindings, which may be
	// written together: what is in the way of one keeps no other back. The errors are
	// those of each, in the order of bs, into which the numbers go that were drawn.
	// Of two that are in each other's way one is bound. A crash meanwhile leaves each
	// of them whole or not at all.
	Import(ctx context.Context, bs []Binding) []error

	// Imported is Binding of what Import, this call or one before, may have
	// written. It is not answered before it is certain that it is on disk: an
	// error says that this takes too long.
	Imported(ctx context.Context, id string) (Binding, error)

	// BindAgain is Bind, or Draw where numbers lack, of a binding that may be
	// there already; looking for it and binding it are one transaction. With
	// Repeat.Reuse a binding that can be is bound once more in its place, see
	// [Binding.Again]: one on b.X where that is named, else the newest of b.Order
	// and b.Tenant among MaxReuse. It is returned as it now is, and again is true. With
	// Repeat.Key the request is done once, and what Repeated returns is
	// returned. Errors are those of Bind, Draw, Change and Repeated.
	BindAgain(ctx context.Context, b Binding, r Repeat) (bound Binding, again bool, err error)

	// Repeated returns the binding that was made, or bound once more, under
	// Repeat.Key of a tenant in the KeyLife before a moment, as it now is.
	// ErrNotFound: there was no such request, or it was refused. ErrKeyUsed: it
	// was another. ErrKeyGone: the binding cannot be read any more. As BindAgain
	// it waits for one that is being done.
	Repeated(ctx context.Context, tenant string, r Repeat, at time.Time) (Binding, error)

	// Change changes a live binding as [Revise] has it, in one transaction
	// with Bind's check against the others on its numbers where somebody came
	// or it lives longer: *ConflictError, in a *NumberError. *RangeError: it would
	// outlive an older range. What the block is open to and how many live on the number is not asked again. The binding
	// is returned as it now is; one that change left as it was is not written.
	// change is called once at most, and must ask nothing of the store.
	// ErrNotFound: no such id. It stays found by parties and consents that it
	// no longer has.
	Change(ctx context.Context, id string, change func(*Binding) error) (Binding, error)

	// ChangeOnce is Change under Repeat.Key of the binding's tenant, which is
	// kept for the KeyLife from a moment: what was changed under it is not
	// changed again but returned as it now is. ErrKeyUsed and ErrKeyGone are as
	// of Repeated. A change that was refused, or left the binding as it was, is
	// not remembered. Repeat.Reuse says nothing here.
	ChangeOnce(ctx context.Context, id string, r Repeat, at time.Time, change func(*Binding) error) (Binding, error)

	// Unbind ends a binding at a moment and returns it as it now is. One that
	// was unbound before is returned unchanged. ErrNotFound: no such id.
	Unbind(ctx context.Context, id string, at time.Time) (Binding, error)

	// Binding returns the row with an id, in any state. ErrNotFound: none.
	Binding(ctx context.Context, id string) (Binding, error)

	// OnX returns the rows on a number (as X or as Y), newest CreatedAt
	// first, ended ones too, at most the newest MaxRowsOnX. No row: no
	// error.
	OnX(ctx context.Context, x X) ([]Binding, error)

	// Candidates returns what decides a call to a number at a moment: the rows
	// that OnX returns, and behind them every older one that is live at it, or
	// ahead of it (Binding.Ahead), newest first too.
	Candidates(ctx context.Context, x X, at time.Time) ([]Binding, error)

	// History calls each for every stretch of time that is asked for, until
	// Limit: those of bindings made last first (within a thousandth of a
	// second), of one binding its last one first.
	// An error of each ends it and is returned; *FieldError as Check says.
	History(ctx context.Context, q HistoryQuery, each func(Holding) error) error

	// List calls each for every selected binding in the order that Filter.Listed
	// says, within a thousandth of a second where it is that of time, until Limit.
	// An error of each ends the list and is returned. *FieldError with ErrCursor: a
	// list in the order of time was to go on behind a binding that is not there.
	List(ctx context.Context, f Filter, each func(Binding) error) error
}
