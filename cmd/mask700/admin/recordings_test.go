package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/media"
	"mask700/media/record/archive"
	"mask700/store"
	"mask700/store/audit"
	"mask700/store/seal"
)

// shelfKeys wraps keys under one, until it is gone.
type shelfKeys struct{ box *seal.Box }

func (k *shelfKeys) WrapRecordingKey(_ string, _ time.Time, id string, key []byte) (uint32, []byte, error) {
	return 1, k.box.Seal(nil, key, []byte(id)), nil
}

func (k *shelfKeys) UnwrapRecordingKey(_ uint32, id string, wrapped []byte) ([]byte, error) {
	if k.box == nil {
		return nil, store.ErrNoRecordingKey
	}
	return k.box.Open(nil, wrapped, []byte(id))
}

func (k *shelfKeys) DropRecordingKeys(time.Time) (int, error) { return 0, nil }

// anchor is a head of an audit log in memory.
type anchor struct {
	head audit.Mark
	fail error
}

func (a *anchor) AuditHead() (audit.Mark, error) { return a.head, nil }

func (a *anchor) SetAuditHead(h audit.Mark) error {
	if a.fail == nil {
		a.head = h
	}
	return a.fail
}

func (a *anchor) AuditFloor() (audit.Floor, error) { return audit.Floor{}, nil }

func (a *anchor) SetAuditFloor(audit.Head) error { return nil }

// recorded is a bench with the recordings of two calls: one in G.711, one that nobody here can decode.
type recorded struct {
	*bench
	keys   *shelfKeys
	anchor *anchor
	log    string // path
	shelf  *archive.Archive
}

