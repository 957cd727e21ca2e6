package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/config"
	"mask700/media"
	"mask700/media/quality"
	"mask700/sip/call"
	"mask700/sip/gateway"
	"mask700/sip/shard"
)

var _ admin.Node = (*Node)(nil)

// Status says what the server listens on and carries.
func (n *Node) Status(ctx context.Context) (admin.Status, error) {
	st, cfg := n.gateway.Stats(), n.config()
	s := admin.Status{
		State: admin.StateReady, Version: n.version, PID: os.Getpid(), StartedAt: st.Started,
		Calls: st.Calls.LiveCalls, Records: n.db.LastSeq(), Counters: counters(st),
	}
	n.recordingCounters(s.Counters, st)
	n.storeCounters(s.Counters)
	n.platforms.counters(s.Counters)
	s.Numbers, s.Ranges = withClosed(n.stock.status(), n.db.ClosedToParties()), n.ranges.status()
	s.Limits = n.limits.status(s.Counters)
	s.BlockLists = n.blockLists()
	if st.Draining {
		s.State = admin.StateDraining
	}
	blocks, err := n.db.Blocks(ctx)
	if err != nil {
		return s, err
	}
	s.Blocks = len(blocks)
	for i, l := range cfg.SIP.Listen {
		s.Listeners = append(s.Listeners, admin.ListenerStatus{
			Name: l.Name, Bind: l.Bind.Network + ":" + n.gateway.Addr(i).String(), Advertise: l.Advertise,
		})
	}
	for i, t := range cfg.Trunks {
		v := admin.TrunkStatus{Name: t.Name}
		for j, target := range t.Targets {
			v.Targets = append(v.Targets, targetStatus(target.String(), st.Routes.Trunks[i][j]))
		}
		if r, ok := n.gateway.Registration(t.Name); ok {
			v.Registration = &admin.RegistrationStatus{State: r.State.String(), Registered: r.Registered, Until: r.Until, Status: r.Status}
		}
		s.Trunks = append(s.Trunks, v)
	}
	for _, p := range st.Media.Pools {
		s.Pools = append(s.Pools, admin.PoolStatus{Name: p.Name, Total: p.Free + p.InUse + p.Resting, InUse: p.InUse, Resting: p.Resting})
	}
	s.Offload = admin.OffloadStatus{On: st.Media.Kernel.On, Aside: st.Media.Kernel.Aside, Off: n.userOnly, Entries: st.Media.Kernel.Entries, Room: st.Media.Kernel.Room}
	return s, nil
}

// targetStatus says where a target is and which of its addresses answer.
func targetStatus(name string, v gateway.TargetView) admin.TargetStatus {
	s := admin.TargetStatus{Target: name, State: v.State}
	for _, h := range v.Hops {
		s.Hops = append(s.Hops, admin.HopStatus{
			Address: h.Addr.String(), Network: h.Network.String(), State: h.State, Since: h.Since, Losses: h.Losses,
		})
	}
	return s
}

