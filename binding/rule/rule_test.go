package rule_test

import (
	"context"
	"slices"
	"testing"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
)

// scripted gives one verdict and notes what it is told.
type scripted struct {
	verdict rule.Verdict
	asked   int
	done    []string
}

func (s *scripted) Judge(context.Context, *rule.Attempt) rule.Verdict {
	s.asked++
	return s.verdict
}

func (s *scripted) Done(r *cdr.Record) { s.done = append(s.done, r.ID) }

func TestTheFirstRefusalEndsTheRow(t *testing.T) {
	passes := &scripted{verdict: rule.Verdict{Shadow: []string{"pair"}, Evidence: "ticket 1", Numbers: binding.TextsRefuse}}
	refuses := &scripted{verdict: rule.Verdict{Refusal: binding.RefusalBlocked, Rule: "blocklist", Shadow: []string{"x"}}}
	never := &scripted{}
	c := rule.Chain{passes, refuses, never}

	v := c.Judge(context.Background(), &rule.Attempt{})
	if v.Refusal != binding.RefusalBlocked || v.Rule != "blocklist" || v.Evidence != "ticket 1" || v.Numbers != binding.TextsRefuse || !slices.Equal(v.Shadow, []string{"pair", "x"}) {
		t.Errorf("the verdict is %+v", v)
	}
	if never.asked != 0 {
		t.Error("a judge behind the refusal was asked")
	}
	c.Done(&cdr.Record{ID: "a"})
	for _, s := range []*scripted{passes, refuses, never} {
		if !slices.Equal(s.done, []string{"a"}) {
			t.Errorf("a judge heard of the ends %v", s.done)
		}
	}
}

func TestAnEmptyRowLetsPass(t *testing.T) {
	if v := (rule.Chain)(nil).Judge(context.Background(), &rule.Attempt{}); v.Refusal != binding.RefusalNone {
		t.Errorf("refused: %+v", v)
	}
}
