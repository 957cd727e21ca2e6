package binding

import (
	"context"
	"slices"
	"time"
)

// Back says whom the one who is protected reaches who calls back: B of a group,
// A of the modes for anyone. The zero value is the party that the binding names.
type Back string

// Values of Back.
const (
	BackNamed  Back = ""
	BackInTurn Back = "in-turn"     // the members of the group, one after the other until one answers
	BackLast   Back = "last-caller" // who called last, of the group or at all; else the one named
)

// DefaultCallBack is how long who called last is reached, where nothing else is
// configured.
const DefaultCallBack = 24 * time.Hour

// back is the edge of the direction from the one who is protected. It shows X, and is
// forbidden where nobody is to be reached.
func (b *Binding) back(dialled X, caller, named Number) Edge {
	e := Edge{Dialled: dialled, Caller: caller, Callee: named, Shown: b.X, Back: b.Back}
	if b.Back == BackInTurn && named.IsZero() && len(b.Group) > 0 {
		e.Callee = b.Group[0]
	}
	e.Forbidden = !b.OneWay.allowsB() || e.Callee.IsZero() && b.Back != BackLast
	return e
}

// Next are those who ring when the callee of an edge does not answer, in their
// order.
func (b *Binding) Next(e Edge) []Number {
	if e.Back != BackInTurn {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(b.Group), func(n Number) bool { return n == e.Callee })
}

// Calls knows who called.
type Calls interface {
	// LastCaller returns who reached a party of a binding last, since a
	// moment; the zero Number when nobody did.
	LastCaller(ctx context.Context, binding string, called Number, since time.Time) (Number, error)
}

// CallBack finds the callee of an edge that goes back to who called last. Who is
// no member any more is not reached, nor is the caller itself; where nobody is
// left, the caller, who is a party, is refused as one whose direction is not
// allowed. Without calls nobody has called. A decision of another kind stays as it is.
func (d *Decision) CallBack(ctx context.Context, q *Query, calls Calls, within time.Duration) error {
	if d.Refusal != RefusalNone || d.Edge.Back != BackLast {
		return nil
	}
	if within <= 0 {
		within = DefaultCallBack
	}
	var last Number
	if calls != nil {
		var err error
		if last, err = calls.LastCaller(ctx, d.Binding.ID, q.Caller, q.At.Add(-within)); err != nil {
			return err
		}
	}
	group := d.Binding.Mode == ModeGXB || d.Binding.Mode == ModeGXYB
	if !last.IsZero() && last != q.Caller && (!group || slices.Contains(d.Binding.Group, last)) {
		d.Edge.Callee = last
	}
	if d.Edge.Callee.IsZero() {
		d.Refuse(RefusalOneWay)
	}
	return nil
}
