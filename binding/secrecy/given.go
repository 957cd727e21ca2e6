package secrecy

import (
	"go/ast"
	"go/types"
	"strings"
)

// This file follows what must not be seen into the functions that are given it: what a helper prints of its parameters is
// what its callers print.

// given is what a parameter holds that some caller gives a number in clear. It is told apart from a number that a function has
// by itself: what it gives back is the caller's own again, which result finds at each call.
const given = "a number in clear that a caller gives"

// receiver is the place of a method's receiver among its parameters.
const receiver = -1

// parameter is the variable of a place; nil: there is none.
func parameter(s *types.Signature, place int) *types.Var {
	switch n := s.Params().Len(); {
	case place == receiver:
		return s.Recv()
	case place < n:
		return s.Params().At(place)
	case s.Variadic():
		return s.Params().At(n - 1)
	}
	return nil
}

// seed has the parameters of a function hold what callers give them.
func (c *checker) seed(d ast.Decl) {
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		return
	}
	o, _ := c.pkg.TypesInfo.Defs[f.Name].(*types.Func)
	if o == nil {
		return
	}
	for place, what := range c.given[o.FullName()] {
		if v := parameter(o.Signature(), place); v != nil {
			c.secret[v] = what
		}
	}
}

// give notes what a call gives the parameters of a function of ours, or of all that may stand behind a method of an interface.
func (c *checker) give(n ast.Node) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return true
	}
	f := callee(c.pkg.TypesInfo, call)
	if f == nil || f.Pkg() == nil || revealing(f) {
		return true
	}
	if how, _ := c.prints(call); how != "" {
		return true // it is judged where it stands, and who only hands bytes on to a writer is not judged again
	}
	places := make(map[int]string)
	for i, arg := range call.Args {
		if what := c.gives1(arg); what != "" {
			places[i] = what
		}
	}
	if s, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && f.Signature().Recv() != nil {
		if what := c.gives1(s.X); what != "" {
			places[receiver] = what
		}
	}
	if len(places) == 0 {
		return true
	}
	for _, to := range c.behind(f) {
		for place, what := range places {
			v := parameter(to.Signature(), place)
			if v == nil || !text(v.Type()) {
				continue
			}
			if place >= 0 { // the last one takes several
				place = min(place, to.Signature().Params().Len()-1)
			}
			all := c.given[to.FullName()]
			if all == nil {
				all = make(map[int]string)
				c.given[to.FullName()] = all
			}
			if all[place] == "" {
				all[place] = what
				c.gifts++
			}
		}
	}
	return true
}

// gives1 is what one argument gives: a number in clear, by whatever way it came.
func (c *checker) gives1(e ast.Expr) string {
	if what := c.holds(e); what == given || what == clearNumber || strings.HasPrefix(what, numberIn) {
		return given
	}
	return ""
}

// behind are the functions of ours that a call may reach.
func (c *checker) behind(f *types.Func) []*types.Func {
	f = f.Origin()
	recv := f.Signature().Recv()
	if recv == nil || !types.IsInterface(recv.Type()) {
		if strings.HasPrefix(f.Pkg().Path()+"/", module) {
			return []*types.Func{f}
		}
		return nil
	}
	i, _ := recv.Type().Underlying().(*types.Interface)
	var found []*types.Func
	for _, m := range c.methods[f.Name()] {
		t := m.Signature().Recv().Type()
		if types.Implements(t, i) || types.Implements(types.NewPointer(t), i) {
			found = append(found, m)
		}
	}
	return found
}

// collect keeps the methods of the types of a package by their names.
func (c *checker) collect(p *types.Package) {
	for _, name := range p.Scope().Names() {
		o, ok := p.Scope().Lookup(name).(*types.TypeName)
		if !ok || o.IsAlias() {
			continue
		}
		n, ok := o.Type().(*types.Named)
		if !ok || types.IsInterface(n) || n.TypeParams().Len() > 0 {
			continue
		}
		for m := range n.Methods() {
			c.methods[m.Name()] = append(c.methods[m.Name()], m)
		}
	}
}
