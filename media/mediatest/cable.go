package mediatest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// End is one end of a cable: an interface in a namespace. Its name is drawn at
// random, as the kernel names its receiving thread after it and those are seen by
// the whole machine.
type End struct {
	In   *Namespace
	Name string
	MAC  net.HardwareAddr
}

// Cable is a pair of virtual Ethernet interfaces. It goes when either namespace does.
type Cable struct{ Ends [2]End }

// NewCable joins two namespaces, and switches both ends on. Each end receives in
// a kernel thread of its own (threaded NAPI), so that the work can be bound to a
// processor and is accounted to a thread; for that, the senders must not leave
// segmenting to the interface. Each has a queue, like a real interface, so that a
// receiver that is late for a moment loses nothing.
func NewCable(ctx context.Context, a, b *Namespace) (*Cable, error) {
	var tag [4]byte
	if _, err := rand.Read(tag[:]); err != nil {
		return nil, err
	}
	name := "m" + hex.EncodeToString(tag[:])[:6]
	c := &Cable{}
	for i, in := range [2]*Namespace{a, b} {
		mac := net.HardwareAddr{0x02, 0x70, tag[0], tag[1], tag[2], byte(i)}
		c.Ends[i] = End{In: in, Name: name + string("ab"[i]), MAC: mac}
	}
	from, to := c.Ends[0], c.Ends[1]
	err := ip(ctx, a, b, fmt.Sprintf("link add %s address %s type veth peer name %s address %s netns /proc/self/fd/3",
		from.Name, from.MAC, to.Name, to.MAC))
	if err != nil {
		return nil, err
	}
	for _, end := range c.Ends {
		if err := end.prepare(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// prepare sets one end up and switches it on.
func (e End) prepare(ctx context.Context) error {
	err := e.In.Do(func() error {
		return errors.Join(e.feature(unix.ETHTOOL_STSO, 0), e.feature(unix.ETHTOOL_SGRO, 1))
	})
	if err != nil {
		return fmt.Errorf("%s: %w", e.Name, err)
	}
	return e.shell(ctx, "tc qdisc replace dev %[1]s root pfifo limit 20000 && ip link set %[1]s up &&"+
		" echo 1 > /sys/class/net/%[1]s/threaded")
}

// Moderate lets packets that come in wait up to some time for others to be
// received with, as interfaces that moderate their interrupts do.
func (e End) Moderate(ctx context.Context, d time.Duration) error {
	return e.shell(ctx, "echo 1 > /sys/class/net/%[1]s/napi_defer_hard_irqs &&"+
		fmt.Sprintf(" echo %d > /sys/class/net/%%[1]s/gro_flush_timeout", d.Nanoseconds()))
}

// Checksummed has everything that leaves by this end carry its checksums, as it would
// over a real cable; else the other end is told that they need not be looked at.
func (e End) Checksummed() error {
	return e.In.Do(func() error { return e.feature(unix.ETHTOOL_STXCSUM, 0) })
}

// shell runs a line of shell about the interface. What is under /sys/class/net is
// of the namespace that mounted it, so it is mounted anew, for this one shell.
func (e End) shell(ctx context.Context, line string) error {
	line = "mount -t sysfs none /sys && " + fmt.Sprintf(line, e.Name)
	return e.In.Do(func() error {
		cmd := exec.CommandContext(ctx, "sh", "-c", line)
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", e.Name, err, bytes.TrimSpace(out))
		}
		return nil
	})
}

// feature switches an offload of the interface on or off (ETHTOOL_S…).
func (e End) feature(command, value uint32) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	set := struct{ command, value uint32 }{command, value}
	request := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&set)}
	copy(request.name[:unix.IFNAMSIZ-1], e.Name)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("an offload cannot be set: %w", errno)
	}
	return nil
}

// Address gives the end an address of a network that is all behind the cable.
func (e End) Address(ctx context.Context, at netip.Prefix) error {
	options := ""
	if at.Addr().Is6() {
		options = " nodad"
	}
	return ip(ctx, e.In, nil, fmt.Sprintf("addr add %s dev %s%s", at, e.Name, options))
}

// Neighbour tells the end of a party that is at some hardware address and does
// not answer when it is asked for it.
func (e End) Neighbour(ctx context.Context, at netip.Addr, mac net.HardwareAddr) error {
	return ip(ctx, e.In, nil, fmt.Sprintf("neigh replace %s lladdr %s nud permanent dev %s", at, mac, e.Name))
}

// Route tells the end of a network behind a neighbour.
func (e End) Route(ctx context.Context, to netip.Prefix, by netip.Addr) error {
	return ip(ctx, e.In, nil, fmt.Sprintf("route add %s via %s dev %s", to, by, e.Name))
}

// Dropped is how many packets sent into this end never arrived at the other,
// because its queue and its receiver's ring were full.
func (e End) Dropped() (n uint64, err error) {
	err = e.In.Do(func() error {
		n, err = readDropped("/proc/thread-self/net/dev", e.Name)
		return err
	})
	return n, err
}

// readDropped finds the packets dropped at sending in the kernel's table of interfaces.
func readDropped(file, name string) (uint64, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		who, figures, ok := strings.Cut(line, ":")
		if fields := strings.Fields(figures); ok && strings.TrimSpace(who) == name && len(fields) >= 12 {
			return strconv.ParseUint(fields[11], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no line for %s", file, name)
}

// Receiver is the kernel's thread that receives at this end.
func (e End) Receiver() (pid int, err error) {
	want := "napi/" + e.Name + "-"
	if len(want) > 15 { // what the kernel keeps of a thread's name
		want = want[:15]
	}
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return 0, err
	}
	for _, file := range names {
		if data, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(data), want) {
			return strconv.Atoi(filepath.Base(filepath.Dir(file)))
		}
	}
	return 0, fmt.Errorf("no kernel thread receives at %s", e.Name)
}

// Up switches the loopback of a namespace on.
func Up(ctx context.Context, n *Namespace) error { return ip(ctx, n, nil, "link set lo up") }

// ip runs a line of iproute2 in a namespace. The other namespace, if any, is its file 3.
func ip(ctx context.Context, in, other *Namespace, line string) error {
	return in.Do(func() error {
		cmd := exec.CommandContext(ctx, "ip", strings.Fields(line)...)
		if other != nil {
			cmd.ExtraFiles = []*os.File{other.file}
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, bytes.TrimSpace(out))
		}
		return nil
	})
}
