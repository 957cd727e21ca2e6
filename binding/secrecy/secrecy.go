// Package secrecy finds code that could print what must not be printed: a subscriber's number in clear, and whatever a
// peer wrote. It reads the program with its types, so that no name and no detour over a variable hides anything from it
// within a function; a number in clear is followed into the functions of ours that are given it, through as many as there are,
// and into all that may stand behind a method of an interface.
//
// Three rules:
//
//   - The few functions that turn a number back into digits may be named in the packages of Revealers alone.
//   - A struct that has a number in clear prints itself without it. Which those are is found by the names of fields and by
//     what is put into them, in whatever package.
//   - Nothing that holds what must not be seen may be given to what prints, logs, makes an error, panics, writes to a file
//     or a connection, by an encoder or a template too, names a file, makes a request of HTTP or the header of an answer, or starts a
//     process: digits of a number, what a function of ours has made with them, a
//     message, its URIs and fields, the description or the credentials in it, the numbers of a request of the operator's;
//     raw bytes to none of them but what writes bytes. To a log no address of the network either.
//
// Numbers themselves may be printed: they do it masked.
package secrecy

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// Rules are what is looked for.
type Rules struct {
	// Revealers are packages, and why each may turn numbers into digits.
	Revealers map[string]string
	// Allowed are functions ("path/of/package.Name", "path/of/package.Type.Name"), and why each may print what it is given;
	// or packages that may print one kind of thing ("path/of/package: raw bytes").
	Allowed map[string]string
	// NoNumbers are fields ("path/of/package.Type.Field") that are called as if they held a number, and what they hold.
	NoNumbers map[string]string
}

// Finding is a place that breaks a rule.
type Finding struct {
	Position token.Position
	Function string // as in Rules.Allowed
	Text     string
}

// String is for a person.
func (f Finding) String() string { return fmt.Sprintf("%s: %s: %s", f.Position, f.Function, f.Text) }

// Program is the packages of the module that a command is made of.
func Program(dir, command string) ([]string, error) {
	roots, err := packages.Load(&packages.Config{Dir: dir, Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps}, command)
	if err != nil {
		return nil, err
	}
	var paths []string
	packages.Visit(roots, nil, func(p *packages.Package) {
		if strings.HasPrefix(p.PkgPath+"/", module) {
			paths = append(paths, p.PkgPath)
		}
	})
	return paths, nil
}

// Load reads packages of the module in a directory, with their types and without their tests.
func Load(dir string, patterns ...string) ([]*packages.Package, error) {
	all, err := packages.Load(&packages.Config{Dir: dir, Mode: packages.LoadSyntax}, patterns...)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		for _, e := range p.Errors {
			return nil, fmt.Errorf("%s: %w", p.PkgPath, e)
		}
	}
	return all, nil
}

// Check looks through packages. Used is what of the rules was needed: what was not can go.
func (r *Rules) Check(all []*packages.Package) (found []Finding, used map[string]bool) {
	c := &checker{rules: r, used: make(map[string]bool), fields: make(map[string]bool), results: make(map[string]bool),
		given: make(map[string]map[int]string), methods: make(map[string][]*types.Func)}
	c.spread(all)
	for _, p := range all {
		c.pkg = p
		for _, file := range p.Syntax {
			c.reveals(file)
			c.bare(file)
			for _, d := range file.Decls {
				c.function = nameOf(p, d)
				c.declaration(d)
			}
		}
	}
	slices.SortFunc(c.found, func(a, b Finding) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(c.found), c.used
}

type checker struct {
	rules    *Rules
	pkg      *packages.Package
	function string
	secret   map[types.Object]string       // variables of the function that hold what must not be seen, and what it is
	behindOf map[types.Object]types.Object // those that write into a buffer, and which that is; nil: it is no variable
	fields   map[string]bool               // of structs that a number in clear is put into
	results  map[string]bool               // functions that give one back
	given    map[string]map[int]string     // functions that are given one, and by which parameters
	gifts    int                           // how many those are
	methods  map[string][]*types.Func      // of types, by name
	spreads  bool                          // all of these are being found
	found    []Finding
	used     map[string]bool
}

// nameOf is how a declaration is called in Rules.Allowed.
func nameOf(p *packages.Package, d ast.Decl) string {
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		return p.PkgPath
	}
	name := p.PkgPath + "."
	if f.Recv != nil {
		if t := named(p.TypesInfo.TypeOf(f.Recv.List[0].Type)); t != nil {
			name += t.Obj().Name() + "."
		}
	}
	return name + f.Name.Name
}

