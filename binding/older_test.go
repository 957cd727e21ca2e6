package binding_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

// lastMoment is the last one of the older range of oldPlan, and theEnd the first behind it.
var (
	theEnd     = noon.Add(12 * time.Hour)
	lastMoment = theEnd.Add(-time.Nanosecond)
)

const oldX = binding.X(17000120034)

// oldPlan has ranges of every look: a mobile's with a last day, a shared-cost number's and a landline's.
func oldPlan() binding.Plan {
	return binding.Plan{Legacy: []binding.LegacyRange{
		{Prefix: "17000", Length: 11, Until: lastMoment}, {Prefix: "400123", Length: 10}, {Prefix: "1059", Length: 10},
		{Prefix: "95013", Length: 12}, {Prefix: "17100123", Length: 11},
	}}
}

func TestParseOlderNumbers(t *testing.T) {
	plan := oldPlan()
	if err := plan.Validate(); err != nil {
		t.Fatal(err)
	}
	for form, want := range map[string]binding.X{
		"17000120034": oldX, "+8617000120034": oldX, "8617000120034": oldX, "008617000120034": oldX, "017000120034": oldX,
		"170-0012-0034": oldX, "tel:17000120034;phone-context=+86": oldX, "sip:+8617000120034@192.0.2.1;user=phone": oldX,
		"4001234567": 4001234567, "864001234567": 4001234567, "1059658005": 1059658005, "01059658005": 1059658005,
		"+86 (0)10 5965-8005": 1059658005, "950131234567": 950131234567,
	} {
		x, err := plan.ParseX(form)
		if err != nil || x != want {
			t.Errorf("%q is %v, %v", form, x, err)
		}
		if x, extension, err := plan.ParseDialled(form); err != nil || x != want || extension != "" {
			t.Errorf("%q dialled is %v, %q, %v", form, x, extension, err)
		}
		if _, err := plan.ParseNumber(form); err == nil {
			t.Errorf("%q is a party", form)
		}
	}
	for _, form := range []string{
		"1700012003", "170001200345", "17001120034", "13800138000", "+4917000120034", "+17000120034", "17000120034x",
		"9501312345", "95013", "tel:17000120034;phone-context=+49", "",
	} {
		if x, err := plan.ParseX(form); err != binding.ErrNot700 || x != 0 {
			t.Errorf("%q is %v, %v", form, x, err)
		}
		if x, _, err := plan.ParseDialled(form); err != binding.ErrNot700 || x != 0 {
			t.Errorf("%q dialled is %v, %v", form, x, err)
		}
	}
	if x, err := (binding.Plan{}).ParseX("17000120034"); err != binding.ErrNot700 || x != 0 {
		t.Errorf("without a range it is %v, %v", x, err)
	}
	for form, want := range map[string]error{"17000120034,12": nil, "17000120034p12": nil, "17000120034,": binding.ErrTooLong,
		"17000120034,x": binding.ErrTooLong, "1700012003412": binding.ErrNot700, "17000120034,12,34": binding.ErrTooLong} {
		if x, extension, err := plan.ParseDialled(form); !errors.Is(err, want) || want == nil && (x != oldX || extension != "12") || want != nil && x != 0 {
			t.Errorf("%q dialled is %v, %q, %v", form, x, extension, err)
		}
	}
	// A code that a national number can begin with: what is a number as it stands is that one.
	other := binding.Plan{CountryCode: "17", Legacy: []binding.LegacyRange{{Prefix: "17000", Length: 11}, {Prefix: "000", Length: 9}}}
	if x, err := other.ParseX("17000120034"); err != nil || x != oldX {
		t.Errorf("%v, %v", x, err)
	}
}

