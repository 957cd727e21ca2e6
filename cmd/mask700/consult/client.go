// Package consult asks an operator's or a tenant's platform over HTTPS: a verification platform whether a call may be
// carried, a decision endpoint whom it reaches. It is the edge behind packages verify and remote, which have the policy.
//
// A question is one POST of JSON. It has a time budget, of which nothing is left for a second attempt: the caller's phone
// waits. Questions are bounded in number, and after a run of failures nobody is asked for a while (a circuit breaker), so
// that a platform that is down costs a call no time. Redirects are not followed and no proxy is used: what goes out has
// numbers in it and goes to whom the configuration names.
//
// Where a secret is configured the body is signed, and the time with it, so that an old question cannot be sent again:
//
//	Mask700-Time: 1767225600
//	Mask700-Signature: hex(HMAC-SHA-256(secret, time "\n" body))
package consult

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"mask700/binding/verify"
	"mask700/sip/digest"
)

// Endpoint is whom to ask, and how patiently.
type Endpoint struct {
	Name     string // for the log
	URL      string
	Secret   digest.Secret  // signs; zero: nothing is signed
	Roots    *x509.CertPool // whose signature its certificate needs; nil: the system's
	Budget   time.Duration  // for one question, from its first byte to the last of the answer
	InFlight int            // questions at once; more are not asked
	Failures int            // in a row, before nobody is asked
	Pause    time.Duration  // how long nobody is; then one question tries
	Logger   *slog.Logger
	Now      func() time.Time

	transport http.RoundTripper // nil: the network
}

// Why there is no answer. Records have these words.
const (
	timedOut    = verify.Failure("timeout")
	unreachable = verify.Failure("unreachable")
	busy        = verify.Failure("busy")   // as many questions as may be are in flight
	paused      = verify.Failure("paused") // the circuit breaker is open
	refused     = verify.Failure("status") // the answer is not a 200
	unreadable  = verify.Failure("answer") // nor what it should be
)

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 64 << 10

// Client asks one endpoint. Its methods may be called from several goroutines.
type Client struct {
	endpoint Endpoint
	http     *http.Client
	breaker  *gobreaker.CircuitBreaker[[]byte]
	slots    chan struct{}
	asked    atomic.Uint64
	failed   atomic.Uint64
	turned   atomic.Uint64 // not asked: busy or paused
}

// Stats are what became of questions.
type Stats struct {
	Asked, Failed, NotAsked uint64
	Paused                  bool
}

// New makes a client. It connects to nobody yet.
func New(e Endpoint) *Client {
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Logger == nil {
		e.Logger = slog.New(slog.DiscardHandler)
	}
	if e.transport == nil {
		e.transport = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: e.Budget}).DialContext,
			TLSClientConfig:     &tls.Config{RootCAs: e.Roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:   true,
			DisableCompression:  true,
			MaxIdleConnsPerHost: e.InFlight,
			IdleConnTimeout:     90 * time.Second,
		}
	}
	c := &Client{endpoint: e, slots: make(chan struct{}, e.InFlight)}
	c.http = &http.Client{Transport: e.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c.breaker = gobreaker.NewCircuitBreaker[[]byte](gobreaker.Settings{
		MaxRequests: 1,
		Timeout:     e.Pause,
		ReadyToTrip: func(n gobreaker.Counts) bool { return int(n.ConsecutiveFailures) >= e.Failures },
		IsExcluded:  func(err error) bool { return errors.As(err, new(stopped)) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			switch to {
			case gobreaker.StateOpen:
				e.Logger.Warn("a platform does not answer and is not asked for a while", "platform", e.Name, "pause", e.Pause)
			case gobreaker.StateClosed:
				e.Logger.Info("a platform answers again", "platform", e.Name)
			}
		},
	})
	return c
}

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	return Stats{
		Asked: c.asked.Load(), Failed: c.failed.Load(), NotAsked: c.turned.Load(),
		Paused: c.breaker.State() == gobreaker.StateOpen,
	}
}

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// stopped is the end of a question for which whoever asked had no more time, though the platform had some left: it says
// nothing of the platform.
type stopped struct{ error }

func (s stopped) Unwrap() error { return s.error }

// ask posts a question and reads the answer to it. An error is a [verify.Failure].
func (c *Client) ask(ctx context.Context, question, answer any) error {
	select {
	case c.slots <- struct{}{}:
	default:
		c.turned.Add(1)
		return busy
	}
	defer func() { <-c.slots }()
	body, err := json.Marshal(question)
	if err != nil {
		return unreadable
	}
	within, cancel := context.WithTimeout(ctx, c.endpoint.Budget)
	defer cancel()
	_, err = c.breaker.Execute(func() ([]byte, error) {
		c.asked.Add(1)
		data, err := c.post(within, body)
		switch {
		case err != nil && ctx.Err() != nil:
			err = stopped{err}
		case err == nil && json.Unmarshal(data, answer) != nil:
			err = unreadable
		}
		return nil, err
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		c.turned.Add(1)
		return paused
	}
	c.failed.Add(1)
	return failure(err)
}

// failure puts an error of the network into a word.
func failure(err error) verify.Failure {
	var known verify.Failure
	var network net.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return timedOut
	}
	return unreachable
}

func (c *Client) post(ctx context.Context, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint.URL, bytes.NewReader(body))
	if err != nil {
		return nil, unreachable
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "mask700")
	if !c.endpoint.Secret.IsZero() {
		at := strconv.FormatInt(c.endpoint.Now().Unix(), 10)
		r.Header.Set("Mask700-Time", at)
		r.Header.Set("Mask700-Signature", hex.EncodeToString(c.endpoint.Secret.MAC([]byte(at), []byte("\n"), body)))
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		io.CopyN(io.Discard, answer.Body, maxAnswer) // so that the connection can be used again
		return nil, refused
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxAnswer:
		return nil, unreadable
	}
	return data, nil
}
