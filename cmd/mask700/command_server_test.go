package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/config"
)

func TestStatus(t *testing.T) {
	d := newDesk(t)
	d.serve()
	d.node.status = admin.Status{State: admin.StateReady, Version: "1.2.3", PID: 42, StartedAt: time.Now().Add(-time.Hour)}
	for _, says := range []string{"ready for 1h0m", "process 42", "no trunk: start with", "no block: add"} {
		if out := d.must("status"); !strings.Contains(out, says) {
			t.Errorf("no %q in\n%s", says, out)
		}
	}
	d.node.status.Blocks, d.node.status.Calls, d.node.status.Records = 1, 2, 3
	d.node.status.Listeners = []admin.ListenerStatus{{Name: "inside", Bind: "udp:192.0.2.1:5060", Advertise: "gw.example.com"}}
	d.node.status.Trunks = []admin.TrunkStatus{
		{Name: "softswitch", Targets: []admin.TargetStatus{{Target: "sip:192.0.2.10:5060;transport=udp", State: "up", Hops: []admin.HopStatus{
			{Address: "192.0.2.10:5060", Network: "udp", State: "up", Since: time.Now().Add(-time.Minute - time.Millisecond)},
			{Address: "192.0.2.11:5060", Network: "tcp", State: "down", Since: time.Now().Add(-time.Hour - time.Millisecond), Losses: 3},
		}}}},
		{Name: "incoming"},
	}
	d.node.status.Pools = []admin.PoolStatus{{Name: "pool", Total: 100, InUse: 4, Resting: 2}}
	d.node.status.Offload = admin.OffloadStatus{On: "eth0, lo", Aside: "gre1 (gre)", Entries: 7, Room: 400}
	d.node.status.Numbers = []admin.NumberStatus{
		{Tenant: "rides", Blocks: 3, Open: 2, InUse: 11, Free: 19989, Fresh: 19000, RunsOut: time.Now().Add(time.Hour + time.Second)},
		{Tenant: "shops", Blocks: 1, RunsOut: time.Now()}, {Tenant: "food", Blocks: 1, RunsOut: time.Now().Add(100 * time.Hour)},
		{Tenant: "parcels", Blocks: 1, Open: 1, Free: 9000, Fresh: 8000, Closed: 12},
	}
	d.node.status.Counters = map[string]uint64{"sources_refused": 5, "overload": 0}
	out := d.must("status")
	for _, says := range []string{"1 block, 2 calls, 3 call records", "udp:192.0.2.1:5060 as gw.example.com", "softswitch", "up", "udp 192.0.2.10:5060", "up for 1m0s", "tcp 192.0.2.11:5060", "down for 1h0m", "3 lost in a row", "incoming",
		"100 pairs of ports", "4 in use, 2 resting", "kernel on eth0, lo", "7 of 400 directions", "user space on gre1 (gre)", "the kernel's program is not there",
		"3 blocks, 11 in use", "19989 free, 19000 of them fresh, run out in 1h0m0s", "run out now", "run out in 4 days",
		"9000 free, 8000 of them fresh, 12 refused as closed to their parties", "sources_refused", "5"} {
		if !strings.Contains(out, says) {
			t.Errorf("no %q in\n%s", says, out)
		}
	}
	if strings.Contains(out, "overload") || strings.Contains(out, "no trunk") || strings.Contains(out, "no block") {
		t.Errorf("says what is not so:\n%s", out)
	}
	var st admin.Status
	d.mustJSON(&st, "status")
	if st.PID != 42 || st.Calls != 2 || st.Offload.Aside != "gre1 (gre)" {
		t.Errorf("%+v", st)
	}
	if hops := st.Trunks[0].Targets[0].Hops; len(hops) != 2 || hops[1].State != "down" || hops[1].Losses != 3 || hops[1].Since.IsZero() {
		t.Errorf("hops: %+v", hops)
	}
}

func TestStatusTellsOfRegistrations(t *testing.T) {
	d := newDesk(t)
	d.serve()
	until := time.Now().Add(5 * time.Minute)
	for _, tc := range []struct {
		r    admin.RegistrationStatus
		says string
	}{
		{admin.RegistrationStatus{State: "registered", Registered: true, Until: until, Status: 200}, "yes, for 5m0s"},
		{admin.RegistrationStatus{State: "trying"}, "no, trying"},
		{admin.RegistrationStatus{State: "trying", Registered: true, Until: until, Status: 401}, "yes, for 5m0s, trying"},
		{admin.RegistrationStatus{State: "waiting", Status: 403}, "no, answered 403"},
		{admin.RegistrationStatus{State: "waiting", Registered: true, Until: until}, "yes, for 5m0s, no answer"},
	} {
		d.node.status = admin.Status{State: admin.StateReady, Blocks: 1, Trunks: []admin.TrunkStatus{{Name: "carrier", Registration: &tc.r}}}
		if out := d.must("status"); !regexp.MustCompile(`account +carrier +registered upstream +` + tc.says + "\n").MatchString(out) {
			t.Errorf("no %q in\n%s", tc.says, out)
		}
		var st admin.Status
		d.mustJSON(&st, "status")
		if got := st.Trunks[0].Registration; got == nil || got.State != tc.r.State || got.Status != tc.r.Status || got.Registered != tc.r.Registered {
			t.Errorf("%+v", got)
		}
	}
}

