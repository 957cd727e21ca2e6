package gateway

import (
	"context"
	"errors"
	"time"

	"mask700/binding"
	"mask700/sip/call"
	"mask700/sip/shard"
)

// Order is a call that the platform asks for: as call.Order says.
type Order struct {
	Binding string
	Edge    binding.Edge  // as the caller could have dialled
	Trunk   string        // that the caller is called by; "": the only one that has targets
	Ring    time.Duration // how long the caller's phone may ring at most; 0: as any
}

// Errors of Place beside those of the shard.
var (
	ErrNoTrunk     = errors.New("there is no trunk of this name that has targets")
	ErrManyTrunks  = errors.New("several trunks have targets; say which one the caller is on")
	errNotAnswered = errors.New("gateway: closed")
)

// Place begins a call that was asked for, and returns once the caller is being called, or
// will not be. The record of one that was refused or failed has the id in what is
// returned. It fails with ErrNoTrunk, ErrManyTrunks, shard.ErrDraining, shard.ErrFull, or
// when ctx ends before; then there is no record, or nobody has waited for it.
func (g *Gateway) Place(ctx context.Context, o Order) (call.Placed, error) {
	index, err := g.orderTrunk(o.Trunk)
	if err != nil {
		return call.Placed{}, err
	}
	l := g.loops[int(g.orders.Add(1))%len(g.loops)]
	told := make(chan call.Placed, 1)
	l.do(func(s *shard.Shard) {
		now := time.Now()
		var id string
		id, err = s.Place(now, call.Order{
			Binding: o.Binding, Caller: o.Edge.Caller, Trunk: index, Ring: o.Ring,
			Query: binding.Query{Dialled: o.Edge.Dialled, Extension: o.Edge.Extension},
		})
		if err == nil {
			l.placing[id] = told
		}
	})
	if err != nil {
		return call.Placed{}, err
	}
	select {
	case placed := <-told:
		return placed, nil
	case <-ctx.Done():
		return call.Placed{}, ctx.Err()
	case <-l.ended:
		return call.Placed{}, errNotAnswered
	}
}

// orderTrunk finds the trunk that a caller is called by.
func (g *Gateway) orderTrunk(name string) (int, error) {
	found := -1
	for i := range g.options.Trunks {
		t := &g.options.Trunks[i]
		switch {
		case len(t.Targets) == 0 || name != "" && t.Name != name:
		case found >= 0:
			return 0, ErrManyTrunks
		default:
			found = i
		}
	}
	if found < 0 {
		return 0, ErrNoTrunk
	}
	return found, nil
}

// placed tells who has asked for a call.
func (l *loop) placed(id string, p call.Placed) {
	if told := l.placing[id]; told != nil {
		delete(l.placing, id)
		told <- p
	}
}
