package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/store"
)

// refusing is a store that erases nobody.
type refusing struct{ err error }

func (e refusing) ErasePerson(context.Context, binding.Number, string, bool, func(string) error, func(store.PersonErased) error) (store.PersonErased, error) {
	return store.PersonErased{}, e.err
}

// TestRefusedErasuresAreNoted: that a number is bound, or in a call, is told to nobody of whom the audit log does not know.
func TestRefusedErasuresAreNoted(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err    error
		status int
		object string // of the entry; "": there is none
	}{
		{fmt.Errorf("%w: 3", store.ErrLiveBindings), http.StatusConflict, "number 138****0001: bindings of it are live"},
		{store.ErrCallsGoOn, http.StatusConflict, "number 138****0001: calls of it go on"},
		{store.ErrReadAsItWas, http.StatusConflict, ""},
		{nil, http.StatusOK, ""},
	} {
		b := newBench(t)
		deps := b.handler.(*api).Deps
		deps.Eraser = refusing{tc.err}
		b.handler = New(deps)
		const body = `{"number":"` + numberA + `","reason":"letter of 3 March"}`
		b.want(tc.status, "POST", "/v1/erase", body, nil)
		switch now := b.entries(); {
		case tc.object == "" && len(now) != 0:
			t.Errorf("%v: %+v", tc.err, now)
		case tc.object != "" && (len(now) != 1 || now[0].What != WhatEraseRefused || now[0].Object != tc.object || now[0].Reason != "letter of 3 March"):
			t.Errorf("%v: %+v, want %s", tc.err, now, tc.object)
		}
		b.head.fail = errors.New("stalled")
		if tc.object == "" {
			continue
		}
		if out := b.want(http.StatusInternalServerError, "POST", "/v1/erase", body, nil); strings.Contains(out, "live") || strings.Contains(out, "call") {
			t.Errorf("what cannot be noted is told: %s", out)
		}
	}
}

// TestErasureLeavesTheBindingsOfOthers: who has left a group has nothing ended, who is in one has it ended with its calls.
func TestErasureLeavesTheBindingsOfOthers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	deps := b.handler.(*api).Deps
	deps.Eraser = refusing{}
	b.handler = New(deps)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	var v binding.View
	b.want(201, "POST", "/v1/bindings", `{"mode":"gxb","group":["`+numberA+`","13700000001"],"b":"`+numberB+`","x":"`+x+`","order":"T-1"}`, &v)
	b.now = b.now.Add(time.Minute)
	b.want(200, "PATCH", "/v1/bindings/"+v.ID, `{"group_remove":["`+numberA+`"]}`, nil)
	erase := func(number string, state binding.State, hungUp int) {
		t.Helper()
		b.want(200, "POST", "/v1/erase", `{"number":"`+number+`","reason":"letter of 3 March","hard":true}`, nil)
		if b.want(200, "GET", "/v1/bindings/"+v.ID, "", &v); v.State != state || len(b.node.hungUp) != hungUp {
			t.Errorf("the binding is %s, calls of %v were ended", v.State, b.node.hungUp)
		}
	}
	erase(numberA, binding.StateLive, 0)
	erase("13700000001", binding.StateUnbound, 1)
}

// TestErasureEndsWhatIsAhead: what was bound before the clock was set back is ended, too.
func TestErasureEndsWhatIsAhead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	deps := b.handler.(*api).Deps
	deps.Eraser = refusing{}
	b.handler = New(deps)
	b.want(201, "POST", "/v1/blocks", `{"block":"`+block+`"}`, nil)
	var v binding.View
	b.want(201, "POST", "/v1/bindings", `{"mode":"axb","a":"`+numberA+`","b":"`+numberB+`","order":"T-1"}`, &v)
	b.now = b.now.Add(-time.Hour)
	b.want(200, "POST", "/v1/erase", `{"number":"`+numberA+`","reason":"letter of 3 March","hard":true}`, nil)
	if b.want(200, "GET", "/v1/bindings/"+v.ID, "", &v); v.EndedAt == nil || len(b.node.hungUp) != 1 {
		t.Errorf("the binding is %s, calls of %v were ended", v.State, b.node.hungUp)
	}
}
