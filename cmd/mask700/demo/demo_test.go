package demo

import (
	"bytes"
	"testing"
)

// The demonstration is a test of the whole program, and has to hold.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := Run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Log("\n" + out.String())
}
