package admin

import (
	"context"
	"errors"
	"slices"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store"
)

// confinedStore is a store as one tenant sees it: what is another's is not there, and answers about it are the same bytes
// as about what nobody ever made. It embeds nothing, so that what a store learns to do is not open here by itself.
type confinedStore struct {
	all    binding.Store
	tenant string
}

var _ binding.Store = confinedStore{}

var (
	// errNothingNamed keeps a tenant from having the bindings of all gone through for a few of its own.
	errNothingNamed = kindInvalid.problem("name what is looked for: a number, a 700 number, an order or a consent")
	errNotYours     = kindForbidden.problem("a tenant's token may not do this")
	errNoneFree     = kindExhausted.problem("no number is free; unbind what is over, or ask the operator for a block")
	errNoneForThem  = kindExhausted.problem(errNoneFree.Detail) // the same bytes; free numbers were closed to the parties
	errTaken        = kindConflict.problem("a number asked for, or a party, is not free on this number; leave the choice of the number open, or take another")
	errSharedNumber = kindConflict.problem("the parties of a binding on a number that tenants share, or that others had before, are not changed; make another binding in its place")
)

// own reports whether a block is the tenant's alone, and since when. The default tenant's are those that tenants share, where there are
// others.
func (s confinedStore) own(ctx context.Context, b binding.Block) (since time.Time, ok bool, err error) {
	held, ok := s.all.Block(b)
	if !ok || held.Tenant != s.tenant {
		return time.Time{}, false, nil
	}
	if s.tenant == binding.DefaultTenant {
		if all, err := s.all.Tenants(ctx); err != nil || len(all) > 1 {
			return time.Time{}, false, err
		}
	}
	return held.AddedAt, true, nil
}

// errOthersWere ends a look at who was on a number.
var errOthersWere = errors.New("others were on it")

// hadOthers reports whether others had bindings on a number before its block became the tenant's. Who of them is kept off
// it still would be told of whoever is named, as on a number that tenants share.
func (s confinedStore) hadOthers(ctx context.Context, x binding.X, since time.Time) (bool, error) {
	err := s.all.History(ctx, binding.HistoryQuery{X: x, Until: since}, func(h binding.Holding) error {
		if h.Binding.Tenant != s.tenant {
			return errOthersWere
		}
		return nil
	})
	if errors.Is(err, errOthersWere) {
		return true, nil
	}
	return false, err
}

// onlyOwn refuses a number that was asked for and is on no block of the tenant's own: that another pair is on it may be
// told of those alone.
func (s confinedStore) onlyOwn(ctx context.Context, numbers ...binding.X) error {
	for _, x := range numbers {
		if x == 0 {
			continue
		}
		since, ok, err := s.own(ctx, x.Block())
		switch {
		case err != nil:
			return err
		case !ok:
			return &binding.NumberError{X: x, Err: binding.ErrOtherTenant}
		}
		switch others, err := s.hadOthers(ctx, x, since); {
		case err != nil:
			return err
		case others:
			return errTaken
		}
	}
	return nil
}

// scrub takes out of an error what it says of others.
func (s confinedStore) scrub(ctx context.Context, err error) error {
	var conflict *binding.ConflictError
	var exhausted *binding.PoolError
	switch {
	case errors.As(err, &conflict):
		if _, there := s.Binding(ctx, conflict.Binding); there != nil {
			return errTaken
		}
	case errors.Is(err, binding.ErrCrowded):
		return errTaken
	case errors.As(err, &exhausted) && exhausted.Closed > 0: // how many is not told
		return errNoneForThem
	case errors.As(err, &exhausted) && (exhausted.Tenant != s.tenant || s.tenant == binding.DefaultTenant):
		return errNoneFree
	}
	return err
}

func (s confinedStore) Tenants(context.Context) ([]binding.Tenant, error) {
	t, ok := s.all.Tenant(s.tenant)
	if !ok {
		return nil, nil
	}
	return []binding.Tenant{t}, nil
}

func (s confinedStore) Tenant(name string) (binding.Tenant, bool) {
	if name != s.tenant {
		return binding.Tenant{}, false
	}
	return s.all.Tenant(name)
}

func (s confinedStore) PutTenant(context.Context, string, func(*binding.Tenant, bool) error) (binding.Tenant, error) {
	return binding.Tenant{}, errNotYours
}

