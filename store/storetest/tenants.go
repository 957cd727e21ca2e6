package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"mask700/binding"
)

// put puts a tenant as it is.
func put(t *testing.T, s binding.Store, want binding.Tenant) {
	t.Helper()
	got, err := s.PutTenant(context.Background(), want.Name, func(row *binding.Tenant, _ bool) error {
		*row = want
		row.Name = "another" // it stays what it was asked for by
		return nil
	})
	if err != nil || !sameTenant(got, want) {
		t.Fatalf("put: %+v, %v\nwant %+v", got, err, want)
	}
}

func sameTenant(a, b binding.Tenant) bool {
	if !a.AddedAt.Equal(b.AddedAt) || !a.Since.Equal(b.Since) {
		return false
	}
	a.AddedAt, a.Since = b.AddedAt, b.Since
	return a == b
}

// fullTenant is a tenant with every field set.
func fullTenant(name string) binding.Tenant {
	return binding.Tenant{
		Name: name, State: binding.TenantSuspended, Reason: "为什么", AddedAt: start, Since: at(time.Hour),
		TenantSettings: binding.TenantSettings{
			RequireConsent: true, OwnBlocks: true, TTL: binding.Duration(2 * time.Hour), MaxDuration: binding.Duration(10 * time.Minute),
			Texts: binding.TextsRefuse, Limits: "mode=enforce;calls=pair 5/5m",
		},
	}
}

func tenants(t *testing.T, s binding.Store) {
	ctx := context.Background()
	names := func() (all []string) {
		rows, err := s.Tenants(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			all = append(all, row.Name)
		}
		return all
	}
	first, ok := s.Tenant(binding.DefaultTenant)
	if want := (binding.Tenant{Name: binding.DefaultTenant, State: binding.TenantActive}); !ok || first != want || fmt.Sprint(names()) != "[default]" {
		t.Errorf("of an empty store: %+v, %v", first, names())
	}
	if _, ok := s.Tenant("zoo"); ok {
		t.Error("a tenant is there that nobody added")
	}
	enough := errors.New("enough")
	_, err := s.PutTenant(ctx, "zoo", func(row *binding.Tenant, known bool) error {
		if known || row.Name != "zoo" {
			t.Errorf("known %v: %+v", known, row)
		}
		return enough
	})
	if _, ok := s.Tenant("zoo"); ok || err != enough {
		t.Errorf("there in spite of %v", err)
	}
	want := fullTenant("zoo")
	put(t, s, want)
	put(t, s, binding.Tenant{Name: "ant", State: binding.TenantActive})
	_, err = s.PutTenant(ctx, binding.DefaultTenant, func(row *binding.Tenant, known bool) error {
		if !known {
			t.Error("the default tenant is not known")
		}
		row.RequireConsent = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(names()) != "[ant default zoo]" {
		t.Errorf("in order: %v", names())
	}
	if got, ok := s.Tenant("zoo"); !ok || !sameTenant(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if got, _ := s.Tenant(binding.DefaultTenant); !got.RequireConsent || got.State != binding.TenantActive {
		t.Errorf("the default tenant: %+v", got)
	}
	want.State, want.Reason = binding.TenantActive, ""
	put(t, s, want)
	if got, _ := s.Tenant("zoo"); !sameTenant(got, want) {
		t.Errorf("changed: %+v\nwant %+v", got, want)
	}
}

// tenantChanges: none of many changes at once is lost.
func tenantChanges(t *testing.T, s binding.Store) {
	const n = 20
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			_, err := s.PutTenant(context.Background(), "busy", func(row *binding.Tenant, _ bool) error {
				row.State = binding.TenantActive
				row.TTL += binding.Duration(time.Hour)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, _ := s.Tenant("busy"); time.Duration(got.TTL) != n*time.Hour {
		t.Errorf("%d changes have come to %v", n, time.Duration(got.TTL))
	}
}
