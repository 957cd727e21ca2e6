package cdr_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/binding/cdr"
)

// constants reads, from the source of a package, the constants whose names begin with prefix and go on with a capital:
// a constant that is added without words is found.
func constants(t *testing.T, dir, prefix string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("^" + prefix + "[A-Z]")
	found := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			d, ok := n.(*ast.GenDecl)
			if !ok || d.Tok != token.CONST {
				return true
			}
			for _, spec := range d.Specs {
				v := spec.(*ast.ValueSpec)
				for i, name := range v.Names {
					if !named.MatchString(name.Name) || i >= len(v.Values) {
						continue
					}
					if lit, ok := v.Values[i].(*ast.BasicLit); ok {
						found[name.Name] = strings.Trim(lit.Value, `"`)
					}
				}
			}
			return false
		})
	}
	if len(found) < 3 {
		t.Fatalf("%d constants %s… in %s: are they somewhere else now?", len(found), prefix, dir)
	}
	return found
}

// otherwise is what an End or a Refusal without words gives.
var otherwise = regexp.MustCompile(`^the call ended|its INVITE cannot be served|^refused: [a-z]+( [a-z]+)?( \(|$)`)

func TestEveryEndHasWords(t *testing.T) {
	by := constants(t, ".", "By")
	seen := map[string]string{}
	for name, end := range constants(t, ".", "End") {
		for byName, by := range by {
			r := cdr.Record{End: end, ReleasedBy: by}
			if end == cdr.EndRefused {
				r.Refusal = binding.RefusalExpired
			}
			why := r.Why()
			if why == "" || otherwise.MatchString(why) || strings.Contains(why, "\n") {
				t.Errorf("%s, %s: %q", name, byName, why)
			}
			if other, taken := seen[why]; taken && other != end {
				t.Errorf("%s and %s are told in the same words: %s", end, other, why)
			}
			seen[why] = end
		}
	}
}

func TestEveryRefusalHasWords(t *testing.T) {
	seen := map[string]bool{}
	for name, refusal := range constants(t, "..", "Refusal") {
		if refusal == "" {
			continue
		}
		why := cdr.Record{End: cdr.EndRefused, ReleasedBy: cdr.ByPlatform, Refusal: binding.Refusal(refusal)}.Why()
		if !strings.HasPrefix(why, "refused: ") || otherwise.MatchString(why) || seen[why] {
			t.Errorf("%s: %q", name, why)
		}
		seen[why] = true
	}
}

// TestEveryCauseOfOursHasAName: what the call engine gives is named.
func TestEveryCauseOfOursHasAName(t *testing.T) {
	for name, value := range constants(t, "../../sip/call", "cause") {
		cause, err := strconv.Atoi(value)
		if err != nil {
			continue
		}
		why := cdr.Record{End: cdr.EndCompleted, ReleasedBy: cdr.ByCaller, Q850: cause}.Why()
		if !regexp.MustCompile(`\(Q\.850 ` + value + ` [a-z]`).MatchString(why) {
			t.Errorf("%s: %q", name, why)
		}
	}
}

func TestWhy(t *testing.T) {
	heard := cdr.Media{End: cdr.MediaReleased, AtoB: cdr.Flow{Packets: 1}, BtoA: cdr.Flow{Packets: 1}}
	for _, test := range []struct {
		record cdr.Record
		want   string
	}{
		{cdr.Record{}, ""},
		{cdr.Record{SIPStatus: 180, Media: heard}, ""},
		{cdr.Record{End: cdr.EndCompleted, ReleasedBy: cdr.ByCaller, SIPStatus: 200, Q850: 16, AnsweredAt: received, Media: heard},
			"the caller hung up (Q.850 16 normal call clearing)"},
		{cdr.Record{End: cdr.EndBusy, ReleasedBy: cdr.ByCallee, SIPStatus: 486, Q850: 17},
			"the callee's phone was busy (486, Q.850 17 user busy)"},
		{cdr.Record{End: cdr.EndRefused, ReleasedBy: cdr.ByPlatform, SIPStatus: 404, Q850: 1, Refusal: binding.RefusalNoBinding},
			"refused: no binding on the number dialled is for this caller (404, Q.850 1 unallocated number)"},
		{cdr.Record{End: cdr.EndRefused, SIPStatus: 484, Q850: 28, Refusal: binding.RefusalNoBinding},
			"refused: digits of the number dialled are missing (484, Q.850 28 invalid number format)"},
		{cdr.Record{End: cdr.EndRefused, SIPStatus: 404, Q850: 1, Refusal: binding.RefusalNoBinding, Rule: cdr.RuleExtension},
			"refused: the caller pressed no extension that there is on the number (404, Q.850 1 unallocated number)"},
		{cdr.Record{End: cdr.EndRefused, SIPStatus: 403, Refusal: binding.RefusalCapped, Rule: "pair 5/5m"}, "refused: more calls were made than may be (403)"},
		{cdr.Record{End: cdr.EndRefused, SIPStatus: 403, Refusal: binding.RefusalSuspended, Rule: "tenant"}, "refused: the tenant is suspended (403)"},
		{cdr.Record{End: cdr.EndRefused, SIPStatus: 420}, "refused: it requires an extension that is not supported here (420)"},
		{cdr.Record{End: cdr.EndRefused, SIPStatus: 499}, "refused: its INVITE cannot be served (499)"},
		{cdr.Record{End: cdr.EndRefused, SIPStatus: 403, Refusal: "of_a_later_release"}, "refused: of a later release (403)"},
		{cdr.Record{End: cdr.EndRefused, SIPStatus: 403, Refusal: "+86 138 0013 8000"}, "refused: its INVITE cannot be served (403)"},
		{cdr.Record{End: cdr.EndFailed, ReleasedBy: cdr.ByCallee, SIPStatus: 488, Q850: 88},
			"there is no audio that both phones, and the gateway between them, can do (488, Q.850 88 incompatible destination)"},
		{cdr.Record{End: cdr.EndFailed, ReleasedBy: cdr.ByCallee, SIPStatus: 500, Q850: 3},
			"the callee's side failed the call (500, Q.850 3 no route to destination)"},
		{cdr.Record{End: cdr.EndCompleted, ReleasedBy: cdr.ByCallee, Q850: 77}, "the callee hung up (Q.850 77)"},
		{cdr.Record{End: cdr.EndCompleted, ReleasedBy: cdr.ByCallee, Q850: 13800138000, SIPStatus: 13800138000}, "the callee hung up"},
		{cdr.Record{End: cdr.EndCompleted, ReleasedBy: "of a later release"}, "the gateway ended the call"},
		{cdr.Record{End: "of_a_later_release", SIPStatus: 480}, "the call ended as of a later release (480)"},
		{cdr.Record{End: "13800138000"}, "the call ended"},
		{cdr.Record{End: "line\nfeed"}, "the call ended"},
	} {
		if got := test.record.Why(); got != test.want {
			t.Errorf("%s by %s, %d, %d: %q; want %q", test.record.End, test.record.ReleasedBy, test.record.SIPStatus, test.record.Q850, got, test.want)
		}
	}
}

