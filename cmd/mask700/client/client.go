// Package client talks to the operator's interface of a server, over its unix socket or over TLS, and in the same
// words to the handlers in the own process when no server runs. The command line uses nothing else.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"mask700/cmd/mask700/admin"
)

// Problem is an error that the server answered with.
type Problem = admin.Problem

// Options of New.
type Options struct {
	Token  string // sent with every request; needed over TLS
	CAFile string // PEM certificates that the server's must be signed by; empty: the system's
}

// Client asks one server. Its methods may be called from several goroutines at once.
type Client struct {
	http  *http.Client
	base  string // "http://mask700" over a socket, "https://host:port" over TLS
	name  string // the server as the user wrote it, for errors
	token string

	reveal bool   // ask for real numbers
	reason string // for the audit log; empty: none is sent
	key    string // idempotency key; empty: none is sent
}

// Revealing is c, but asks for real numbers where it asks for what has any. The reason goes into the audit log: 3 to 500
// characters on one line, without a number.
func (c *Client) Revealing(reason string) *Client {
	asking := *c
	asking.reveal, asking.reason = true, reason
	return &asking
}

// Because is c with the reason why bindings are looked up by a number. What comes back is masked.
func (c *Client) Because(reason string) *Client {
	asking := *c
	asking.reason = reason
	return &asking
}

// callTime is how long a request may take that is not a stream and not a check.
const callTime = 30 * time.Second

// New returns the client of a server: "unix:PATH", "https://HOST:PORT", or "http://HOST:PORT", which takes no token.
// Nothing is sent yet.
func New(server string, o Options) (*Client, error) {
	c := &Client{name: server, token: o.Token}
	transport := &http.Transport{TLSHandshakeTimeout: 10 * time.Second}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	path, unix := strings.CutPrefix(server, "unix:")
	if !unix {
		u, err := url.Parse(server)
		switch {
		case err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" ||
			u.Scheme != "http" && u.Scheme != "https":
			return nil, errors.New("not the address of a server; write unix:PATH or https://HOST:PORT")
		case u.Scheme == "http" && o.Token != "":
			return nil, errors.New("a token is not sent without TLS; write https://HOST:PORT")
		}
		c.base = u.Scheme + "://" + u.Host
		transport.DialContext = dialer.DialContext
		conf, err := trust(o.CAFile)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = conf
	} else {
		if path == "" {
			return nil, errors.New("unix: needs the path of the socket; write unix:PATH")
		}
		c.base = "http://mask700"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		}
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: noRedirect}
	return c, nil
}

// NewInProcess returns the client of handlers in the own process.
func NewInProcess(h http.Handler) *Client {
	return &Client{http: &http.Client{Transport: inProcess{h}, CheckRedirect: noRedirect}, base: "http://mask700", name: "the store"}
}

// noRedirect lets a redirection through as the answer that it is: no server of ours sends one.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// trust is the TLS configuration of a client.
func trust(caFile string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return conf, nil
	}
	data, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s: holds no certificate in PEM", caFile)
	}
	return conf, nil
}

// do sends a request and decodes the answer into out, which may be nil.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return c.wait(ctx, method, path, in, out)
}

// wait is do without a bound of time.
func (c *Client) wait(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	resp, err := c.send(ctx, method, path, "application/json", body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return c.garbled(err)
	}
	return nil
}

// send sends a request and returns the answer when it is a good one.
func (c *Client) send(ctx context.Context, method, path, contentType string, body []byte) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, reader)
	if err != nil {
		return nil, errors.New("the request could not be written")
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if c.reveal {
		req.Header.Set(admin.HeaderReveal, "true")
	}
	if c.reason != "" {
		req.Header.Set(admin.HeaderReason, c.reason)
	}
	if c.key != "" {
		req.Header.Set(admin.HeaderKey, c.key)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, c.problem(resp)
}

// problem reads what a server answered instead.
func (c *Client) problem(resp *http.Response) error {
	p := new(Problem)
	err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(p)
	if err != nil || p.Type == "" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		return fmt.Errorf("%s answered %d and is no mask700 server; check --server", c.name, resp.StatusCode)
	}
	return p
}

// unreachable says that nothing answered. The reason is kept for errors.Is; the URL is not repeated.
func (c *Client) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s did not answer in time: %w", c.name, err)
	}
	return fmt.Errorf("%s cannot be reached; is the server running? %w", c.name, err)
}

func (c *Client) garbled(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%s broke off its answer; is it being stopped?", c.name)
}
