package secrecy

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/packages"
)

// This file finds by itself what holds a number in clear: fields of structs by their names, and what a number in clear is put into
// or given back by. Nobody has to remember to write a new type down.

// numberNames are what a field is called that holds a number as somebody has written it, in lower case.
var numberNames = map[string]bool{
	"a": true, "b": true, "group": true, "groupadd": true, "groupremove": true,
	"number": true, "peer": true, "party": true, "parties": true,
	"caller": true, "callee": true, "calling": true, "called": true,
	"msisdn": true, "phone": true, "subscriber": true,
}

// plainText reports whether a type is text that anything prints as it is: a string, several, or a pointer to one. A type of its own
// says how it is printed.
func plainText(t types.Type) bool {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		return t.Info()&types.IsString != 0
	case *types.Slice:
		return plainText(t.Elem())
	case *types.Array:
		return plainText(t.Elem())
	case *types.Pointer:
		return plainText(t.Elem())
	case *types.Map:
		return plainText(t.Elem()) || plainText(t.Key())
	}
	return false
}

// owner is the struct in which a field that is selected stands, through what is embedded: its type's full name, "" for one without.
func owner(s *types.Selection) string {
	t := s.Recv()
	path := s.Index()
	for _, i := range path[:len(path)-1] {
		u, ok := under(t).(*types.Struct)
		if !ok {
			return ""
		}
		t = u.Field(i).Type()
	}
	return fullName(t)
}

func under(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	return t.Underlying()
}

func fullName(t types.Type) string {
	n := named(t)
	if n == nil || n.Obj().Pkg() == nil {
		return ""
	}
	return n.Obj().Pkg().Path() + "." + n.Obj().Name()
}

// numberField reports whether a field holds a number in clear: by its name, or by what is put into it. Of is the full name of the
// struct, "" for one without.
func (c *checker) numberField(of, field string, t types.Type) bool {
	if of != "" && !strings.HasPrefix(of, module) || !plainText(t) {
		return false
	}
	full := of + "." + field
	if c.fields[full] {
		return true
	}
	if !numberNames[strings.ToLower(field)] {
		return false
	}
	if _, ok := c.rules.NoNumbers[full]; ok {
		c.used[full] = true
		return false
	}
	return true
}

// spread follows numbers in clear over all packages, until nothing new is found: into fields, into functions and out of them.
func (c *checker) spread(all []*packages.Package) {
	c.spreads = true
	defer func() { c.spreads = false }()
	for _, p := range all {
		c.collect(p.Types)
	}
	for before := -1; before != len(c.fields)+len(c.results)+c.gifts; {
		before = len(c.fields) + len(c.results) + c.gifts
		for _, p := range all {
			c.pkg = p
			for _, file := range p.Syntax {
				for _, d := range file.Decls {
					c.follow(d)
					ast.Inspect(d, c.keep)
					ast.Inspect(d, c.give)
					if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
						c.gives(f)
					}
				}
			}
		}
	}
}

// clear says whether an expression holds a number in clear, and nothing that is told apart otherwise.
func (c *checker) clear(e ast.Expr) bool {
	what := c.holds(e)
	return what == clearNumber || strings.HasPrefix(what, numberIn)
}

const (
	clearNumber = "a number in clear"
	numberIn    = "the number in "
)

// keep notes fields that a number in clear is put into.
func (c *checker) keep(n ast.Node) bool {
	note := func(of, field string, t types.Type, from ast.Expr) {
		if of != "" && strings.HasPrefix(of, module) && plainText(t) && c.clear(from) {
			if _, ok := c.rules.NoNumbers[of+"."+field]; ok {
				c.used[of+"."+field] = true
				return
			}
			c.fields[of+"."+field] = true
		}
	}
	info := c.pkg.TypesInfo
	switch n := n.(type) {
	case *ast.CompositeLit:
		of := fullName(info.TypeOf(n))
		for _, part := range n.Elts {
			kv, ok := part.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			if key, ok := kv.Key.(*ast.Ident); ok {
				if f, ok := info.Uses[key].(*types.Var); ok && f.IsField() {
					note(of, key.Name, f.Type(), kv.Value)
				}
			}
		}
	case *ast.AssignStmt:
		if len(n.Lhs) != len(n.Rhs) {
			break
		}
		for i, to := range n.Lhs {
			if e, ok := ast.Unparen(to).(*ast.SelectorExpr); ok {
				if s, ok := info.Selections[e]; ok && s.Kind() == types.FieldVal {
					note(owner(s), e.Sel.Name, s.Type(), n.Rhs[i])
				}
			}
		}
	}
	return true
}

// gives notes a function that gives a number in clear back. What a function within it returns is not its own.
func (c *checker) gives(f *ast.FuncDecl) {
	o, _ := c.pkg.TypesInfo.Defs[f.Name].(*types.Func)
	if o == nil || revealing(o) {
		return
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			for _, e := range n.Results {
				if t := c.pkg.TypesInfo.TypeOf(e); t != nil && plainText(t) && c.clear(e) {
					c.results[o.FullName()] = true
				}
			}
		}
		return true
	})
}

// bare looks for structs that have a number in clear and print it when they are printed themselves.
func (c *checker) bare(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		o, _ := c.pkg.TypesInfo.Defs[spec.Name].(*types.TypeName)
		if o == nil {
			return true
		}
		u, ok := o.Type().Underlying().(*types.Struct)
		if !ok || secretType(o.Type()) != "" {
			return true
		}
		for f := range u.Fields() {
			if !f.Embedded() && c.numberField(fullName(o.Type()), f.Name(), f.Type()) && !veiled(o.Type()) {
				c.function = c.pkg.PkgPath + "." + o.Name()
				c.report(spec, numberIn+o.Name()+"."+f.Name(), "is printed with the struct; give it a method Format, or String and GoString, that leaves it out")
			}
		}
		return true
	})
}

// inside says which number in clear a log, an encoder or a template would write of a struct: they ask for no Format. A type
// that has one of some methods says itself what they write. "" is none.
func (c *checker) inside(t types.Type, itself ...string) string {
	if t == nil {
		return ""
	}
	if s, ok := t.Underlying().(*types.Slice); ok {
		t = s.Elem()
	}
	u, ok := under(t).(*types.Struct)
	if !ok {
		return ""
	}
	for _, name := range itself {
		if o, _, _ := types.LookupFieldOrMethod(t, true, nil, name); o != nil {
			return ""
		}
	}
	of := fullName(t)
	for f := range u.Fields() {
		if c.numberField(of, f.Name(), f.Type()) {
			return numberIn + of[strings.LastIndexByte(of, '.')+1:] + "." + f.Name()
		}
	}
	return ""
}

// veiled reports whether a value prints itself, by whatever verb.
func veiled(t types.Type) bool {
	has := func(name string) bool {
		o, _, _ := types.LookupFieldOrMethod(t, false, nil, name)
		_, ok := o.(*types.Func)
		return ok
	}
	return has("Format") || has("String") && has("GoString")
}
