package client

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
	"mask700/binding/cdr/cdrtest"
	"mask700/cmd/mask700/admin"
	"mask700/store"
	"mask700/store/audit"
)

const block = "70010000001"

// node is a server that carries one call.
type node struct{ hungUp, drained, reloaded bool }

func (*node) Status(context.Context) (admin.Status, error) {
	return admin.Status{State: admin.StateDraining, PID: 7}, nil
}
func (*node) Calls(context.Context) ([]admin.Call, error) {
	return []admin.Call{{Record: cdr.Record{ID: "call"}}}, nil
}
func (*node) Call(_ context.Context, id string) (admin.Call, error) {
	if id != "call/1" { // an id is escaped on its way
		return admin.Call{}, admin.ErrNoCall
	}
	return admin.Call{Record: cdr.Record{ID: id}}, nil
}
func (n *node) Hangup(context.Context, string) error { n.hungUp = true; return nil }
func (n *node) Dial(context.Context, admin.Order) (admin.Placed, error) {
	return admin.Placed{}, admin.ErrNotTaken
}
func (n *node) HangupBinding(context.Context, string) int { return 2 }
func (n *node) Drain(context.Context) error               { n.drained = true; return nil }
func (n *node) Reload(context.Context) error              { n.reloaded = true; return nil }

// parts are what a server in memory is made of.
type parts struct {
	node    *node
	records *cdrtest.Journal
	handler http.Handler
}

// head is where the audit log has its end sealed.
type head struct{ mark audit.Mark }

func (h *head) AuditHead() (audit.Mark, error)     { return h.mark, nil }
func (h *head) SetAuditHead(mark audit.Mark) error { h.mark = mark; return nil }
func (h *head) AuditFloor() (audit.Floor, error)   { return audit.Floor{}, nil }
func (h *head) SetAuditFloor(audit.Head) error     { return nil }

func newParts(t *testing.T) parts {
	t.Helper()
	log, err := audit.Open(filepath.Join(t.TempDir(), "audit.jsonl"), new(head))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	p := parts{node: new(node), records: new(cdrtest.Journal)}
	p.handler = admin.New(admin.Deps{
		Audit:    log,
		Bindings: &binding.Service{Store: new(bindingtest.Store)},
		Records:  p.records,
		Check:    func(context.Context) (store.Report, error) { return store.Report{Bindings: 9}, nil },
		Node:     p.node,
	})
	return p
}

