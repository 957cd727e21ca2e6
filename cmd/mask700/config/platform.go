package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"mask700/binding"
	"mask700/sip/digest"
)

// Endpoint is a platform that is asked over HTTPS, and how patiently.
type Endpoint struct {
	URL        string   `yaml:"url"`
	SecretFile string   `yaml:"secret_file"` // signs what is asked; empty: nothing is signed
	CA         string   `yaml:"ca"`          // whose signature its certificate needs; empty: the system's authorities
	Budget     Duration `yaml:"budget"`      // for one question
	InFlight   int      `yaml:"in_flight"`   // questions at once; more are not asked
	Failures   int      `yaml:"failures"`    // in a row, before nobody is asked
	Pause      Duration `yaml:"pause"`       // how long nobody is
}

// Verification is the platform that is asked before each call and text.
type Verification struct {
	Endpoint     `yaml:",inline"`
	Numbers      Tell      `yaml:"numbers"`
	OnFailure    OnFailure `yaml:"on_failure"`
	Cache        Duration  `yaml:"cache"`         // how long an answer may serve again for the same two and binding; 0: never
	CacheEntries int       `yaml:"cache_entries"` // answers kept at most
}

// Remote is an endpoint that decides the calls to blocks on which nothing is stored.
type Remote struct {
	Name            string `yaml:"name"`
	Tenant          string `yaml:"tenant"`
	Blocks          []Word `yaml:"blocks"`
	Endpoint        `yaml:",inline"`
	OnFailure       RemoteFailure `yaml:"on_failure"`
	Fallback        Duration      `yaml:"fallback"`         // how old the last answer may be that serves without a new one; 0: none does
	FallbackEntries int           `yaml:"fallback_entries"` // answers kept at most
}

// Tell says whether a platform is told real numbers: none or plain.
type Tell string

// Words of Tell.
const (
	TellNone  Tell = "none"
	TellPlain Tell = "plain"
)

// Set reads the word.
func (n *Tell) Set(s string) error {
	return oneOf((*string)(n), s, string(TellNone), string(TellPlain))
}

// UnmarshalYAML reads the value of a key.
func (n *Tell) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, n.Set) }

// OnFailure says what becomes of a call about which there is no answer: open (it is carried) or closed (it is refused).
type OnFailure string

// Words of OnFailure.
const (
	FailOpen   OnFailure = "open"
	FailClosed OnFailure = "closed"
)

// Set reads the word.
func (f *OnFailure) Set(s string) error {
	return oneOf((*string)(f), s, string(FailOpen), string(FailClosed))
}

// UnmarshalYAML reads the value of a key.
func (f *OnFailure) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, f.Set) }

// RemoteFailure says what a caller gets for whom there is no answer: refuse (404, as a stranger) or error (500).
type RemoteFailure string

// Words of RemoteFailure.
const (
	FailRefuse RemoteFailure = "refuse"
	FailError  RemoteFailure = "error"
)

// Set reads the word.
func (f *RemoteFailure) Set(s string) error {
	return oneOf((*string)(f), s, string(FailRefuse), string(FailError))
}

// UnmarshalYAML reads the value of a key.
func (f *RemoteFailure) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, f.Set) }

func newEndpoint() Endpoint {
	return Endpoint{Budget: Duration(500 * time.Millisecond), InFlight: 1000, Failures: 5, Pause: Duration(10 * time.Second)}
}

func newVerification() Verification {
	return Verification{Endpoint: newEndpoint(), Numbers: TellNone, OnFailure: FailClosed, CacheEntries: 100_000}
}

// UnmarshalYAML reads a group of keys.
func (v *Verification) UnmarshalYAML(node ast.Node) error {
	type keys Verification
	k := keys(newVerification())
	if err := decodeStrict(node, &k); err != nil {
		return err
	}
	*v = Verification(k)
	return nil
}

// UnmarshalYAML reads a group of keys.
func (r *Remote) UnmarshalYAML(node ast.Node) error {
	type keys Remote
	k := keys{Tenant: binding.DefaultTenant, Blocks: []Word{}, Endpoint: newEndpoint(), OnFailure: FailRefuse, FallbackEntries: 100_000}
	if err := decodeStrict(node, &k); err != nil {
		return err
	}
	*r = Remote(k)
	return nil
}

// Bounds of what a platform may be asked. A caller hears nothing while it is.
const (
	minBudget  = Duration(10 * time.Millisecond)
	maxBudget  = Duration(1500 * time.Millisecond)
	maxBudgets = Duration(1900 * time.Millisecond) // of an endpoint and the verification behind it: all is decided within lookup.Time
	maxFlight  = 100_000
	maxFails   = 1000
	minPause   = Duration(100 * time.Millisecond)
	maxPause   = Duration(time.Hour)
	maxCache   = Duration(24 * time.Hour)
	maxEntries = 10_000_000
)

