package config

import (
	"net/netip"
	"time"

	"mask700/binding"
	"mask700/sip/trunk"
)

// TrunkList is the trunks as the signalling knows them, in the order of the file. Names left out are filled in:
// RouteTo is the trunk itself, Listen stays empty for any listener, Media is the first pool.
func (c Config) TrunkList() []trunk.Trunk {
	out := make([]trunk.Trunk, len(c.Trunks))
	for i, t := range c.Trunks {
		v := trunk.Trunk{
			Index:      i,
			Name:       t.Name,
			RouteTo:    t.RouteTo,
			Listen:     t.Listen,
			Media:      t.Media,
			Numbers:    binding.Format(t.Numbers),
			Prefix:     string(t.Prefix),
			UserPhone:  t.UserPhone,
			Domain:     t.Domain,
			Identity:   string(t.Identity),
			EarlyMedia: string(t.EarlyMedia),
			SRTP:       string(t.SRTP),
			T38:        string(t.T38),
			Video:      string(t.Video),
			RTCPMux:    string(t.RTCPMux),
			DTMF:       string(t.DTMF),
			Latch:      string(t.Latch),
			Pass:       t.Pass,
			Prompt:     string(t.Prompt),
			Watch:      t.interval(),

			Reliable:     string(t.Reliable),
			SessionTimer: time.Duration(t.SessionTimer),
			MinSession:   time.Duration(t.MinSession),
			Refer:        string(t.Refer),
			MaxCalls:     t.MaxCalls,

			TLSServerName: string(t.TLSServerName),
		}
		if v.RouteTo == "" {
			v.RouteTo = t.Name
		}
		if v.Prompt == "" {
			v.Prompt = string(c.Media.Prompts.Mode)
		}
		if v.Media == "" && len(c.Media.Pools) > 0 {
			v.Media = c.Media.Pools[0].Name
		}
		for _, p := range t.Sources {
			v.Sources = append(v.Sources, p.Prefix)
		}
		for _, name := range t.TLSNames {
			v.TLSNames = append(v.TLSNames, string(name))
		}
		for _, field := range t.Caller {
			v.Caller = append(v.Caller, trunk.CallerField(field))
		}
		for _, target := range t.Targets {
			to := target.target
			// A name without a port stays one: what it stands for has ports of its own (RFC 3263 section 4.2).
			if addr, err := netip.ParseAddr(to.Host); err == nil {
				to.Port = int(target.Port())
				to.Addr = netip.AddrPortFrom(addr.Unmap(), target.Port())
			}
			v.Targets = append(v.Targets, to)
		}
		t.accounts(&v)
		out[i] = v
	}
	return out
}

// TrunkTable is the table that finds a packet's trunk.
func (c Config) TrunkTable() (*trunk.Table, error) {
	return trunk.NewTable(c.TrunkList(), c.listenerNames())
}
