package kernel

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// space puts the test's thread into a network namespace of its own, with lo up.
// The thread ends with the test.
func space(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("a network namespace: %v (these tests are root's)", err)
	}
	ip(t, "link set lo up")
}

func ip(t *testing.T, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
}

// wire is an interface whose other end is ignored, with an address of each family
// and a route to everywhere.
func wire(t *testing.T) {
	t.Helper()
	ip(t, "link add wire type veth peer name far")
	ip(t, "addr add 192.0.2.1/24 dev wire")
	ip(t, "addr add 2001:db8::1/64 dev wire nodad")
	ip(t, "link set wire up")
	ip(t, "link set far up")
	ip(t, "route add default via 192.0.2.254")
	ip(t, "route add default via 2001:db8::ffff")
}

func open(t *testing.T, o Options) *Table {
	t.Helper()
	if o.Entries == 0 {
		o.Entries = 64
	}
	o.Notice = func(s string) { t.Log(s) }
	table, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	return table
}