func (s confinedStore) AddBlock(context.Context, binding.BlockState) error { return errNotYours }
func (s confinedStore) RemoveBlock(context.Context, binding.Block) error   { return errNotYours }
func (s confinedStore) SetBlock(context.Context, binding.Block, string) (binding.BlockState, error) {
	return binding.BlockState{}, errNotYours
}

func (s confinedStore) LockNumber(context.Context, binding.X, bool) error { return errNotYours }

// Stock is of the tenant's blocks.
func (s confinedStore) Stock(ctx context.Context) ([]binding.Stock, error) {
	blocks, err := s.all.Stock(ctx)
	return slices.DeleteFunc(slices.Clone(blocks), func(b binding.Stock) bool { return b.Tenant != s.tenant }), err
}

// Blocks returns those of the tenant.
func (s confinedStore) Blocks(ctx context.Context) ([]binding.BlockState, error) {
	blocks, err := s.all.Blocks(ctx)
	return slices.DeleteFunc(slices.Clone(blocks), func(b binding.BlockState) bool { return b.Tenant != s.tenant }), err
}

// Holds is true of the blocks on which the tenant has or may have had numbers.
func (s confinedStore) Holds(b binding.Block) bool {
	_, ok := s.Block(b)
	return ok
}

// Block returns those.
func (s confinedStore) Block(b binding.Block) (binding.BlockState, bool) {
	held, ok := s.all.Block(b)
	if !ok || held.Tenant != s.tenant && held.Tenant != binding.DefaultTenant {
		return binding.BlockState{}, false
	}
	return held, true
}

func (s confinedStore) Bind(ctx context.Context, b binding.Binding) error {
	if b.Tenant != s.tenant {
		return errNotYours
	}
	if err := s.onlyOwn(ctx, b.X, b.Y); err != nil {
		return err
	}
	return s.scrub(ctx, s.all.Bind(ctx, b))
}

func (s confinedStore) Draw(ctx context.Context, b binding.Binding) (binding.Binding, error) {
	if b.Tenant != s.tenant {
		return binding.Binding{}, errNotYours
	}
	if err := s.onlyOwn(ctx, b.X, b.Y); err != nil {
		return binding.Binding{}, err
	}
	drawn, err := s.all.Draw(ctx, b)
	return drawn, s.scrub(ctx, err)
}

// Import is no tenant's to do.
func (s confinedStore) Import(_ context.Context, bs []binding.Binding) []error {
	return slices.Repeat([]error{errNotYours}, len(bs))
}

// Imported has nothing, as a tenant imports nothing.
func (s confinedStore) Imported(context.Context, string) (binding.Binding, error) {
	return binding.Binding{}, binding.ErrNotFound
}

// BindAgain finds a binding again among those of the tenant alone, as it does for everybody.
func (s confinedStore) BindAgain(ctx context.Context, b binding.Binding, r binding.Repeat) (binding.Binding, bool, error) {
	if b.Tenant != s.tenant {
		return binding.Binding{}, false, errNotYours
	}
	if err := s.onlyOwn(ctx, b.X, b.Y); err != nil {
		return binding.Binding{}, false, err
	}
	bound, again, err := s.all.BindAgain(ctx, b, r)
	return bound, again, s.scrub(ctx, err)
}

// Repeated knows the keys of the tenant alone.
func (s confinedStore) Repeated(ctx context.Context, tenant string, r binding.Repeat, at time.Time) (binding.Binding, error) {
	if tenant != s.tenant {
		return binding.Binding{}, binding.ErrNotFound
	}
	b, err := s.all.Repeated(ctx, tenant, r, at)
	return b, s.mine(&b, s.scrub(ctx, err))
}

// alone reports whether none of the numbers of a binding was ever another tenant's.
func (s confinedStore) alone(ctx context.Context, b *binding.Binding) (bool, error) {
	for _, x := range []binding.X{b.X, b.Y} {
		if x == 0 {
			continue
		}
		since, ok, err := s.own(ctx, x.Block())
		if err != nil || !ok {
			return false, err
		}
		if others, err := s.hadOthers(ctx, x, since); err != nil || others {
			return false, err
		}
	}
	return true, nil
}

// Change puts nobody else on a number that tenants share, or did: whether another is bound there, or was not long ago, would be told of
// whoever is named. It is refused alike whoever that is, before he is looked for.
func (s confinedStore) Change(ctx context.Context, id string, change func(*binding.Binding) error) (binding.Binding, error) {
	change, err := s.toOwn(ctx, id, change)
	if err != nil {
		return binding.Binding{}, err
	}
	b, err := s.all.Change(ctx, id, change)
	return b, s.mine(&b, s.scrub(ctx, err))
}