func TestCalls(t *testing.T) {
	d := newDesk(t)
	d.serve()
	if out := d.must("call", "list"); !strings.Contains(out, "no call goes on") {
		t.Errorf("%s", out)
	}
	if out := d.must("call", "list", "-o", "json"); out != "" {
		t.Errorf("%q", out)
	}
	d.node.calls = []admin.Call{aCall(t, "qwertz")}
	out := d.must("call", "list")
	for _, says := range []string{"qwertz", "talking", "138****0001", "139****0002", x} {
		if !strings.Contains(out, says) {
			t.Errorf("no %q in\n%s", says, out)
		}
	}
	var c admin.CallView
	d.mustJSON(&c, "call", "list")
	if !c.Live || c.CallerIn != "138****0001" || c.Media.AtoB.Packets != 1500 {
		t.Errorf("%+v", c)
	}
	d.refuse(1, "no call that goes on", "call", "hangup", "other")
	d.refuse(1, "not the id of a call", "call", "hangup", "+86 "+numberA)
	d.must("call", "hangup", "qwertz")
	d.must("drain")
	d.must("reload")
	if strings.Join(d.node.hungUp, " ") != "qwertz" || !d.node.drained || !d.node.reloaded {
		t.Errorf("%+v", d.node)
	}
}

// aRecord is a call that ended at a moment.
func aRecord(t *testing.T, id string, at time.Time) cdr.Record {
	shown := cdr.Party{X: 700100000017604}
	return cdr.Record{
		ID: id, Binding: "abcdefghijklmnop", Order: "ORDER-1", Tenant: "default", TrunkIn: "left", TrunkOut: "right",
		CallerIn: cdr.Party{Number: number(t, numberA)}, CalleeIn: shown, CallerOut: shown, CalleeOut: cdr.Party{Number: number(t, numberB)},
		ReceivedAt: at.Add(-time.Minute), AnsweredAt: at.Add(-30 * time.Second), ReleasedAt: at,
		ReleasedBy: cdr.ByCaller, SIPStatus: 200, Q850: 16, End: cdr.EndCompleted,
	}
}

// withRecords runs a test over a store with three records, with and without a server.
func withRecords(t *testing.T, test func(*testing.T, *desk)) {
	for _, served := range []bool{false, true} {
		t.Run(map[bool]string{false: "store", true: "server"}[served], func(t *testing.T) {
			d := newDesk(t)
			now := time.Now()
			refused := cdr.Record{ID: "two", TrunkIn: "left", CalleeIn: cdr.Party{X: 700100000017604}, ReceivedAt: now.Add(-2 * time.Hour),
				ReleasedAt: now.Add(-2 * time.Hour), ReleasedBy: cdr.ByPlatform, SIPStatus: 404, Q850: 1, End: cdr.EndRefused, Refusal: binding.RefusalNoCaller}
			if t.Run("close", func(t *testing.T) { // the store is closed again at the end of this
				inner := &desk{t: t, deps: d.deps}
				inner.open()
				inner.record(aRecord(t, "one", now.Add(-5*time.Hour)), refused, aRecord(t, "three", now.Add(-time.Minute)))
			}); served {
				d.serve()
			}
			test(t, d)
		})
	}
}

