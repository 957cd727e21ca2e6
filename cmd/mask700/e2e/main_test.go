package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/cmd/mask700/e2e/rig"
)

// program is the binary under test, built once; buildError says why there is none.
var (
	program    string
	buildError error
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "m7-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if os.Getenv("GORACE") == "" { // each program under the race detector would wait for a second at its end
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	program, buildError = rig.Build(ctx, dir, raceEnabled)
	cancel()
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// binary is the path of the program; without it the test fails.
func binary(t *testing.T) string {
	t.Helper()
	if buildError != nil {
		t.Fatal(buildError)
	}
	return program
}

// need skips the test when a program is absent, but never in CI.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		text := p + " is not installed; testdata/setup/needs.sh installs it"
		if os.Getenv("CI") == "true" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
}

// scenarios is the folder of the SIPp scenarios, as an absolute path: SIPp runs elsewhere.
func scenarios(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../testdata/sipp")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// workDir is a directory of the test's own with a short path, as a unix socket needs it. When the test fails, its
// files are kept under artifacts/.
func workDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "m7-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			keep(t, dir)
		}
		os.RemoveAll(dir)
	})
	if err := os.Symlink(filepath.Join(scenarios(t), "tone.al"), filepath.Join(dir, "tone.al")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func keep(t *testing.T, dir string) {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" /:,", r) {
			return '_'
		}
		return r
	}, t.Name())
	to := filepath.Join("../../../artifacts", name)
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Log(err)
		return
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Log(err)
	}
	for _, f := range files {
		if !f.Type().IsRegular() || strings.HasPrefix(f.Name(), "mask700.key") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, f.Name()), data, 0o644)
		}
		if err != nil {
			t.Log(err)
		}
	}
	t.Logf("kept: artifacts/%s", name)
}
