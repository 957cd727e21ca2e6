package node

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mask700/cmd/mask700/config"
	"mask700/media/kernel"
)

// startWith starts a server with some media.offload.
func startWith(t *testing.T, offload string) (*Node, error) {
	t.Helper()
	dir := t.TempDir()
	c, err := config.Parse("f.yaml", fmt.Appendf(nil, `
data_dir: %s
keys: {file: %s}
sip: {listen: ["udp:127.0.4.13:0"]}
media: {offload: %s, address: 127.0.4.13, ports: 30000-30099}
`, filepath.Join(dir, "data"), filepath.Join(dir, "mask700.key"), offload))
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err := Start(t.Context(), c, "test", io.Discard)
	if err == nil {
		t.Cleanup(n.Close)
	}
	return n, err
}

func TestMediaOffload(t *testing.T) {
	for offload, on := range map[string]bool{"auto": true, "required": true, "off": false} {
		n, err := startWith(t, offload)
		if err != nil {
			t.Fatalf("%s: %v (this test is root's)", offload, err)
		}
		st, err := n.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		o := st.Offload
		if on && (!strings.Contains(o.On, "lo") || o.Off != "" || o.Room != 50) || !on && (o.On != "" || o.Off != "off by media.offload") {
			t.Errorf("%s: %+v", offload, o)
		}
		var out strings.Builder
		n.announce(&out)
		if strings.Contains(out.String(), "relayed in the kernel on") != on {
			t.Errorf("%s: %s", offload, out.String())
		}
	}
}

func TestMediaOffloadWithoutPrivileges(t *testing.T) {
	runtime.LockOSThread() // which has no capabilities from here on, and ends with the test
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Fatal(err)
	}
	n, err := startWith(t, "auto")
	if err != nil {
		t.Fatal(err)
	}
	if st, err := n.Status(t.Context()); err != nil || st.Offload.On != "" || !strings.Contains(st.Offload.Off, "CAP_BPF") {
		t.Errorf("%+v, %v", st.Offload, err)
	}
	if _, err := startWith(t, "required"); !errors.Is(err, kernel.ErrNotPermitted) {
		t.Errorf("required: %v", err)
	}
}
