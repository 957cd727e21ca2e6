package media

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"mask700/media/mediatest"
)

// tunnelled makes a host at the other end of a tunnel: its address is .2 of a network in which ours is .1. Our end is a tun
// that the kernel takes for another kind of link (an ARPHRD), so that its packets are those of that kind to all but the
// program that would read them. What either end sends goes to the other.
func tunnelled(t *testing.T, name string, network, hardware int) (host *mediatest.Namespace, ours, theirs netip.Addr) {
	t.Helper()
	var err error
	if host, err = mediatest.NewNamespace(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	ours = netip.AddrFrom4([4]byte{10, 82, byte(network), 1})
	theirs = ours.Next()
	near := tun(t, name)
	if err := unix.IoctlSetInt(int(near.Fd()), unix.TUNSETLINK, hardware); err != nil {
		t.Fatal(err)
	}
	lines(t, fmt.Sprintf("addr add %s/24 dev %s", ours, name), "link set "+name+" up")
	var far *os.File
	if err := host.Do(func() error {
		far = tun(t, "far")
		lines(t, fmt.Sprintf("addr add %s/24 dev far", theirs), "link set far up", "route add default dev far")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, way := range [][2]*os.File{{near, far}, {far, near}} {
		go func() {
			var b [2048]byte
			for {
				n, err := way[0].Read(b[:])
				if err != nil {
					return // the test is over
				}
				_, _ = way[1].Write(b[:n])
			}
		}()
	}
	return host, ours, theirs
}

func lines(t *testing.T, all ...string) {
	t.Helper()
	for _, line := range all {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", line, err, out)
		}
	}
}

// tun makes an interface in the calling thread's namespace; what goes out there is read from the file.
func tun(t *testing.T, name string) *os.File {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var request struct {
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], name)
	request.flags = unix.IFF_TUN | unix.IFF_NO_PI
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETIFF, uintptr(unsafe.Pointer(&request))); errno != 0 {
		t.Fatalf("%s: %v", name, errno)
	}
	file := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { file.Close() })
	return file
}

// TestKernelLeavesOtherLinksToUserSpace: where one party is behind a link that the kernel's program does not read, the call
// goes on in user space both ways, packet after packet, also once the kernel has given up an entry that it was never sent
// anything for; where it reads the link, the kernel takes over. What it does not read is named.
func TestKernelLeavesOtherLinksToUserSpace(t *testing.T) {
	if !alone(t) {
		return
	}
	wire, onWire, atWire := wired(t, 1)
	for i, kind := range []struct {
		name     string
		hardware int
		served   bool
	}{{"gre", unix.ARPHRD_IPGRE, false}, {"ipip", unix.ARPHRD_TUNNEL, false}, {"sit", unix.ARPHRD_SIT, false}, {"ppp", unix.ARPHRD_PPP, true}, {"wg", unix.ARPHRD_NONE, true}} {
		host, ours, theirs := tunnelled(t, kind.name+"-link", i+1, kind.hardware)
		port := uint16(15000 + 100*i)
		r := newRelay(t, Options{Pools: []Pool{{Name: "one", Address: ours, Min: port, Max: port + 99}, {Name: "two", Address: onWire, Min: port, Max: port + 99}}})
		a, b := phoneOn(t, host, theirs, 0x11111111), phoneOn(t, wire, atWire, 0x22222222)
		s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "two"})
		if err != nil {
			t.Fatal(err)
		}
		s.SetRemote(A, a.remote())
		s.SetRemote(B, b.remote())
		s.Settle(A)
		s.Settle(B)
		aside := r.Stats().Kernel.Aside
		if kind.served == strings.Contains(aside, kind.name+"-link (tun)") {
			t.Errorf("%s: the program is not on %q", kind.name, aside)
		}
		if kind.served {
			overTo(t, s, a, b, active)
		}
		toB, toA := converse(t, s, a, b)
		for range 2 * maxWaits {
			gap()
			nextB, nextA := converse(t, s, a, b)
			if nextB.SequenceNumber != toB.SequenceNumber+1 || nextA.SequenceNumber != toA.SequenceNumber+1 {
				t.Fatalf("%s: %v after %v, %v after %v", kind.name, nextB.Header, toB.Header, nextA.Header, toA.Header)
			}
			toB, toA = nextB, nextA
		}
		st := s.Close()
		relayed := st.AtoB.Kernel + st.BtoA.Kernel
		if (relayed > 0) != kind.served || st.AtoB.Packets <= 2*maxWaits || st.BtoA.Packets != st.AtoB.Packets || st.AtoB.Lost+st.BtoA.Lost+st.AtoB.Failed+st.BtoA.Failed != 0 {
			t.Errorf("%s: %+v", kind.name, st)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
