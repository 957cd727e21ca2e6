package kernel

import (
	"errors"
	"time"

	"github.com/cilium/ebpf"
)

// grace waits until every program that runs now has ended: the kernel does so
// when a map inside a map is replaced.
type grace struct{ outer, inner *ebpf.Map }

func newGrace() (*grace, error) {
	spec := &ebpf.MapSpec{Name: "grace_inner", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}
	inner, err := ebpf.NewMap(spec)
	if err != nil {
		return nil, err
	}
	outer, err := ebpf.NewMap(&ebpf.MapSpec{Name: "grace", Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1, InnerMap: spec})
	if err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return &grace{outer, inner}, nil
}

func (g *grace) wait() error { return g.outer.Put(uint32(0), g.inner) }

func (g *grace) close() error { return errors.Join(g.outer.Close(), g.inner.Close()) }

// restLoop gives slots back once no program can see them any more, and renews the
// lease, until the table is closed.
func (t *Table) restLoop() {
	defer t.loops.Done()
	renew := time.NewTicker(t.options.Lease / 8)
	defer renew.Stop()
	for {
		select {
		case <-t.done:
			return
		case <-renew.C:
			t.mu.Lock()
			if !t.closed {
				t.renew()
			}
			t.mu.Unlock()
		case <-t.retired:
			t.mu.Lock()
			batch := t.resting
			t.resting = nil
			t.mu.Unlock()
			if t.grace.wait() != nil {
				continue // those slots are lost, which is better than a packet astray
			}
			t.mu.Lock()
			t.free = append(t.free, batch...)
			t.mu.Unlock()
		}
	}
}

// rest retires a slot. The caller holds mu.
func (t *Table) rest(slot uint32) {
	t.resting = append(t.resting, slot)
	select {
	case t.retired <- struct{}{}:
	default:
	}
}
