package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/config"
	"mask700/media/record/archive"
	"mask700/store"
	"mask700/store/audit"
)

// Numbers of the tests. No command may ever print one of them.
const (
	numberA = "13800000001"
	numberB = "13900000002"
	block   = "70010000001"
	x       = "700100000017604"
)

// desk is a working directory with, perhaps, a server over the store in it.
type desk struct {
	t    *testing.T
	deps Deps
	db   *store.DB // nil: no server
	node *fakeNode
}

// newDesk makes the test's working directory an empty one and clears the environment of our variables.
func newDesk(t *testing.T) *desk {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, name := range []string{"CONFIG", "DATA_DIR", "KEY_FILE", "SERVER", "TOKEN_FILE", "CA_FILE"} {
		t.Setenv("MASK700_"+name, "")
	}
	return &desk{t: t, deps: Deps{
		Version:      "1.2.3",
		Serve:        func(context.Context, config.Config, io.Writer) error { return errors.New("not here") },
		Demo:         func(context.Context, io.Writer) error { return errors.New("not here") },
		Example:      func(string) (string, error) { return "", errors.New("not here") },
		ExampleNames: func() []string { return nil },
	}}
}

// answer is what a command printed and how it ended.
type answer struct {
	status   int
	out, err string
}

// run runs a command. Whatever it prints is searched for real numbers, and an error must be one line.
func (d *desk) run(args ...string) answer { d.t.Helper(); return d.feed("", args...) }

// feed is run with a standard input.
func (d *desk) feed(stdin string, args ...string) answer {
	d.t.Helper()
	var out, errOut bytes.Buffer
	a := answer{status: run(d.deps, args, strings.NewReader(stdin), &out, &errOut)}
	a.out, a.err = out.String(), errOut.String()
	name := strings.Join(args[:min(2, len(args))], " ")
	printed := a.out + a.err
	if a.status == exitDone && slices.Contains(args, "--reveal") {
		printed = a.err
	}
	if found := realNumber.FindString(printed); found != "" {
		d.t.Errorf("%s: a real number is printed:\n%s%s", name, a.out, a.err)
	}
	if a.status != exitDone && (strings.Count(a.err, "\n") != 1 || !strings.HasPrefix(a.err, "mask700: ")) && !strings.Contains(a.err, "made the store") {
		d.t.Errorf("%s: the error is not one line:\n%s", name, a.err)
	}
	return a
}

// realNumber is a mobile number that stands by itself: the tests use no other kind.
var realNumber = regexp.MustCompile(`\b(\+?86)?1[3-9][0-9]{9}\b`)

// must is run for a command that succeeds; it returns what was printed.
func (d *desk) must(args ...string) string {
	d.t.Helper()
	a := d.run(args...)
	if a.status != exitDone {
		d.t.Fatalf("%s: status %d: %s", strings.Join(args, " "), a.status, a.err)
	}
	return a.out
}

// mustJSON is must with the one object decoded.
func (d *desk) mustJSON(into any, args ...string) {
	d.t.Helper()
	out := d.must(append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		d.t.Fatalf("%s: %v in %s", strings.Join(args, " "), err, out)
	}
}

// refuse is run for a command that fails with a status and says something.
func (d *desk) refuse(status int, says string, args ...string) {
	d.t.Helper()
	if a := d.run(args...); a.status != status || !strings.Contains(a.err, says) {
		d.t.Errorf("%s: status %d, want %d and %q: %s", strings.Join(args[:min(2, len(args))], " "), a.status, status, says, a.err)
	}
}

// serve opens the store of the working directory and serves it on the socket there, as `mask700 serve` does.
func (d *desk) serve() {
	d.t.Helper()
	d.open()
	d.listen()
}

// open opens the store and does not serve it.
func (d *desk) open() {
	d.t.Helper()
	cfg := config.Default()
	db, err := store.Open(store.Options{Dir: cfg.DataDir, KeyFile: cfg.Keys.File})
	if err != nil {
		d.t.Fatal(err)
	}
	d.db = db
	d.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			d.t.Error(err)
		}
	})
}

