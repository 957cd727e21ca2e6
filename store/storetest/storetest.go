// Package storetest is what every engine must pass: the promises of binding.Store, cdr.Journal and cdr.Reader, and
// that they hold over a restart.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// Engine is a whole store.
type Engine interface {
	binding.Store
	binding.BarStore
	binding.TokenStore
	cdr.Reader
	Journal() cdr.Journal
	// CloseAbandoned closes the records that were open when the engine was opened.
	CloseAbandoned(now time.Time) (int, error)
	Close() error
}

// Run tests a whole engine. open is given the test it is for: its first call in a test opens an empty engine, a later
// one, after Close, the same data again. Run closes what it opened.
func Run(t *testing.T, open func(t *testing.T) Engine) {
	opened := func(t *testing.T) Engine {
		e := open(t)
		t.Cleanup(func() {
			if err := e.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		return e
	}
	t.Run("bindings", func(t *testing.T) {
		Bindings(t, func(t *testing.T) binding.Store { return opened(t) })
	})
	t.Run("block lists", func(t *testing.T) {
		Bars(t, func(t *testing.T) BarStore { return opened(t) })
	})
	t.Run("tokens", func(t *testing.T) {
		Tokens(t, func(t *testing.T) TokenStore { return opened(t) })
	})
	t.Run("records", func(t *testing.T) {
		Records(t, func(t *testing.T) (cdr.Journal, cdr.Reader) {
			e := opened(t)
			return e.Journal(), e
		})
	})
	t.Run("restart", func(t *testing.T) { restart(t, open) })
}

// Bindings tests the keeping of blocks and bindings. open returns an empty store each time.
func Bindings(t *testing.T, open func(t *testing.T) binding.Store) {
	for name, test := range map[string]func(*testing.T, binding.Store){
		"blocks come and go":                        blocks,
		"block of a live binding stays":             blockInUse,
		"states of a block":                         blockStates,
		"locked numbers":                            lockedNumbers,
		"how the numbers stand":                     stock,
		"every field comes back":                    everyField,
		"what is returned is not shared":            notShared,
		"number must be in an open block":           openBlock,
		"no party twice on a number":                conflicts,
		"a party is free again after its binding":   freeAgain,
		"id is taken once":                          idOnce,
		"newest first and bounded":                  newestFirst,
		"unbinding":                                 unbinding,
		"changes":                                   changes,
		"what a change must not do":                 changesRefused,
		"a party that comes may collide":            changeConflicts,
		"a longer life may collide":                 longerConflicts,
		"changes and binds of one party":            changeOrBind,
		"each of many changes is kept":              changedByMany,
		"bound once more":                           boundAgain,
		"bound once more for longer":                boundAgainUntil,
		"what is not asked for is not bound again":  boundAgainUnlike,
		"others have the same order":                boundAgainBehindOthers,
		"bound once more by many":                   boundAgainByMany,
		"done once under a key":                     doneOnce,
		"changed once under a key":                  changedOnce,
		"what was refused is not done":              refusedIsNotDone,
		"done once under a key of many":             doneOnceByMany,
		"many pairs live on a number":               manyPairs,
		"one for anyone on a number and extension":  oneForAnyone,
		"two numbers":                               twoNumbers,
		"history in every window":                   history,
		"history after changes":                     changedHistory,
		"history of one who held many":              longHistory,
		"history of one that is changed, in pages":  changedInPages,
		"history refuses a bad question":            badHistory,
		"list by filter":                            listFilters,
		"list in pages":                             listPages,
		"list ends with an error":                   listEnds,
		"one of many wins a number":                 oneWinner,
		"one of many wins an id":                    oneWinnerOfID,
		"binding and unbinding from many at once":   churn,
		"unbound by many is ended once":             unboundOnce,
		"block removed under those who bind on it":  removeUnder,
		"a context that has ended leaves no traces": endedContext,
		"a tenant draws from its own blocks":        drawsOfTenants,
		"fresh numbers are drawn first":             drawsFresh,
		"what lacks is drawn, what is given stays":  drawsWhatLacks,
		"drawn by many until the last is gone":      drawsToTheEnd,
		"many bound at once":                        imports,
		"bound at once and one by one":              importOrBind,
		"tenants":                                   tenants,
		"no change of a tenant is lost":             tenantChanges,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Records tests the journal and its reader. open returns empty ones each time.
func Records(t *testing.T, open func(t *testing.T) (cdr.Journal, cdr.Reader)) {
	for name, test := range map[string]func(*testing.T, cdr.Journal, cdr.Reader){
		"every field comes back":             everyFieldOfRecord,
		"an id is opened and closed once":    openCloseOnce,
		"rows are committed in order":        inOrder,
		"seq has no gaps from many at once":  seqFromMany,
		"records by filter":                  recordFilters,
		"records end with an error":          recordsEnd,
		"who follows is told":                followed,
		"an answer may write the next row":   answerWrites,
		"closed once by many":                closedOnceByMany,
		"what is being opened is not listed": openIsNotListed,
	} {
		t.Run(name, func(t *testing.T) {
			j, r := open(t)
			test(t, j, r)
		})
	}
}

// Everything below is shared by the tests.

const block = binding.Block(70010000001)

var start = time.Date(2026, 3, 1, 8, 0, 0, 123456789, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

// subscriber returns a real number, another one for each n.
func subscriber(t testing.TB, n int) binding.Number {
	t.Helper()
	number, err := binding.NumberFromDigits(fmt.Sprintf("86138%08d", n))
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// letters makes an id of n that has no digit.
func letters(n int) string {
	return strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprintf("%08d", n))
}

// pair is a binding of subscribers 2n and 2n+1 on x.
func pair(t testing.TB, id string, x binding.X, n int) binding.Binding {
	t.Helper()
	return binding.Binding{
		ID: id, Mode: binding.ModeAXB, X: x, A: subscriber(t, 2*n), B: subscriber(t, 2*n+1),
		Order: "order-" + id, Tenant: binding.DefaultTenant, CreatedAt: start,
	}
}

func hold(t testing.TB, s binding.Store, b binding.Block) {
	t.Helper()
	err := s.AddBlock(context.Background(), binding.BlockState{
		Block: b, State: binding.BlockOpen, AddedAt: start, Tenant: binding.DefaultTenant,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func bind(t testing.TB, s binding.Store, b binding.Binding) {
	t.Helper()
	if err := s.Bind(context.Background(), b); err != nil {
		t.Fatalf("bind %s: %v", b.ID, err)
	}
}

// same compares bindings; times are the same when they are the same moment.
func same(a, b binding.Binding) bool {
	for _, p := range [][2]*time.Time{{&a.CreatedAt, &b.CreatedAt}, {&a.ExpiresAt, &b.ExpiresAt}, {&a.EndedAt, &b.EndedAt}, {&a.UpdatedAt, &b.UpdatedAt}} {
		if !p[0].Equal(*p[1]) {
			return false
		}
		*p[1] = *p[0]
	}
	if len(a.Group) == 0 && len(b.Group) == 0 {
		a.Group, b.Group = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

// sameRecord compares records in the same way.
func sameRecord(a, b cdr.Record) bool {
	for _, p := range [][2]*time.Time{{&a.ReceivedAt, &b.ReceivedAt}, {&a.RingingAt, &b.RingingAt},
		{&a.AnsweredAt, &b.AnsweredAt}, {&a.ReleasedAt, &b.ReleasedAt}} {
		if !p[0].Equal(*p[1]) {
			return false
		}
		*p[1] = *p[0]
	}
	return reflect.DeepEqual(a, b)
}

func list(t testing.TB, s binding.Store, f binding.Filter) []binding.Binding {
	t.Helper()
	var all []binding.Binding
	err := s.List(context.Background(), f, func(b binding.Binding) error {
		all = append(all, b)
		return nil
	})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return all
}

func ids(rows []binding.Binding) string {
	var all []string
	for _, b := range rows {
		all = append(all, b.ID)
	}
	return strings.Join(all, " ")
}

// onX returns the rows on a number.
func onX(t testing.TB, s binding.Store, x binding.X) []binding.Binding {
	t.Helper()
	rows, err := s.OnX(context.Background(), x)
	if err != nil {
		t.Fatalf("on %s: %v", x, err)
	}
	return rows
}

// wantError fails unless err is want.
func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}
