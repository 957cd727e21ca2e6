package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"mask700/cmd/mask700/config"
	"mask700/media/kernel"
)

// startWith starts a server with some media.offload.
func startWith(t *testing.T, offload string) (*Node, error) {
	t.Helper()
	return startIn(t, t.TempDir(), offload)
}

// startIn does so with its files in a directory.
func startIn(t *testing.T, dir, offload string) (*Node, error) {
	t.Helper()
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

// leftover is a directory of pins that a killed process of a data directory left,
// on a file system of pins that only this thread sees.
func leftover(t *testing.T, dataDir string) string {
	t.Helper()
	runtime.LockOSThread() // the thread ends with the test
	if err := errors.Join(unix.Unshare(unix.CLONE_NEWNS), unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("bpf", "/sys/fs/bpf", "bpf", 0, "")); err != nil {
		t.Fatal(err)
	}
	name, err := pinName(dataDir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	dir := kernel.Dir(name)
	if err := errors.Join(os.Mkdir(dir, 0o700), m.Pin(filepath.Join(dir, "map"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLeftoversGoWhateverOffloadSays(t *testing.T) {
	for _, offload := range []string{"off", "auto"} {
		for _, whose := range []string{"ours", "another's"} {
			t.Run(offload+" "+whose, func(t *testing.T) {
				base := t.TempDir()
				data := filepath.Join(base, "data")
				if whose == "another's" {
					data = filepath.Join(base, "elsewhere")
				}
				pins := leftover(t, data)
				n, err := startIn(t, base, offload)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := os.Stat(filepath.Join(pins, "map")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("left: %v", err)
				}
				n.Close()
			})
		}
	}
}

func TestLeftoversThatCannotGo(t *testing.T) {
	for _, whose := range []string{"ours", "another's"} {
		for _, offload := range []string{"off", "auto", "required"} {
			t.Run(offload+" "+whose, func(t *testing.T) {
				base := t.TempDir()
				data := filepath.Join(base, "data")
				if whose == "another's" {
					data = filepath.Join(base, "elsewhere")
				}
				pins := leftover(t, data)
				if err := os.Chown(pins, 12345, 12345); err != nil {
					t.Fatal(err)
				}
				header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
				var none [2]unix.CapUserData
				if err := unix.Capset(&header, &none[0]); err != nil {
					t.Fatal(err)
				}
				_, err := startIn(t, base, offload)
				switch {
				case whose == "ours" && (err == nil || !strings.Contains(err.Error(), "remove the directory "+pins)):
					t.Errorf("ours: %v", err)
				case whose != "ours" && offload != "required" && err != nil:
					t.Errorf("another's: %v", err)
				}
			})
		}
	}
}