func TestWhySaysWhoWasNotHeard(t *testing.T) {
	for _, test := range []struct {
		name string
		end  string
		at   bool // it was answered
		m    cdr.Media
		want string
	}{
		{"both heard", cdr.EndCompleted, true, cdr.Media{End: cdr.MediaReleased, AtoB: cdr.Flow{Packets: 9}, BtoA: cdr.Flow{Packets: 9}}, ""},
		{"caller alone", cdr.EndCompleted, true, cdr.Media{End: cdr.MediaReleased, AtoB: cdr.Flow{Packets: 9}}, "; no audio ever came from the callee"},
		{"callee alone", cdr.EndCompleted, true, cdr.Media{End: cdr.MediaReleased, BtoA: cdr.Flow{Packets: 9}}, "; no audio ever came from the caller"},
		{"neither", cdr.EndCompleted, true, cdr.Media{End: cdr.MediaNone}, "; no audio ever came"},
		{"neither, and it ran out", cdr.EndMediaTimeout, true, cdr.Media{End: cdr.MediaTimeout}, "; no audio ever came"},
		{"stopped", cdr.EndCompleted, true, cdr.Media{End: cdr.MediaTimeout, AtoB: cdr.Flow{Packets: 9}, BtoA: cdr.Flow{Packets: 9}},
			"; the audio had stopped before"},
		{"stopped, which ended it", cdr.EndMediaTimeout, true,
			cdr.Media{End: cdr.MediaTimeout, AtoB: cdr.Flow{Packets: 9}, BtoA: cdr.Flow{Packets: 9}}, ""},
		{"not answered", cdr.EndCancelled, false, cdr.Media{End: cdr.MediaNone}, ""},
		{"not known", cdr.EndRestart, true, cdr.Media{}, ""},
		{"of a later release", cdr.EndCompleted, true, cdr.Media{End: "13800138000", AtoB: cdr.Flow{Packets: 9}, BtoA: cdr.Flow{Packets: 9}}, ""},
	} {
		r := cdr.Record{End: test.end, ReleasedBy: cdr.ByCaller, Media: test.m}
		plain := cdr.Record{End: test.end, ReleasedBy: cdr.ByCaller}.Why()
		if test.at {
			r.AnsweredAt = received
		}
		if got := r.Why(); got != plain+test.want {
			t.Errorf("%s: %q; want %q", test.name, got, plain+test.want)
		}
	}
}

// TestWhyHasNobodysNumber: whatever ends a call, nothing in the words is long enough for a number.
func TestWhyHasNobodysNumber(t *testing.T) {
	long := regexp.MustCompile(`[0-9]{4}`)
	r := completed(t)
	for _, end := range constants(t, ".", "End") {
		for _, by := range constants(t, ".", "By") {
			for _, refusal := range constants(t, "..", "Refusal") {
				r.End, r.ReleasedBy, r.Refusal = end, by, binding.Refusal(refusal)
				if why := r.Why(); long.MatchString(why) {
					t.Errorf("%s: %s", end, why)
				}
			}
		}
	}
}

func TestViewHasTheWords(t *testing.T) {
	r := completed(t)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var v cdr.View
	if err := json.Unmarshal(b, &v); err != nil || v.Why != r.Why() || v.Why == "" {
		t.Errorf("%q, %v", v.Why, err)
	}
}