// counters are what an operator watches, by name.
func counters(st gateway.Stats) map[string]uint64 {
	c := map[string]uint64{
		"calls":                  st.Calls.Calls,
		"calls_refused_at_once":  st.Calls.Refused,
		"calls_answered":         st.Calls.Answered,
		"texts":                  st.Calls.Texts,
		"texts_live":             uint64(st.Calls.LiveTexts),
		"messages_retransmitted": st.Calls.Retransmitted,
		"requests_repeated":      st.Calls.Repeated,
		"messages_stray":         st.Calls.Stray,
		"requests_faulty":        st.Calls.Faulty,
		"overload":               st.Calls.Overload,
		"challenged":             st.Calls.Challenged,
		"auth_failed":            st.Calls.AuthFailed,
		"auth_barred":            st.Calls.Barred,
		"responses_undelivered":  st.Calls.Undelivered,
		"leaks_stopped":          st.Calls.Leaks,
		"leaks_told_in_sum":      st.Summed,
		"secrets_unsearched":     st.Calls.Unsearched,
		"messages_dropped":       st.Dropped,
		"messages_malformed":     st.Malformed,
		"records_lost":           st.Lost,
		"options_sent":           st.Routes.Sent,
		"options_lost":           st.Routes.Lost,
		"hops_down":              uint64(st.Routes.HopsDown),
		"transactions":           uint64(st.Calls.LiveTx),
		"timers":                 uint64(st.Calls.LiveTimer),
		"media_sessions_opened":  st.Media.Opened,
		"media_timeouts":         st.Media.TimedOut,
		"media_no_ports":         st.Media.NoPorts,
		"media_not_opened":       st.Media.Failed,
		"media_packets":          st.Media.AtoB.Packets + st.Media.BtoA.Packets,
		"media_packets_kernel":   st.Media.AtoB.Kernel + st.Media.BtoA.Kernel,
		"media_sources_refused":  st.Media.AtoB.Refused + st.Media.BtoA.Refused,
	}
	st.Calls.Ends.Each(func(name string, n uint64) { c[name] = n })
	for _, sh := range st.Media.Shards {
		c["media_not_offloaded"] += sh.NotOffloaded
		c["media_offload_restless"] += sh.Restless
	}
	for _, f := range []media.Flow{st.Media.AtoB, st.Media.BtoA} {
		c["media_packets_invalid"] += f.Invalid
		c["media_types_unknown"] += f.Unknown
		c["media_packets_not_sent"] += f.Failed
		c["media_packets_overrun"] += f.Overrun
		c["media_packets_forged"] += f.Forged
		c["media_keys_unheard"] += f.Unheard
		c["media_unreachable"] += f.Unreachable
		c["media_packets_flooded"] += f.Flooded
		c["media_stun_dropped"] += f.Junk.STUN
		c["media_dtls_dropped"] += f.Junk.DTLS
		c["media_zrtp_dropped"] += f.Junk.ZRTP
	}
	for _, l := range st.Transport.Listeners {
		c["sources_refused"] += l.Refused
		c["kernel_drops"] += l.KernelDrops
		c["stun_dropped"] += l.STUN
		c["connections"] += l.Open
		c["handshakes_failed"] += l.Handshakes
		c["connections_over_limit"] += l.OverLimit
		c["connections_not_made"] += l.DialErrors
		c["pings_unanswered"] += l.Unanswered
	}
	return c
}

// Calls lists the calls that go on.
func (n *Node) Calls(context.Context) ([]admin.Call, error) {
	var out []admin.Call
	for _, v := range n.gateway.Calls() {
		out = append(out, view(v))
	}
	return out, nil
}

// Call returns one of them, or admin.ErrNoCall.
func (n *Node) Call(_ context.Context, id string) (admin.Call, error) {
	v, ok := n.gateway.Call(id)
	if !ok {
		return admin.Call{}, admin.ErrNoCall
	}
	c := view(v)
	c.Minute = &admin.Minute{Caller: seconds(v.Seconds[call.Caller]), Callee: seconds(v.Seconds[call.Callee])}
	return c, nil
}

func seconds(from []quality.Second) []admin.Second {
	out := make([]admin.Second, len(from))
	for i, s := range from {
		out[i] = admin.Second{
			Packets: s.Packets, Lost: s.Lost,
			JitterMS:    float64(s.Jitter.Microseconds()) / 1000,
			RoundTripMS: float64(s.RoundTrip.Microseconds()) / 1000,
		}
	}
	return out
}

func view(v gateway.CallView) admin.Call {
	c := admin.Call{State: v.State, Record: v.Record}
	if v.Media != (cdr.Media{}) { // else the call is ending, and its record has all there was
		c.Record.Media = v.Media
		c.Record.Media.End = "" // it goes on
	}
	switch held := v.Held; {
	case held[call.Caller] && held[call.Callee]:
		c.Held = admin.HeldByBoth
	case held[call.Caller]:
		c.Held = cdr.ByCaller
	case held[call.Callee]:
		c.Held = cdr.ByCallee
	}
	return c
}

