package storetest_test

import (
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
	"mask700/binding/cdr/cdrtest"
	"mask700/store/storetest"
)

// The engines in memory, by which the other rooms are tested, make the same promises.
func TestEnginesInMemory(t *testing.T) {
	storetest.Bindings(t, func(*testing.T) binding.Store { return new(bindingtest.Store) })
	storetest.Quarantine(t, func(_ *testing.T, rest time.Duration) (binding.Store, storetest.Dialled) {
		s := &bindingtest.Store{Quarantine: rest}
		return s, s.Dialled
	})
	storetest.Clocks(t, func(_ *testing.T, now func() time.Time, rest time.Duration) (binding.Store, storetest.Dialled) {
		s := &bindingtest.Store{Quarantine: rest, Now: now}
		return s, s.Dialled
	})
	storetest.ClockAhead(t, func(_ *testing.T, now func() time.Time, gone func() time.Duration, rest time.Duration) (storetest.AheadStore, storetest.Dialled) {
		s := &aheadInMemory{began: now()}
		s.Store = &bindingtest.Store{Quarantine: rest, Now: now, Ahead: func() time.Duration {
			if s.confirmed {
				return 0
			}
			return max(0, now().Sub(s.began.Add(2*gone()+24*time.Hour)))
		}}
		return s, s.Dialled
	})
	storetest.Older(t, func(_ *testing.T, o storetest.OlderOptions) binding.Store {
		return &bindingtest.Store{Served: o.Served, Numbers: o.Numbers, Now: o.Now, Share: o.Share}
	})
	storetest.Bars(t, func(*testing.T) storetest.BarStore { return new(bindingtest.Store) })
	storetest.Tokens(t, func(*testing.T) storetest.TokenStore { return new(bindingtest.Store) })
	storetest.Records(t, func(*testing.T) (cdr.Journal, cdr.Reader) {
		j := new(cdrtest.Journal)
		return j, j
	})
}

// aheadInMemory does not believe a clock that is more than a day ahead of what has gone by.
type aheadInMemory struct {
	*bindingtest.Store
	began     time.Time
	confirmed bool
}

func (s *aheadInMemory) ConfirmClock() error {
	s.confirmed = true
	return nil
}
