package binding_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
)

// seeded is a random source that repeats itself from test run to test run.
func seeded(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

// desk is a service over a store with one open block, at noon.
func desk(t testing.TB) (*binding.Service, *bindingtest.Store) {
	t.Helper()
	store := &bindingtest.Store{Now: func() time.Time { return noon }}
	s := &binding.Service{Store: store, Now: func() time.Time { return noon }, Random: seeded(1)}
	if _, err := s.AddBlock(t.Context(), block.String()); err != nil {
		t.Fatal(err)
	}
	return s, store
}

func request(change ...func(*binding.Request)) binding.Request {
	r := binding.Request{Mode: "axb", A: "13800000001", B: "13900000002", Order: "order"}
	for _, c := range change {
		c(&r)
	}
	return r
}

func TestCreate(t *testing.T) {
	s, store := desk(t)
	if _, err := s.AddTenant(t.Context(), "shop", binding.TenantSettings{}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Create(t.Context(), binding.Request{
		Mode: "axb", A: "+86 138-0000-0001", B: "013900000002", Order: "订单 7", Consent: "c", IndustrialID: "700.100.1/7",
		Tenant: "shop", Data: `{"k":"v"}`, TTL: 2 * time.Hour, MaxDuration: 10 * time.Minute, OneWay: "b-to-a",
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.ID) != 16 || got.X.Block() != block {
		t.Errorf("id %q, x %v", got.ID, got.X)
	}
	want := binding.Binding{
		ID: got.ID, Mode: binding.ModeAXB, X: got.X, A: number(t, digitsA), B: number(t, digitsB), Order: "订单 7", Consent: "c",
		IndustrialID: "700.100.1/7", Tenant: "shop", Data: `{"k":"v"}`, CreatedAt: noon, ExpiresAt: noon.Add(2 * time.Hour),
		MaxDuration: 10 * time.Minute, OneWay: binding.OneWayBToA,
	}
	if !equal(got, want) {
		t.Errorf("created %+v, want %+v", got, want)
	}
	stored, err := store.Binding(t.Context(), got.ID)
	if err != nil || !equal(stored, want) {
		t.Errorf("stored %+v, %v", stored, err)
	}
	if got.State(noon) != binding.StateLive {
		t.Errorf("it is %s", got.State(noon))
	}
}

func equal(a, b binding.Binding) bool {
	return len(a.Group) == len(b.Group) && a.ID == b.ID && a.Mode == b.Mode && a.X == b.X && a.Y == b.Y && a.A == b.A && a.B == b.B &&
		a.Extension == b.Extension && a.Order == b.Order && a.Consent == b.Consent && a.IndustrialID == b.IndustrialID &&
		a.Tenant == b.Tenant && a.Data == b.Data && a.CreatedAt.Equal(b.CreatedAt) && a.ExpiresAt.Equal(b.ExpiresAt) &&
		a.EndedAt.Equal(b.EndedAt) && a.MaxDuration == b.MaxDuration && a.OneWay == b.OneWay
}

func TestCreateDefaults(t *testing.T) {
	s, _ := desk(t)
	b, err := s.Create(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	if b.Tenant != "default" || !b.ExpiresAt.IsZero() || b.MaxDuration != 0 || b.OneWay != binding.BothWays {
		t.Errorf("defaults are %+v", b)
	}
	var real binding.Service
	real.Store = s.Store
	b, err = real.Create(t.Context(), request(func(r *binding.Request) { r.A = "13700000003"; r.B = "13700000004" }))
	if err != nil {
		t.Fatal(err)
	}
	if since := time.Since(b.CreatedAt); since < 0 || since > time.Minute || b.CreatedAt.Location() != time.UTC ||
		b.CreatedAt.Nanosecond()%1e6 != 0 {
		t.Errorf("created at %v", b.CreatedAt)
	}
}

func TestCreateWithGivenX(t *testing.T) {
	s, _ := desk(t)
	for i, form := range []string{"700100000010007", "+86700100000010008", "0700 1000 0001 0009"} {
		b, err := s.Create(t.Context(), request(func(r *binding.Request) { r.X = form }))
		if err != nil || b.X != x+binding.X(i) {
			t.Errorf("%s: got %v, %v", form, b.X, err)
		}
	}
}

func TestCreateWithExpires(t *testing.T) {
	s, _ := desk(t)
	at := time.Date(2026, 3, 1, 21, 0, 0, 123456789, time.FixedZone("", 8*3600))
	b, err := s.Create(t.Context(), request(func(r *binding.Request) { r.Expires = at }))
	if err != nil || !b.ExpiresAt.Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("expires at %v, %v", b.ExpiresAt, err)
	}
}

// TestCreatedBindingCarriesTheCall is the promise behind one canonical form:
// however the parties were written, any form of the caller matches.
func TestCreatedBindingCarriesTheCall(t *testing.T) {
	s, store := desk(t)
	b, err := s.Create(t.Context(), request(func(r *binding.Request) { r.A, r.B = "0138-0000-0001", "010-5965-8005" }))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := store.OnX(t.Context(), b.X)
	if err != nil {
		t.Fatal(err)
	}
	for form, callee := range map[string]binding.Number{
		"+8613800000001": b.B, "13800000001": b.B, "008613800000001": b.B, "1059658005": b.A, "+861059658005": b.A,
	} {
		caller, err := s.Plan.ParseNumber(form)
		if err != nil {
			t.Fatal(err)
		}
		d := binding.Resolve(binding.Query{Dialled: b.X, Caller: caller, At: noon}, store.Holds(b.X.Block()), rows)
		if d.Refusal != binding.RefusalNone || d.Edge.Callee != callee {
			t.Errorf("%s: decided %+v", form, d)
		}
	}
}

func TestCreateRefusesConflictOnGivenX(t *testing.T) {
	s, _ := desk(t)
	giveX := func(r *binding.Request) { r.X = x.String() }
	first, err := s.Create(t.Context(), request(giveX))
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]binding.Request{
		"same pair":          request(giveX),
		"other way round":    request(giveX, func(r *binding.Request) { r.A, r.B = r.B, r.A }),
		"one party, as b":    request(giveX, func(r *binding.Request) { r.A, r.B = "13700000003", r.A }),
		"one, written other": request(giveX, func(r *binding.Request) { r.A, r.B = "+86 139-0000-0002", "13700000003" }),
	} {
		_, err := s.Create(t.Context(), r)
		var conflict *binding.ConflictError
		if !errors.As(err, &conflict) || conflict.Binding != first.ID {
			t.Errorf("%s: error is %v", name, err)
			continue
		}
		assertRefusal(t, name, err, "x")
		if !strings.Contains(err.Error(), first.ID) {
			t.Errorf("%s: the error does not name the binding in the way: %v", name, err)
		}
	}
	if _, err := s.Create(t.Context(), request(giveX, func(r *binding.Request) { r.A, r.B = "13700000003", "13700000004" })); err != nil {
		t.Errorf("a disjoint pair on the same number: %v", err)
	}
}

func TestCreateAfterTheConflictEnds(t *testing.T) {
	s, _ := desk(t)
	giveX := func(r *binding.Request) { r.X = x.String() }
	first, err := s.Create(t.Context(), request(giveX, func(r *binding.Request) { r.TTL = time.Hour }))
	if err != nil {
		t.Fatal(err)
	}
	now := noon.Add(time.Hour)
	s.Now = func() time.Time { return now }
	second, err := s.Create(t.Context(), request(giveX))
	if err != nil {
		t.Fatalf("after the first expired: %v", err)
	}
	if _, err := s.Delete(t.Context(), second.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), request(giveX)); err != nil {
		t.Errorf("after %s and %s ended: %v", first.ID, second.ID, err)
	}
}

func TestCreateRefusesXOfClosedBlocks(t *testing.T) {
	s, store := desk(t)
	_, err := s.Create(t.Context(), request(func(r *binding.Request) { r.X = "700100000020000" }))
	assertRefusal(t, "not held", err, "x")
	if !errors.Is(err, binding.ErrNotHeld) || errors.Is(err, binding.ErrNotOpen) {
		t.Errorf("not held: error is %v", err)
	}
	for _, state := range []string{binding.BlockLocked, binding.BlockDraining} {
		store.SetState(block, state)
		_, err := s.Create(t.Context(), request(func(r *binding.Request) { r.X = x.String() }))
		assertRefusal(t, state, err, "x")
		if !errors.Is(err, binding.ErrNotOpen) {
			t.Errorf("%s: error is %v", state, err)
		}
	}
}

func TestCreateDrawsFromOpenBlocksOnly(t *testing.T) {
	s, store := desk(t)
	for _, add := range []string{"70010000002", "70010000003"} {
		if _, err := s.AddBlock(t.Context(), add); err != nil {
			t.Fatal(err)
		}
	}
	store.SetState(70010000002, binding.BlockLocked)
	seen := make(map[binding.Block]int)
	numbers := make(map[binding.X]bool)
	for range 200 {
		b, err := s.Create(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		seen[b.X.Block()]++
		numbers[b.X] = true
	}
	if seen[70010000002] != 0 || seen[70010000001] < 60 || seen[70010000003] < 60 {
		t.Errorf("drawn from %v", seen)
	}
	if len(numbers) != 200 {
		t.Errorf("the same pair got %d numbers for 200 bindings", len(numbers))
	}
}

// TestCreateFindsTheOpenBlock: closed blocks cost no draws, however many.
func TestCreateFindsTheOpenBlock(t *testing.T) {
	s, store := desk(t)
	for b := block + 1; b < block+1000; b++ {
		if err := store.AddBlock(t.Context(), binding.BlockState{Block: b, State: binding.BlockLocked}); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		if b, err := s.Create(t.Context(), request()); err != nil || b.X.Block() != block {
			t.Errorf("drawn %v, %v", b.X, err)
		}
	}
}

func TestCreateWithoutOpenBlock(t *testing.T) {
	store := &bindingtest.Store{}
	s := &binding.Service{Store: store, Random: seeded(2)}
	_, err := s.Create(t.Context(), request())
	if !errors.Is(err, binding.ErrNoFreeNumber) || !strings.Contains(err.Error(), "add a block") {
		t.Errorf("without a block: %v", err)
	}
	if _, err := s.AddBlock(t.Context(), block.String()); err != nil {
		t.Fatal(err)
	}
	store.SetState(block, binding.BlockDraining)
	if _, err := s.Create(t.Context(), request()); !errors.Is(err, binding.ErrNoFreeNumber) {
		t.Errorf("with a draining block: %v", err)
	}
}

// TestCreateSaysThatNothingIsFree: with whose blocks, and how they stand.
func TestCreateSaysThatNothingIsFree(t *testing.T) {
	s, _ := desk(t)
	if _, err := s.AddBlockFor(t.Context(), "rides", (block + 1).String()); !errors.Is(err, binding.ErrNoTenant) {
		t.Errorf("a block for a tenant that nobody added: %v", err)
	}
	if _, err := s.AddTenant(t.Context(), "rides", binding.TenantSettings{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddBlockFor(t.Context(), "rides", (block + 1).String()); err != nil {
		t.Fatal(err)
	}
	for serial := range binding.BlockSize {
		if err := s.Store.Bind(t.Context(), row(t, func(b *binding.Binding) {
			b.ID, b.X = "row"+block.Number(serial).String(), block.Number(serial)
		})); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Create(t.Context(), request())
	var pool *binding.PoolError
	if !errors.As(err, &pool) || pool.Tenant != "default" || pool.Blocks != 1 || pool.InUse != binding.BlockSize {
		t.Errorf("error is %v", err)
	}
	if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, "tenant default") || !strings.Contains(text, "add a block") {
		t.Errorf("text is %q", text)
	}
	if b, err := s.Create(t.Context(), request(func(r *binding.Request) { r.Tenant = "rides" })); err != nil || b.X.Block() != block+1 {
		t.Errorf("another tenant: %v, %v", b.X, err)
	}
	_, err = s.Create(t.Context(), request(func(r *binding.Request) { r.X = (block + 1).Number(7).String() }))
	assertRefusal(t, "another tenant's number", err, "x")
	if !errors.Is(err, binding.ErrOtherTenant) {
		t.Errorf("another tenant's number: %v", err)
	}
}

func TestCreateFindsTheFreeNumberAmongTaken(t *testing.T) {
	s, _ := desk(t)
	// The pair stands on half of the numbers of the block.
	for serial := 0; serial < binding.BlockSize; serial += 2 {
		if err := s.Store.Bind(t.Context(), row(t, func(b *binding.Binding) {
			b.ID, b.X = "row"+block.Number(serial).String(), block.Number(serial)
		})); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		b, err := s.Create(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		if b.X%2 == 0 {
			t.Fatalf("%v was taken", b.X)
		}
	}
}

// TestCreateAvoidsCrowdedNumbers: ended bindings do not count, live ones do.
func TestCreateAvoidsCrowdedNumbers(t *testing.T) {
	s, store := desk(t)
	store.Limit = 3
	giveX := func(r *binding.Request) { r.X = x.String() }
	other := func(n int) func(r *binding.Request) {
		return func(r *binding.Request) { r.A, r.B = fmt.Sprint(13700000000+2*n), fmt.Sprint(13700000001+2*n) }
	}
	oldest, err := s.Create(t.Context(), request(giveX))
	if err != nil {
		t.Fatal(err)
	}
	for i := range binding.MaxRowsOnX {
		b, err := s.Create(t.Context(), request(giveX, other(i)))
		if err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		if _, err := s.Delete(t.Context(), b.ID); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		if _, err := s.Create(t.Context(), request(giveX, other(i))); err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.Create(t.Context(), request(giveX, other(100)))
	if !errors.Is(err, binding.ErrCrowded) {
		t.Fatalf("error is %v", err)
	}
	assertRefusal(t, "crowded", err, "x")
	if _, err := s.Delete(t.Context(), oldest.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), request(giveX, other(100))); err != nil {
		t.Errorf("after the oldest ended: %v", err)
	}
}

func TestCreatePassesFailuresOn(t *testing.T) {
	broken := errors.New("disk on fire")
	s, store := desk(t)
	store.Fail(broken)
	for name, r := range map[string]binding.Request{"drawn": request(), "given": request(func(r *binding.Request) { r.X = x.String() })} {
		if _, err := s.Create(t.Context(), r); !errors.Is(err, broken) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	store.Fail(nil)
	s.Random = iotest.ErrReader(broken)
	if _, err := s.Create(t.Context(), request()); !errors.Is(err, broken) {
		t.Errorf("random source: error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Random = seeded(3)
	if _, err := s.Create(ctx, request()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error is %v", err)
	}
}

// TestCreateAtOnce: of many that want the same pair on the same number, one
// gets it.
func TestCreateAtOnce(t *testing.T) {
	s, _ := desk(t)
	s.Random = nil
	var wait sync.WaitGroup
	results := make(chan error, 16)
	for range cap(results) {
		wait.Go(func() {
			_, err := s.Create(t.Context(), request(func(r *binding.Request) { r.X = x.String() }))
			results <- err
		})
	}
	wait.Wait()
	close(results)
	created := 0
	for err := range results {
		var conflict *binding.ConflictError
		if err == nil {
			created++
		} else if !errors.As(err, &conflict) {
			t.Errorf("error is %v", err)
		}
	}
	if created != 1 {
		t.Errorf("%d were created", created)
	}
}

func TestDelete(t *testing.T) {
	s, _ := desk(t)
	b, err := s.Create(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	s.Now = func() time.Time { return noon.Add(time.Minute) }
	ended, err := s.Delete(t.Context(), b.ID)
	if err != nil || !ended.EndedAt.Equal(noon.Add(time.Minute)) || ended.State(noon.Add(time.Minute)) != binding.StateUnbound {
		t.Errorf("deleted %+v, %v", ended, err)
	}
	s.Now = func() time.Time { return noon.Add(time.Hour) }
	again, err := s.Delete(t.Context(), b.ID)
	if err != nil || !again.EndedAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("deleted again %+v, %v", again, err)
	}
	_, err = s.Delete(t.Context(), "13800138000")
	if !errors.Is(err, binding.ErrNotFound) || hasDigit(err.Error()) {
		t.Errorf("an id that is none: %v", err)
	}
}

func TestAddBlock(t *testing.T) {
	s, store := desk(t)
	got, err := s.AddBlock(t.Context(), "70010000002")
	want := binding.BlockState{Block: 70010000002, State: binding.BlockOpen, AddedAt: noon, Tenant: "default"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("added %+v, %v", got, err)
	}
	if !store.Holds(70010000002) {
		t.Error("it is not held")
	}
	_, err = s.AddBlock(t.Context(), "70010000002")
	if !errors.Is(err, binding.ErrExists) || err.Error() != "block: 70010000002 is already there" {
		t.Errorf("added twice: %v", err)
	}
	_, err = s.AddBlock(t.Context(), "13800138000")
	assertRefusal(t, "a number as block", err, "block")
	if !errors.Is(err, binding.ErrBlock) {
		t.Errorf("a number as block: %v", err)
	}
	broken := errors.New("disk on fire")
	store.Fail(broken)
	if _, err := s.AddBlock(t.Context(), "70010000003"); !errors.Is(err, broken) {
		t.Errorf("store broken: %v", err)
	}
}

func BenchmarkCreate(b *testing.B) {
	s, _ := desk(b)
	b.ReportAllocs()
	for b.Loop() {
		created, err := s.Create(b.Context(), request())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Delete(b.Context(), created.ID); err != nil {
			b.Fatal(err)
		}
	}
}