// listen serves the store that is open.
func (d *desk) listen() {
	d.t.Helper()
	d.node = &fakeNode{}
	l, err := admin.ListenUnix(config.Default().AdminSocket())
	if err != nil {
		d.t.Fatal(err)
	}
	cfg := config.Default()
	log, err := audit.Open(cfg.AuditLog(), d.db)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { log.Close() })
	ctx, cancel := context.WithCancel(context.Background())
	server := admin.NewServer(ctx, admin.New(admin.Deps{
		Bindings: &binding.Service{Store: d.db}, Records: d.db, Check: d.db.Check, Node: d.node, Limits: &admin.Limits{Set: cfg.LimitSet()}, Keys: d.db, Keeper: d.db, Eraser: d.db, Keep: cfg.StoreRetention(), KeepAudit: time.Duration(cfg.Retention.Audit), KeepRecordings: time.Duration(cfg.Recording.Retention),
		Bars: d.db, TenantTokens: d.db,
		Rules:      rule.Chain{rule.Tenants{Tenant: d.db.Tenant}, rule.Bars{Store: d.db}},
		Recordings: archive.NewShelf(archive.Options{Dir: cfg.RecordingDir(), Keys: d.db}), Audit: log,
	}), nil)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	d.t.Cleanup(func() {
		cancel()
		server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			d.t.Error(err)
		}
	})
}

// record closes call records in the store of the working directory.
func (d *desk) record(records ...cdr.Record) {
	d.t.Helper()
	db := d.db
	if db == nil {
		var err error
		if db, err = store.Open(store.Options{Dir: config.Default().DataDir, KeyFile: config.Default().Keys.File}); err != nil {
			d.t.Fatal(err)
		}
		defer db.Close()
	}
	for _, r := range records {
		done := make(chan error, 1)
		db.Journal().Close(r, func(_ uint64, err error) { done <- err })
		if err := <-done; err != nil {
			d.t.Fatal(err)
		}
	}
}

// number reads a real number.
func number(t *testing.T, s string) binding.Number {
	t.Helper()
	n, err := binding.Plan{}.ParseNumber(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// fakeNode is a server with the calls that a test puts there.
type fakeNode struct {
	calls    []admin.Call
	ordered  []admin.Order
	placed   admin.Placed // what becomes of an order
	looked   func()       // is called before a call is looked at; nil: nothing is
	hungUp   []string
	drained  bool
	reloaded bool
	status   admin.Status
}

func (n *fakeNode) Status(context.Context) (admin.Status, error) { return n.status, nil }
func (n *fakeNode) Calls(context.Context) ([]admin.Call, error)  { return n.calls, nil }
func (n *fakeNode) Call(_ context.Context, id string) (admin.Call, error) {
	if n.looked != nil {
		n.looked()
	}
	for _, c := range n.calls {
		if c.Record.ID == id {
			return c, nil
		}
	}
	return admin.Call{}, admin.ErrNoCall
}
func (n *fakeNode) Dial(_ context.Context, o admin.Order) (admin.Placed, error) {
	n.ordered = append(n.ordered, o)
	return n.placed, nil
}
func (n *fakeNode) Hangup(ctx context.Context, id string) error {
	if _, err := n.Call(ctx, id); err != nil {
		return err
	}
	n.hungUp = append(n.hungUp, id)
	return nil
}
func (n *fakeNode) HangupBinding(_ context.Context, id string) int {
	n.hungUp = append(n.hungUp, id)
	return 2
}
func (n *fakeNode) Drain(context.Context) error  { n.drained = true; return nil }
func (n *fakeNode) Reload(context.Context) error { n.reloaded = true; return nil }

// bothWays runs a test without a server, and with one.
func bothWays(t *testing.T, test func(*testing.T, *desk)) {
	t.Run("store", func(t *testing.T) { test(t, newDesk(t)) })
	t.Run("server", func(t *testing.T) {
		d := newDesk(t)
		d.serve()
		test(t, d)
	})
}

// bind holds the block and makes a binding of A and B on x.
func (d *desk) bind() binding.View {
	d.t.Helper()
	d.must("block", "add", block)
	var v binding.View
	d.mustJSON(&v, "binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--x", x, "--order", "ORDER-1", "--ttl", "2h")
	return v
}

func TestBlocks(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		if d.db != nil { // without a store there is nothing to list
			if out := d.must("block", "list"); !strings.Contains(out, "mask700 block add") {
				t.Errorf("an empty list does not say what to type: %s", out)
			}
			if out := d.must("block", "list", "-o", "json"); out != "" {
				t.Errorf("an empty list in json: %q", out)
			}
		}
		if out := d.must("block", "add", block); !strings.Contains(out, block+"0000 to "+block+"9999") {
			t.Errorf("%s", out)
		}
		var b binding.BlockState
		d.mustJSON(&b, "block", "list")
		if b.Block.String() != block || b.State != binding.BlockOpen || b.Tenant != binding.DefaultTenant {
			t.Errorf("%+v", b)
		}
		d.refuse(1, "already there", "block", "add", block)
		d.refuse(1, "not a block", "block", "add", numberA)
		d.refuse(1, "not held", "block", "remove", "70010000002")
		d.refuse(1, "not held", "block", "lock", "70010000002")
		d.refuse(1, "not a block", "block", "drain", numberA)
		for verb, want := range map[string]string{"lock": binding.BlockLocked, "drain": binding.BlockDraining, "unlock": binding.BlockOpen} {
			d.must("block", verb, block)
			if d.mustJSON(&b, "block", "list"); b.State != want {
				t.Errorf("%s: the block is %s", verb, b.State)
			}
		}
		d.must("block", "unlock", block)
		const number = block + "0005"
		if out := d.must("block", "lock", number); !strings.Contains(out, "number "+number+" is locked") {
			t.Errorf("says %q", out)
		}
		if out := d.must("block", "list"); !strings.Contains(out, "9999") || !strings.Contains(out, "LOCKED") {
			t.Errorf("says\n%s", out)
		}
		var s binding.Stock
		if d.mustJSON(&s, "block", "list"); len(s.LockedNumbers) != 1 || s.LockedNumbers[0].String() != number || s.Free != 9999 || s.Fresh != 9999 {
			t.Errorf("%+v", s)
		}
		d.refuse(1, "--x: locked", "binding", "create", "--a", numberA, "--b", numberB, "--order", "o", "--x", number)
		d.must("block", "unlock", number)
		d.refuse(1, "not a block", "block", "drain", number)
		d.refuse(1, "in no block", "block", "lock", "700100000020005")
		if out := d.must("block", "remove", block); !strings.Contains(out, "no longer held") {
			t.Errorf("%s", out)
		}
		d.must("block", "list")
	})
}