func (c *Config) checkPlatforms() error {
	v := &c.Verification
	if v.URL != "" {
		if err := c.checkEndpoint("verification", &v.Endpoint); err != nil {
			return err
		}
		if err := c.checkKept("verification", "cache", v.Cache, v.CacheEntries); err != nil {
			return err
		}
	}
	blocks := make(map[binding.Block]string)
	for i := range c.Remote {
		r, key := &c.Remote[i], fmt.Sprintf("remote[%d]", i)
		if !goodName(r.Name) {
			return c.errorFor(nameRule, key+".name")
		}
		for j, other := range c.Remote[:i] {
			if other.Name == r.Name {
				return c.errorFor("two endpoints have the same name; give one another", fmt.Sprintf("remote[%d].name", j), key+".name")
			}
		}
		if r.Tenant == "" {
			return c.errorFor("whose calls it decides is not said; name the tenant", key+".tenant")
		}
		if len(r.Blocks) == 0 {
			return c.errorFor(`no block; write blocks: ["70010000001"]`, key+".blocks")
		}
		for j, digits := range r.Blocks {
			at := fmt.Sprintf("%s.blocks[%d]", key, j)
			b, err := binding.ParseBlock(string(digits))
			if err != nil {
				return c.errorFor(err.Error(), at)
			}
			if _, ok := c.Plan().Served(b); !ok {
				return c.errorFor(binding.ErrNoRange.Error(), at)
			}
			if other, twice := blocks[b]; twice {
				return c.errorFor("one block has two endpoints; keep one", other, at)
			}
			blocks[b] = at
		}
		if err := c.checkEndpoint(key, &r.Endpoint); err != nil {
			return err
		}
		if v.URL != "" && r.Budget+v.Budget > maxBudgets {
			return c.errorFor(fmt.Sprintf("with verification.budget more than %s; a call is given up soon after that, so lower one of the two", maxBudgets),
				key+".budget", "verification.budget")
		}
		if err := c.checkKept(key, "fallback", r.Fallback, r.FallbackEntries); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkKept(key, name string, age Duration, entries int) error {
	switch {
	case age > maxCache:
		return c.errorFor(fmt.Sprintf("must be at most %s", maxCache), key+"."+name)
	case entries < 1 || entries > maxEntries:
		return c.errorFor(fmt.Sprintf("must be from 1 to %d", maxEntries), key+"."+name+"_entries")
	}
	return nil
}

func (c *Config) checkEndpoint(key string, e *Endpoint) error {
	if err := checkURL(e.URL); err != "" {
		return c.errorFor(err, key+".url")
	}
	if e.SecretFile != "" {
		if err := c.checkPasswordFile(e.SecretFile, key+".secret_file"); err != nil {
			return err
		}
	}
	switch {
	case e.Budget < minBudget || e.Budget > maxBudget:
		return c.errorFor(fmt.Sprintf("must be from %s to %s", minBudget, maxBudget), key+".budget")
	case e.InFlight < 1 || e.InFlight > maxFlight:
		return c.errorFor(fmt.Sprintf("must be from 1 to %d", maxFlight), key+".in_flight")
	case e.Failures < 1 || e.Failures > maxFails:
		return c.errorFor(fmt.Sprintf("must be from 1 to %d", maxFails), key+".failures")
	case e.Pause < minPause || e.Pause > maxPause:
		return c.errorFor(fmt.Sprintf("must be from %s to %s", minPause, maxPause), key+".pause")
	}
	return nil
}

// checkURL says what is wrong with the URL of a platform, nothing where it is right.
func checkURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Fragment != "":
		return "not a URL; write https://HOST/PATH"
	case u.User != nil:
		return "a name and password in a URL; sign with secret_file, and leave them out"
	case u.Scheme == "https":
		return ""
	case u.Scheme != "http":
		return "not a URL of https; write https://HOST/PATH"
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && a.IsLoopback() {
		return ""
	}
	return "numbers would cross the network in clear; write https://, or http:// to a loopback address"
}

// ReadSecret reads the secret that signs what is asked, the zero Secret where none is configured. key is that of the
// endpoint: "verification", "remote[0]".
func (c Config) ReadSecret(e Endpoint, key string) (digest.Secret, error) {
	if e.SecretFile == "" {
		return digest.Secret{}, nil
	}
	s, err := digest.ReadSecret(e.SecretFile)
	if err != nil {
		failed := c.errorFor(strings.ReplaceAll(err.Error(), "password file", "secret"), key+".secret_file")
		failed.cause = err
		return digest.Secret{}, failed
	}
	return s, nil
}