// Dial makes a call that the platform asks for.
func (n *Node) Dial(ctx context.Context, o admin.Order) (admin.Placed, error) {
	p, err := n.gateway.Place(ctx, gateway.Order{Binding: o.Binding, Edge: o.Edge, Trunk: o.Trunk, Ring: o.Ring})
	switch {
	case errors.Is(err, shard.ErrDraining), errors.Is(err, shard.ErrFull):
		err = admin.ErrNotTaken
	case errors.Is(err, gateway.ErrNoTrunk), errors.Is(err, gateway.ErrManyTrunks):
		err = &binding.FieldError{Field: "trunk", Err: err}
	}
	return admin.Placed{ID: p.ID, End: p.End, Status: p.Status, Refusal: p.Refusal}, err
}

// Hangup ends a call on both legs, or returns admin.ErrNoCall.
func (n *Node) Hangup(_ context.Context, id string) error {
	if id == "" || !n.gateway.HangUp(id) {
		return admin.ErrNoCall
	}
	return nil
}

// HangupBinding ends every call over a binding.
func (n *Node) HangupBinding(_ context.Context, id string) int { return n.gateway.HangUpBinding(id) }

// Drain begins to drain and returns at once.
func (n *Node) Drain(context.Context) error {
	n.begin()
	return nil
}

// Reload reads the configuration again. What can change while calls go on is
// the log's level; when anything else differs, nothing is changed and the error
// says that a restart is needed.
func (n *Node) Reload(context.Context) error {
	n.settings.Lock()
	defer n.settings.Unlock()
	next, err := n.settings.config.Reload()
	if err != nil {
		return err
	}
	now := n.settings.config
	level := next.Log.Level
	next.Log.Level = now.Log.Level
	if !same(now, next) {
		return fmt.Errorf("the configuration differs in more than log.level; restart to apply it (`mask700 drain`, then `mask700 serve`)")
	}
	n.level.Set(level.Slog())
	n.settings.config.Log.Level = level
	n.log.Info("reloaded", "log_level", string(level))
	return nil
}

// blockLists says how full the block lists are: in all, and of the tenants that have most.
func (n *Node) blockLists() *admin.BlockListStatus {
	st := n.db.BarStats()
	s := &admin.BlockListStatus{Entries: st.Entries, Most: st.Most, TenantMost: st.TenantMost, Tenants: []admin.BlockListTenant{}}
	for name, entries := range st.Tenants {
		if name != "" {
			s.Tenants = append(s.Tenants, admin.BlockListTenant{Tenant: name, Entries: entries})
		}
	}
	slices.SortFunc(s.Tenants, func(a, b admin.BlockListTenant) int {
		return cmp.Or(cmp.Compare(b.Entries, a.Entries), strings.Compare(a.Tenant, b.Tenant))
	})
	s.Tenants = s.Tenants[:min(len(s.Tenants), admin.MostBlockListTenants)]
	return s
}

// same compares what two configurations say.
func same(a, b config.Config) bool {
	return reflect.DeepEqual(a.DataDir, b.DataDir) && reflect.DeepEqual(a.Keys, b.Keys) && reflect.DeepEqual(a.SIP, b.SIP) &&
		reflect.DeepEqual(a.Media, b.Media) && reflect.DeepEqual(a.Recording, b.Recording) && reflect.DeepEqual(a.Numbering, b.Numbering) && reflect.DeepEqual(a.Trunks, b.Trunks) &&
		reflect.DeepEqual(a.Verification, b.Verification) && reflect.DeepEqual(a.Remote, b.Remote) && reflect.DeepEqual(a.Limits, b.Limits) && reflect.DeepEqual(a.Texts, b.Texts) && a.BlockList == b.BlockList &&
		a.Retention == b.Retention && a.Memory == b.Memory && reflect.DeepEqual(a.Admin, b.Admin) && reflect.DeepEqual(a.Log, b.Log)
}
