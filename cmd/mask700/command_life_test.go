package main

import (
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

func TestBindingIsChangedAndExtended(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		v := d.bind()
		var got binding.View
		if a := d.feed("13700000003\n", "binding", "update", v.ID, "--b", "-", "--one-way", "a-to-b", "--max-duration", "5m",
			"--consent", "C-1", "--data", "trip 7", "-o", "json"); a.status != exitDone {
			t.Fatalf("%+v", a)
		}
		d.mustJSON(&got, "binding", "get", v.ID)
		if got.B != "137****0003" || got.OneWay != "a-to-b" || got.Consent != "C-1" || got.Data != "trip 7" || len(got.Legs) != 1 || got.X != v.X {
			t.Errorf("changed: %+v", got)
		}
		out := d.must("binding", "get", v.ID)
		for _, want := range []string{"changed", ": b was 139****0002", ": consent given"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
		// Found by who is and by who was a party, and by its consent.
		for _, args := range [][]string{{"--number", "13700000003", "--live", "--reason", "complaint 17"}, {"--number", numberB, "--reason", "complaint 17"}, {"--consent", "C-1"}} {
			if d.mustJSON(&got, append([]string{"binding", "list"}, args...)...); got.ID != v.ID {
				t.Errorf("%v: %+v", args, got)
			}
		}
		if out := d.must("binding", "list", "--number", numberB, "--live", "--reason", "complaint 17"); !strings.Contains(out, "no such binding") {
			t.Errorf("who went is a party: %s", out)
		}
		got = binding.View{}
		d.mustJSON(&got, "binding", "update", v.ID, "--one-way", "both", "--max-duration", "0", "--data", "", "--sliding", "1h")
		if got.OneWay != "" || got.MaxDuration != 0 || got.Data != "" || got.Sliding != binding.Duration(time.Hour) || len(got.Legs) != 2 {
			t.Errorf("taken away: %+v", got)
		}
		before := *got.ExpiresAt
		d.mustJSON(&got, "binding", "extend", v.ID, "--ttl", "3h")
		if !got.ExpiresAt.After(before.Add(time.Hour - time.Minute)) {
			t.Errorf("extended from %v to %v", before, got.ExpiresAt)
		}
		d.refuse(1, "--ttl: sooner than the binding expires now", "binding", "extend", v.ID, "--ttl", "1h")
		if d.mustJSON(&got, "binding", "update", v.ID, "--expires", "none", "--sliding", "0"); got.ExpiresAt != nil {
			t.Errorf("expiry taken away: %+v", got)
		}
		d.refuse(1, "--ttl: the binding does not expire", "binding", "extend", v.ID, "--ttl", "1h")
		d.refuse(1, "--back: mode axb has one party on either side", "binding", "update", v.ID, "--back", "last-caller")
		d.refuse(2, "unknown flag", "binding", "update", v.ID, "--order", "x")
		d.refuse(1, "--group-add: mode axb has no group", "binding", "update", v.ID, "--group-add", "13700000009")
		d.refuse(1, "--from and --hard do not go together", "binding", "delete", "--from", "-", "--hard")
		a := d.run("binding", "delete", v.ID, "--hard")
		want := "0 calls ended with the binding" // no server runs
		if d.db != nil {
			want = "2 calls ended with the binding"
		}
		if a.status != exitDone || !strings.Contains(a.err, want) || !strings.Contains(a.out, "unbound") {
			t.Errorf("hard: %+v", a)
		}
		d.refuse(1, "the binding has ended", "binding", "extend", v.ID, "--ttl", "9h")
	})
}

func TestMembersComeAndGo(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		var v binding.View
		d.mustJSON(&v, "binding", "create", "--mode", "gxb", "--group", numberA+",13700000001", "--b", numberB, "--order", "o", "--sliding", "2h")
		if v.ExpiresAt == nil || v.Sliding == 0 {
			t.Errorf("slides: %+v", v)
		}
		a := d.feed("13700000002\n"+numberA+"\n", "binding", "update", v.ID, "--group-add", "-", "--group-remove", "-", "-o", "json")
		if a.status != exitDone {
			t.Fatalf("%+v", a)
		}
		out := d.must("binding", "get", v.ID)
		for _, want := range []string{"group 137****0002 came", "group 138****0001 went", "member         137****0001", "sliding        2h"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	})
}

