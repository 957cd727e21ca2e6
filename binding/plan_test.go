package binding_test

import (
	"strings"
	"testing"

	"mask700/binding"
)

func TestPlanValidate(t *testing.T) {
	for _, plan := range []binding.Plan{
		{},
		{CountryCode: "86"},
		{CountryCode: "1"},
		{CountryCode: "852"},
		{Legacy: []binding.LegacyRange{{Prefix: "17000", Length: 11}}},
		{Legacy: []binding.LegacyRange{{Prefix: "17000123456", Length: 11}}},
		{Legacy: []binding.LegacyRange{{Prefix: "17000", Length: 11}, {Prefix: "170001", Length: 12}, {Prefix: "17001", Length: 11}}},
	} {
		if err := plan.Validate(); err != nil {
			t.Errorf("%+v: %v", plan, err)
		}
	}
	for _, plan := range []binding.Plan{
		{CountryCode: "0"},
		{CountryCode: "086"},
		{CountryCode: "+86"},
		{CountryCode: "8613"},
		{CountryCode: "cn"},
		{CountryCode: "700"}, // what is written with it would be a 700 number
		{CountryCode: "８６"},
		{Legacy: []binding.LegacyRange{{}}},
		{Legacy: []binding.LegacyRange{{Prefix: "", Length: 11}}},
		{Legacy: []binding.LegacyRange{{Prefix: "017000", Length: 11}}},
		{Legacy: []binding.LegacyRange{{Prefix: "17x", Length: 11}}},
		{Legacy: []binding.LegacyRange{{Prefix: "17000", Length: 4}}},
		{Legacy: []binding.LegacyRange{{Prefix: "17000", Length: 14}}},
		{Legacy: []binding.LegacyRange{{Prefix: "17000", Length: 11}, {Prefix: "17000"}}},
		{Legacy: []binding.LegacyRange{{Prefix: "17000", Length: 11}, {Prefix: "170001", Length: 11}}}, // one has the other
		{Legacy: []binding.LegacyRange{{Prefix: "170001", Length: 11}, {Prefix: "1700", Length: 11}}},
		{Legacy: []binding.LegacyRange{{Prefix: "7001", Length: 11}}},
		{Legacy: []binding.LegacyRange{{Prefix: "70", Length: 11}}},
		{Legacy: []binding.LegacyRange{{Prefix: "7", Length: 11}}},
	} {
		err := plan.Validate()
		if err == nil {
			t.Errorf("%+v is accepted", plan)
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, "country_code: ") && !strings.HasPrefix(text, "legacy_ranges: ") {
			t.Errorf("the error names no setting: %v", err)
		}
	}
}