func TestBindingFromItsMakingToItsEnd(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		v := d.bind()
		if v.State != binding.StateLive || v.X.String() != x || v.A != "138****0001" || v.Order != "ORDER-1" || len(v.Legs) != 2 || v.ExpiresAt == nil {
			t.Errorf("made: %+v", v)
		}
		var got binding.View
		d.mustJSON(&got, "binding", "get", v.ID)
		if got.ID != v.ID {
			t.Errorf("got: %+v", got)
		}
		d.mustJSON(&got, "binding", "list", "--number", numberB, "--reason", "complaint 17")
		d.mustJSON(&got, "binding", "list", "--x", x, "--order", "ORDER-1", "--live", "--limit", "3")
		if a := d.feed(numberA+"\n", "binding", "list", "--number", "-", "-o", "json", "--reason", "complaint 17"); a.status != 0 || !strings.Contains(a.out, v.ID) {
			t.Errorf("number from standard input: %+v", a)
		}
		if out := d.must("binding", "list", "--number", "13700000000", "--reason", "complaint 17"); !strings.Contains(out, "no such binding") {
			t.Errorf("nothing found: %s", out)
		}
		table := d.must("binding", "list")
		lines := strings.Split(strings.TrimSpace(table), "\n")
		if len(lines) != 2 || strings.Index(lines[0], "ORDER") != strings.Index(lines[1], "ORDER-1") {
			t.Errorf("not aligned:\n%s", table)
		}
		if out := d.must("binding", "get", v.ID); !strings.Contains(out, "138****0001 dials "+x+": 139****0002 rings and shows "+x) {
			t.Errorf("%s", out)
		}
		d.refuse(1, "live bindings remain", "block", "remove", block)
		d.mustJSON(&got, "binding", "delete", v.ID)
		if got.State != binding.StateUnbound {
			t.Errorf("deleted: %+v", got)
		}
		if out := d.must("binding", "get", v.ID); !strings.Contains(out, "unbound, since") {
			t.Errorf("%s", out)
		}
		if out := d.must("binding", "list", "--live"); !strings.Contains(out, "no such binding") {
			t.Errorf("%s", out)
		}
	})
}

