package binding_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// revealers are the packages that may turn a Number back into digits, with
// the reason. To add one is a decision about privacy, not about code.
var revealers = map[string]string{
	"binding":           "finds the number of a party in the texts of a request",
	"sip/sentinel":      "looks for the numbers of one party in what leaves toward another",
	"sip/trunk":         "writes numbers toward the carrier",
	"store":             "seals rows and makes the keyed hashes of their indexes",
	"cmd/mask700/admin": "shows a number once the audit log has who asked, and why",
}

const bindingImport = "mask700/binding"

// TestOnlyRevealersReveal walks every file of the program that is not a
// test. Types are not known to it, so that it goes by names: any Digits and
// GobEncode of a value, and a Format with the two arguments of Plan.Format.
func TestOnlyRevealersReveal(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal("the root of the module is not where it was: ", err)
	}
	files, found := 0, make(map[string]bool)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); path != root && (name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files++
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines, err := reveals(path, source)
		if err != nil {
			return err
		}
		folder = filepath.ToSlash(folder)
		if len(lines) != 0 {
			found[folder] = true
		}
		if _, ok := revealers[folder]; ok {
			return nil
		}
		for _, line := range lines {
			t.Errorf("%s reveals a number, which package %s may not: print it masked, or leave it to one of those that may", line, folder)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 || !found["binding"] {
		t.Errorf("%d files were looked at, revealing in %v: the walk does not see what it should", files, found)
	}
}

// reveals returns where a file uses what reveals a number.
func reveals(name string, source []byte) ([]string, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	packages := make(map[string]bool) // names that stand for the domain here
	for _, spec := range file.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil && path == bindingImport {
			if spec.Name != nil {
				packages[spec.Name.Name] = true
			} else {
				packages["binding"] = true
			}
		}
	}
	var lines []string
	report := func(n *ast.SelectorExpr) {
		at := set.Position(n.Sel.Pos())
		lines = append(lines, fmt.Sprintf("%s:%d: %s", filepath.Base(name), at.Line, n.Sel.Name))
	}
	called := make(map[*ast.SelectorExpr]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Format" {
				called[f] = true
				if len(n.Args) >= 2 {
					report(f)
				}
			}
		case *ast.SelectorExpr:
			switch n.Sel.Name {
			case "Digits", "GobEncode":
				report(n)
			case "Format":
				if !called[n] && standsForPlan(n.X, packages) {
					report(n)
				}
			}
		}
		return true
	})
	return lines, nil
}

// standsForPlan reports whether Format, not called at once, is taken of the
// type Plan or of something called a plan.
func standsForPlan(x ast.Expr, packages map[string]bool) bool {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return standsForPlan(x.X, packages)
	case *ast.CompositeLit:
		return standsForPlan(x.Type, packages)
	case *ast.Ident:
		return !packages[x.Name] && strings.HasSuffix(strings.ToLower(x.Name), "plan")
	case *ast.SelectorExpr:
		return strings.HasSuffix(strings.ToLower(x.Sel.Name), "plan")
	}
	return false
}

// TestRevealsSeesEveryWay makes sure that the walk above can fail.
func TestRevealsSeesEveryWay(t *testing.T) {
	for code, want := range map[string][]string{
		`n.Digits()`:                         {"Digits"},
		`f := n.Digits; f()`:                 {"Digits"},
		`f := binding.Number.Digits; f(n)`:   {"Digits"},
		`call.Binding.A.Digits()`:            {"Digits"},
		`get(n.GobEncode())`:                 {"GobEncode"},
		`plan.Format(n, 0)`:                  {"Format"},
		`binding.Plan{}.Format(n, 0)`:        {"Format"},
		`(binding.Plan{}).Format(n, 0)`:      {"Format"},
		`s.numbering().Format(n, t.Numbers)`: {"Format"},
		`binding.Plan.Format(plan, n, 0)`:    {"Format"},
		`f := binding.Plan.Format; f(p)`:     {"Format"},
		`f := s.Plan.Format; f(n)`:           {"Format"},
		`f := (plan).Format; f(n)`:           {"Format"},
		`f := binding.Plan{}.Format; f(n)`:   {"Format"},
		`go func() { log(n.Digits()) }()`:    {"Digits"},
		`defer log(plan.Format(a, n.Digits()))`: {
			"Format", "Digits",
		},

		`now.Format(time.RFC3339)`:           nil,
		`var f binding.Format; use(f)`:       nil,
		`f := config.Log.Format; use(f)`:     nil,
		`n.String()`:                         nil,
		`binding.ParseFormat("plus")`:        nil,
		`digits(n); Digits := 1; _ = Digits`: nil,
	} {
		source := "package p\nimport \"mask700/binding\"\nfunc f() {\n" + code + "\n}\n"
		lines, err := reveals("p.go", []byte(source))
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		var got []string
		for _, line := range lines {
			if !strings.HasPrefix(line, "p.go:4: ") {
				t.Errorf("%s: reported as %s", code, line)
			}
			got = append(got, line[strings.LastIndexByte(line, ' ')+1:])
		}
		slices.Sort(got)
		slices.Sort(want)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: found %v, want %v", code, got, want)
		}
	}
	if _, err := reveals("p.go", []byte("package")); err == nil {
		t.Error("a file that cannot be parsed is taken for innocent")
	}
}
