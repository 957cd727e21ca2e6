package main

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/admin"
	"mask700/store/audit"
)

// log is the entries of the audit log.
func (d *desk) log() (all []audit.Entry) {
	d.t.Helper()
	for _, line := range strings.SplitAfter(d.must("audit", "list", "-o", "json"), "\n") {
		if line == "" {
			continue
		}
		var e audit.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			d.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestReveal(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		v := d.bind()
		served := d.node != nil
		d.record(cdr.Record{ID: "callOver", Binding: v.ID, End: cdr.EndBusy, ReceivedAt: time.Now(),
			CallerIn: cdr.Party{Number: number(t, numberA)}, CalleeOut: cdr.Party{Number: number(t, numberB)}})
		asks := map[string][]string{ // by what is put into the log
			"binding.reveal " + v.ID:                                            {"binding", "get", v.ID},
			"binding.reveal all: 1 binding " + v.ID:                             {"binding", "list"},
			"binding.reveal number 138****0001: 1 binding " + v.ID:              {"binding", "list", "--number", numberA},
			"explain.reveal x " + x + ", caller 138****0001: 1 binding " + v.ID: {"explain", "--dialled", x, "--caller", numberA},
			"call.reveal callOver":                                              {"call", "get", "callOver"},
			"cdr.reveal binding " + v.ID:                                        {"cdr", "list", "--binding", v.ID},
			"cdr.reveal all":                                                    {"cdr", "export", "--format", "csv"},
			"cdr.reveal at most 1":                                              {"cdr", "export", "--limit", "1"},
		}
		if served {
			d.node.calls = []admin.Call{{State: "ringing", Record: cdr.Record{ID: "callLive",
				CallerIn: cdr.Party{Number: number(t, numberA)}, CalleeOut: cdr.Party{Number: number(t, numberB)}}}}
			asks["call.reveal 1 call callLive"] = []string{"call", "list"}
		}
		for object, args := range asks {
			name := strings.Join(args[:2], " ")
			d.refuse(1, "--reveal needs --reason", append(args, "--reveal")...)
			d.refuse(1, "--reason: a reason is needed", append(args, "--reveal", "--reason", "x")...)
			d.refuse(1, "--reason: it holds what reads like", append(args, "--reveal", "--reason", "asked by "+numberA)...)
			if !strings.Contains(object, "number ") && !strings.Contains(object, "caller ") {
				d.refuse(1, "--reason goes with --reveal", append(args, "--reason", "complaint 17")...)
			}
			before := len(d.log())
			plain := args
			if strings.Contains(object, "number ") {
				plain = append(slices.Clip(args), "--reason", "complaint 17")
			}
			masked := d.must(plain...)
			if strings.Contains(masked, numberA) || strings.Contains(masked, numberB) || !strings.Contains(masked, "****") {
				t.Errorf("%s: %s", name, masked)
			}
			if strings.Contains(object, "number ") || strings.Contains(object, "caller ") {
				before++ // that is noted too
			}
			shown := d.must(append(args, "--reveal", "--reason", "投诉 17")...)
			if !strings.Contains(shown, numberB) || strings.Contains(shown, "****") {
				t.Errorf("%s: %s", name, shown)
			}
			all := d.log()
			if len(all) <= before || all[before].What+" "+all[before].Object != object || all[before].Reason != "投诉 17" ||
				!strings.HasPrefix(all[before].Who, "local uid ") {
				t.Errorf("%s: %+v", name, all[min(before, len(all)-1):])
			}
		}
		d.must("audit", "verify")
	})
}

// TestRevealOfWhatWasDone: the binding that is made or ended is shown after it was.
func TestRevealOfWhatWasDone(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		why := []string{"--reveal", "--reason", "complaint 17"}
		made := d.must(append([]string{"binding", "create", "--a", numberA, "--b", numberB, "--order", "o"}, why...)...)
		if !strings.Contains(made, numberA) || !strings.Contains(made, numberB) {
			t.Errorf("%s", made)
		}
		id := strings.Fields(made)[1]
		if out := d.must(append([]string{"binding", "delete", id}, why...)...); !strings.Contains(out, numberA) || !strings.Contains(out, "unbound") {
			t.Errorf("%s", out)
		}
		if all := d.log(); len(all) != 2 || all[0].Object != id || all[1].Object != id {
			t.Errorf("%+v", all)
		}
		d.refuse(1, "do not go together", append([]string{"binding", "create", "--from", "-"}, why...)...)
		d.refuse(1, "do not go together", append([]string{"binding", "delete", "--from", "-"}, why...)...)
		a := d.run("binding", "create", "--a", numberA, "--b", numberB, "--order", "o", "--reveal", "--reason", "asked by "+numberA)
		if a.status != 1 || strings.Contains(a.out+a.err, numberA) || !strings.Contains(a.out, "138****0001") || !strings.Contains(a.err, "that was done") {
			t.Errorf("%+v", a)
		}
	})
}

func TestLookupByNumberIsInTheLog(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		v := d.bind()
		for _, command := range []string{"binding", "blocklist"} {
			d.refuse(1, "--number needs --reason", command, "list", "--number", numberB)
		}
		d.must("binding", "list", "--number", numberB, "--reason", "complaint 17")
		if all := d.log(); len(all) != 1 || all[0].What != "binding.lookup" || all[0].Reason != "complaint 17" ||
			all[0].Object != "number 139****0002: 1 binding "+v.ID {
			t.Errorf("%+v", all)
		}
		d.refuse(1, "a reason is needed", "binding", "list", "--number", numberB, "--reason", "x")
	})
}

func TestFollowedWithNumbers(t *testing.T) {
	d := newDesk(t)
	d.serve()
	shown := func(id string) cdr.Record {
		return cdr.Record{ID: id, End: cdr.EndBusy, ReceivedAt: time.Now(), CallerIn: cdr.Party{Number: number(t, numberA)}}
	}
	d.record(shown("one"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := &countingWriter{seen: func(lines int) {
		switch lines {
		case 1:
			d.db.Journal().Close(shown("two"), func(uint64, error) {})
		case 2:
			cancel()
		}
	}}
	root := NewRootCommand(d.deps)
	root.SetArgs([]string{"cdr", "list", "--follow", "--reveal", "--reason", "complaint 17", "-o", "json"})
	root.SetOut(w)
	if err := root.ExecuteContext(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if strings.Count(w.String(), numberA) != 2 {
		t.Errorf("%s", w.String())
	}
	for len(d.log()) < 2 { // the server sees in its own time that nobody follows
		runtime.Gosched()
	}
	if all := d.log(); all[0].Object != "all, followed" || all[1].Object != "entry 1: 2 records, seq 1 to 2" {
		t.Errorf("%+v", all)
	}
}
