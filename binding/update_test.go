package binding_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

func to[T any](v T) *T { return &v }

// clocked is a desk whose clock can be moved.
func clocked(t *testing.T) (*binding.Service, *time.Time) {
	t.Helper()
	s, store := desk(t)
	now := noon
	s.Now = func() time.Time { return now }
	store.Now = s.Now
	return s, &now
}

func made(t *testing.T, s *binding.Service, change ...func(*binding.Request)) binding.Binding {
	t.Helper()
	b, err := s.Create(t.Context(), request(change...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestUpdate(t *testing.T) {
	s, now := clocked(t)
	b := made(t, s, func(r *binding.Request) { r.TTL, r.Consent = time.Hour, "first" })
	*now = noon.Add(time.Minute)
	got, err := s.Update(t.Context(), b.ID, binding.Update{
		A: to("+86 137-0000-0003"), OneWay: to("a-to-b"), MaxDuration: to(time.Minute), Data: to("data"), Consent: to("second"),
		IndustrialID: to("700.100.1/7"), Record: to(true), Texts: to("off"), TTL: 10 * time.Minute, Sliding: to(2 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := b
	want.A, want.OneWay, want.MaxDuration, want.Data, want.Consent = number(t, digitsC), binding.OneWayAToB, time.Minute, "data", "second"
	want.IndustrialID, want.ExpiresAt = "700.100.1/7", now.Add(10*time.Minute)
	if !equal(got, want) || !got.Record || got.Texts != binding.TextsOff || got.Sliding != 2*time.Minute || !got.UpdatedAt.Equal(*now) || len(got.Changes) != 2 {
		t.Errorf("updated %+v, want %+v", got, want)
	}
	got, err = s.Update(t.Context(), b.ID, binding.Update{
		OneWay: to(""), MaxDuration: to(time.Duration(0)), Data: to(""), Consent: to(""), Sliding: to(time.Duration(0)), Record: to(false), Texts: to(""),
	})
	if err != nil || got.OneWay != "" || got.MaxDuration != 0 || got.Data != "" || got.Consent != "" || got.Sliding != 0 || got.Record || got.Texts != "" ||
		!got.ExpiresAt.Equal(want.ExpiresAt) {
		t.Errorf("taken away: %+v, %v", got, err)
	}
}

func TestUpdateOfAGroup(t *testing.T) {
	s, _ := clocked(t)
	b := made(t, s, group)
	got, err := s.Update(t.Context(), b.ID, binding.Update{
		GroupAdd: []string{"13700138002"}, GroupRemove: []string{"+8613700138000"}, A: to("13700138002"),
	})
	if err != nil || len(got.Group) != 2 || got.Group[1] != number(t, "8613700138002") || got.A != got.Group[1] {
		t.Fatalf("updated %+v, %v", got, err)
	}
	if got, err = s.Update(t.Context(), b.ID, binding.Update{A: to("")}); err != nil || !got.A.IsZero() {
		t.Errorf("nobody whom b reaches: %+v, %v", got, err)
	}
}

func TestUpdateOfTheWayBack(t *testing.T) {
	s, _ := clocked(t)
	b := made(t, s, group)
	for _, back := range []string{"in-turn", "last-caller", ""} {
		got, err := s.Update(t.Context(), b.ID, binding.Update{Back: to(back)})
		if err != nil || string(got.Back) != back {
			t.Errorf("%q: %+v, %v", back, got, err)
		}
	}
}

func TestUpdateTakesAnExpiryAway(t *testing.T) {
	s, now := clocked(t)
	b := made(t, s, func(r *binding.Request) { r.TTL, r.X = time.Hour, x.String() })
	got, err := s.Update(t.Context(), b.ID, binding.Update{NoExpiry: true})
	if err != nil || !got.ExpiresAt.IsZero() {
		t.Errorf("taken away: %+v, %v", got, err)
	}
	b = made(t, s, func(r *binding.Request) { r.Sliding = time.Hour })
	_, err = s.Update(t.Context(), b.ID, binding.Update{NoExpiry: true})
	assertRefusal(t, "it slides", err, "expires")
	got, err = s.Update(t.Context(), b.ID, binding.Update{NoExpiry: true, Sliding: to(time.Duration(0))})
	if err != nil || !got.ExpiresAt.IsZero() || got.Sliding != 0 {
		t.Errorf("both taken away: %+v, %v", got, err)
	}
	// For ever is longer than until the next one begins.
	y := (x + 1).String()
	short := made(t, s, func(r *binding.Request) { r.TTL, r.X = time.Hour, y })
	*now = noon.Add(time.Hour)
	next := made(t, s, func(r *binding.Request) { r.X = y })
	*now = noon.Add(time.Minute)
	var conflict *binding.ConflictError
	if _, err := s.Update(t.Context(), short.ID, binding.Update{NoExpiry: true}); !errors.As(err, &conflict) || conflict.Binding != next.ID {
		t.Errorf("over the next one: %v", err)
	}
}

func TestUpdateRefuses(t *testing.T) {
	s, now := clocked(t)
	giveX := func(r *binding.Request) { r.X = x.String() }
	b := made(t, s, giveX, func(r *binding.Request) { r.TTL = time.Hour })
	g := made(t, s, group, func(r *binding.Request) { r.B = "13600000006" })
	in := made(t, s, giveX, func(r *binding.Request) { r.A, r.B = "13700000003", "13700000004" })
	s.Plan.Strangers = true
	open := made(t, s, func(r *binding.Request) { r.Mode, r.B = "ax", "" })
	for name, test := range map[string]struct {
		id     string
		update binding.Update
		field  string
	}{
		"nothing":            {b.ID, binding.Update{}, "update"},
		"malformed a":        {b.ID, binding.Update{A: to("1380000000")}, "a"},
		"700 as b":           {b.ID, binding.Update{B: to(x.String())}, "b"},
		"no b":               {b.ID, binding.Update{B: to("")}, "b"},
		"a is b":             {b.ID, binding.Update{A: to("13900000002")}, "b"},
		"group of a pair":    {b.ID, binding.Update{GroupAdd: []string{"13600000001"}}, "group_add"},
		"member of a pair":   {b.ID, binding.Update{GroupRemove: []string{"13600000001"}}, "group_remove"},
		"malformed member":   {g.ID, binding.Update{GroupAdd: []string{"1"}}, "group_add"},
		"member already":     {g.ID, binding.Update{GroupAdd: []string{"13700138000"}}, "group_add"},
		"no member":          {g.ID, binding.Update{GroupRemove: []string{"13700138009"}}, "group_remove"},
		"nobody is left":     {g.ID, binding.Update{GroupRemove: []string{"13700138000", "13700138001"}}, "group_remove"},
		"b as a member":      {g.ID, binding.Update{GroupAdd: []string{"13600000006"}}, "b"},
		"a is no member":     {g.ID, binding.Update{A: to("13700138009")}, "a"},
		"one way":            {b.ID, binding.Update{OneWay: to("up")}, "one_way"},
		"back":               {g.ID, binding.Update{Back: to("up")}, "back"},
		"back of a pair":     {b.ID, binding.Update{Back: to("last-caller")}, "back"},
		"in turn of ax":      {open.ID, binding.Update{Back: to("in-turn")}, "back"},
		"none and ttl":       {b.ID, binding.Update{NoExpiry: true, TTL: time.Hour}, "expires"},
		"none and expires":   {b.ID, binding.Update{NoExpiry: true, Expires: noon.Add(time.Hour)}, "expires"},
		"none and slides":    {b.ID, binding.Update{NoExpiry: true, Sliding: to(time.Hour)}, "expires"},
		"one way of ax":      {open.ID, binding.Update{OneWay: to("a-to-b")}, "one_way"},
		"short call":         {b.ID, binding.Update{MaxDuration: to(time.Millisecond)}, "max_duration"},
		"short sliding":      {b.ID, binding.Update{Sliding: to(time.Second)}, "sliding"},
		"negative sliding":   {b.ID, binding.Update{Sliding: to(-time.Hour)}, "sliding"},
		"long sliding":       {b.ID, binding.Update{Sliding: to(100_000 * time.Hour)}, "sliding"},
		"ttl and expires":    {b.ID, binding.Update{TTL: 1, Expires: noon.Add(1)}, "ttl"},
		"over at once":       {b.ID, binding.Update{TTL: 1}, "ttl"},
		"in the past":        {b.ID, binding.Update{Expires: noon}, "expires"},
		"in eleven years":    {b.ID, binding.Update{Expires: noon.AddDate(11, 0, 0)}, "expires"},
		"line in data":       {b.ID, binding.Update{Data: to("a\nb")}, "data"},
		"party in consent":   {b.ID, binding.Update{Consent: to("138-0000-0001")}, "consent"},
		"new party in order": {b.ID, binding.Update{Data: to("to 13600000007"), A: to("13600000007")}, "data"},
	} {
		_, err := s.Update(t.Context(), test.id, test.update)
		assertRefusal(t, name, err, test.field)
	}
	_, err := s.Update(t.Context(), b.ID, binding.Update{A: to("13700000004")})
	var conflict *binding.ConflictError
	if !errors.As(err, &conflict) || conflict.Binding != in.ID {
		t.Errorf("a party of another: %v", err)
	}
	if _, err := s.Update(t.Context(), "nobody", binding.Update{Data: to("x")}); !errors.Is(err, binding.ErrNotFound) {
		t.Errorf("no such id: %v", err)
	}
	if got, err := s.Store.Binding(t.Context(), b.ID); err != nil || !equal(got, b) {
		t.Errorf("refused and written: %+v, %v", got, err)
	}
	*now = noon.Add(time.Hour)
	if _, err := s.Update(t.Context(), b.ID, binding.Update{TTL: time.Hour}); !errors.Is(err, binding.ErrEnded) {
		t.Errorf("expired: %v", err)
	}
	assertPlain(t, "expired", binding.ErrEnded)
}

// The rules of its tenant hold when a binding is changed, too.
func TestUpdateOfATenantsBinding(t *testing.T) {
	s, _ := clocked(t)
	if _, err := s.AddTenant(t.Context(), "shop", binding.TenantSettings{RequireConsent: true, TTL: binding.Duration(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	b := made(t, s, func(r *binding.Request) { r.Tenant, r.Consent, r.Sliding = "shop", "c", time.Hour })
	if !b.ExpiresAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("the tenant's time to live took the place of its own: %v", b.ExpiresAt)
	}
	_, err := s.Update(t.Context(), b.ID, binding.Update{Consent: to("")})
	assertRefusal(t, "consent taken away", err, "consent")
	if _, err := s.Update(t.Context(), b.ID, binding.Update{Consent: to("d")}); err != nil {
		t.Errorf("another consent: %v", err)
	}
	// Who comes has not consented by what another has; that is so whoever is named.
	for name, u := range map[string]binding.Update{"a": {A: to(digitsC)}, "b": {B: to(digitsC)}, "b as it is": {B: to(digitsB)}} {
		_, err := s.Update(t.Context(), b.ID, u)
		assertRefusal(t, name+" without a consent", err, "consent")
	}
	if got, err := s.Update(t.Context(), b.ID, binding.Update{B: to(digitsC), Consent: to("of c")}); err != nil || got.B != number(t, digitsC) || got.Consent != "of c" {
		t.Errorf("a party with a consent: %+v, %v", got, err)
	}
	shop := made(t, s, func(r *binding.Request) {
		r.Tenant, r.Consent, r.Mode, r.A, r.Group, r.B = "shop", "c", "gxb", "", []string{digitsA}, digitsD
	})
	_, err = s.Update(t.Context(), shop.ID, binding.Update{GroupAdd: []string{digitsB}})
	assertRefusal(t, "a member without a consent", err, "consent")
	if _, err := s.Update(t.Context(), shop.ID, binding.Update{GroupAdd: []string{digitsB}, Consent: to("c")}); err != nil {
		t.Errorf("a member under the consent of before: %v", err)
	}
	if _, err := s.Update(t.Context(), shop.ID, binding.Update{GroupRemove: []string{digitsA}}); err != nil {
		t.Errorf("who leaves: %v", err)
	}
	if _, err := s.SuspendTenant(t.Context(), "shop", "too much of everything"); err != nil {
		t.Fatal(err)
	}
	_, err = s.Update(t.Context(), b.ID, binding.Update{Data: to("x")})
	assertRefusal(t, "suspended", err, "tenant")
	_, err = s.Extend(t.Context(), b.ID, binding.Extension{TTL: 2 * time.Hour})
	assertRefusal(t, "suspended", err, "tenant")
	if got, err := s.Delete(t.Context(), b.ID); err != nil || got.EndedAt.IsZero() {
		t.Errorf("deleted: %+v, %v", got, err)
	}
}

func TestExtend(t *testing.T) {
	s, now := clocked(t)
	b := made(t, s, func(r *binding.Request) { r.TTL = time.Hour })
	*now = noon.Add(30 * time.Minute)
	got, err := s.Extend(t.Context(), b.ID, binding.Extension{TTL: time.Hour})
	if err != nil || !got.ExpiresAt.Equal(noon.Add(90*time.Minute)) {
		t.Errorf("extended: %+v, %v", got, err)
	}
	got, err = s.Extend(t.Context(), b.ID, binding.Extension{Expires: noon.Add(2 * time.Hour)})
	if err != nil || !got.ExpiresAt.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("extended: %+v, %v", got, err)
	}
	// A request that comes twice finds nothing to do.
	if again, err := s.Extend(t.Context(), b.ID, binding.Extension{Expires: noon.Add(2 * time.Hour)}); err != nil || !again.ExpiresAt.Equal(got.ExpiresAt) {
		t.Errorf("again: %+v, %v", again, err)
	}
	for name, test := range map[string]struct {
		e     binding.Extension
		field string
	}{
		"nothing":       {binding.Extension{}, "ttl"},
		"both":          {binding.Extension{TTL: time.Hour, Expires: noon.Add(9 * time.Hour)}, "ttl"},
		"sooner by ttl": {binding.Extension{TTL: time.Hour}, "ttl"},
		"sooner":        {binding.Extension{Expires: noon.Add(2*time.Hour - 1e6)}, "expires"},
		"past":          {binding.Extension{Expires: noon}, "expires"},
		"too far":       {binding.Extension{TTL: 100_000 * time.Hour}, "ttl"},
	} {
		_, err := s.Extend(t.Context(), b.ID, test.e)
		assertRefusal(t, name, err, test.field)
	}
	forever := made(t, s)
	_, err = s.Extend(t.Context(), forever.ID, binding.Extension{TTL: time.Hour})
	assertRefusal(t, "no expiry", err, "ttl")
	*now = noon.Add(2 * time.Hour)
	if _, err := s.Extend(t.Context(), b.ID, binding.Extension{TTL: time.Hour}); !errors.Is(err, binding.ErrEnded) {
		t.Errorf("expired: %v", err)
	}
	if _, err := s.Delete(t.Context(), forever.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Extend(t.Context(), forever.ID, binding.Extension{TTL: time.Hour}); !errors.Is(err, binding.ErrEnded) {
		t.Errorf("unbound: %v", err)
	}
}

func TestSlidingExpiry(t *testing.T) {
	s, now := clocked(t)
	b := made(t, s, func(r *binding.Request) { r.Sliding = 16 * time.Minute })
	if !b.ExpiresAt.Equal(noon.Add(16 * time.Minute)) {
		t.Errorf("expires at %v", b.ExpiresAt)
	}
	slid := func(after time.Duration) binding.Binding {
		t.Helper()
		*now = noon.Add(after)
		if err := s.Slide(t.Context(), b.ID); err != nil {
			t.Fatal(err)
		}
		got, err := s.Store.Binding(t.Context(), b.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, step := range []struct{ at, expires time.Duration }{
		{0, 16 * time.Minute},
		{59 * time.Second, 16 * time.Minute}, // less than a sixteenth: nothing is written
		{time.Minute, 17 * time.Minute},
		{2*time.Minute - 1e6, 17 * time.Minute},
		{17*time.Minute - 1e6, 33*time.Minute - 1e6},
		{33*time.Minute - 1e6, 33*time.Minute - 1e6}, // it has expired, and stays so
	} {
		if got := slid(step.at); !got.ExpiresAt.Equal(noon.Add(step.expires)) {
			t.Errorf("a call at %v moves it to %v", step.at, got.ExpiresAt.Sub(noon))
		}
	}
	// It is never moved back, and one that does not slide is left alone.
	for name, change := range map[string]func(*binding.Request){
		"later by ttl": func(r *binding.Request) { r.TTL, r.Sliding = 2*time.Hour, time.Minute },
		"fixed":        func(r *binding.Request) { r.TTL = 2 * time.Hour },
	} {
		b = made(t, s, change)
		if got := slid(34 * time.Minute); !got.ExpiresAt.Equal(b.ExpiresAt) || !got.UpdatedAt.IsZero() {
			t.Errorf("%s: moved to %v", name, got.ExpiresAt)
		}
	}
	if err := s.Slide(t.Context(), "nobody"); !errors.Is(err, binding.ErrNotFound) {
		t.Errorf("no such id: %v", err)
	}
	for _, d := range []time.Duration{-time.Hour, time.Second, 100_000 * time.Hour} {
		_, err := s.Create(t.Context(), request(func(r *binding.Request) { r.Sliding = d }))
		assertRefusal(t, "sliding", err, "sliding")
	}
}

func TestUpdateInJSON(t *testing.T) {
	want := binding.Update{
		A: to("13800000001"), B: to(""), GroupAdd: []string{"1"}, GroupRemove: []string{"2"}, OneWay: to(""), MaxDuration: to(time.Minute),
		Data: to("data"), Consent: to("c"), IndustrialID: to("i"), Record: to(false), Texts: to("on"), TTL: time.Hour, Sliding: to(time.Duration(0)),
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"a":"13800000001","b":"","group_add":["1"],"group_remove":["2"],"one_way":"","max_duration":"1m","data":"data",` +
		`"consent":"c","industrial_id":"i","record":false,"texts":"on","sliding":"","ttl":"1h"}`
	if string(b) != text {
		t.Errorf("JSON is\n%s\nwant\n%s", b, text)
	}
	var got binding.Update
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("it did not come back as it was: %v", err)
	}
	for _, text := range []string{`{"back":"","expires":"none"}`, `{"back":"in-turn"}`} {
		var u binding.Update
		if err := json.Unmarshal([]byte(text), &u); err != nil || u.Back == nil || u.NoExpiry != strings.Contains(text, "none") {
			t.Errorf("%s: %v", text, err)
		}
		if b, err := json.Marshal(u); err != nil || string(b) != text {
			t.Errorf("%s came back as %s, %v", text, b, err)
		}
	}
	var e binding.Extension
	if err := json.Unmarshal([]byte(`{"expires":"2026-03-01T12:00:00Z"}`), &e); err != nil || !e.Expires.Equal(noon) {
		t.Errorf("extension: %+v, %v", e, err)
	}
	if b, err := json.Marshal(e); err != nil || string(b) != `{"expires":"2026-03-01T12:00:00Z"}` {
		t.Errorf("extension: %s, %v", b, err)
	}
	const n = "13800138000"
	for text, want := range map[string]string{
		`{"back":13800138000}`:            "back: ",
		`{"a":13800138000}`:               "a: ",
		`{"ttl":13800138000}`:             "ttl: ",
		`{"ttl":"13800138000"}`:           "ttl: ",
		`{"sliding":"13800138000"}`:       "sliding: ",
		`{"max_duration":"13800138000"}`:  "max_duration: ",
		`{"expires":"13800138000"}`:       "expires: ",
		`{"record":"13800138000"}`:        "record: ",
		`{"13800138000":1}`:               "known: a, b, ",
		`{"order":"13800138000"}`:         "known: a, b, ",
		`{"a":"13800138000"} 13800138000`: "",
		`13800138000`:                     "one JSON object",
	} {
		for _, into := range []any{new(binding.Update), new(binding.Extension)} {
			err := json.Unmarshal([]byte(text), into)
			if err == nil || strings.Contains(err.Error(), n) {
				t.Errorf("%s: %v", text, err)
			} else if _, update := into.(*binding.Update); update && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", text, err, want)
			}
		}
	}
}

func TestUpdatePrintsNothing(t *testing.T) {
	u := binding.Update{A: to("13800138000"), Data: to("13800138000"), GroupAdd: []string{"13800138000"}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		if text := fmt.Sprintf(verb, u); strings.Contains(text, "13800138000") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

// TestTextsByForm: who must not learn the parties of a binding is not told whether a text has one of them.
func TestTextsByForm(t *testing.T) {
	t.Parallel()
	s, _ := clocked(t)
	b := made(t, s)
	text := "9" + b.A.Digits()[2:] + "9"
	if _, err := s.Update(t.Context(), b.ID, binding.Update{Data: &text}); !errors.Is(err, binding.ErrRepeats) {
		t.Errorf("compared: %v", err)
	}
	refuse := false
	s.NumberLike = func(string) bool { return refuse }
	if _, err := s.Update(t.Context(), b.ID, binding.Update{Data: &text}); err != nil {
		t.Errorf("by form: %v", err)
	}
	if _, err := s.Update(t.Context(), b.ID, binding.Update{A: to("13700000003"), Consent: to("13700000003")}); !errors.Is(err, binding.ErrRepeats) {
		t.Errorf("of a party who comes: %v", err)
	}
	refuse = true
	if _, err := s.Update(t.Context(), b.ID, binding.Update{Data: &text}); err == nil || errors.Is(err, binding.ErrRepeats) {
		t.Errorf("reads like a number: %v", err)
	}
	s.NumberLike = nil
	if _, err := s.Update(t.Context(), b.ID, binding.Update{Consent: to("more")}); err != nil {
		t.Errorf("what stands there is judged anew: %v", err)
	}
}