func newRecorded(t *testing.T, tokens ...Token) *recorded {
	t.Helper()
	box, err := seal.NewBox(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	r := &recorded{bench: newBench(t), keys: &shelfKeys{box}, anchor: new(anchor), log: filepath.Join(t.TempDir(), "audit.jsonl")}
	r.shelf, err = archive.Open(archive.Options{Dir: filepath.Join(t.TempDir(), "r"), Keys: r.keys, Now: func() time.Time { return r.now }})
	if err != nil {
		t.Fatal(err)
	}
	for id, codec := range map[string]string{"call-one": "PCMA", "call-two": "opus"} {
		tape := r.shelf.Start(id, "tenant")
		for i := range 10 {
			tape.Voice(media.Side(i%2), codec, uint16(i), uint32(80*i), time.Duration(i)*10*time.Millisecond, make([]byte, 160))
		}
		tape.Stop()
	}
	r.shelf.Close()
	log, err := audit.Open(r.log, r.anchor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	r.handler = New(Deps{
		Bindings: &binding.Service{Store: r.store, Now: r.store.Now}, Records: r.records, Recordings: r.shelf.Shelf, Audit: log, Tokens: tokens,
	})
	return r
}

func (r *recorded) entries() (all []audit.Entry) {
	r.t.Helper()
	for d := json.NewDecoder(strings.NewReader(r.want(http.StatusOK, "GET", "/v1/audit", "", nil))); d.More(); {
		var e audit.Entry
		if err := d.Decode(&e); err != nil {
			r.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestRecordingsAreListed(t *testing.T) {
	r := newRecorded(t)
	seen := map[string]archive.Info{}
	for d := json.NewDecoder(strings.NewReader(r.want(http.StatusOK, "GET", "/v1/recordings", "", nil))); d.More(); {
		var i archive.Info
		if err := d.Decode(&i); err != nil {
			t.Fatal(err)
		}
		seen[i.ID] = i
	}
	if i := seen["call-one"]; len(seen) != 2 || i.State != archive.Whole || i.Packets != 10 || i.Bytes == 0 || !i.Start.Equal(r.now) || i.Seconds != 0.1 {
		t.Errorf("%+v", seen)
	}
}

func TestExportIsAudited(t *testing.T) {
	r := newRecorded(t)
	req := httptest.NewRequest("POST", "/v1/recordings/call-one/export", strings.NewReader(`{"reason":"complaint 17 <of> today"}`))
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "audio/wav" || w.Header().Get(HeaderState) != "whole" ||
		w.Header().Get(HeaderLost) != "0" || !strings.HasPrefix(w.Body.String(), "RIFF") || w.Body.Len() != 44+4*(5*160+80) {
		t.Errorf("%d, %v, %d bytes", w.Code, w.Header(), w.Body.Len())
	}
	all := r.entries()
	if len(all) != 1 || all[0].What != ActionExport || all[0].Object != "call-one" || all[0].Reason != "complaint 17 <of> today" || !all[0].At.Equal(r.now) ||
		!strings.HasPrefix(all[0].Who, "local uid ") {
		t.Errorf("%+v", all)
	}
	var v AuditReport
	r.want(http.StatusOK, "POST", "/v1/audit/verify", "", &v)
	if v.Entries != 1 || v.Fault != "" || v.Hash != all[0].Hash {
		t.Errorf("%+v", v)
	}
}

// TestExportAsACapture: in whatever codec, and audited alike.
func TestExportAsACapture(t *testing.T) {
	r := newRecorded(t)
	for i, id := range []string{"call-one", "call-two"} {
		w := httptest.NewRecorder()
		r.handler.ServeHTTP(w, httptest.NewRequest("POST", "/v1/recordings/"+id+"/export", strings.NewReader(`{"reason":"complaint 17","format":"pcap"}`)))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/vnd.tcpdump.pcap" || w.Header().Get(HeaderState) != "whole" ||
			w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) || !strings.HasPrefix(w.Body.String(), "\xd4\xc3\xb2\xa1") {
			t.Errorf("%d, %v, %d bytes", w.Code, w.Header(), w.Body.Len())
		}
		if all := r.entries(); len(all) != i+1 || all[i].What != ActionExport || all[i].Object != id {
			t.Errorf("%+v", all)
		}
	}
}

// TestExportNamesTheToken: who asks over TLS is known by the name of the token.
func TestExportNamesTheToken(t *testing.T) {
	secret := strings.Repeat("a1", 20)
	token, err := NewToken("ops", secret)
	if err != nil {
		t.Fatal(err)
	}
	export := func(r *recorded) *httptest.ResponseRecorder {
		req := httptest.NewRequest("POST", "/v1/recordings/call-one/export", strings.NewReader(`{"reason":"complaint 17"}`))
		req.Header.Set("Authorization", "Bearer "+secret)
		w := httptest.NewRecorder()
		r.handler.ServeHTTP(w, req)
		return w
	}
	if w := export(newRecorded(t, token)); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "reveal: true") {
		t.Errorf("a token that may not: %d %s", w.Code, w.Body)
	}
	token.Reveal = true
	r := newRecorded(t, token)
	w := export(r)
	if b, err := os.ReadFile(r.log); err != nil || w.Code != http.StatusOK || !strings.Contains(string(b), `"who":"token ops"`) {
		t.Errorf("%d, %v, %s", w.Code, err, b)
	}
}

// TestExportRefused: no byte of it leaves, and nothing is put into the log.
func TestExportRefused(t *testing.T) {
	const good = `{"reason":"complaint 17"}`
	for name, c := range map[string]struct {
		id, body string
		status   int
		says     string
		before   func(*recorded)
	}{
		"no reason":                {"call-one", `{}`, 400, "a reason is needed", nil},
		"no body":                  {"call-one", ``, 400, "JSON", nil},
		"a blank reason":           {"call-one", `{"reason":"   "}`, 400, "a reason is needed", nil},
		"a short reason":           {"call-one", `{"reason":"x"}`, 400, "a reason is needed", nil},
		"two lines":                {"call-one", `{"reason":"one\ntwo"}`, 400, "a reason is needed", nil},
		"a number in the reason":   {"call-one", `{"reason":"asked by ` + numberA + `, at once"}`, 400, "name the case", nil},
		"a spaced number":          {"call-one", `{"reason":"asked by +86 138-0000-0001 at once"}`, 400, "name the case", nil},
		"another field":            {"call-one", `{"reason":"complaint 17","who":"nobody"}`, 400, "not known", nil},
		"another format":           {"call-one", `{"reason":"complaint 17","format":"mp3"}`, 400, "write wav or pcap", nil},
		"no such recording":        {"call-none", good, 404, "no recording has this id", nil},
		"no id":                    {"..%2fx", good, 404, "not the id", nil},
		"a codec that nobody here": {"call-two", good, 409, "opus", nil},
		"its key is gone":          {"call-one", good, 409, "is gone", func(r *recorded) { r.keys.box = nil }},
		"the log cannot be kept":   {"call-one", good, 500, "stalled", func(r *recorded) { r.anchor.fail = errors.New("stalled") }},
	} {
		r := newRecorded(t)
		if c.before != nil {
			c.before(r)
		}
		out := r.want(c.status, "POST", "/v1/recordings/"+c.id+"/export", c.body, nil)
		if !strings.Contains(out, c.says) || strings.Contains(out, "RIFF") {
			t.Errorf("%s: %s", name, out)
		}
		if name == "the log cannot be kept" {
			continue // it can not be read either
		}
		if all := r.entries(); len(all) != 0 {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// TestChangedLogStopsExports: what was done before cannot be hidden among what comes.
func TestChangedLogStopsExports(t *testing.T) {
	r := newRecorded(t)
	const body = `{"reason":"complaint 17"}`
	export := func(status int) string {
		t.Helper()
		w := httptest.NewRecorder()
		r.handler.ServeHTTP(w, httptest.NewRequest("POST", "/v1/recordings/call-one/export", strings.NewReader(body)))
		if w.Code != status {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		return w.Body.String()
	}
	export(http.StatusOK)
	export(http.StatusOK)
	b, err := os.ReadFile(r.log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.log, []byte(strings.Replace(string(b), "complaint 17", "complaint 71", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	var v AuditReport
	r.want(http.StatusOK, "POST", "/v1/audit/verify", "", &v)
	if v.Entries != 0 || !strings.HasPrefix(v.Fault, "line 1 ") {
		t.Errorf("%+v", v)
	}
	log, err := audit.Open(r.log, r.anchor)
	if err != nil {
		t.Fatal(err)
	}
	r.handler = New(Deps{Bindings: &binding.Service{Store: r.store}, Records: r.records, Recordings: r.shelf.Shelf, Audit: log})
	if out := export(http.StatusConflict); !strings.Contains(out, "not as it was written") {
		t.Error(out)
	}
}

func TestStoreWithoutRecordings(t *testing.T) {
	b := newBench(t)
	b.handler = New(Deps{Bindings: &binding.Service{Store: b.store}, Records: b.records})
	for _, ask := range []string{"GET /v1/recordings", "POST /v1/recordings/a/export", "GET /v1/audit", "POST /v1/audit/verify"} {
		method, path, _ := strings.Cut(ask, " ")
		b.want(http.StatusInternalServerError, method, path, `{"reason":"complaint 17"}`, nil)
	}
}
