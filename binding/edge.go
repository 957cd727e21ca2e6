package binding

// Edge is one direction of a binding: who dials Dialled from Caller reaches
// Callee, whose handset shows Shown.
type Edge struct {
	Dialled        X
	Caller, Callee Number
	Shown          X
	Forbidden      bool // the binding's OneWay does not allow this direction
}

// maxEdges is how many edges a binding of a served mode can have.
const maxEdges = 2

// Edges returns every edge of b, those that its OneWay forbids too. A
// binding of a mode that is not served has none.
func (b *Binding) Edges() []Edge {
	var buf [maxEdges]Edge
	n := b.edges(&buf)
	if n == 0 {
		return nil
	}
	return append([]Edge(nil), buf[:n]...)
}

// edges writes the edges into buf and returns how many there are. It is
// Edges for the call path, where nothing is allocated.
func (b *Binding) edges(buf *[maxEdges]Edge) int {
	if !b.Mode.available() || b.X == 0 || b.A.IsZero() || b.B.IsZero() {
		return 0
	}
	buf[0] = Edge{Dialled: b.X, Caller: b.A, Callee: b.B, Shown: b.X, Forbidden: !b.OneWay.allowsA()}
	buf[1] = Edge{Dialled: b.X, Caller: b.B, Callee: b.A, Shown: b.X, Forbidden: !b.OneWay.allowsB()}
	return 2
}

// A value that is not known allows neither direction: a restriction that is
// not understood is still a restriction.
func (o OneWay) allowsA() bool { return o == BothWays || o == OneWayAToB }

func (o OneWay) allowsB() bool { return o == BothWays || o == OneWayBToA }