// report notes that what is given to how, unless that is allowed.
func (c *checker) report(at ast.Node, what, how string) {
	for _, name := range []string{c.function, c.pkg.PkgPath + ": " + what} {
		if _, ok := c.rules.Allowed[name]; ok {
			c.used[name] = true
			return
		}
	}
	c.found = append(c.found, Finding{c.pkg.Fset.Position(at.Pos()), c.function, what + " " + how})
}

// reveals looks for names of what turns a number into digits, called or not.
func (c *checker) reveals(file *ast.File) {
	if _, ok := c.rules.Revealers[c.pkg.PkgPath]; ok {
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && revealing(c.pkg.TypesInfo.Uses[id]) {
				c.used[c.pkg.PkgPath] = true
			}
			return true
		})
		return
	}
	for _, d := range file.Decls {
		c.function = nameOf(c.pkg, d)
		ast.Inspect(d, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && revealing(c.pkg.TypesInfo.Uses[id]) {
				c.report(id, id.Name, "reveals a number, which package "+c.pkg.PkgPath+" may not")
			}
			return true
		})
	}
}

// declaration looks at a function, or at the variables of a package.
func (c *checker) declaration(d ast.Decl) {
	c.follow(d)
	ast.Inspect(d, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			c.call(call)
		}
		return true
	})
}

// follow finds out which variables of a declaration hold what must not be seen.
func (c *checker) follow(d ast.Decl) {
	c.secret, c.behindOf = make(map[types.Object]string), make(map[types.Object]types.Object)
	c.seed(d)
	for before := -1; before != len(c.secret); { // a variable may be filled below where it is read, in a loop
		before = len(c.secret)
		ast.Inspect(d, c.assign)
	}
}

// assign notes which variables hold what must not be seen.
func (c *checker) assign(n ast.Node) bool {
	noteIn := func(o types.Object, from ast.Expr) {
		if o == nil || !text(o.Type()) {
			return
		}
		if what := c.holds(from); what != "" {
			c.secret[o] = what
		}
	}
	note := func(to ast.Expr, from ast.Expr) {
		id, ok := ast.Unparen(to).(*ast.Ident)
		if !ok || id.Name == "_" {
			return
		}
		o := c.pkg.TypesInfo.ObjectOf(id)
		if call, ok := ast.Unparen(from).(*ast.CallExpr); ok && c.made(call) != nil {
			if b, kept := c.buffer(call); kept {
				c.behindOf[o] = b
			}
			return
		}
		noteIn(o, from)
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i, to := range n.Lhs {
			from := n.Rhs[0]
			if len(n.Rhs) == len(n.Lhs) {
				from = n.Rhs[i]
			}
			note(to, from)
		}
	case *ast.ValueSpec:
		for i, to := range n.Names {
			if len(n.Values) == 0 {
				break
			}
			note(to, n.Values[min(i, len(n.Values)-1)])
		}
	case *ast.RangeStmt:
		if n.Value != nil {
			note(n.Value, n.X)
		}
	case *ast.CallExpr: // what is written into a builder is in it
		into, args := c.keeps(n)
		for _, arg := range args {
			noteIn(into, arg)
		}
	}
	return true
}

// call looks at what is given to a function that prints.
func (c *checker) call(call *ast.CallExpr) {
	how, args := c.prints(call)
	if how == "" {
		return
	}
	for _, arg := range args {
		if c.pkg.TypesInfo.Types[arg].Value != nil {
			continue // a constant
		}
		what := c.holds(arg)
		// What is written anywhere is bytes; that they are is no reason to refuse it.
		filled := strings.HasPrefix(how, fills)
		if what == "" && !strings.HasPrefix(how, writes) && !filled {
			what = raw(c.pkg.TypesInfo.TypeOf(arg))
		}
		logs := strings.HasPrefix(how, "log")
		if logs && what == "" {
			what = c.inside(c.pkg.TypesInfo.TypeOf(arg), "LogValue")
		}
		if filled && what == "" {
			what = c.inside(c.pkg.TypesInfo.TypeOf(arg), "MarshalJSON", "MarshalText", "GobEncode")
		}
		if logs && what == "" {
			what = address(c.pkg.TypesInfo.TypeOf(arg))
		} else if !logs && what == "an address" {
			what = "" // errors and output of the operator's own addresses; what is logged is another's too
		}
		if what != "" {
			c.report(arg, what, "is given to "+how)
		}
	}
}
