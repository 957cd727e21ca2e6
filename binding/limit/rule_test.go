package limit

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseRule(t *testing.T) {
	for text, want := range map[string]Rule{
		"pair 3/5m":                    {Scope: Pair, Most: 3, Window: 5 * time.Minute, Mode: Enforce},
		"caller 60/1h shadow":          {Scope: Caller, Most: 60, Window: time.Hour, Mode: Shadow},
		"x 300/90m":                    {Scope: X, Most: 300, Window: 90 * time.Minute, Mode: Enforce},
		"tenant 1000000000/24h off":    {Scope: Tenant, Most: 1e9, Window: 24 * time.Hour, Mode: Off},
		"callees 300/24h":              {Scope: Caller, Metric: Callees, Most: 300, Window: 24 * time.Hour, Mode: Enforce},
		"caller live 2":                {Scope: Caller, Metric: Live, Most: 2, Mode: Enforce},
		" tenant  live 2000  enforce ": {Scope: Tenant, Metric: Live, Most: 2000, Mode: Enforce},
		"short 6s 80% of 30/1h":        {Scope: Caller, Metric: Short, Most: 30, Window: time.Hour, Share: 80, Under: 6 * time.Second, Mode: Enforce},
	} {
		r, err := ParseRule(Calls, text)
		if err != nil || r != want {
			t.Errorf("%q: %+v, %v", text, r, err)
			continue
		}
		if again, err := ParseRule(Calls, r.String()); err != nil || again != want {
			t.Errorf("%q written as %q: %+v, %v", text, r, again, err)
		}
	}
	for _, text := range []string{
		"", "pair", "pair 3", "pair 3/", "pair /5m", "pair 0/5m", "pair -1/5m", "pair 3/5", "pair 3/500ms", "pair 3/169h", "pair 60001/5m",
		"tenant 1000000001/5m", "pair live 2", "callee 3/5m", "callees live 3", "short 6s 80 of 30/1h", "short 6s 0% of 30/1h", "short 6s 101% of 30/1h",
		"short 20m 80% of 30/1h", "short 80% of 30/1h", "caller live 0", "caller live x", "pair 3/5m 4/6m", "pair 3/5m softly", "13800138000 3/5m", "shadow",
	} {
		if r, err := ParseRule(Calls, text); err == nil {
			t.Errorf("%q is read as %v", text, r)
		} else if text != "" && strings.Contains(err.Error(), "13800138000") {
			t.Errorf("%q is repeated: %v", text, err)
		}
	}
	for _, text := range []string{"caller live 2", "short 6s 80% of 30/1h"} {
		if _, err := ParseRule(Texts, text); err != errKind {
			t.Errorf("%q of texts: %v", text, err)
		}
	}
	for name, r := range map[string]Rule{
		"pair 3/5m":              {Kind: Calls, Most: 3, Window: 5 * time.Minute, Mode: Shadow},
		"texts pair 3/24h":       {Kind: Texts, Most: 3, Window: 24 * time.Hour},
		"all callees 3/1m30s":    {Kind: All, Scope: Caller, Metric: Callees, Most: 3, Window: 90 * time.Second},
		"short 10m 7% of 3/168h": {Metric: Short, Share: 7, Most: 3, Under: 10 * time.Minute, Window: 168 * time.Hour},
	} {
		if got := r.Name(); got != name {
			t.Errorf("named %q, want %q", got, name)
		}
	}
}

func TestOverride(t *testing.T) {
	base := Defaults()
	var o Override
	if got := o.Over(base); !reflect.DeepEqual(got, base) || o.String() != "" {
		t.Errorf("nothing overrides: %+v, %q", got, o)
	}
	for _, step := range [][2]string{{"mode", "enforce"}, {"calls", "pair 5/5m, caller 9/1h shadow"}, {"texts", "none"}} {
		if err := o.Put(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := o.String(), "mode=enforce;calls=pair 5/5m, caller 9/1h shadow;texts=none"; got != want {
		t.Errorf("written %q, want %q", got, want)
	}
	again, err := ParseOverride(o.String())
	if err != nil || !reflect.DeepEqual(again, o) {
		t.Errorf("read back: %+v, %v", again, err)
	}
	got := o.Over(base)
	if got.Mode != Enforce || len(got.Rules[Calls]) != 2 || len(got.Rules[Texts]) != 0 || !reflect.DeepEqual(got.Rules[All], base.Rules[All]) {
		t.Errorf("over the defaults: %+v", got)
	}
	for _, word := range []string{"mode", "calls", "texts"} {
		if err := o.Put(word, "default"); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(o, Override{}) {
		t.Errorf("all as configured again: %+v", o)
	}
	for _, bad := range []string{"x", "mode=softly", "calls=pair", "calls=pair 3/5m, pair 3/5m shadow", "words=none", "texts=caller live 2"} {
		if o, err := ParseOverride(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, o)
		}
	}
}

// TestTooManyWindows: tenants cannot make the entries of all as large as they like.
func TestTooManyWindows(t *testing.T) {
	tenants := map[string]Override{}
	for i := range 70 {
		var o Override
		if err := o.Put("calls", "caller 100/"+(time.Hour+time.Duration(i)*time.Second).String()); err != nil {
			t.Fatal(err)
		}
		tenants[string(rune('a'+i))] = o
	}
	j := New(Options{Memory: 1 << 20})
	if err := j.Use(Defaults(), tenants); err != errRings {
		t.Errorf("70 windows: %v", err)
	}
	if got := j.Stats().Memory; got != 0 {
		t.Errorf("%d bytes after what was refused", got)
	}
}

// TestDefaultsArePublished: each stands in the README.
func TestDefaultsArePublished(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(b), "### Limits")
	table, _, _ = strings.Cut(table, "- A tenant may have its own")
	for _, rules := range Defaults().Rules {
		for _, r := range rules {
			text, row := r.text(), table
			if r.Metric == Attempts || r.Metric == Callees {
				word, rate, _ := strings.Cut(text, " ")
				_, row, _ = strings.Cut(table, "(`"+word+"`)")
				row, _, _ = strings.Cut(row, "\n")
				text = rate
			}
			if !strings.Contains(row, "`"+text+"`") {
				t.Errorf("%s is not in the README", r.Name())
			}
		}
	}
}
