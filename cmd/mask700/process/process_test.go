package process

import (
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
