package storetest

import (
	"context"
	"slices"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// key is that of the request of a step.
func (l *lane) key(i int) binding.Repeat {
	return binding.Repeat{Key: "key " + l.id(i), Request: "request " + l.id(i)}
}

// kinds are the things that a lane does, each one transaction. What it is done to was made by an earlier step, if need be
// right before.
var kinds = []struct {
	name string
	do   func(l *lane, i int)
}{
	{"bind", (*lane).stepBind},
	{"bind two numbers", (*lane).stepBindTwo},
	{"draw", (*lane).stepDraw},
	{"draw two numbers", (*lane).stepDrawTwo},
	{"bind under a key", (*lane).stepKey},
	{"bind once more", (*lane).stepAgain},
	{"change", (*lane).stepChange},
	{"unbind", (*lane).stepUnbind},
	{"draw behind that", (*lane).stepDraw},
	{"bar", (*lane).stepBar},
	{"bar no more", (*lane).stepUnbar},
	{"token", (*lane).stepToken},
	{"token no more", (*lane).stepUntoken},
	{"tenant", (*lane).stepTenant},
	{"lock a number", (*lane).stepLock},
	{"unlock a number", (*lane).stepUnlock},
	{"block", (*lane).stepBlock},
	{"open a record", (*lane).stepOpen},
	{"close a record", (*lane).stepClose},
	{"close one that was not open", (*lane).stepCloseOnly},
	{"record who dialled", (*lane).stepDialled},
}

// script does everything twice: what is there already is met too.
func (l *lane) script() {
	for i := range 2 * len(kinds) {
		kinds[i%len(kinds)].do(l, i)
	}
}

// wander does anything.
func (l *lane) wander(steps int) {
	for i := range steps {
		kinds[l.random.IntN(len(kinds))].do(l, i)
	}
}

// some takes one of what there is; false: there is none.
func (l *lane) some(of *[]int) (int, bool) {
	if len(*of) == 0 {
		return 0, false
	}
	at := l.random.IntN(len(*of))
	i := (*of)[at]
	*of = slices.Delete(*of, at, at+1)
	return i, true
}

func (l *lane) stepBind(i int) {
	l.bound = append(l.bound, i)
	l.step("bind", func() error { return l.e.Bind(context.Background(), l.pair(i)) })
}

func (l *lane) stepBindTwo(i int) {
	b := l.pair(i)
	b.Mode, b.Y = binding.ModeAXYB, l.block.Number(binding.BlockSize-1-l.most-i)
	l.bound = append(l.bound, i)
	l.step("bind two numbers", func() error { return l.e.Bind(context.Background(), b) })
}

func (l *lane) stepDraw(i int) {
	b := l.pair(i)
	b.X = 0
	l.bound = append(l.bound, i)
	l.step("draw", func() error {
		_, err := l.e.Draw(context.Background(), b)
		return err
	})
}

func (l *lane) stepDrawTwo(i int) {
	b := l.pair(i)
	b.X, b.Mode = 0, binding.ModeAXYB
	l.bound = append(l.bound, i)
	l.step("draw two numbers", func() error {
		_, err := l.e.Draw(context.Background(), b)
		return err
	})
}

func (l *lane) stepKey(i int) {
	b := l.pair(i)
	b.X = 0
	l.bound, l.keys = append(l.bound, i), append(l.keys, i)
	l.step("bind under a key", func() error {
		_, _, err := l.e.BindAgain(context.Background(), b, l.key(i))
		return err
	})
}

func (l *lane) stepAgain(i int) {
	old, ok := l.some(&l.bound)
	if !ok {
		return
	}
	defer func() { l.bound = append(l.bound, old) }()
	l.keys = append(l.keys, i)
	l.step("bind once more", func() error {
		ctx := context.Background()
		there, err := l.e.Binding(ctx, l.id(old))
		if err != nil {
			return err
		}
		b := there
		b.ID, b.X, b.Y, b.Changes, b.Refs, b.UpdatedAt, b.CreatedAt = l.id(i), 0, 0, nil, 0, time.Time{}, at(time.Minute)
		r := l.key(i)
		r.Reuse = true
		_, _, err = l.e.BindAgain(ctx, b, r)
		return err
	})
}

func (l *lane) stepChange(i int) {
	old, ok := l.some(&l.bound)
	if !ok {
		return
	}
	defer func() { l.bound = append(l.bound, old) }()
	l.step("change", func() error {
		_, err := l.e.Change(context.Background(), l.id(old), func(b *binding.Binding) error {
			b.A, b.UpdatedAt = subscriber(l.t, 1_000_000+l.n*1000+i), at(time.Duration(i)*time.Second)
			b.Consent, b.ExpiresAt = "another "+l.id(i), at(time.Duration(100+i)*time.Hour)
			return nil
		})
		return err
	})
}

func (l *lane) stepUnbind(i int) {
	old, ok := l.some(&l.bound)
	if !ok {
		return
	}
	l.step("unbind", func() error {
		_, err := l.e.Unbind(context.Background(), l.id(old), at(time.Duration(i+1)*time.Minute))
		return err
	})
}

func (l *lane) stepBar(i int) {
	l.bars = append(l.bars, i)
	b := binding.Bar{
		ID: l.id(i), Number: subscriber(l.t, 2_000_000+l.n*1000+i), Peer: subscriber(l.t, 3_000_000+l.n*1000+i), Tenant: l.tenant,
		Direction: binding.BarBoth, CreatedAt: start, Reason: "reason",
	}
	l.step("bar", func() error {
		_, err := l.e.AddBar(context.Background(), b)
		return err
	})
}

func (l *lane) stepUnbar(int) {
	if old, ok := l.some(&l.bars); ok {
		l.step("bar no more", func() error {
			_, err := l.e.RemoveBar(context.Background(), l.id(old))
			return err
		})
	}
}

func (l *lane) stepToken(i int) {
	if len(l.tokens) == binding.MaxTokensOfTenant {
		return
	}
	l.tokens = append(l.tokens, i)
	l.step("token", func() error { return l.e.AddToken(context.Background(), token(l.id(i), l.tenant)) })
}

func (l *lane) stepUntoken(int) {
	if old, ok := l.some(&l.tokens); ok {
		l.step("token no more", func() error {
			_, err := l.e.RemoveToken(context.Background(), l.id(old))
			return err
		})
	}
}

func (l *lane) stepTenant(i int) {
	state := []string{binding.TenantActive, binding.TenantSuspended}[i%2]
	l.step("tenant", func() error { return l.putTenant(state) })
}

// numberOfLock is one that no step binds.
func (l *lane) numberOfLock(i int) binding.X { return (l.block + 1).Number(i) }

func (l *lane) stepLock(i int) {
	if !l.e.Holds(l.block + 1) {
		return
	}
	l.locked = append(l.locked, i)
	l.step("lock a number", func() error { return l.e.LockNumber(context.Background(), l.numberOfLock(i), true) })
}

func (l *lane) stepUnlock(int) {
	if old, ok := l.some(&l.locked); ok {
		l.step("unlock a number", func() error { return l.e.LockNumber(context.Background(), l.numberOfLock(old), false) })
	}
}

// stepBlock adds a second block, which is locked so that nothing is drawn from it, or gives it up with its locked numbers.
func (l *lane) stepBlock(int) {
	if !l.e.Holds(l.block + 1) {
		l.step("add a block", func() error {
			return l.e.AddBlock(context.Background(), binding.BlockState{Block: l.block + 1, State: binding.BlockLocked, AddedAt: start, Tenant: l.tenant})
		})
		return
	}
	l.locked = nil
	l.step("remove a block", func() error { return l.e.RemoveBlock(context.Background(), l.block+1) })
}

// call is the record of a step.
func (l *lane) call(i int) cdr.Record {
	r := record(l.id(i))
	r.Tenant, r.Binding, r.CallerIn.Number = l.tenant, l.id(i), subscriber(l.t, l.n*1000+i)
	r.ReleasedAt = at(time.Duration(i) * time.Minute)
	return r
}

func (l *lane) stepOpen(i int) {
	l.opened = append(l.opened, i)
	l.step("open a record", func() error {
		r := l.call(i)
		r.ReleasedAt, r.End = time.Time{}, ""
		return openRecord(l.t, l.e.Journal(), r)
	})
}

func (l *lane) stepClose(int) {
	if old, ok := l.some(&l.opened); ok {
		l.step("close a record", func() error {
			_, err := closeRecord(l.t, l.e.Journal(), l.call(old))
			return err
		})
	}
}

func (l *lane) stepCloseOnly(i int) {
	l.step("close a record that was not open", func() error {
		_, err := closeRecord(l.t, l.e.Journal(), l.call(i))
		return err
	})
}

// stepDialled records a call of somebody whom no binding names.
func (l *lane) stepDialled(i int) {
	r := l.call(i)
	r.Binding, r.Refusal, r.End, r.CalleeIn.X = "", binding.RefusalNoBinding, cdr.EndRefused, l.block.Number(i)
	l.step("record who dialled", func() error {
		_, err := closeRecord(l.t, l.e.Journal(), r)
		return err
	})
}
