package shard

import "mask700/sip/call"

// Hops are the ways to a trunk's targets as calls see them now, the best first.
// They must not be changed.
func (s *Shard) Hops(trunk int) []call.Hop {
	if trunk < 0 || trunk >= len(s.config.Call.Hops) {
		return nil
	}
	return s.config.Call.Hops[trunk]
}