func TestNumbersComeFromStandardInput(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		a := d.feed(numberA+"\n "+numberB+" \n", "binding", "create", "--a", "-", "--b", "-", "--order", "o", "-o", "json")
		var v binding.View
		if err := json.Unmarshal([]byte(a.out), &v); err != nil || v.A != "138****0001" || v.B != "139****0002" {
			t.Fatalf("%v %+v", err, a)
		}
		a = d.feed(numberA, "explain", "--caller", "-", "--dialled", v.X.String())
		if a.status != 0 || !strings.Contains(a.out, "139****0002 rings") {
			t.Errorf("%+v", a)
		}
		d.refuse(1, "--b -: standard input has no number", "binding", "create", "--a", numberA, "--b", "-", "--order", "o")
	})
}

func TestRefusedBindings(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		v := d.bind()
		create := func(args ...string) []string { return append([]string{"binding", "create", "--order", "o"}, args...) }
		for _, tc := range []struct {
			says string
			args []string
		}{
			{"--a: not a complete", create("--a", "1380000000", "--b", numberB)},
			{"--a: not a complete", create("--a", "0", "--b", numberB)},
			{"--b: the same subscriber", create("--a", numberA, "--b", "+86"+numberA)},
			{"--b: a protected number", create("--a", numberA, "--b", x)},
			{"--b: an emergency", create("--a", numberA, "--b", "110")},
			{"--x: in no block", create("--a", "13700000001", "--b", numberB, "--x", "700200000000001")},
			{"--x: a party is already bound on this number by binding " + v.ID, create("--a", numberA, "--b", "13700000001", "--x", x)},
			{"--order is missing", []string{"binding", "create", "--a", numberA, "--b", numberB}},
			{"--a: ", create("--b", numberB)},
			{"--mode: not an available", create("--a", numberA, "--b", numberB, "--mode", "hologram")},
			{"--mode: nothing is stored for mode remote", create("--a", numberA, "--b", numberB, "--mode", "remote")},
			{"--mode: connects anyone", create("--a", numberA, "--mode", "ax")},
			{"--mode: connects anyone", create("--a", numberA, "--mode", "axe", "--extension", "1234")},
			{"--y: a party is already bound on this number by binding " + v.ID, create("--a", numberA, "--b", numberB, "--mode", "axyb", "--y", x)},
			{"--y: mode axb has one number", create("--a", numberA, "--b", numberB, "--y", x)},
			{"--group: missing", create("--mode", "gxb", "--b", numberB)},
			{"--group: a member twice", create("--mode", "gxyb", "--b", numberB, "--group", "13700000001,+8613700000001")},
			{"--extension: mode gxb has no extension", create("--mode", "gxb", "--b", numberB, "--group", "13700000001", "--extension", "12")},
			{"--one-way: ", create("--a", numberA, "--b", numberB, "--one-way", "up")},
			{"--max-duration: ", create("--a", numberA, "--b", numberB, "--max-duration", "100h")},
			{"--expires: not a time", create("--a", numberA, "--b", numberB, "--expires", "tomorrow")},
			{"--expires: ", create("--a", numberA, "--b", numberB, "--expires", "2001-01-01T00:00:00Z")},
			{"--ttl: not a duration", create("--a", numberA, "--b", numberB, "--ttl", numberA)},
			{"--order: ", []string{"binding", "create", "--a", numberA, "--b", numberB, "--order", numberA}},
		} {
			d.refuse(1, tc.says, tc.args...)
		}
		d.must("block", "remove", addBlock(d, "70010000009"))
	})
}

func addBlock(d *desk, digits string) string {
	d.t.Helper()
	d.must("block", "add", digits)
	return digits
}

func TestNoFreeNumberWithoutABlock(t *testing.T) {
	d := newDesk(t)
	d.serve()
	d.refuse(1, "has no open block", "binding", "create", "--a", numberA, "--b", numberB, "--order", "o")
}

