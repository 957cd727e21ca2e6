package binding

// Edge is one direction of a binding: who dials Dialled from Caller reaches
// Callee, whose handset shows Shown.
type Edge struct {
	Dialled   X
	Extension string // digits that have to be dialled behind it; "": none may be
	Caller    Number // zero where Anyone is set
	Anyone    bool   // for every caller but the callee
	Callee    Number // zero: the binding names nobody for this caller; then Forbidden, or BackLast
	Shown     X
	Back      Back // the callee is one of several: see Next and CallBack
	Forbidden bool // this caller is a party and may only be called
}

// Edges returns every edge of b, those that are forbidden too. A binding of a
// mode that is not known, or without what its mode needs, has none.
func (b *Binding) Edges() []Edge {
	var all []Edge
	for e := range b.edges {
		all = append(all, e)
	}
	return all
}

// edges is Edges for the call path, where nothing is allocated. An edge for
// anyone comes after the others.
func (b *Binding) edges(yield func(Edge) bool) {
	if b.X == 0 {
		return
	}
	shown, back := b.X, b.X // to who is called over X; dialled in the other direction
	switch b.Mode {
	case ModeAXYB, ModeGXYB:
		if b.Y == 0 || b.Y == b.X {
			return
		}
		shown, back = b.Y, b.Y
	}
	switch b.Mode {
	case ModeAXB, ModeAXYB:
		if b.A.IsZero() || b.B.IsZero() {
			return
		}
		if yield(Edge{Dialled: b.X, Caller: b.A, Callee: b.B, Shown: shown, Forbidden: !b.OneWay.allowsA()}) {
			yield(b.back(back, b.B, b.A))
		}
	case ModeGXB, ModeGXYB:
		if b.B.IsZero() {
			return
		}
		for _, member := range b.Group {
			if !member.IsZero() && !yield(Edge{Dialled: b.X, Caller: member, Callee: b.B, Shown: shown, Forbidden: !b.OneWay.allowsA()}) {
				return
			}
		}
		if len(b.Group) > 0 {
			yield(b.back(back, b.B, b.A))
		}
	case ModeRemote:
		if b.A.IsZero() || b.B.IsZero() {
			return
		}
		if b.Y != 0 {
			shown = b.Y
		}
		yield(Edge{Dialled: b.X, Extension: b.Extension, Caller: b.A, Callee: b.B, Shown: shown})
	case ModeAX, ModeAXE:
		if b.A.IsZero() || b.OneWay != BothWays || (b.Mode == ModeAXE) != (b.Extension != "") {
			return
		}
		if yield(b.back(b.X, b.A, b.B)) {
			yield(Edge{Dialled: b.X, Extension: b.Extension, Anyone: true, Callee: b.A, Shown: b.X})
		}
	}
}

// isFor reports whether a call takes the edge, if its binding lives.
func (e *Edge) isFor(q *Query) bool {
	if e.Dialled != q.Dialled || e.Extension != q.Extension {
		return false
	}
	if e.Anyone {
		return e.isOpen(q)
	}
	return e.Caller == q.Caller
}

// isOpen reports whether a caller takes the edge as anyone does, once it has dialled the
// extension.
func (e *Edge) isOpen(q *Query) bool {
	return e.Anyone && e.Dialled == q.Dialled && q.Strangers && e.Callee != q.Caller
}

// A value that is not known allows neither direction: a restriction that is
// not understood is still a restriction.
func (o OneWay) allowsA() bool { return o == BothWays || o == OneWayAToB }

func (o OneWay) allowsB() bool { return o == BothWays || o == OneWayBToA }