func TestCallRecords(t *testing.T) {
	withRecords(t, func(t *testing.T, d *desk) {
		for args, ids := range map[string]string{
			"":                               "one two three",
			"--since 3h":                     "two three",
			"--since 3h --until 1h":          "two",
			"--limit 1":                      "one",
			"--binding abcdefghijklmnop":     "one three",
			"--since 2100-01-01T00:00:00Z":   "",
			"--until 2100-01-01T00:00:00.5Z": "one two three",
		} {
			for _, verb := range []string{"list -o json", "export", "export --format jsonl"} {
				out := d.must(append([]string{"cdr"}, strings.Fields(verb+" "+args)...)...)
				var got []string
				for lines := json.NewDecoder(strings.NewReader(out)); lines.More(); {
					var v cdr.View
					if err := lines.Decode(&v); err != nil {
						t.Fatal(err)
					}
					got = append(got, v.ID)
				}
				if strings.Join(got, " ") != ids {
					t.Errorf("cdr %s %s: %v, want %s", verb, args, got, ids)
				}
			}
		}
		table := d.must("cdr", "list")
		for _, says := range []string{"SEQ", "completed", "no_caller", "404", "138****0001", "139****0002", x, "30s", "ORDER-1"} {
			if !strings.Contains(table, says) {
				t.Errorf("no %q in\n%s", says, table)
			}
		}
		for _, line := range strings.Split(table, "\n") {
			if len(line) > 120 || strings.Contains(line, "hung up") {
				t.Errorf("too wide for the table: %s", line)
			}
		}
		wide := d.must("cdr", "list", "-o", "wide")
		for _, says := range []string{"WHY", "three", "the caller hung up (Q.850 16 normal call clearing)",
			"refused: the call shows no caller that can be read (404, Q.850 1 unallocated number)"} {
			if !strings.Contains(wide, says) {
				t.Errorf("no %q in\n%s", says, wide)
			}
		}
		d.refuse(1, "--output: write table, wide or json", "cdr", "list", "-o", "yaml")
		d.refuse(1, "--output: write table or json", "binding", "list", "-o", "wide")
		if out := d.must("cdr", "list", "--since", "0s"); !strings.Contains(out, "no call record") {
			t.Errorf("%s", out)
		}
		rows, err := csv.NewReader(strings.NewReader(d.must("cdr", "export", "--format", "csv"))).ReadAll()
		if err != nil || len(rows) != 4 || strings.Join(rows[0], ",") != strings.Join(cdr.Columns(), ",") || rows[1][0] != "one" {
			t.Errorf("%v, %v", rows, err)
		}
		d.refuse(1, "--since: ", "cdr", "list", "--since", numberA)
		d.refuse(1, "--until: ", "cdr", "list", "--until", "-1h")
		d.refuse(1, "--binding: ", "cdr", "list", "--binding", numberA)
		d.refuse(1, "--limit: ", "cdr", "list", "--limit", "-1")
		d.refuse(1, "--limit: not a number", "cdr", "list", "--limit", numberA+"x")
		d.refuse(1, "--format: ", "cdr", "export", "--format", "parquet")
	})
}

// countingWriter calls full when it has seen so many lines.
type countingWriter struct {
	bytes.Buffer
	lines int
	seen  func(lines int)
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.lines += bytes.Count(b, []byte("\n"))
	w.seen(w.lines)
	return w.Buffer.Write(b)
}