// ChangeOnce is Change; a key is the tenant's as its binding is.
func (s confinedStore) ChangeOnce(ctx context.Context, id string, r binding.Repeat, at time.Time, change func(*binding.Binding) error) (binding.Binding, error) {
	change, err := s.toOwn(ctx, id, change)
	if err != nil {
		return binding.Binding{}, err
	}
	b, err := s.all.ChangeOnce(ctx, id, r, at, change)
	return b, s.mine(&b, s.scrub(ctx, err))
}

// toOwn is a change of a binding of the tenant's that does what Change says.
func (s confinedStore) toOwn(ctx context.Context, id string, change func(*binding.Binding) error) (func(*binding.Binding) error, error) {
	there, err := s.Binding(ctx, id) // its numbers stay
	if err != nil {
		return nil, err
	}
	alone, err := s.alone(ctx, &there)
	if err != nil {
		return nil, err
	}
	return func(b *binding.Binding) error {
		if b.Tenant != s.tenant {
			return binding.ErrNotFound
		}
		before := b.Parties()
		if err := change(b); err != nil {
			return err
		}
		if !alone && slices.ContainsFunc(b.Parties(), func(n binding.Number) bool { return !slices.Contains(before, n) }) {
			return errSharedNumber
		}
		return nil
	}, nil
}

// mayName refuses a change that names parties of a binding on a number that tenants share, or did, also of those whom it has: that
// nothing of theirs changes would tell whoever tries numbers that he has found one.
func (s confinedStore) mayName(ctx context.Context, id string) error {
	there, err := s.Binding(ctx, id)
	if err != nil {
		return err
	}
	alone, err := s.alone(ctx, &there)
	if err == nil && !alone {
		err = errSharedNumber
	}
	return err
}

// mine is err, or ErrNotFound for what is another's, or for what cannot be read any more, of which it cannot be told.
func (s confinedStore) mine(b *binding.Binding, err error) error {
	switch {
	case errors.Is(err, store.ErrErased), err == nil && b.Tenant != s.tenant:
		*b = binding.Binding{}
		return binding.ErrNotFound
	}
	return err
}

func (s confinedStore) Unbind(ctx context.Context, id string, at time.Time) (binding.Binding, error) {
	if b, err := s.Binding(ctx, id); err != nil {
		return b, err
	}
	return s.all.Unbind(ctx, id, at)
}

func (s confinedStore) Binding(ctx context.Context, id string) (binding.Binding, error) {
	b, err := s.all.Binding(ctx, id)
	return b, s.mine(&b, err)
}

func (s confinedStore) OnX(ctx context.Context, x binding.X) ([]binding.Binding, error) {
	rows, err := s.all.OnX(ctx, x)
	return s.only(rows), err
}

func (s confinedStore) Candidates(ctx context.Context, x binding.X, at time.Time) ([]binding.Binding, error) {
	rows, err := s.all.Candidates(ctx, x, at)
	return s.only(rows), err
}

func (s confinedStore) only(rows []binding.Binding) []binding.Binding {
	return slices.DeleteFunc(rows, func(b binding.Binding) bool { return b.Tenant != s.tenant })
}

// errEnough ends a walk behind the last one that was asked for.
var errEnough = errors.New("enough")