func TestBindingIsBoundAndDeletedSeveralTimes(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		create := []string{"binding", "create", "--a", numberA, "--b", numberB, "--order", "o", "--reuse"}
		var v, again binding.View
		d.mustJSON(&v, create...)
		if out := d.must(create...); !strings.Contains(out, v.ID) || !strings.Contains(out, "bound          2 times") {
			t.Errorf("bound again: %s", out)
		}
		row := `{"mode":"axb","a":"` + numberA + `","b":"` + numberB + `","order":"o","reuse":true}`
		if a := d.feed(row, "binding", "create", "--from", "-"); a.status != 0 || !strings.Contains(a.out, "there already, bound 3 times") {
			t.Errorf("by a row: %+v", a)
		}
		for refs := 2; refs > 0; refs-- {
			if d.mustJSON(&again, "binding", "delete", v.ID); again.ID != v.ID || again.Refs != refs || again.State != binding.StateLive {
				t.Errorf("deleted: %+v", again)
			}
		}
		if d.mustJSON(&again, "binding", "delete", v.ID); again.State != binding.StateUnbound {
			t.Errorf("deleted as often: %+v", again)
		}
		d.mustJSON(&v, create...)
		d.must(create...)
		if d.mustJSON(&again, "binding", "delete", v.ID, "--all"); again.State != binding.StateUnbound {
			t.Errorf("all of them: %+v", again)
		}
		d.mustJSON(&v, create...)
		d.must(create...)
		if a := d.feed(`{"id":"`+v.ID+`"}`, "binding", "delete", "--from", "-", "--all"); a.status != 0 || !strings.Contains(a.out, "unbound") {
			t.Errorf("all of them by a row: %+v", a)
		}
		d.refuse(1, "--from and --reuse do not go together", "binding", "create", "--from", "-", "--reuse")
		d.refuse(1, "--from and --back do not go together", "binding", "create", "--from", "-", "--back", "in-turn")
	})
}

func TestDeleteIsDoneOnceUnderItsKey(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		create := []string{"binding", "create", "--a", numberA, "--b", numberB, "--order", "o", "--reuse"}
		var v binding.View
		for range 3 {
			d.mustJSON(&v, create...)
		}
		for range 2 {
			if d.mustJSON(&v, "binding", "delete", v.ID, "--idempotency-key", "D-1"); v.Refs != 2 || v.State != binding.StateLive {
				t.Errorf("deleted: %+v", v)
			}
		}
		d.refuse(1, "--idempotency-key: was used for another request", append(create, "--idempotency-key", "D-1")...)
		d.refuse(1, "--from and --idempotency-key do not go together", "binding", "delete", "--from", "-", "--idempotency-key", "k")
		for _, flag := range []string{"--all", "--hard"} {
			d.refuse(1, "--idempotency-key goes with neither", "binding", "delete", v.ID, flag, "--idempotency-key", "k")
		}
	})
}

func TestRequestIsDoneOnceUnderItsKey(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		create := []string{"binding", "create", "--a", numberA, "--b", numberB, "--order", "o", "--idempotency-key", "K-1"}
		var first, again binding.View
		d.mustJSON(&first, create...)
		if d.mustJSON(&again, create...); again.ID != first.ID || again.Refs != 1 {
			t.Errorf("again: %+v", again)
		}
		row := `{"mode":"axb","a":"` + numberA + `","b":"` + numberB + `","order":"o","idempotency_key":"K-1"}`
		if a := d.feed(row, "binding", "create", "--from", "-"); a.status != 0 || !strings.Contains(a.out, first.ID) || !strings.Contains(a.out, "there already") {
			t.Errorf("by a row: %+v", a)
		}
		d.refuse(1, "--idempotency-key: was used for another request", append(create, "--data", "x")...)
		d.must("binding", "delete", first.ID)
		if d.mustJSON(&again, create...); again.ID != first.ID || again.State != binding.StateUnbound {
			t.Errorf("when it had ended: %+v", again)
		}
		d.refuse(1, "--from and --idempotency-key do not go together", "binding", "create", "--from", "-", "--idempotency-key", "k")
	})
}
