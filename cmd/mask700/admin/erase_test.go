package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

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
