package crash

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// apart are what is no part of the program that is served: what tests and measures it.
var apart = []string{"testdata", "artifacts", "cmd/bench", "cmd/mask700/e2e", "store/storetest", "binding/bindingtest", "binding/cdr/cdrtest", "media/mediatest", "cmd/mask700/consult/consulttest"}

// starts finds where goroutines begin in a file, and says of each that has no door where it is.
func starts(files *token.FileSet, f *ast.File) (begun int, open []string) {
	guarded := func(e ast.Expr) bool {
		switch e := e.(type) {
		case *ast.CallExpr: // crash.Guard(f)
			return isOurs(e.Fun, "Guard")
		case *ast.FuncLit: // func() { defer crash.Door(); … }
			if len(e.Body.List) == 0 {
				return false
			}
			d, ok := e.Body.List[0].(*ast.DeferStmt)
			return ok && isOurs(d.Call.Fun, "Door")
		}
		return false
	}
	look := func(at ast.Node, e ast.Expr) {
		if begun++; !guarded(e) {
			open = append(open, files.Position(at.Pos()).String())
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			look(n, n.Call.Fun)
		case *ast.CallExpr:
			called, ok := n.Fun.(*ast.SelectorExpr)
			if ok && (called.Sel.Name == "AfterFunc" || called.Sel.Name == "Go" && !isOurs(n.Fun, "Go")) && len(n.Args) > 0 {
				look(n, n.Args[len(n.Args)-1])
			}
		}
		return true
	})
	return begun, open
}

func isOurs(e ast.Expr, name string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	in, ok := s.X.(*ast.Ident)
	return ok && in.Name == "crash"
}

// TestEveryGoroutineHasADoor: by the sources of the whole program, main's own included.
func TestEveryGoroutineHasADoor(t *testing.T) {
	files := token.NewFileSet()
	begun, main := 0, false
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		name := filepath.ToSlash(strings.TrimPrefix(path, "../"))
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if slices.Contains(apart, name) || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".git") || name == "crash" {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		n, open := starts(files, f)
		for _, at := range open {
			t.Errorf("%s: a goroutine begins here without a door: write crash.Guard(f), or `defer crash.Door()` first in it", at)
		}
		begun += n
		if name == "cmd/mask700/main.go" {
			for _, d := range f.Decls {
				if m, ok := d.(*ast.FuncDecl); ok && m.Name.Name == "main" {
					first, ok := m.Body.List[0].(*ast.DeferStmt)
					main = ok && isOurs(first.Call.Fun, "Door")
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if begun < 40 || !main {
		t.Errorf("%d goroutines begin in the program; main has a door: %t", begun, main)
	}
}

// TestADoorIsMissed: what the test above is to find.
func TestADoorIsMissed(t *testing.T) {
	for text, want := range map[string][2]int{
		"go f()":         {1, 1},
		"go func() {}()": {1, 1},
		"go func() { f(); defer crash.Door() }()":     {1, 1},
		"go func() { defer f() }()":                   {1, 1},
		"go other.Guard(f)()":                         {1, 1},
		"wg.Go(f)":                                    {1, 1},
		"x.y.Go(func() { f() })":                      {1, 1},
		"time.AfterFunc(time.Second, f)":              {1, 1},
		"go crash.Guard(f)()":                         {1, 0},
		"go func() { defer crash.Door(); f() }()":     {1, 0},
		"wg.Go(crash.Guard(f))":                       {1, 0},
		"wg.Go(func() { defer crash.Door() })":        {1, 0},
		"context.AfterFunc(ctx, crash.Guard(f))":      {1, 0},
		"f(); defer crash.Door(); x.Gone(); y.Go = 1": {0, 0},
	} {
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, "x.go", fmt.Sprintf("package x\nfunc _() {\n%s\n}\n", text), 0)
		if err != nil {
			t.Fatal(err)
		}
		if begun, open := starts(files, f); begun != want[0] || len(open) != want[1] {
			t.Errorf("%s: %d begin, without a door: %v", text, begun, open)
		}
	}
}
