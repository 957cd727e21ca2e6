package secrecy

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// rules are those of the program. To add to them is a decision about privacy, not about code.
var rules = Rules{
	Revealers: map[string]string{
		"mask700/binding":             "finds the number of a party in the texts of a request",
		"mask700/sip/sentinel":        "looks for the numbers of one party in what leaves toward another",
		"mask700/sip/trunk":           "writes numbers toward the carrier",
		"mask700/store":               "seals rows and makes the keyed hashes of their indexes",
		"mask700/cmd/mask700/consult": "tells the operator's platforms who calls, where the configuration says so",
		"mask700/cmd/mask700/admin":   "shows a number once the audit log has who asked, and why",
	},
	Allowed: map[string]string{
		"mask700/store: raw bytes":                  "ids of rows, names of databases and fingerprints of keys; rows are sealed",
		"mask700/store/seal.Master.Text":            "writes the key file",
		"mask700/cmd/mask700/demo.handset.describe": "the description of a telephone of the demo",
		"mask700/sip/gateway.router.perform":        "the targets are the operator's own",
		"mask700/sip/digest.Secret.MAC":             "puts what it is given into an HMAC",
		"mask700/cmd/mask700/consult.Client.post":   "the body of a question to the operator's platform, with numbers where the configuration says so",
	},
	NoNumbers: map[string]string{
		"mask700/binding/cdr.words.caller":                "a sentence about who hung up",
		"mask700/binding/cdr.words.callee":                "a sentence about who hung up",
		"mask700/cmd/mask700/admin.rowConflicts.bindings": "ids, of what was asked for with numbers",
		"mask700/cmd/mask700/demo.handset.number":         "the number of a telephone of the demo, which is nobody's",
	},
}

// TestProgram: nothing in the program that is served prints what must not be printed.
func TestProgram(t *testing.T) {
	paths, err := Program("../..", "./cmd/mask700")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 30 || !slices.Contains(paths, "mask700/sip/call") || !slices.Contains(paths, "mask700/store") {
		t.Fatalf("%d packages: %v", len(paths), paths)
	}
	all, err := Load("../..", paths...)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(paths) {
		t.Fatalf("%d of %d packages were read", len(all), len(paths))
	}
	found, used := rules.Check(all)
	for _, f := range found {
		t.Errorf("%s\nprint it masked, or leave it out; where it has to be, say why in the rules here", f)
	}
	for _, m := range []map[string]string{rules.Revealers, rules.Allowed} {
		for name := range m {
			if !used[name] {
				t.Errorf("%s is in the rules and does not need to be", name)
			}
		}
	}
}

// TestPlanted: what is refused, line by line.
func TestPlanted(t *testing.T) {
	const file = "testdata/planted/planted.go"
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Load(".", "./testdata/planted", "mask700/sip/trunk") // which gives a number to the other
	if err != nil {
		t.Fatal(err)
	}
	found, _ := (&Rules{}).Check(all)
	got := make(map[int][]string)
	found = slices.DeleteFunc(found, func(f Finding) bool { return !strings.HasSuffix(f.Position.Filename, file) })
	for _, f := range found {
		got[f.Position.Line] = append(got[f.Position.Line], f.Text)
	}
	wanted := 0
	for i, line := range strings.Split(string(source), "\n") {
		parts := strings.Split(line, "// want ")
		texts := got[i+1]
		delete(got, i+1)
		for _, want := range parts[1:] {
			wanted++
			want = strings.TrimSpace(want)
			at := slices.IndexFunc(texts, func(s string) bool { return strings.Contains(s, want) })
			if at < 0 {
				t.Errorf("line %d is not refused for %q, but for %q: %s", i+1, want, texts, strings.TrimSpace(line))
				continue
			}
			texts = slices.Delete(texts, at, at+1)
		}
		if len(texts) > 0 {
			t.Errorf("line %d is refused: %q: %s", i+1, texts, strings.TrimSpace(line))
		}
	}
	if wanted < 60 || len(got) > 0 {
		t.Errorf("%d were wanted; elsewhere: %v", wanted, got)
	}
	// What is allowed is allowed by its function's name alone.
	one := Rules{Allowed: map[string]string{"mask700/binding/secrecy/testdata/planted.parsed": "to see that it is"}}
	rest, used := one.Check(all)
	if !slices.Equal(slices.Collect(maps.Keys(used)), slices.Collect(maps.Keys(one.Allowed))) || len(rest) >= len(found) || len(rest) == 0 {
		t.Errorf("%d of %d findings are left, used %v", len(rest), len(found), used)
	}
	if s := fmt.Sprint(rest); strings.Contains(s, "planted.parsed:") || !strings.Contains(s, "planted.number:") {
		t.Errorf("%s", s)
	}
}

func TestCodeThatDoesNotCompile(t *testing.T) {
	if _, err := Load(".", "./nowhere"); err == nil {
		t.Error("what cannot be read is taken for innocent")
	}
}
