//go:build leaky

package shard_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"mask700/sip/call"
	"mask700/sip/shard"
)

// TestALeakIsFound has the call copy something of the other party, and expects that
// the marks in it are found on the other side: what finds nothing in TestCanaries can
// find something. With the sentinel nothing of it leaves.
func TestALeakIsFound(t *testing.T) {
	defer func(f func(string) bool) { call.Leaky, shard.Blind = f, false }(call.Leaky)
	for name, c := range map[string]struct {
		broken string
		flow   string
		to     string
		kinds  []string
	}{
		"INVITE":          {"INVITE", "basic", "callee", []string{ofIdentity}},
		"180":             {"180", "basic", "caller", []string{ofFlow}},
		"183":             {"183", "early-media", "caller", []string{ofFlow}},
		"200":             {"200", "basic", "caller", []string{ofFlow}},
		"a re-INVITE":     {"INVITE", "hold-by-callee", "caller", []string{ofFlow}},
		"an UPDATE":       {"UPDATE", "update-hold", "callee", []string{ofIdentity}},
		"PRACK":           {"PRACK", "reliable-both", "callee", []string{ofIdentity}},
		"an INFO":         {"INFO", "info", "callee", []string{ofIdentity}},
		"BYE":             {"BYE", "bye-by-caller", "callee", []string{ofIdentity}},
		"a third party's": {"INVITE", "refer", "guest", []string{ofFlow}},
	} {
		for _, m := range []manner{plainly, amongParts, disguised} {
			t.Run(name+"/"+m.String(), func(t *testing.T) {
				call.Leaky = func(what string) bool { return what == c.broken }
				play := func(blind bool) *watch {
					shard.Blind = blind
					w := newWatch(m, &flowRow{marks: map[string]string{}})
					w.scene.world.leaky = true
					quiet := func(string, ...any) {} // the guard of the flows has seen it too
					datadriven.RunTest(t, filepath.Join("../../testdata/flows", c.flow+".txt"), func(t *testing.T, d *datadriven.TestData) string {
						w.scene.world.fail = quiet
						w.scene.play(t, d)
						return d.Expected
					})
					return w
				}
				if w := play(false); len(w.leaks) != 0 || w.scene.world.leaks == 0 {
					t.Errorf("the sentinel stopped %d messages, and %d marks left: %s", w.scene.world.leaks, len(w.leaks), strings.Join(w.leaks, "\n"))
				}
				w := play(true)
				if !slices.ContainsFunc(w.leaks, func(l string) bool { return strings.HasPrefix(l, c.to+" is sent ") }) {
					t.Errorf("nothing was found in what went to the %s, of %d leaks", c.to, len(w.leaks))
				}
				for _, kind := range c.kinds {
					if !slices.ContainsFunc(w.leaked, func(mark string) bool { return w.row.marks[mark] == kind }) {
						t.Errorf("no mark of %s was found", kind)
					}
				}
			})
		}
	}
}