func TestOlderNumbersAllocateNothing(t *testing.T) {
	plan := oldPlan()
	if n := testing.AllocsPerRun(100, func() { _, _, _ = plan.ParseDialled("+8617000120034"); plan.InService(oldX, noon) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func TestServed(t *testing.T) {
	plan := oldPlan()
	for b, want := range map[binding.Block]struct {
		until time.Time
		ok    bool
	}{
		block: {time.Time{}, true}, 1700012: {theEnd, true}, 1700000: {theEnd, true}, 400123: {time.Time{}, true},
		1700112: {}, 170001: {}, 17000120: {}, 95013123: {time.Time{}, true}, 0: {}, 70010000: {},
		1710012: {time.Time{}, true}, // a part of it is in the range
	} {
		if until, ok := plan.Served(b); !until.Equal(want.until) || ok != want.ok {
			t.Errorf("block %v: %v, %v", b, until, ok)
		}
	}
	for x, want := range map[binding.X]bool{17100123000: true, 17100123999: true, 17100122999: false, 17100124000: false, oldX: true, x: true, 0: false} {
		if plan.Numbers(x) != want || x != 0 && plan.InService(x, noon) != want {
			t.Errorf("%v is ours: %v", x, !want)
		}
	}
	for _, at := range []struct {
		t  time.Time
		in bool
	}{{noon, true}, {lastMoment, true}, {theEnd, false}, {theEnd.AddDate(1, 0, 0), false}} {
		if got := plan.InService(oldX, at.t); got != at.in {
			t.Errorf("at %v in service: %v", at.t, got)
		}
	}
	if !plan.InService(x, theEnd) || !plan.InService(4001234567, theEnd) || plan.InService(17001120034, noon) || plan.InService(0, noon) {
		t.Error("numbers without a last day")
	}
	for x, want := range map[binding.X]string{oldX: "17000120034", 4001234567: "4001234567", 1059658005: "01059658005", 950131234567: "950131234567", x: x.String()} {
		if got := plan.National(x); got != want {
			t.Errorf("%v is dialled as %s", x, got)
		}
	}
}

func TestEndBy(t *testing.T) {
	early, late := theEnd.Add(-time.Hour), theEnd.Add(time.Hour)
	for name, test := range map[string]struct {
		expires time.Time
		sliding time.Duration
		end     time.Time
		want    time.Time
		refused bool
	}{
		"no end":             {late, 0, time.Time{}, late, false},
		"none at all":        {time.Time{}, 0, time.Time{}, time.Time{}, false},
		"never expires":      {time.Time{}, 0, theEnd, theEnd, false},
		"expires before":     {early, 0, theEnd, early, false},
		"expires with it":    {theEnd, 0, theEnd, theEnd, false},
		"expires later":      {late, 0, theEnd, late, true},
		"slides before":      {early, time.Hour, theEnd, early, false},
		"slides beyond":      {late, time.Hour, theEnd, theEnd, false},
		"slides, no expiry?": {time.Time{}, time.Hour, theEnd, theEnd, false},
	} {
		b := binding.Binding{ExpiresAt: test.expires, Sliding: test.sliding}
		err := b.EndBy(test.end)
		var late *binding.RangeError
		if (err != nil) != test.refused || test.refused && (!errors.As(err, &late) || !late.End.Equal(theEnd) || !errors.Is(err, binding.ErrRangeEnds)) {
			t.Errorf("%s: %v", name, err)
		}
		if !b.ExpiresAt.Equal(test.want) {
			t.Errorf("%s: expires %v", name, b.ExpiresAt)
		}
	}
}

// TestCreateOnOlderRanges has a number given by hand; that engines draw such numbers is a test of theirs.
func TestCreateOnOlderRanges(t *testing.T) {
	s, store := desk(t)
	s.Plan = oldPlan()
	store.Served = s.Plan.Served
	on := func(x string, change ...func(*binding.Request)) binding.Request {
		return request(append([]func(*binding.Request){func(r *binding.Request) { r.X = x }}, change...)...)
	}
	for digits, want := range map[string]error{"1700112": binding.ErrNoRange, "13800": binding.ErrNoRange, "70010000": binding.ErrBlock} {
		_, err := s.AddBlock(t.Context(), digits)
		assertRefusal(t, digits, err, "block")
		if !errors.Is(err, want) {
			t.Errorf("block %s: %v", digits, err)
		}
	}
	if b, err := s.AddBlock(t.Context(), "1710012"); err != nil || len(b.Prefixes) != 1 || b.Prefixes[0] != "17100123" {
		t.Errorf("a part of a block: %+v, %v", b, err)
	}
	for x, want := range map[string]error{"17100123456": nil, "17100124456": binding.ErrNot700} {
		if _, err := s.Create(t.Context(), on(x)); !errors.Is(err, want) {
			t.Errorf("%s of a part of a block: %v", x, err)
		}
	}
	_, err := s.Create(t.Context(), on("17000120034"))
	assertRefusal(t, "not held", err, "x")
	if !errors.Is(err, binding.ErrNotHeld) {
		t.Errorf("not held: %v", err)
	}
	if b, err := s.AddBlock(t.Context(), "1700012"); err != nil || !b.Until.Equal(theEnd) {
		t.Fatalf("%+v, %v", b, err)
	}
	b, err := s.Create(t.Context(), on("+86 170-0012-0034"))
	if err != nil || b.X != oldX || !b.ExpiresAt.Equal(theEnd) {
		t.Fatalf("no expiry: %+v, %v", b, err)
	}
	stored, err := store.Binding(t.Context(), b.ID)
	if err != nil || !stored.ExpiresAt.Equal(theEnd) {
		t.Errorf("stored: %v, %v", stored.ExpiresAt, err)
	}
	for name, change := range map[string]func(*binding.Request){
		"ttl":     func(r *binding.Request) { r.TTL = 13 * time.Hour },
		"expires": func(r *binding.Request) { r.Expires = theEnd.Add(time.Millisecond) },
	} {
		_, err := s.Create(t.Context(), on("17000120035", change))
		assertLate(t, name, err, "expires")
		if !errors.Is(err, binding.ErrRangeEnds) || !strings.Contains(err.Error(), theEnd.Format(time.RFC3339)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	sliding, err := s.Create(t.Context(), on("17000120036", func(r *binding.Request) { r.Sliding = 24 * time.Hour }))
	if err != nil || !sliding.ExpiresAt.Equal(theEnd) {
		t.Errorf("sliding: %+v, %v", sliding, err)
	}
	two, err := s.Create(t.Context(), on("17000120037", func(r *binding.Request) { r.Mode, r.Y = "axyb", block.Number(3).String() }))
	if err != nil || !two.ExpiresAt.Equal(theEnd) {
		t.Errorf("one of two numbers: %+v, %v", two, err)
	}
	plain, err := s.Create(t.Context(), on(block.Number(4).String()))
	if err != nil || !plain.ExpiresAt.IsZero() {
		t.Errorf("a 700 number: %+v, %v", plain, err)
	}

	// What is changed stays within the range.
	_, err = s.Extend(t.Context(), b.ID, binding.Extension{TTL: 13 * time.Hour})
	assertLate(t, "extended", err, "ttl")
	_, err = s.Update(t.Context(), b.ID, binding.Update{Expires: theEnd.Add(time.Hour)})
	assertLate(t, "updated", err, "expires")
	if !errors.Is(err, binding.ErrRangeEnds) {
		t.Errorf("updated: %v", err)
	}
	if got, err := s.Update(t.Context(), b.ID, binding.Update{TTL: time.Hour}); err != nil || !got.ExpiresAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("sooner: %+v, %v", got, err)
	}
	if got, err := s.Update(t.Context(), b.ID, binding.Update{NoExpiry: true}); err != nil || !got.ExpiresAt.Equal(theEnd) {
		t.Errorf("no expiry any more: %+v, %v", got, err)
	}
	if err := s.Slide(t.Context(), sliding.ID); err != nil {
		t.Error(err)
	}
	if got, err := store.Binding(t.Context(), sliding.ID); err != nil || !got.ExpiresAt.Equal(theEnd) || !got.UpdatedAt.IsZero() {
		t.Errorf("slid: %+v, %v", got, err)
	}

	// The range is over.
	s.Now = func() time.Time { return theEnd }
	store.Now = s.Now
	_, err = s.Create(t.Context(), on("17000120038"))
	assertRefusal(t, "over", err, "x")
	if !errors.Is(err, binding.ErrRangeOver) {
		t.Errorf("over: %v", err)
	}
	_, err = s.AddBlock(t.Context(), "1700013")
	assertRefusal(t, "over", err, "block")
	if !errors.Is(err, binding.ErrRangeOver) {
		t.Errorf("a block of a range that is over: %v", err)
	}
	if got, err := store.Binding(t.Context(), b.ID); err != nil || got.State(theEnd) != binding.StateExpired {
		t.Errorf("it is %v, %v", got.State(theEnd), err)
	}
	if err := store.RemoveBlock(t.Context(), 1700012); err != nil {
		t.Errorf("all have ended, and the block stays: %v", err)
	}
}

// assertLate fails unless err refuses an expiry that is later than an older range lasts, and says how long that is.
func assertLate(t *testing.T, name string, err error, field string) {
	t.Helper()
	var late *binding.RangeError
	if !errors.As(err, &late) || !errors.Is(err, binding.ErrRangeEnds) {
		t.Fatalf("%s: %v", name, err)
	}
	if want := field + ": later than " + late.End.Format(time.RFC3339) + ", "; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%s: %v", name, err)
	}
}

// TestRangeThatWasShortened: what a binding has is not taken away by a change of something else, and it cannot be extended.
func TestRangeThatWasShortened(t *testing.T) {
	s, store := desk(t)
	s.Plan = oldPlan()
	plan := &s.Plan
	store.Served = func(b binding.Block) (time.Time, bool) { return plan.Served(b) }
	if _, err := s.AddBlock(t.Context(), "1700012"); err != nil {
		t.Fatal(err)
	}
	b, err := s.Create(t.Context(), request(func(r *binding.Request) { r.X = oldX.String(); r.TTL = 10 * time.Hour }))
	if err != nil {
		t.Fatal(err)
	}
	s.Plan.Legacy[0].Until = noon.Add(time.Hour - 1)
	data := "more"
	if got, err := s.Update(t.Context(), b.ID, binding.Update{Data: &data}); err != nil || !got.ExpiresAt.Equal(b.ExpiresAt) {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = s.Extend(t.Context(), b.ID, binding.Extension{TTL: 11 * time.Hour})
	assertLate(t, "extended", err, "ttl")
	if got, err := s.Update(t.Context(), b.ID, binding.Update{TTL: 30 * time.Minute}); err != nil || !got.ExpiresAt.Equal(noon.Add(30*time.Minute)) {
		t.Errorf("sooner: %+v, %v", got, err)
	}
	if _, err := s.Delete(t.Context(), b.ID); err != nil {
		t.Error(err)
	}
}

func TestExplainOfOlderRange(t *testing.T) {
	rows := []binding.Binding{row(t, func(b *binding.Binding) { b.X = oldX })}
	q := binding.Query{Dialled: oldX, Caller: number(t, digitsA), At: noon}
	if d := binding.Resolve(q, true, rows); d.Refusal != "" || d.Edge.Shown != oldX {
		t.Errorf("%+v", d)
	}
	d := binding.Explain(q, false, rows)
	if d.Refusal != binding.RefusalNoBinding || len(d.Candidates) == 0 || !strings.Contains(d.Candidates[0].Why, "older range") {
		t.Errorf("%+v", d)
	}
}
