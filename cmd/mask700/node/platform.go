package node

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"mask700/binding"
	"mask700/binding/remote"
	"mask700/binding/verify"
	"mask700/cmd/mask700/config"
	"mask700/cmd/mask700/consult"
)

// platforms are those that are asked about calls.
type platforms struct {
	clients []*consult.Client
	names   []string
	verify  *verify.Judge  // nil: no platform verifies
	remote  *remote.Router // nil: no endpoint decides
}

// startPlatforms makes the clients of the platforms that a configuration names. Nobody is asked yet.
func (n *Node) startPlatforms(cfg config.Config) (err error) {
	p := &n.platforms
	if v := cfg.Verification; v.URL != "" {
		c, err := n.client(cfg, "verification", "verification", v.Endpoint)
		if err != nil {
			return err
		}
		p.verify, err = verify.New(verify.Options{
			Asker: consult.Verifier{Client: c, Plain: v.Numbers == config.TellPlain}, FailOpen: v.OnFailure == config.FailOpen,
			Cache: time.Duration(v.Cache), Entries: v.CacheEntries,
		})
		if err != nil {
			return err
		}
	}
	var endpoints []remote.Endpoint
	for i, r := range cfg.Remote {
		c, err := n.client(cfg, fmt.Sprintf("remote[%d]", i), "remote_"+r.Name, r.Endpoint)
		if err != nil {
			return err
		}
		e := remote.Endpoint{
			Name: r.Name, Tenant: r.Tenant, Asker: consult.Decider{Client: c, Plan: cfg.Plan()},
			Fallback: time.Duration(r.Fallback), Entries: r.FallbackEntries, FailAsError: r.OnFailure == config.FailError,
		}
		for _, digits := range r.Blocks {
			b, err := binding.ParseBlock(string(digits))
			if err != nil {
				return err
			}
			e.Blocks = append(e.Blocks, b)
		}
		endpoints = append(endpoints, e)
	}
	for _, e := range endpoints {
		n.warnOfBlocks(e)
	}
	if len(endpoints) > 0 {
		p.remote, err = remote.New(remote.House{May: n.db.MayAnswer, Tenant: n.db.Tenant}, endpoints...)
	}
	return err
}

// warnOfBlocks says which blocks of an endpoint it cannot decide on as they are held: all calls to them are answered 404.
func (n *Node) warnOfBlocks(e remote.Endpoint) {
	for _, b := range e.Blocks {
		switch err := n.db.MayAnswer(e.Tenant, b.Number(0), false); {
		case !n.db.Holds(b):
			n.log.Warn("a block of an endpoint is not held: calls to it are refused; add it for the tenant with `mask700 block add`",
				"remote", e.Name, "tenant", e.Tenant, "block", b.String())
		case errors.Is(err, binding.ErrOtherTenant):
			n.log.Warn("a block of an endpoint is not its tenant's: calls to it are refused; add the block for this tenant",
				"remote", e.Name, "tenant", e.Tenant, "block", b.String())
		}
	}
}

func (n *Node) client(cfg config.Config, key, name string, e config.Endpoint) (*consult.Client, error) {
	secret, err := cfg.ReadSecret(e, key)
	if err != nil {
		return nil, err
	}
	var roots *x509.CertPool
	if e.CA != "" {
		if roots, err = config.LoadAuthorities(e.CA); err != nil {
			return nil, fmt.Errorf("%s.ca: %w", key, err)
		}
	}
	c := consult.New(consult.Endpoint{
		Name: name, URL: e.URL, Secret: secret, Roots: roots, Budget: time.Duration(e.Budget), InFlight: e.InFlight,
		Failures: e.Failures, Pause: time.Duration(e.Pause), Logger: n.log,
	})
	n.platforms.clients, n.platforms.names = append(n.platforms.clients, c), append(n.platforms.names, name)
	return c, nil
}

// counters adds what became of questions.
func (p *platforms) counters(c map[string]uint64) {
	for i, client := range p.clients {
		st, name := client.Stats(), p.names[i]
		c[name+"_asked"], c[name+"_failed"], c[name+"_not_asked"] = st.Asked, st.Failed, st.NotAsked
		c[name+"_paused"] = 0
		if st.Paused {
			c[name+"_paused"] = 1
		}
	}
	if p.verify != nil {
		st := p.verify.Stats()
		c["verification_allowed"], c["verification_denied"], c["verification_cached"] = st.Allowed, st.Denied, st.Cached
		c["verification_failed_open"], c["verification_failed_closed"] = st.FailedOpen, st.FailedClosed
	}
	for _, st := range p.remote.Stats() {
		name := "remote_" + st.Name
		c[name+"_connected"], c[name+"_refused"] = st.Connected, st.Refused
		c[name+"_fallbacks"], c[name+"_unanswered"] = st.Fallbacks, st.None
	}
}

func (p *platforms) close() {
	for _, c := range p.clients {
		c.Close()
	}
}
