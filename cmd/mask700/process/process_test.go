package process

import (
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSeal(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &before); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, step := range []struct {
			do       func() error
			dumpable int
			core     uint64
		}{{Seal, 0, 0}, {Unseal, 1, before.Max}} {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			var now unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_CORE, &now); err != nil || now.Cur != step.core || now.Max != before.Max {
				t.Errorf("core: %+v, want %d, %v", now, step.core, err)
			}
			if d, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || d != step.dumpable {
				t.Errorf("dumpable: %d, want %d, %v", d, step.dumpable, err)
			}
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &before); err != nil {
		t.Fatal(err)
	}
}

// TestBare: a number that a function was given is in the runtime's trace, and not in ours.
func TestBare(t *testing.T) {
	const trace = "goroutine 7 [chan receive (nil chan), locked to thread]:\n" + // 13800138000 is 0x3368b3910
		"mask700/binding.(*veil).hide(0x3368b3910, {0x4ead4d?, 0x16})\n\t/src/binding/veil.go:44 +0x51\n" +
		"mask700/binding.newNumber(...)\n\t/src/binding/number.go:52\n" +
		"main.generic[...].do({0x3368b3910})\n\t/src/main.go:1 +0x2\n" +
		"created by main.(*T).run in goroutine 1\n\t/src/main.go:9 +0x5\n"
	const want = "goroutine 7 [chan receive (nil chan), locked to thread]:\n" +
		"mask700/binding.(*veil).hide()\n\t/src/binding/veil.go:44 +0x51\n" +
		"mask700/binding.newNumber()\n\t/src/binding/number.go:52\n" +
		"main.generic[...].do()\n\t/src/main.go:1 +0x2\n" +
		"created by main.(*T).run in goroutine 1\n\t/src/main.go:9 +0x5\n"
	if got := Bare([]byte(trace)); got != want {
		t.Errorf("%s", got)
	}
	for _, own := range [][]byte{debug.Stack(), all()} {
		got := Bare(own)
		if !strings.Contains(got, "process.TestBare()\n") || strings.Contains(got, "(0x") || strings.Contains(got, "{0x") || !strings.Contains(got, "created by testing.(*T).Run") {
			t.Errorf("%s", got)
		}
	}
}
