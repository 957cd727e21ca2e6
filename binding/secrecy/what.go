package secrecy

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

const module = "mask700/"

// named is the named type behind a type, through pointers.
func named(t types.Type) *types.Named {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, _ := types.Unalias(t).(*types.Named)
	return n
}

// is reports whether a type is one of a package of ours.
func is(t types.Type, pkg, name string) bool {
	n := named(t)
	return n != nil && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == module+pkg && (name == "" || n.Obj().Name() == name)
}

// revealing reports whether an object turns a number into digits.
func revealing(o types.Object) bool {
	f, ok := o.(*types.Func)
	if !ok {
		return false
	}
	recv := f.Signature().Recv()
	if recv == nil {
		return false
	}
	switch f.Name() {
	case "Digits", "GobEncode", "value":
		return is(recv.Type(), "binding", "Number")
	case "Format":
		return is(recv.Type(), "binding", "Plan")
	}
	return false
}

// secretTypes are those of which every text is a peer's, or of which a peer's is a part.
var secretTypes = []struct{ pkg, name string }{
	{"sip/message", "Message"}, {"sip/message", "URI"}, {"sip/message", "Address"}, {"sip/message", "Via"}, {"sip/message", "Param"},
	{"sip/message", "Request"}, {"sip/message", "Response"}, {"sip/message", "Echo"},
	{"sip/call", "Leg"}, {"sip/call", "Served"}, {"sip/call", "Reply"}, {"sip/call", "Arrival"},
	{"sip/call", "Dialog"}, {"sip/call", "Exchange"}, {"sip/call", "Passed"}, {"sip/call", "Transfer"}, {"sip/call", "Call"},
	{"sip/call", "Party"}, {"sip/call", "Circle"}, {"sip/sentinel", "Hit"}, {"sip/sentinel", "Secret"}, {"sip/sentinel", "Secrets"},
	{"sip/digest", "credentials"}, {"sip/digest", "Request"}, {"sip/digest", "Secret"}, {"sip/shard", "Inbound"},
	{"media/sdp", "Description"}, {"media/sdp", "Line"}, {"media/sdp", "Leg"},
}

// secretType is the name of a type that must not be printed, or "".
func secretType(t types.Type) string {
	for _, s := range secretTypes {
		if is(t, s.pkg, s.name) {
			return s.pkg[strings.LastIndexByte(s.pkg, '/')+1:] + "." + s.name
		}
	}
	return ""
}

// text reports whether a type can hold text: everything but numbers, truth values, and what only does things.
func text(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Info()&types.IsString != 0
	case *types.Signature, *types.Chan:
		return false
	}
	return true
}

// raw is what raw bytes are called, or "".
func raw(t types.Type) string {
	switch u := t.Underlying().(type) {
	case *types.Slice:
		if b, ok := u.Elem().Underlying().(*types.Basic); ok && b.Kind() == types.Byte {
			return "raw bytes"
		}
	case *types.Array:
		if b, ok := u.Elem().Underlying().(*types.Basic); ok && b.Kind() == types.Byte {
			return "raw bytes"
		}
	}
	return ""
}

// address is what an address of the network is called, or "".
func address(t types.Type) string {
	n := named(t)
	if n == nil || n.Obj().Pkg() == nil {
		return ""
	}
	switch n.Obj().Pkg().Path() + "." + n.Obj().Name() {
	case "net/netip.Addr", "net/netip.AddrPort", "net.Addr", "net.IP", "net.UDPAddr", "net.TCPAddr":
		return "an address"
	}
	return ""
}

