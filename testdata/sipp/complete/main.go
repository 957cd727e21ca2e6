// Command complete writes the scenarios of testdata/sipp into a directory as SIPp reads them.
//
//	go run ./testdata/sipp/complete testdata/sipp /tmp/sipp
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"mask700/cmd/mask700/e2e/rig"
)

func main() {
	if len(os.Args) != 3 {
		fail("say from which directory and to which: complete testdata/sipp /tmp/sipp")
	}
	files, err := filepath.Glob(filepath.Join(os.Args[1], "call*-*.xml"))
	if err != nil || len(files) == 0 {
		fail("no scenarios in the first directory")
	}
	if err := os.MkdirAll(os.Args[2], 0o755); err != nil {
		fail(err)
	}
	for _, f := range files {
		source, err := os.ReadFile(f)
		if err != nil {
			fail(err)
		}
		whole, err := rig.Complete(source)
		if err != nil {
			fail(err)
		}
		if err := os.WriteFile(filepath.Join(os.Args[2], filepath.Base(f)), whole, 0o644); err != nil {
			fail(err)
		}
	}
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, "complete:", why)
	os.Exit(1)
}
