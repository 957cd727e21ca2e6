package rule_test

import (
	"testing"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/rule"
)

func TestSuspendedTenant(t *testing.T) {
	store := new(bindingtest.Store)
	s := &binding.Service{Store: store}
	if _, err := s.AddTenant(t.Context(), "shop", binding.TenantSettings{}); err != nil {
		t.Fatal(err)
	}
	judge := rule.Tenants{Tenant: store.Tenant}
	verdict := func(tenant string, kind rule.Kind) rule.Verdict {
		return judge.Judge(t.Context(), &rule.Attempt{Kind: kind, Binding: &binding.Binding{Tenant: tenant}})
	}
	for _, kind := range []rule.Kind{rule.Call, rule.Text} {
		for _, tenant := range []string{"shop", binding.DefaultTenant, "", "elsewhere"} {
			if v := verdict(tenant, kind); v.Refusal != "" || v.Rule != "" {
				t.Errorf("%v of %q: %+v", kind, tenant, v)
			}
		}
	}
	if _, err := s.SuspendTenant(t.Context(), "shop", "marketing"); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []rule.Kind{rule.Call, rule.Text} {
		if v := verdict("shop", kind); v.Refusal != binding.RefusalSuspended || v.Rule != rule.NameTenant {
			t.Errorf("%v of a suspended tenant: %+v", kind, v)
		}
		if v := verdict(binding.DefaultTenant, kind); v.Refusal != "" {
			t.Errorf("%v of another: %+v", kind, v)
		}
	}
	if _, err := s.ResumeTenant(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if v := verdict("shop", rule.Call); v.Refusal != "" {
		t.Errorf("resumed: %+v", v)
	}
}

func TestTenantWithoutTexts(t *testing.T) {
	store := new(bindingtest.Store)
	s := &binding.Service{Store: store}
	if _, err := s.AddTenant(t.Context(), "shop", binding.TenantSettings{Texts: binding.TextsOff}); err != nil {
		t.Fatal(err)
	}
	judge := rule.Tenants{Tenant: store.Tenant}
	for kind, want := range map[rule.Kind]binding.Refusal{rule.Call: "", rule.Text: binding.RefusalBlocked} {
		v := judge.Judge(t.Context(), &rule.Attempt{Kind: kind, Binding: &binding.Binding{Tenant: "shop"}})
		if v.Refusal != want || (v.Rule == rule.NameTextsOff) != (want != "") {
			t.Errorf("%v: %+v", kind, v)
		}
	}
}
