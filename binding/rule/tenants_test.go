package rule_test

import (
	"testing"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
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
		for _, tenant := range []string{"shop", binding.DefaultTenant, ""} {
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
	// An endpoint may be of a tenant that nobody added.
	if v := verdict("elsewhere", rule.Call); v.Refusal != binding.RefusalSuspended || v.Rule != rule.NameTenant {
		t.Errorf("of a tenant that is not there: %+v", v)
	}
	if _, err := s.ResumeTenant(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if v := verdict("shop", rule.Call); v.Refusal != "" {
		t.Errorf("resumed: %+v", v)
	}
}

// TestWhereTextsAreOff: the binding's own switch comes before its tenant's; calls have none.
func TestWhereTextsAreOff(t *testing.T) {
	store := new(bindingtest.Store)
	s := &binding.Service{Store: store}
	for name, texts := range map[string]string{"with": "", "without": binding.TextsOff, "masks": binding.TextsMask, "refuses": binding.TextsRefuse} {
		if _, err := s.AddTenant(t.Context(), name, binding.TenantSettings{Texts: texts}); err != nil {
			t.Fatal(err)
		}
	}
	judge := rule.Tenants{Tenant: store.Tenant}
	for _, c := range []struct {
		tenant        string
		texts         binding.Texts
		rule, numbers string
	}{
		{"with", "", "", ""}, {"with", binding.TextsOn, "", ""}, {"with", binding.TextsOff, cdr.RuleBindingTexts, ""},
		{"without", "", cdr.RuleTenantTexts, ""}, {"without", binding.TextsOn, "", ""}, {"without", binding.TextsOff, cdr.RuleBindingTexts, ""},
		{"masks", "", "", binding.TextsMask}, {"masks", binding.TextsOff, cdr.RuleBindingTexts, ""}, {"refuses", binding.TextsOn, "", binding.TextsRefuse},
		{"", "", "", ""}, {"", binding.TextsOff, cdr.RuleBindingTexts, ""},
	} {
		a := rule.Attempt{Kind: rule.Text, Binding: &binding.Binding{Tenant: c.tenant, Texts: c.texts}}
		v := judge.Judge(t.Context(), &a)
		if v.Rule != c.rule || v.Numbers != c.numbers || (v.Refusal == binding.RefusalBlocked) != (c.rule != "") {
			t.Errorf("%s, %q: %+v", c.tenant, c.texts, v)
		}
		a.Kind = rule.Call
		if v := judge.Judge(t.Context(), &a); v.Refusal != "" || v.Rule != "" || v.Numbers != "" {
			t.Errorf("%s, %q: a call: %+v", c.tenant, c.texts, v)
		}
	}
}
