package secrecy

import (
	"go/ast"
	"go/types"
	"strings"
)

// This file knows what lets a text out: what prints, logs, makes an error, writes to a file or a connection, names a file,
// makes a request of HTTP or an answer to one, or starts a process. What only keeps a text (a buffer, and an encoder that
// writes into one) is followed instead, as a variable is.

// writes begins what is said of a function that writes bytes somewhere.
const writes = "what writes: "

// fills begins what is said of one that writes the fields of what it is given, whatever that prints as.
const fills = "what writes fields: "

// collects reports whether a type keeps what is written into it.
func collects(t types.Type) bool {
	switch fullName(t) {
	case "strings.Builder", "bytes.Buffer":
		return true
	}
	return false
}

// makers are functions that make a writer over another one, or an encoder, and which argument that other one is.
var makers = map[string]int{
	"bufio.NewWriter": 0, "bufio.NewWriterSize": 0,
	"encoding/json.NewEncoder": 0, "encoding/xml.NewEncoder": 0, "encoding/gob.NewEncoder": 0, "encoding/csv.NewWriter": 0,
	"encoding/hex.NewEncoder": 0, "encoding/base64.NewEncoder": 1, "text/tabwriter.NewWriter": 0,
	"compress/gzip.NewWriter": 0,
}

// buffer is what a writer keeps its bytes in: a buffer itself, or one behind an encoder. It is false for a writer that
// lets them out, and for one of which that is not known. The object is nil where a buffer is no variable.
func (c *checker) buffer(e ast.Expr) (types.Object, bool) {
	e = ast.Unparen(e)
	if u, ok := e.(*ast.UnaryExpr); ok {
		e = ast.Unparen(u.X)
	}
	if call, ok := e.(*ast.CallExpr); ok {
		if over := c.made(call); over != nil {
			return c.buffer(over)
		}
	}
	id, _ := e.(*ast.Ident)
	if id == nil {
		return nil, collects(c.pkg.TypesInfo.TypeOf(e))
	}
	o := c.pkg.TypesInfo.ObjectOf(id)
	if b, ok := c.behindOf[o]; ok {
		return b, true
	}
	return o, o != nil && collects(o.Type())
}

// made is the writer over which a call makes another one, or nil.
func (c *checker) made(call *ast.CallExpr) ast.Expr {
	f := callee(c.pkg.TypesInfo, call)
	if f == nil || f.Pkg() == nil || f.Signature().Recv() != nil {
		return nil
	}
	if i, ok := makers[f.Pkg().Path()+"."+f.Name()]; ok && i < len(call.Args) {
		return call.Args[i]
	}
	return nil
}

// sink is a call that lets something out.
type sink struct {
	how  string     // "": it lets nothing out
	args []ast.Expr // what it lets out
	into ast.Expr   // the writer that it is written to; nil: none is given
}

// prints says whether a call lets something out, and what of what it is given.
func (c *checker) prints(call *ast.CallExpr) (how string, args []ast.Expr) {
	s := c.sink(call)
	if s.into != nil {
		if _, kept := c.buffer(s.into); kept {
			return "", nil
		}
	}
	return s.how, s.args
}

// keeps is the variable that what a call is given is kept in: a buffer, or the values of a query. Nil: there is none.
func (c *checker) keeps(call *ast.CallExpr) (into types.Object, args []ast.Expr) {
	if s, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		if f := callee(c.pkg.TypesInfo, call); f != nil && fullName(c.pkg.TypesInfo.TypeOf(s.X)) == "net/url.Values" && (f.Name() == "Set" || f.Name() == "Add") {
			if id, ok := ast.Unparen(s.X).(*ast.Ident); ok {
				return c.pkg.TypesInfo.ObjectOf(id), call.Args
			}
		}
		if strings.HasPrefix(s.Sel.Name, "Write") {
			if o, kept := c.buffer(s.X); kept {
				return o, call.Args
			}
		}
	}
	if s := c.sink(call); s.into != nil {
		if o, kept := c.buffer(s.into); kept {
			return o, s.args
		}
	}
	return nil, nil
}

