// Package consulttest simulates the platforms that package consult asks: one that verifies and one that decides, well and
// ill. It is for tests.
package consulttest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Question is what the platform was asked, whichever it is.
type Question struct {
	Kind, ID, Binding, Order, Tenant, Dialled, Shown, Extension, Caller, Callee, At string
	Probe                                                                           bool
	Signed                                                                          bool // by the secret of the platform
}

// Platform is a server on loopback that answers as it is told.
type Platform struct {
	URL    string
	Secret string

	server *httptest.Server
	hung   chan struct{}

	mu     sync.Mutex
	status int
	answer string
	hang   bool
	asked  []Question
}

// New starts a platform, which ends with the test. Until it is told otherwise it answers with an empty object.
func New(t testing.TB) *Platform {
	t.Helper()
	p := &Platform{status: http.StatusOK, answer: "{}", hung: make(chan struct{})}
	p.server = httptest.NewServer(p)
	p.URL = p.server.URL
	t.Cleanup(func() {
		close(p.hung)
		p.server.Close()
	})
	return p
}

// Answer has it answer with a status and a body from now on.
func (p *Platform) Answer(status int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.answer, p.hang = status, body, false
}

// Hang has it answer nothing from now on, and hold the connection.
func (p *Platform) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hang = true
}

// Asked returns what it was asked so far.
func (p *Platform) Asked() []Question {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Question(nil), p.asked...)
}

// ServeHTTP implements [http.Handler].
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var q Question
	if err != nil || r.Method != http.MethodPost || json.Unmarshal(body, &q) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	mac := hmac.New(sha256.New, []byte(p.Secret))
	mac.Write([]byte(r.Header.Get("Mask700-Time") + "\n"))
	mac.Write(body)
	given, err := hex.DecodeString(r.Header.Get("Mask700-Signature"))
	q.Signed = err == nil && hmac.Equal(given, mac.Sum(nil))
	p.mu.Lock()
	p.asked = append(p.asked, q)
	status, answer, hang := p.status, p.answer, p.hang
	p.mu.Unlock()
	if hang {
		select {
		case <-r.Context().Done():
		case <-p.hung:
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, answer)
}
