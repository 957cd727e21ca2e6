package gateway

import (
	"crypto/rand"
	"fmt"

	"mask700/sip/digest"
	"mask700/sip/shard"
)

// auth makes what asks for credentials in one shard, by trunk. Passwords in it are
// hashes, and its nonces are its own.
func (g *Gateway) auth() ([]shard.Auth, error) {
	list := make([]shard.Auth, len(g.options.Trunks))
	for i := range g.options.Trunks {
		t := &g.options.Trunks[i]
		if t.Challenge == nil {
			continue
		}
		var key [32]byte
		rand.Read(key[:])
		s, err := digest.NewServer(t.Challenge.Realm, t.Challenge.Users, t.Challenge.Algorithms, key)
		if err != nil {
			return nil, fmt.Errorf("trunk %s: %w", t.Name, err)
		}
		list[i] = s
	}
	return list, nil
}