// sink looks at a call by its name, wherever it writes to.
func (c *checker) sink(call *ast.CallExpr) sink {
	info := c.pkg.TypesInfo
	if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
		if b, ok := info.Uses[id].(*types.Builtin); ok {
			switch b.Name() {
			case "panic", "print", "println":
				return sink{how: b.Name(), args: call.Args}
			}
			return sink{}
		}
	}
	f := callee(info, call)
	if f == nil || f.Pkg() == nil {
		return sink{}
	}
	if s, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && f.Signature().Recv() != nil {
		if found := method(f, s.X, call.Args); found.how != "" {
			return found
		}
	}
	name := f.Pkg().Path() + "." + f.Name()
	behind := func(n int) []ast.Expr { return call.Args[min(n, len(call.Args)):] }
	written := func() sink { return sink{how: writes + name, args: behind(1), into: call.Args[0]} }
	switch f.Pkg().Path() {
	case "fmt":
		switch {
		case strings.HasPrefix(f.Name(), "Fprint"), strings.HasPrefix(f.Name(), "Append"):
			return sink{how: name, args: behind(1)}
		case strings.HasPrefix(f.Name(), "Print"), strings.HasPrefix(f.Name(), "Sprint"), f.Name() == "Errorf":
			return sink{how: name, args: call.Args}
		}
	case "log", "log/slog", "log/syslog", "os/exec":
		return sink{how: name, args: call.Args}
	case "errors":
		if f.Name() == "New" {
			return sink{how: name, args: call.Args}
		}
	case "io":
		switch f.Name() {
		case "WriteString", "Copy", "CopyN", "CopyBuffer":
			return written()
		}
	case "encoding/binary":
		if f.Name() == "Write" {
			return written()
		}
	case "net/http": // what is in the address of a request, or in a header, is in the logs of all who hand it on
		switch f.Name() {
		case "NewRequest", "NewRequestWithContext", "Get", "Head", "Post", "PostForm":
			return sink{how: writes + name, args: call.Args}
		case "Error", "Redirect", "SetCookie":
			return sink{how: name, args: behind(1)}
		}
	case "os":
		switch f.Name() {
		case "WriteFile":
			return sink{how: writes + name, args: call.Args}
		case "Create", "CreateTemp", "Mkdir", "MkdirAll", "MkdirTemp", "OpenFile", "Rename", "Symlink", "Link", "Setenv":
			return sink{how: name, args: call.Args}
		}
	case "syscall", "golang.org/x/sys/unix":
		switch f.Name() {
		case "Write", "Writev", "Pwrite", "Sendto", "Sendmsg", "SendmsgN", "SendmsgBuffers":
			return sink{how: writes + name, args: call.Args}
		}
	}
	return sink{}
}

// method is sink of a method: of files, connections, writers and encoders of whatever package by the names that they have
// in the standard library.
func method(f *types.Func, on ast.Expr, args []ast.Expr) sink {
	name := f.Pkg().Path() + "." + f.Name()
	switch f.Name() {
	case "Write", "WriteString", "WriteAt", "WriteAll":
		return sink{how: writes + f.Name(), args: args, into: on}
	case "ReadFrom":
		if f.Signature().Params().Len() == 1 && fullName(f.Signature().Params().At(0).Type()) == "io.Reader" {
			return sink{how: writes + f.Name(), args: args, into: on}
		}
	case "WriteTo":
		if f.Signature().Params().Len() == 1 && len(args) == 1 {
			return sink{how: writes + f.Name(), args: []ast.Expr{on}, into: args[0]}
		}
	case "Encode", "EncodeElement":
		switch f.Pkg().Path() {
		case "encoding/json", "encoding/xml", "encoding/gob", "gopkg.in/yaml.v3":
			return sink{how: fills + name, args: args, into: on}
		}
	case "Execute", "ExecuteTemplate":
		if p := f.Pkg().Path(); p == "text/template" || p == "html/template" {
			return sink{how: fills + name, args: args[1:], into: args[0]}
		}
	case "Set", "Add":
		if t := fullName(f.Signature().Recv().Type()); t == "net/http.Header" || t == "net/textproto.MIMEHeader" {
			return sink{how: name, args: args}
		}
	}
	if f.Pkg().Path() == "net" && strings.HasPrefix(f.Name(), "Write") {
		return sink{how: writes + name, args: args}
	}
	return sink{}
}
