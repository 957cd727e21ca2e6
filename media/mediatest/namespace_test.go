package mediatest

import (
	"errors"
	"os"
	"testing"
)

// TestDoComesBack: whatever becomes of f, the caller is where it was.
func TestDoComesBack(t *testing.T) {
	t.Parallel()
	n := namespace(t)
	where := func() string {
		at, err := os.Readlink(own)
		if err != nil {
			t.Error(err)
		}
		return at
	}
	here := where()
	failure := errors.New("f failed")
	var there string
	if err := n.Do(func() error { there = where(); return failure }); !errors.Is(err, failure) {
		t.Error(err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = n.Do(func() error { panic("f") })
	}()
	if there == here || where() != here {
		t.Errorf("from %s to %s, and then in %s", here, there, where())
	}
}
