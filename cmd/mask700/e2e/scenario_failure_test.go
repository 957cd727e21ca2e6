package e2e

import (
	"fmt"

	"mask700/binding/cdr"
)

// caller may know of it.
func failureScenarios() []scenario {
	noAnswer := ending{end: cdr.EndNoAnswer, releasedBy: cdr.ByPlatform, status: 480, q850: 19}
	rows := []scenario{
		{name: "busy", play: pair("caller-busy", "callee-busy"), alone: true,
			want: ending{end: cdr.EndBusy, releasedBy: cdr.ByCallee, status: 486, q850: 17}},
		{name: "no answer", play: pair("caller-no-answer", "callee-cancelled"),
			setup: setup{ringTimeout: "2s"}, want: noAnswer},
		{name: "no answer and no ringing", play: pair("caller-unavailable", "callee-cancelled-trying"),
			setup: setup{ringTimeout: "1s"}, want: noAnswer},
		{name: "answer without SDP", play: pair("caller-failed", "callee-answers-without-sdp"),
			want: ending{end: cdr.EndFailed, releasedBy: cdr.ByPlatform, status: 500}},
	}
	for _, f := range []struct {
		says   int
		caller string
		want   ending
	}{
		{301, "caller-unavailable", ending{end: cdr.EndUnavailable, status: 480, q850: 20}},
		{302, "caller-unavailable", ending{end: cdr.EndUnavailable, status: 480, q850: 20}},
		{401, "caller-failed", ending{end: cdr.EndFailed, status: 500, q850: 3}},
		{403, "caller-rejected", ending{end: cdr.EndRejected, status: 403, q850: 21}},
		{404, "caller-not-found", ending{end: cdr.EndUnavailable, status: 404, q850: 1}},
		{480, "caller-unavailable", ending{end: cdr.EndUnavailable, status: 480, q850: 20}},
		{484, "caller-not-found", ending{end: cdr.EndUnavailable, status: 404, q850: 1}},
		{488, "caller-not-acceptable", ending{end: cdr.EndFailed, status: 488, q850: 88}},
		{503, "caller-failed", ending{end: cdr.EndUnavailable, status: 500, q850: 3}},
		{600, "caller-busy", ending{end: cdr.EndBusy, status: 486, q850: 17}},
		{603, "caller-rejected", ending{end: cdr.EndRejected, status: 403, q850: 21}},
		{606, "caller-not-acceptable", ending{end: cdr.EndFailed, status: 488, q850: 88}},
	} {
		p := pair(f.caller, "callee-refuses")
		p.says = fmt.Sprint(f.says)
		f.want.releasedBy = cdr.ByCallee
		rows = append(rows, scenario{name: "callee says " + p.says, play: p, want: f.want})
	}
	return rows
}