func TestExplain(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		v := d.bind()
		for _, tc := range []struct {
			args []string
			says string
		}{
			{[]string{"--caller", numberA}, "connected by binding " + v.ID},
			{[]string{"--caller", numberA}, "its handset shows " + x},
			{[]string{"--caller", "13700000001"}, "refused with 404, no binding on this number is for this caller"},
			{[]string{"--caller", "13700000001"}, "it is for another caller"},
			{nil, "refused with 404, the call shows no caller"},
			{[]string{"--caller", numberA, "--at", "1000h"}, "the binding was not made yet"},
			{[]string{"--caller", numberA, "--at", time.Now().Add(3 * time.Hour).Format(time.RFC3339)}, "refused with 404, the binding for this caller has expired"},
		} {
			if out := d.must(append([]string{"explain", "--dialled", x}, tc.args...)...); !strings.Contains(out, tc.says) {
				t.Errorf("%v: no %q in\n%s", tc.args, tc.says, out)
			}
		}
		if out := d.must("explain", "--dialled", "700200000000001", "--caller", numberA); !strings.Contains(out, "in no block") ||
			!strings.Contains(out, "hold its block with `mask700 block add`") || strings.Contains(out, "binding create") {
			t.Errorf("%s", out)
		}
		var e admin.Explanation
		d.mustJSON(&e, "explain", "--dialled", x, "--caller", numberB)
		if !e.Connected || e.Rings != "138****0001" || len(e.Candidates) != 1 {
			t.Errorf("%+v", e)
		}
		if e.Kind != "call" || e.Numbers != "" {
			t.Errorf("%+v", e)
		}
		text := func() (e admin.Explanation) {
			d.mustJSON(&e, "explain", "--text", "--dialled", x, "--caller", numberB)
			return e
		}
		if e := text(); !e.Connected || e.Kind != "text" || e.Numbers != binding.TextsMask {
			t.Errorf("a text: %+v", e)
		}
		d.refuse(1, "--texts: ", "binding", "update", v.ID, "--texts", "sometimes")
		if out := d.must("binding", "update", v.ID, "--texts", "off"); !strings.Contains(out, "texts          off\n") {
			t.Errorf("updated: %s", out)
		}
		if e := text(); e.Connected || e.Answer != 403 || e.Rule != cdr.RuleBindingTexts || e.Numbers != "" {
			t.Errorf("a text where there are none: %+v", e)
		}
		if out := d.must("explain", "--text", "--dialled", x, "--caller", numberB); !strings.Contains(out, "writes to "+x) || !strings.Contains(out, "blocked by rule binding texts off") {
			t.Errorf("%s", out)
		}
		d.must("tenant", "update", "default", "--texts", "off")
		if d.must("binding", "update", v.ID, "--texts", ""); text().Rule != cdr.RuleTenantTexts {
			t.Errorf("a text of a tenant who has none: %+v", text())
		}
		d.must("tenant", "update", "default", "--texts", "refuse")
		if out := d.must("explain", "--text", "--dialled", x, "--caller", numberB); !strings.Contains(out, "telephone numbers in it: refuse\n") {
			t.Errorf("%s", out)
		}
		d.refuse(1, "--dialled is missing", "explain", "--caller", numberA)
		d.refuse(1, "--dialled: a 700 number with too few digits", "explain", "--dialled", "7001")
		d.refuse(1, "--dialled: not a 700 number", "explain", "--dialled", numberA)
		d.refuse(1, "--caller: ", "explain", "--dialled", x, "--caller", "1")
		d.refuse(1, "--at: ", "explain", "--dialled", x, "--at", "then")
	})
}

