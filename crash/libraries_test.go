package crash

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// libraries are the packages of others that start goroutines, by the beginning of their paths, and what those could print if they
// panicked. They have no door.
var libraries = map[string]string{
	"github.com/cockroachdb/pebble/v2": "the database: rows that are sealed before they are given to it, and keys with keyed hashes and our own numbers; a test reads every byte that it writes",

	"github.com/emiago/sipgo/sip":         "its transports and transactions, of which none is made: messages are parsed in our goroutines",
	"golang.org/x/sync/singleflight":      "of sipgo's connections, of which there are none",
	"github.com/gobwas/ws":                "its Dialer, which is not used: frames are read and written in our goroutines",
	"github.com/miekg/dns":                "its Server and zone transfers, which are not used: packets are packed and unpacked in our goroutines",
	"github.com/pion/srtp/v3":             "its sessions, of which none is made: contexts seal and open in our goroutines",
	"github.com/pion/transport/v5":        "deadlines of connections in memory, of which there are none",
	"github.com/prometheus/client_golang": "its registry, which nobody gathers from: the database counts in it",
	"github.com/klauspost/compress":       "its streams, which are not used: blocks of the database are compressed whole",
	"github.com/minio/minlz":              "its streams, which are not used: blocks of the database are compressed whole",
	"github.com/getsentry/sentry-go":      "reports of faults to others, of which no client is made",
}

// TestGoroutinesOfLibraries: no library of the program starts goroutines unless somebody has looked at what those know.
func TestGoroutinesOfLibraries(t *testing.T) {
	roots, err := packages.Load(&packages.Config{Dir: "..", Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedModule}, "./cmd/mask700")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	read, files := 0, token.NewFileSet()
	packages.Visit(roots, nil, func(p *packages.Package) {
		if p.Module == nil || p.Module.Main {
			return // the standard library, or ours
		}
		read++
		if !slices.ContainsFunc(p.GoFiles, func(file string) bool { return startsAny(t, files, file) }) {
			return
		}
		for prefix := range libraries {
			if p.PkgPath == prefix || strings.HasPrefix(p.PkgPath, prefix+"/") {
				used[prefix] = true
				return
			}
		}
		t.Errorf("%s starts goroutines: look at what they know of numbers, addresses and messages, and say so here", p.PkgPath)
	})
	for prefix := range libraries {
		if !used[prefix] {
			t.Errorf("%s starts no goroutine any more", prefix)
		}
	}
	if read < 100 {
		t.Errorf("%d packages were read", read)
	}
}

// startsAny reports whether a file starts a goroutine. Most files say go nowhere, and need not be parsed.
func startsAny(t *testing.T, files *token.FileSet, file string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\tgo ") && !strings.Contains(string(text), "AfterFunc(") && !strings.Contains(string(text), ".Go(") {
		return false
	}
	f, err := parser.ParseFile(files, file, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = true
		case *ast.CallExpr:
			s, ok := n.Fun.(*ast.SelectorExpr)
			found = found || ok && (s.Sel.Name == "AfterFunc" || s.Sel.Name == "Go")
		}
		return !found
	})
	return found
}