// some calls each for what is the tenant's until limit; 0: all.
func some[T any](limit int, mine func(*T) bool, each func(T) error, walk func(func(T) error) error) error {
	err := walk(func(row T) error {
		if !mine(&row) {
			return nil
		}
		if err := each(row); err != nil {
			return err
		}
		if limit--; limit == 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (s confinedStore) History(ctx context.Context, q binding.HistoryQuery, each func(binding.Holding) error) error {
	limit := q.Limit
	q.Limit, q.Erased = 0, nil
	return some(limit, func(h *binding.Holding) bool { return h.Binding.Tenant == s.tenant }, each, func(each func(binding.Holding) error) error {
		return s.all.History(ctx, q, each)
	})
}

func (s confinedStore) List(ctx context.Context, f binding.Filter, each func(binding.Binding) error) error {
	if f.Number.IsZero() && f.X == 0 && f.Order == "" && f.Consent == "" {
		return errNothingNamed
	}
	if f.After != "" { // where somebody else's binding stands among its own is not told
		if _, err := s.Binding(ctx, f.After); errors.Is(err, binding.ErrNotFound) {
			return &binding.FieldError{Field: "after", Err: binding.ErrCursor}
		} else if err != nil {
			return err
		}
	}
	limit := f.Limit
	f.Limit, f.Erased = 0, nil
	return some(limit, func(b *binding.Binding) bool { return b.Tenant == s.tenant }, each, func(each func(binding.Binding) error) error {
		return s.all.List(ctx, f, each)
	})
}

// confinedBars is the block lists as one tenant sees them: its own entries. Those for all tenants hold for it and are the
// operator's.
type confinedBars struct {
	all    binding.BarStore
	tenant string
}

var _ binding.BarStore = confinedBars{}

func (s confinedBars) AddBar(ctx context.Context, b binding.Bar) (binding.Bar, error) {
	b.Tenant = s.tenant // one without a tenant would hold for all
	return s.all.AddBar(ctx, b)
}

func (s confinedBars) Bar(ctx context.Context, id string) (binding.Bar, error) {
	b, err := s.all.Bar(ctx, id)
	if err == nil && b.Tenant != s.tenant {
		return binding.Bar{}, binding.ErrNoBar
	}
	return b, err
}

func (s confinedBars) RemoveBar(ctx context.Context, id string) (binding.Bar, error) {
	if b, err := s.Bar(ctx, id); err != nil {
		return b, err
	}
	return s.all.RemoveBar(ctx, id)
}

func (s confinedBars) Bars(ctx context.Context, f binding.BarFilter, each func(binding.Bar) error) error {
	f.Tenant = s.tenant
	return s.all.Bars(ctx, f, each)
}

func (s confinedBars) Barred(ctx context.Context, caller, callee binding.Number, tenant string, at time.Time) (binding.Bar, bool, error) {
	if tenant != s.tenant {
		return binding.Bar{}, false, nil
	}
	return s.all.Barred(ctx, caller, callee, tenant, at)
}

// confinedRecords is the call records of one tenant: those of calls that matched a binding of it.
type confinedRecords struct {
	all    cdr.Reader
	tenant string
	valid  func() error // asked for each stretch of a list: one that is followed lasts longer than a token may
}

var _ cdr.Reader = confinedRecords{}

func (s confinedRecords) Records(ctx context.Context, f cdr.Filter, each func(cdr.Record) error) error {
	if err := s.valid(); err != nil {
		return err
	}
	f.Tenant, f.Erased = s.tenant, nil
	return s.all.Records(ctx, f, each)
}

func (s confinedRecords) Record(ctx context.Context, id string) (cdr.Record, error) {
	r, err := s.all.Record(ctx, id)
	if errors.Is(err, store.ErrErased) || err == nil && r.Tenant != s.tenant {
		return cdr.Record{}, cdr.ErrNotFound
	}
	return r, err
}

func (s confinedRecords) LastSeq() uint64          { return s.all.LastSeq() }
func (s confinedRecords) Changed() <-chan struct{} { return s.all.Changed() }

// confinedNode is a running server as one tenant sees it: the calls over its bindings.
type confinedNode struct {
	all    Node
	tenant string
}

var _ Node = confinedNode{}

func (n confinedNode) Status(context.Context) (Status, error) { return Status{}, errNotYours }
func (n confinedNode) Drain(context.Context) error            { return errNotYours }
func (n confinedNode) Reload(context.Context) error           { return errNotYours }

func (n confinedNode) Calls(ctx context.Context) ([]Call, error) {
	calls, err := n.all.Calls(ctx)
	return slices.DeleteFunc(slices.Clone(calls), func(c Call) bool { return c.Record.Tenant != n.tenant }), err
}

func (n confinedNode) Call(ctx context.Context, id string) (Call, error) {
	c, err := n.all.Call(ctx, id)
	if err == nil && c.Record.Tenant != n.tenant {
		return Call{}, ErrNoCall
	}
	return c, err
}

// Dial is asked for a binding that was found to be the tenant's.
func (n confinedNode) Dial(ctx context.Context, o Order) (Placed, error) { return n.all.Dial(ctx, o) }

func (n confinedNode) Hangup(ctx context.Context, id string) error {
	if _, err := n.Call(ctx, id); err != nil {
		return err
	}
	return n.all.Hangup(ctx, id)
}

// HangupBinding is asked for a binding that was found to be the tenant's.
func (n confinedNode) HangupBinding(ctx context.Context, id string) int {
	return n.all.HangupBinding(ctx, id)
}