func TestCheck(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.bind()
		if out := d.must("check"); !strings.Contains(out, "1 block, 1 binding (1 live)") || !strings.Contains(out, "the store is whole") {
			t.Errorf("%s", out)
		}
		var r admin.CheckReport
		d.mustJSON(&r, "check")
		if r.Blocks != 1 || r.Bindings != 1 || len(r.Problems) != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// TestCommandsThatLookDoNotMakeAStore: a wrong directory must not become an empty store with a new key.
func TestCommandsThatLookDoNotMakeAStore(t *testing.T) {
	d := newDesk(t)
	for _, args := range [][]string{
		{"block", "list"}, {"block", "remove", block}, {"block", "add", "1700012"}, {"binding", "list"}, {"binding", "get", "abc"}, {"binding", "delete", "abc"},
		{"explain", "--dialled", x}, {"cdr", "list"}, {"cdr", "export"}, {"check"},
		{"call", "get", "abc"},
	} {
		d.refuse(1, "there is no store in ./mask700-data", args...)
	}
	for _, args := range [][]string{{"status"}, {"call", "list"}, {"call", "hangup", "abc"}, {"drain"}, {"reload"}, {"cdr", "list", "--follow"}} {
		d.refuse(1, "no server is running on mask700-data/admin.sock", args...)
	}
	d.refuse(1, "not a block", "block", "add", "01")
	d.refuse(1, "--order is missing", "binding", "create", "--a", numberA, "--b", numberB)
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 0 {
		t.Errorf("made: %v, %v", entries, err)
	}
}

func TestFirstCommandMakesTheStoreAndSaysWhereTheKeyIs(t *testing.T) {
	d := newDesk(t)
	a := d.run("block", "add", block)
	if a.status != 0 || !strings.Contains(a.err, "made the store ./mask700-data, its key ./mask700.key and its data keys ./mask700.key.ring") || strings.Contains(a.out, "key") {
		t.Errorf("%+v", a)
	}
	if info, err := os.Stat("mask700.key"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if a := d.run("block", "add", "70010000002"); a.err != "" {
		t.Errorf("the second time: %+v", a)
	}
	if err := os.Rename("mask700.key", "elsewhere.key"); err != nil {
		t.Fatal(err)
	}
	d.refuse(1, "the master key of this store is missing", "block", "list")
	if _, err := os.Stat("mask700.key"); err == nil {
		t.Error("a store without its key was given a new one")
	}
	d.refuse(1, "data keys, is missing", "block", "list", "--key-file", "elsewhere.key")
	if err := os.Rename("mask700.key.ring", "elsewhere.key.ring"); err != nil {
		t.Fatal(err)
	}
	d.must("block", "list", "--key-file", "elsewhere.key")
}

// TestServerThatIsStarting: the store is locked and the socket is not there yet.
func TestServerThatIsStarting(t *testing.T) {
	d := newDesk(t)
	d.open()
	ended := make(chan answer, 1)
	var out, errOut bytes.Buffer
	go func() {
		status := run(d.deps, []string{"block", "add", block}, strings.NewReader(""), &out, &errOut)
		ended <- answer{status: status, out: out.String(), err: errOut.String()}
	}()
	d.listen()
	if a := <-ended; a.status != 0 {
		t.Errorf("%+v", a)
	}
	if blocks, err := d.db.Blocks(context.Background()); err != nil || len(blocks) != 1 {
		t.Errorf("%v, %v", blocks, err)
	}
}

func TestStoreOpenElsewhere(t *testing.T) {
	d := newDesk(t)
	d.open()
	ctx, cancel := context.WithTimeout(context.Background(), 250*time.Millisecond)
	defer cancel()
	root := NewRootCommand(d.deps)
	root.SetArgs([]string{"block", "list"})
	if err := root.ExecuteContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if got := locked(config.Default()).Error(); !strings.Contains(got, "open in another process") || !strings.Contains(got, "--server") {
		t.Error(got)
	}
}

func TestServerElsewhere(t *testing.T) {
	d := newDesk(t)
	d.serve()
	d.must("block", "add", block)
	socket, err := filepath.Abs(config.Default().AdminSocket())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	d.must("block", "list", "--server", "unix:"+socket)
	d.must("block", "list", "--server", socket)
	d.must("block", "list", "--data-dir", filepath.Dir(socket))
	t.Setenv("MASK700_SERVER", "unix:"+socket)
	d.must("status")
	t.Setenv("MASK700_SERVER", "")
	t.Setenv("MASK700_DATA_DIR", filepath.Dir(socket))
	d.must("status")
	t.Setenv("MASK700_DATA_DIR", "")
	if err := os.WriteFile("mask700.yaml", fmt.Appendf(nil, "data_dir: %q\n", filepath.Dir(socket)), 0o600); err != nil {
		t.Fatal(err)
	}
	d.must("status")
	if err := os.Rename("mask700.yaml", "other.yaml"); err != nil {
		t.Fatal(err)
	}
	d.must("status", "--config", "other.yaml")
	d.refuse(1, "no server is running", "status")
	d.refuse(1, "cannot be reached", "status", "--server", "unix:none.sock")
	d.refuse(1, "--server: not the address", "status", "--server", "gw:7000")
	d.refuse(1, "--token-file: ", "status", "--server", "https://gw:7000", "--token-file", "none")
	d.refuse(1, "there is no such file", "status", "--config", "none.yaml")
}

func TestSocketOfADeadServerIsNoServer(t *testing.T) {
	d := newDesk(t)
	d.must("block", "add", block)
	l, err := admin.ListenUnix(config.Default().AdminSocket())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(config.Default().AdminSocket(), "kept"); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := os.Rename("kept", config.Default().AdminSocket()); err != nil {
		t.Fatal(err)
	}
	d.must("block", "list")
	d.refuse(1, "no server is running", "status")
}