// holds says what an expression holds that must not be seen, or "".
func (c *checker) holds(e ast.Expr) string {
	info := c.pkg.TypesInfo
	t := info.TypeOf(e)
	if t == nil || info.Types[e].Value != nil {
		return ""
	}
	if s := secretType(t); s != "" {
		return "a " + s
	}
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return c.secret[info.ObjectOf(e)]
	case *ast.SelectorExpr:
		return c.field(e)
	case *ast.CallExpr:
		return c.result(e)
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return ""
		}
		if what := c.holds(e.X); what != "" {
			return what
		}
		return c.holds(e.Y)
	case *ast.IndexExpr:
		if text(t) {
			return c.holds(e.X)
		}
	case *ast.SliceExpr:
		return c.holds(e.X)
	case *ast.StarExpr:
		return c.holds(e.X)
	case *ast.UnaryExpr:
		return c.holds(e.X)
	case *ast.TypeAssertExpr:
		return c.holds(e.X)
	case *ast.KeyValueExpr:
		return c.holds(e.Value)
	case *ast.CompositeLit:
		for _, part := range e.Elts {
			if kv, ok := part.(*ast.KeyValueExpr); ok {
				part = kv.Value
			}
			if what := c.holds(part); what != "" {
				return what
			}
		}
	}
	return ""
}

// field is holds of x.y.
func (c *checker) field(e *ast.SelectorExpr) string {
	s, ok := c.pkg.TypesInfo.Selections[e]
	if !ok || s.Kind() != types.FieldVal || !text(s.Type()) {
		return ""
	}
	if what := secretType(s.Recv()); what != "" {
		return "a text of a " + what
	}
	if of := owner(s); c.numberField(of, e.Sel.Name, s.Type()) {
		return numberIn + of[strings.LastIndexByte(of, '.')+1:] + "." + e.Sel.Name
	}
	if b, ok := s.Type().Underlying().(*types.Basic); ok && b.Info()&types.IsString == 0 {
		return ""
	}
	if c.spreads {
		return "" // beside a number there may stand anything
	}
	return c.holds(e.X) // a field of something that a peer's text was put into
}

// result is holds of a call: what reveals, and what only gives back what it was given in another form.
func (c *checker) result(call *ast.CallExpr) string {
	info := c.pkg.TypesInfo
	if info.Types[call.Fun].IsType() { // a conversion
		what := c.holds(call.Args[0])
		if what == "" && text(info.TypeOf(call)) {
			what = raw(info.TypeOf(call.Args[0]))
		}
		return what
	}
	f := callee(info, call)
	if f == nil {
		if b, ok := ast.Unparen(call.Fun).(*ast.Ident); ok && b.Name == "append" {
			return c.anyOf(call.Args)
		}
		return ""
	}
	if revealing(f) || c.results[f.FullName()] {
		return clearNumber
	}
	if f.Pkg() == nil || !text(info.TypeOf(call)) || f.FullName() == "(*encoding/json.Encoder).Encode" { // its error repeats no text
		return ""
	}
	if s, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && f.Signature().Recv() != nil && f.Name() == "String" {
		if what := address(info.TypeOf(s.X)); what != "" {
			return what
		}
	}
	if strings.HasPrefix(f.Pkg().Path(), module) && plainText(info.TypeOf(call)) {
		for _, arg := range call.Args { // a text made with a number has the number in it
			if c.clear(arg) {
				return clearNumber
			}
		}
	}
	switch f.Pkg().Path() {
	case "strings", "bytes", "strconv", "slices", "net/url", "path", "path/filepath", "encoding/hex", "encoding/base64", "encoding/json",
		"fmt", "log/slog", "errors":
	default:
		return ""
	}
	if what := c.anyOf(call.Args); what != "" {
		return what
	}
	if s, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && f.Signature().Recv() != nil {
		return c.holds(s.X)
	}
	return ""
}

func (c *checker) anyOf(list []ast.Expr) string {
	for _, e := range list {
		if what := c.holds(e); what != "" {
			return what
		}
	}
	return ""
}

// callee is the function that a call names, or nil.
func callee(info *types.Info, call *ast.CallExpr) *types.Func {
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		o, _ := info.Uses[f].(*types.Func)
		return o
	case *ast.SelectorExpr:
		o, _ := info.Uses[f.Sel].(*types.Func)
		return o
	}
	return nil
}