// everyWay runs a test over a unix socket, over HTTP, and in the own process.
func everyWay(t *testing.T, test func(*testing.T, parts, *Client)) {
	t.Run("unix", func(t *testing.T) {
		p := newParts(t)
		path := filepath.Join(t.TempDir(), "s")
		l, err := admin.ListenUnix(path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		server := admin.NewServer(ctx, p.handler, nil)
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(l) }()
		defer func() {
			server.Close()
			if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		}()
		c, err := New("unix:"+path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		test(t, p, c)
	})
	t.Run("http", func(t *testing.T) {
		p := newParts(t)
		server := httptest.NewServer(p.handler)
		defer server.Close()
		c, err := New(server.URL, Options{})
		if err != nil {
			t.Fatal(err)
		}
		test(t, p, c)
	})
	t.Run("in process", func(t *testing.T) {
		p := newParts(t)
		test(t, p, NewInProcess(p.handler))
	})
}

func TestEveryMethod(t *testing.T) {
	everyWay(t, func(t *testing.T, p parts, c *Client) {
		ctx := context.Background()
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		state, err := c.AddBlock(ctx, block)
		check(err)
		blocks, err := c.Blocks(ctx)
		check(err)
		if len(blocks) != 1 || blocks[0].Block != state.Block || state.Block.String() != block {
			t.Errorf("blocks: %+v", blocks)
		}
		made, err := c.CreateBinding(ctx, binding.Request{Mode: "axb", A: "13800000001", B: "13900000002", Order: "o", TTL: time.Hour})
		check(err)
		got, err := c.Binding(ctx, made.ID)
		check(err)
		if got.ID != made.ID || got.A != "138****0001" || got.ExpiresAt == nil {
			t.Errorf("binding: %+v", got)
		}
		e, err := c.Explain(ctx, admin.Question{Caller: "13800000001", Dialled: made.X.String()})
		check(err)
		if !e.Connected || e.Rings != "139****0002" {
			t.Errorf("explain: %+v", e)
		}
		got, err = c.DeleteBinding(ctx, made.ID)
		check(err)
		if got.State != binding.StateUnbound {
			t.Errorf("deleted: %+v", got)
		}
		calls, err := c.Calls(ctx)
		check(err)
		if len(calls) != 1 {
			t.Errorf("calls: %+v", calls)
		}
		call, err := c.Call(ctx, "call/1")
		check(err)
		if call.ID != "call/1" {
			t.Errorf("call: %+v", call)
		}
		check(c.Hangup(ctx, "call/1"))
		check(c.Drain(ctx))
		check(c.Reload(ctx))
		if *p.node != (node{true, true, true}) {
			t.Errorf("node: %+v", p.node)
		}
		status, err := c.Status(ctx)
		check(err)
		if status.PID != 7 || status.State != admin.StateDraining {
			t.Errorf("status: %+v", status)
		}
		report, err := c.Check(ctx)
		check(err)
		if report.Bindings != 9 {
			t.Errorf("check: %+v", report)
		}
		check(c.RemoveBlock(ctx, state.Block))
	})
}

func TestProblemsAreErrors(t *testing.T) {
	everyWay(t, func(t *testing.T, _ parts, c *Client) {
		ctx := context.Background()
		_, err := c.Binding(ctx, "none")
		var p *Problem
		if !errors.As(err, &p) || p.Status != http.StatusNotFound || err.Error() != p.Detail {
			t.Errorf("%v", err)
		}
		_, err = c.CreateBinding(ctx, binding.Request{Mode: "axb", A: "13800000001", B: "13800000001", Order: "o"})
		if !errors.As(err, &p) || p.Field != "b" || strings.Contains(err.Error(), "13800000001") {
			t.Errorf("%v", err)
		}
		if err := c.Records(ctx, RecordQuery{Binding: "1"}, nil); !errors.As(err, &p) || p.Field != "binding" {
			t.Errorf("%v", err)
		}
	})
}

func TestBindingsGoesThroughThePages(t *testing.T) {
	everyWay(t, func(t *testing.T, _ parts, c *Client) {
		ctx := context.Background()
		if _, err := c.AddBlock(ctx, block); err != nil {
			t.Fatal(err)
		}
		const all = 1203
		var rows [][]byte
		for i := range all {
			rows = append(rows, fmt.Appendf(nil, `{"mode":"axb","a":"138%08d","b":"139%08d","order":"o"}`, i, i))
		}
		for len(rows) > 0 {
			n := min(len(rows), admin.MaxBatchRows)
			results, err := c.Batch(ctx, BatchCreate, rows[:n])
			if err != nil || len(results) != n || results[n-1].Row != n || results[n-1].Problem != nil {
				t.Fatalf("%d results, %v", len(results), err)
			}
			rows = rows[n:]
		}
		for limit, want := range map[int]int{0: all, 1: 1, 500: 500, 501: 501, 1500: all} {
			last, n := "", 0
			err := c.Bindings(ctx, admin.BindingQuery{Limit: limit}, func(v binding.View) error {
				if v.ID <= last {
					t.Errorf("%s after %s", v.ID, last)
				}
				last = v.ID
				n++
				return nil
			})
			if err != nil || n != want {
				t.Errorf("limit %d: %d bindings, %v", limit, n, err)
			}
		}
		enough := errors.New("enough")
		if err := c.Bindings(ctx, admin.BindingQuery{}, func(binding.View) error { return enough }); err != enough {
			t.Errorf("%v", err)
		}
	})
}

func TestFollowedRecordsComeAsTheyAreClosed(t *testing.T) {
	everyWay(t, func(t *testing.T, p parts, c *Client) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		closeRecord := func(id string) {
			p.records.Close(cdr.Record{ID: id, End: cdr.EndBusy, ReceivedAt: time.Now()}, func(uint64, error) {})
		}
		closeRecord("first")
		var seen []string
		err := c.Records(ctx, RecordQuery{Follow: true}, func(v cdr.View) error {
			seen = append(seen, v.ID)
			switch len(seen) {
			case 1:
				closeRecord("second")
			case 2:
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) || strings.Join(seen, " ") != "first second" {
			t.Errorf("%v, %v", seen, err)
		}
		v, err := c.Record(context.Background(), "second")
		if err != nil || v.Seq != 2 {
			t.Errorf("%+v, %v", v, err)
		}
		n := 0
		if err := c.Records(context.Background(), RecordQuery{AfterSeq: 1, Limit: 5, Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)},
			func(cdr.View) error { n++; return nil }); err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestReadingLessThanAllEndsTheRequest(t *testing.T) {
	everyWay(t, func(t *testing.T, p parts, c *Client) {
		for i := range 2000 {
			p.records.Close(cdr.Record{ID: fmt.Sprint("r", i), End: cdr.EndBusy, ReceivedAt: time.Now()}, func(uint64, error) {})
		}
		p.records.Wait()
		enough := errors.New("enough")
		if err := c.Records(context.Background(), RecordQuery{Follow: true}, func(cdr.View) error { return enough }); err != enough {
			t.Errorf("%v", err)
		}
		if _, err := c.Blocks(context.Background()); err != nil {
			t.Errorf("the next request: %v", err)
		}
	})
}

func TestNobodyListens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	c, err := New("unix:"+path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(context.Background()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNoServerOfOurs(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"html": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.com/", http.StatusFound)
		},
		"not JSON": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") },
		"cut off":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"blocks":[`) },
	} {
		server := httptest.NewServer(h)
		c, err := New(server.URL, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Blocks(context.Background()); err == nil || strings.Contains(err.Error(), "html") {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}

func TestHandlerThatPanicsIsAnError(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"at once":          func(http.ResponseWriter, *http.Request) { panic("138") },
		"after the header": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{"); panic("138") },
	} {
		if _, err := NewInProcess(h).Blocks(context.Background()); err == nil || strings.Contains(err.Error(), "138") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTLSAndToken(t *testing.T) {
	secret := strings.Repeat("s", 40)
	token, err := admin.NewToken("ops", secret)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(admin.New(admin.Deps{
		Bindings: &binding.Service{Store: new(bindingtest.Store)}, Records: new(cdrtest.Journal), Tokens: []admin.Token{token},
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that does not trust us is one of the cases
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		o    Options
		want string
	}{
		{Options{Token: secret, CAFile: ca}, ""},
		{Options{CAFile: ca}, "a token of admin.tokens is needed"},
		{Options{Token: secret[1:], CAFile: ca}, "a token of admin.tokens is needed"},
		{Options{Token: secret}, "certificate"},
	} {
		c, err := New(server.URL, tc.o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Blocks(context.Background())
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), secret)) {
			t.Errorf("%+v: %v", tc.o, err)
		}
	}
}

func TestAddressesOfServers(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		server string
		o      Options
		good   bool
	}{
		{"unix:/run/mask700.sock", Options{}, true},
		{"https://gw.example.com:7000", Options{Token: "t"}, true},
		{"https://gw.example.com:7000/", Options{}, true},
		{"http://127.0.0.1:7000", Options{}, true},
		{"http://127.0.0.1:7000", Options{Token: "t"}, false},
		{"unix:", Options{}, false},
		{"", Options{}, false},
		{"gw.example.com:7000", Options{}, false},
		{"ftp://gw.example.com", Options{}, false},
		{"https://user:secret@gw.example.com", Options{}, false},
		{"https://gw.example.com/path", Options{}, false},
		{"https://gw.example.com?q=1", Options{}, false},
		{"https://gw.example.com", Options{CAFile: empty}, false},
		{"https://gw.example.com", Options{CAFile: empty + "none"}, false},
	} {
		if _, err := New(tc.server, tc.o); (err == nil) != tc.good || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s %+v: %v", tc.server, tc.o, err)
		}
	}
}
