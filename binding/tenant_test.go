package binding_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
)

func TestTenants(t *testing.T) {
	s, store := desk(t)
	ctx := t.Context()
	settings := binding.TenantSettings{RequireConsent: true, TTL: binding.Duration(time.Hour), MaxDuration: binding.Duration(time.Minute)}
	got, err := s.AddTenant(ctx, "shop", settings)
	want := binding.Tenant{Name: "shop", State: binding.TenantActive, AddedAt: noon, Since: noon, TenantSettings: settings}
	if err != nil || got != want {
		t.Errorf("added %+v, %v\nwant %+v", got, err, want)
	}
	for _, name := range []string{"shop", binding.DefaultTenant} {
		var field *binding.FieldError
		if _, err := s.AddTenant(ctx, name, settings); !errors.Is(err, binding.ErrExists) || !errors.As(err, &field) {
			t.Errorf("%s added again: %v", name, err)
		}
	}
	for _, name := range []string{"", "a/b", " ", "13800138000", "shop-13800138000", "138-0013-8000", "138.0013_8000", "shop.1-3-8-0-0-1-3", strings.Repeat("x", 65), "-x", "订单", "a\nb"} {
		if _, err := s.AddTenant(ctx, name, binding.TenantSettings{}); err == nil || name != "" && strings.Contains(err.Error(), name) && len(name) > 2 {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"138-001", "a1b2c3d4e5f6g7h8", "shop-2026.3"} {
		if _, err := s.AddTenant(ctx, name, binding.TenantSettings{}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for field, bad := range map[string]binding.TenantSettings{
		"ttl":          {TTL: binding.Duration(time.Millisecond)},
		"max_duration": {MaxDuration: binding.Duration(25 * time.Hour)},
		"texts":        {Texts: "sometimes"},
	} {
		if _, err := s.AddTenant(ctx, "bad", bad); err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%s: %v", field, err)
		}
		_, err := s.ChangeTenant(ctx, "shop", func(s *binding.TenantSettings) error { *s = bad; return nil })
		if err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("changed, %s: %v", field, err)
		}
	}
	if got, _ := store.Tenant("shop"); got != want {
		t.Errorf("after what was refused: %+v", got)
	}
	if _, ok := store.Tenant("bad"); ok {
		t.Error("a tenant with bad settings is there")
	}
	for name, err := range map[string]error{
		"change":  second(s.ChangeTenant(ctx, "nobody", func(*binding.TenantSettings) error { return nil })),
		"suspend": second(s.SuspendTenant(ctx, "nobody", "a reason")),
		"resume":  second(s.ResumeTenant(ctx, "nobody")),
	} {
		if !errors.Is(err, binding.ErrNoTenant) {
			t.Errorf("%s nobody: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestBindingOfATenant(t *testing.T) {
	s, _ := desk(t)
	ctx := t.Context()
	make := func(change ...func(*binding.Request)) (binding.Binding, error) {
		return s.Create(ctx, request(append(change, func(r *binding.Request) { r.Tenant = "shop" })...))
	}
	if _, err := make(); !errors.Is(err, binding.ErrNoTenant) || !strings.HasPrefix(err.Error(), "tenant:") {
		t.Errorf("of a tenant that nobody added: %v", err)
	}
	settings := binding.TenantSettings{RequireConsent: true, TTL: binding.Duration(time.Hour), MaxDuration: binding.Duration(time.Minute)}
	if _, err := s.AddTenant(ctx, "shop", settings); err != nil {
		t.Fatal(err)
	}
	if _, err := make(); err == nil || !strings.HasPrefix(err.Error(), "consent:") {
		t.Errorf("without a consent: %v", err)
	}
	consent := func(r *binding.Request) { r.Consent = "c-1" }
	b, err := make(consent)
	if err != nil || !b.ExpiresAt.Equal(noon.Add(time.Hour)) || b.MaxDuration != time.Minute {
		t.Errorf("what the tenant has for it: %+v, %v", b, err)
	}
	if _, err := s.Delete(ctx, b.ID); err != nil {
		t.Fatal(err)
	}
	b, err = make(consent, func(r *binding.Request) { r.Expires, r.MaxDuration = noon.Add(time.Minute), time.Second })
	if err != nil || !b.ExpiresAt.Equal(noon.Add(time.Minute)) || b.MaxDuration != time.Second {
		t.Errorf("what it says itself: %+v, %v", b, err)
	}
	if _, err := s.SuspendTenant(ctx, "shop", "marketing"); err != nil {
		t.Fatal(err)
	}
	if _, err := make(consent); !errors.Is(err, binding.ErrSuspended) || !strings.HasPrefix(err.Error(), "tenant:") {
		t.Errorf("of a suspended tenant: %v", err)
	}
	if _, err := s.Create(ctx, request()); err != nil {
		t.Errorf("of another tenant: %v", err)
	}
	if b, err = s.Delete(ctx, b.ID); err != nil || b.EndedAt.IsZero() {
		t.Errorf("a suspended tenant's binding is not unbound: %+v, %v", b, err)
	}
	if got, err := s.ResumeTenant(ctx, "shop"); err != nil || got.State != binding.TenantActive || got.Reason != "" || got.TenantSettings != settings {
		t.Errorf("resumed: %+v, %v", got, err)
	}
	if _, err := make(consent); err != nil {
		t.Errorf("resumed: %v", err)
	}
}

func TestTenantWithItsOwnBlocks(t *testing.T) {
	s, store := desk(t)
	ctx := t.Context()
	if _, err := s.AddTenant(ctx, "shop", binding.TenantSettings{OwnBlocks: true}); err != nil {
		t.Fatal(err)
	}
	make := func(x string) (binding.Binding, error) {
		return s.Create(ctx, request(func(r *binding.Request) { r.Tenant, r.X = "shop", x }))
	}
	if _, err := make(""); !errors.Is(err, binding.ErrNoFreeNumber) {
		t.Errorf("without a block: %v", err)
	}
	own := block + 1
	if err := store.AddBlock(ctx, binding.BlockState{Block: own, State: binding.BlockOpen, AddedAt: noon, Tenant: "shop"}); err != nil {
		t.Fatal(err)
	}
	if _, err := make(block.Number(7).String()); !errors.Is(err, binding.ErrNotHeld) || !strings.HasPrefix(err.Error(), "x:") {
		t.Errorf("on a number that tenants share: %v", err)
	}
	if _, err := make(own.Number(7).String()); err != nil {
		t.Errorf("on a number of its own: %v", err)
	}
	if b, err := make(""); err != nil || b.X.Block() != own {
		t.Errorf("drawn: %v, %v", b.X, err)
	}
}

// allAsked counts how often all blocks are asked for.
type allAsked struct {
	*bindingtest.Store
	n int
}

func (s *allAsked) Blocks(ctx context.Context) ([]binding.BlockState, error) {
	s.n++
	return s.Store.Blocks(ctx)
}

func (s *allAsked) Stock(ctx context.Context) ([]binding.Stock, error) {
	s.n++
	return s.Store.Stock(ctx)
}

// What a bind costs does not grow with the blocks that there are: nobody asks for all of them.
func TestBindAsksForNoListOfBlocks(t *testing.T) {
	s, store := desk(t)
	counted := &allAsked{Store: store}
	s.Store = counted
	for _, tenant := range []string{"shop", "rides"} {
		if _, err := s.AddTenant(t.Context(), tenant, binding.TenantSettings{OwnBlocks: tenant == "shop"}); err != nil {
			t.Fatal(err)
		}
	}
	own := binding.BlockState{Block: block + 1, State: binding.BlockOpen, AddedAt: noon, Tenant: "shop"}
	if err := store.AddBlock(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	for tenant, from := range map[string]binding.Block{"shop": own.Block, "rides": block} {
		for i, x := range []string{"", from.Number(7).String()} {
			_, err := s.Create(t.Context(), request(func(r *binding.Request) { r.Tenant, r.X, r.A = tenant, x, fmt.Sprintf("1380000010%d", i) }))
			if err != nil {
				t.Errorf("%s on %q: %v", tenant, x, err)
			}
		}
	}
	if counted.n != 0 {
		t.Errorf("all blocks were asked for %d times", counted.n)
	}
}
