package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"mask700/binding"
)

// TokenStore is what keeps tokens, with the tenants that they are of.
type TokenStore interface {
	binding.Store
	binding.TokenStore
}

func token(id, tenant string) binding.TenantToken {
	t := binding.TenantToken{ID: id, Tenant: tenant, Name: "name-" + id, Reveal: len(id)%2 == 0, CreatedAt: start}
	copy(t.Hash[:], strings.Repeat(id, 32))
	return t
}

// Tokens tests the keeping of tokens of tenants. open returns an empty store each time.
func Tokens(t *testing.T, open func(t *testing.T) TokenStore) {
	t.Run("come and go", func(t *testing.T) { tokens(t, open(t)) })
	t.Run("no more than may be", func(t *testing.T) { manyTokens(t, open(t)) })
}

func tokens(t *testing.T, s TokenStore) {
	ctx := context.Background()
	put(t, s, fullTenant("rides"))
	for _, row := range []binding.TenantToken{token("b", "rides"), token("aa", "rides"), token("c", binding.DefaultTenant)} {
		if err := s.AddToken(ctx, row); err != nil {
			t.Fatal(err)
		}
		if got, ok := s.Token(row.ID); !ok || !sameToken(got, row) {
			t.Errorf("%+v, %v", got, ok)
		}
	}
	if err := s.AddToken(ctx, token("c", "rides")); !errors.Is(err, binding.ErrExists) {
		t.Errorf("an id for the second time: %v", err)
	}
	for tenant, want := range map[string]string{"": "aa b c", "rides": "aa b", binding.DefaultTenant: "c", "nobody": ""} {
		all, err := s.Tokens(ctx, tenant)
		var ids []string
		for _, row := range all {
			if ids = append(ids, row.ID); !sameToken(row, token(row.ID, row.Tenant)) {
				t.Errorf("%+v", row)
			}
		}
		if err != nil || strings.Join(ids, " ") != want {
			t.Errorf("of %q: %v, %v", tenant, ids, err)
		}
	}
	if got, err := s.RemoveToken(ctx, "b"); err != nil || !sameToken(got, token("b", "rides")) {
		t.Errorf("removed: %+v, %v", got, err)
	}
	if _, ok := s.Token("b"); ok {
		t.Error("one that was removed is there")
	}
	for _, id := range []string{"b", "", "nobody"} {
		if _, err := s.RemoveToken(ctx, id); !errors.Is(err, binding.ErrNoToken) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func sameToken(a, b binding.TenantToken) bool {
	same := a.CreatedAt.Equal(b.CreatedAt)
	a.CreatedAt = b.CreatedAt
	return same && a == b
}

func manyTokens(t *testing.T, s TokenStore) {
	ctx := context.Background()
	for i := range binding.MaxTokensOfTenant {
		if err := s.AddToken(ctx, token(fmt.Sprintf("t%d", i), binding.DefaultTenant)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddToken(ctx, token("more", binding.DefaultTenant)); !errors.Is(err, binding.ErrManyTokens) {
		t.Errorf("one more: %v", err)
	}
	put(t, s, fullTenant("rides"))
	if err := s.AddToken(ctx, token("other", "rides")); err != nil {
		t.Errorf("of another tenant: %v", err)
	}
}

func tokensAgain(t *testing.T, again func() Engine) {
	e := again()
	put(t, e, fullTenant("rides"))
	for _, row := range []binding.TenantToken{token("gone", "rides"), token("kept", "rides")} {
		if err := e.AddToken(context.Background(), row); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.RemoveToken(context.Background(), "gone"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		e = again()
		if got, ok := e.Token("kept"); !ok || !sameToken(got, token("kept", "rides")) {
			t.Errorf("%+v, %v", got, ok)
		}
		if _, ok := e.Token("gone"); ok {
			t.Error("a token that was removed lets somebody in after a restart")
		}
	}
}