func TestRecordsAreFollowed(t *testing.T) {
	for format, heading := range map[string]int{"json": 0, "table": 1} {
		t.Run(format, func(t *testing.T) {
			d := newDesk(t)
			d.serve()
			d.record(aRecord(t, "one", time.Now()))
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			second := aRecord(t, "two", time.Now())
			w := &countingWriter{seen: func(lines int) {
				switch lines - heading {
				case 1: // only when the first was seen is there a second
					d.db.Journal().Close(second, func(uint64, error) {})
				case 2:
					cancel()
				}
			}}
			root := NewRootCommand(d.deps)
			root.SetArgs([]string{"cdr", "list", "--follow", "-o", format})
			root.SetOut(w)
			if err := root.ExecuteContext(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			if w.lines != heading+2 {
				t.Errorf("%d lines:\n%s", w.lines, w.String())
			}
		})
	}
}

func TestServeGetsTheConfiguration(t *testing.T) {
	d := newDesk(t)
	var got config.Config
	d.deps.Serve = func(_ context.Context, c config.Config, out io.Writer) error {
		got = c
		_, err := io.WriteString(out, "listening\n")
		return err
	}
	if out := d.must("serve"); out != "listening\n" || got.DataDir != "./mask700-data" || len(got.SIP.Listen) != 2 || len(got.Trunks) != 0 {
		t.Errorf("%q %+v", out, got)
	}
	flags := []string{"--data-dir", "d", "--key-file", "k", "--sip", "udp:127.0.0.1:5070", "--sip", "tcp:127.0.0.1:5070",
		"--trunk", "sip:192.0.2.10:5060", "--media-address", "192.0.2.1", "--media-ports", "30000-30003", "--admin", "unix:s",
		"--log-level", "debug", "--log-format", "json"}
	d.must(append([]string{"serve"}, flags...)...)
	if got.DataDir != "d" || got.Keys.File != "k" || len(got.SIP.Listen) != 2 || got.Trunks[0].Name != "default" ||
		got.Media.Pools[0].Ports.Min != 30000 || got.AdminSocket() != "s" || got.Log.Level != "debug" || got.Log.Format != "json" {
		t.Errorf("%+v", got)
	}
	shown := d.must(append([]string{"config", "show"}, flags...)...)
	again, err := config.Parse("shown", []byte(shown))
	if err != nil || again.Media.Pools[0].Ports.Max != 30003 || again.Keys.File != "k" {
		t.Errorf("%v in\n%s", err, shown)
	}
	t.Setenv("MASK700_DATA_DIR", "from-the-environment")
	d.must("serve")
	if got.DataDir != "from-the-environment" {
		t.Errorf("%s", got.DataDir)
	}
	d.must("serve", "--data-dir", "d")
	if got.DataDir != "d" {
		t.Errorf("%s", got.DataDir)
	}
	if err := os.WriteFile("mask700.yaml", []byte("sip:\n  ring_timeout: 20s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.must("serve")
	if got.SIP.RingTimeout.String() != "20s" || got.File() != "mask700.yaml" {
		t.Errorf("%+v", got)
	}
	d.refuse(1, "there is no such file", "serve", "--config", "none.yaml")
	d.refuse(1, "--trunk: write sip:HOST:PORT", "serve", "--trunk", "sip:"+numberA+"@192.0.2.10")
	d.refuse(1, "--sip: write NETWORK", "serve", "--sip", numberA)
	d.refuse(1, "--admin: a TCP address", "serve", "--admin", "127.0.0.1:7000")
	d.deps.Serve = func(context.Context, config.Config, io.Writer) error { return errors.New("two\nlines") }
	d.refuse(1, "two lines", "serve")
}

func TestConfigCheckNamesTheLine(t *testing.T) {
	d := newDesk(t)
	good, bad := filepath.Join(t.TempDir(), "good.yaml"), filepath.Join(t.TempDir(), "bad.yaml")
	if err := errors.Join(
		os.WriteFile(good, []byte("trunks:\n  - {name: a, targets: [\"sip:192.0.2.10\"]}\n"), 0o600),
		os.WriteFile(bad, []byte("sip:\n  ring_timeout: 20\n"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	if out := d.must("config", "check", good); !strings.Contains(out, "is good: 2 listeners, 1 trunk") {
		t.Errorf("%s", out)
	}
	d.refuse(1, bad+" line 2: sip.ring_timeout: not a duration", "config", "check", bad)
	if err := os.WriteFile(good, []byte("trunks:\n  - {name: a, targets: [\"sip:192.0.2.10\"], srtp: allow}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := d.run("config", "check", good); a.status != exitDone || !strings.Contains(a.out, "is good") ||
		!strings.HasPrefix(a.err, "warning: "+good+" line 2: trunks[0].srtp: the keys of the media travel in the clear") {
		t.Errorf("%+v", a)
	}
	d.refuse(1, "needs a FILE", "config", "check")
	d.refuse(1, "there is no such file", "config", "check", "none.yaml")
}

func TestSmallCommands(t *testing.T) {
	d := newDesk(t)
	d.deps.Demo = func(_ context.Context, out io.Writer) error { _, err := io.WriteString(out, "a call\n"); return err }
	d.deps.ExampleNames = func() []string { return []string{"kamailio"} }
	d.deps.Example = func(name string) (string, error) {
		if name != "kamailio" {
			return "", errors.New("no such example; there are kamailio")
		}
		return "listen=udp\n", nil
	}
	if out := d.must("demo"); out != "a call\n" {
		t.Errorf("%q", out)
	}
	if out := d.must("config", "example", "kamailio"); out != "listen=udp\n" {
		t.Errorf("%q", out)
	}
	d.refuse(1, "no such example", "config", "example", "x")
	d.refuse(1, "one of kamailio", "config", "example")
	if out := d.must("version"); !strings.HasPrefix(out, "mask700 1.2.3 (go") {
		t.Errorf("%q", out)
	}
	if buildVersion("4.5.6") != "4.5.6" || buildVersion("") == "" {
		t.Error("version")
	}
}

// TestEveryListAndGetHasItsFlags walks the tree: what prints a list or one thing can print JSON, and what may print
// a number has --reveal.
func TestEveryListAndGetHasItsFlags(t *testing.T) {
	withNumbers := map[string]bool{"binding": true, "call": true, "cdr": true, "explain": true}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			walk(c)
		}
		path := strings.Fields(cmd.CommandPath())
		if cmd.HasSubCommands() || len(path) < 2 || path[1] == "config" {
			return
		}
		if verb := path[len(path)-1]; (verb == "list" || verb == "get") && cmd.Flags().ShorthandLookup("o") == nil {
			t.Errorf("%s has no -o", cmd.CommandPath())
		}
		if withNumbers[path[1]] && path[len(path)-1] != "hangup" && (cmd.Flags().Lookup("reveal") == nil || cmd.Flags().Lookup("reason") == nil) {
			t.Errorf("%s has no --reveal", cmd.CommandPath())
		}
	}
	walk(NewRootCommand(newDesk(t).deps))
}
