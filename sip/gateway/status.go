package gateway

import (
	"net/netip"
	"time"

	"mask700/binding/cdr"
	"mask700/media"
	"mask700/media/quality"
	"mask700/media/sdp"
	"mask700/sip/call"
	"mask700/sip/shard"
	"mask700/sip/transport"
)

// Stats are the counters of a gateway.
type Stats struct {
	Started   time.Time
	Draining  bool
	Calls     shard.Stats // summed over the shards
	Dropped   uint64      // messages that a shard had no room for
	Malformed uint64      // messages that could not even be answered
	Lost      uint64      // call records that found no room while the store failed
	NotTaped  uint64      // calls that were to be recorded and are not
	Summed    uint64      // messages that were stopped and are told of in sum, not one by one
	Transport transport.Stats
	Media     media.EngineStats
	Routes    RouteStats
}

// Stats takes a snapshot.
func (g *Gateway) Stats() Stats {
	st := Stats{
		Started: g.started, Draining: g.draining.Load(), Malformed: g.faulty.Load(), Lost: g.unwritten.rows.dropped(), NotTaped: g.unrecorded.Load(), Summed: g.leaks.summed.Load(),
		Transport: g.transport.Stats(), Media: g.media.Stats(), Routes: *g.router.view.Load(),
	}
	for _, l := range g.loops {
		st.Dropped += l.inbox.dropped()
		l.do(func(s *shard.Shard) { st.Calls.Add(s.Stats()) })
	}
	return st
}

// CallView is a live call as an operator sees it. Numbers print masked.
type CallView struct {
	ID     string
	State  string
	Held   [2]bool    // of the record's caller and callee, by call.Side: that party has the other on hold
	Record cdr.Record // as far as it is known
	Media  cdr.Media
	// The last minute of what came from the record's caller and callee, by call.Side. Of one call
	// alone; a list has none.
	Seconds [2][]quality.Second

	call    string // its id in the shard
	session int    // number of its media session
	turned  bool   // the record's caller is on the callee's side
}

// Calls lists the live calls, in no order.
func (g *Gateway) Calls() []CallView {
	var views []CallView
	for _, l := range g.loops {
		l.do(func(s *shard.Shard) {
			s.Calls(func(c *call.Call) bool {
				if !c.Text.On {
					views = append(views, view(c))
				}
				return true
			})
		})
	}
	for i := range views {
		g.addMedia(&views[i])
	}
	return views
}

// Call returns a live call by its id.
func (g *Gateway) Call(id string) (CallView, bool) {
	var v CallView
	found := false
	for _, l := range g.loops {
		l.do(func(s *shard.Shard) {
			if c := s.Call(id); c != nil && !c.Text.On {
				v, found = view(c), true
			}
		})
	}
	if found {
		g.addMedia(&v)
		g.addSeconds(&v)
	}
	return v, found
}

// HangUp releases both legs of a call and reports whether there was one.
func (g *Gateway) HangUp(id string) bool {
	n := 0
	for _, l := range g.loops {
		l.do(func(s *shard.Shard) { n += s.HangUp(time.Now(), id, cdr.EndHangup) })
	}
	return n > 0
}

// HangUpBinding releases every call over a binding that was ended, and says how
// many. A call that was looked up before the end and not yet told is refused.
func (g *Gateway) HangUpBinding(binding string) (n int) {
	for _, l := range g.loops {
		l.do(func(s *shard.Shard) {
			now := time.Now()
			l.gone.add(binding, now)
			n += s.HangUpBinding(now, binding, cdr.EndUnbound)
		})
	}
	return n
}

func view(c *call.Call) CallView {
	v := CallView{ID: c.Record.ID, call: c.ID, State: c.State.String(), Record: c.Record, session: c.Session, turned: c.Turned}
	for s := range c.Legs {
		v.Held[s] = holds(c, call.Side(s))
	}
	if v.turned {
		v.Held[0], v.Held[1] = v.Held[1], v.Held[0]
	}
	return v
}

// holds reports whether a party of an answered call said last that it wants to hear nothing (RFC 3264 section 8.4).
func holds(c *call.Call, s call.Side) bool {
	m, err := sdp.Remote(&c.Legs[s].SDP.Peer)
	return err == nil && !m.Recv && !c.Record.AnsweredAt.IsZero()
}

func (g *Gateway) addMedia(v *CallView) {
	for _, l := range g.loops {
		if s := l.media.session(v.call, v.session); s != nil {
			v.Media = mediaRecord(s.Stats())
			if v.turned {
				v.Media = v.Media.Turned()
			}
		}
	}
}

func (g *Gateway) addSeconds(v *CallView) {
	for _, l := range g.loops {
		if s := l.media.session(v.call, v.session); s != nil {
			v.Seconds = [2][]quality.Second{s.Seconds(media.A), s.Seconds(media.B)}
			if v.turned {
				v.Seconds[0], v.Seconds[1] = v.Seconds[1], v.Seconds[0]
			}
		}
	}
}

// Addr is the address that a listener is bound to.
func (g *Gateway) Addr(listener int) netip.AddrPort { return g.transport.Addr(listener) }
