package rig

import (
	"os"
	"path/filepath"
	"testing"
)

func TestBaresipModulesAreFound(t *testing.T) {
	found, err := modulesIn(t.TempDir())
	if err == nil {
		t.Errorf("found %q where there are none", found)
	}
	for _, lib := range []string{"lib", "lib64", "lib/x86_64-linux-gnu"} {
		usr := t.TempDir()
		want := filepath.Join(usr, lib, "baresip", "modules")
		if err := os.MkdirAll(want, 0o700); err != nil {
			t.Fatal(err)
		}
		if got, err := modulesIn(usr); err != nil || got != want {
			t.Errorf("%s: %q, %v", lib, got, err)
		}
	}
}
