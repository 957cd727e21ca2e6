package media

import (
	"net"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// priorities is how many priorities are told apart at an interface; above them there is none but theirs.
const priorities = 16

// leaving is a program at the end of an interface, just before its queue, that counts the packets of IPv4 that leave by
// their priority.
type leaving struct {
	t     *testing.T
	count *ebpf.Map
}

// Where struct __sk_buff of linux/bpf.h has what the program reads.
const (
	skbProtocol = 16 // an EtherType in network order
	skbPriority = 32
)

func watchLeaving(t *testing.T, name string) *leaving {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	device, err := net.InterfaceByName(name)
	must(err)
	count, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: priorities})
	must(err)
	t.Cleanup(func() { count.Close() })
	const pass, ipv4 = "pass", unix.ETH_P_IP<<8&0xff00 | unix.ETH_P_IP>>8
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "GPL", Instructions: asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, skbProtocol, asm.Word),
		asm.JNE.Imm(asm.R2, ipv4, pass),
		asm.LoadMem(asm.R2, asm.R1, skbPriority, asm.Word),
		asm.StoreMem(asm.RFP, -4, asm.R2, asm.Word),
		asm.LoadMapPtr(asm.R1, count.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, pass),
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
		asm.Mov.Imm(asm.R0, -1).WithSymbol(pass), // TCX_NEXT
		asm.Return(),
	}})
	must(err)
	t.Cleanup(func() { program.Close() })
	held, err := link.AttachTCX(link.TCXOptions{Interface: device.Index, Program: program, Attach: ebpf.AttachTCXEgress})
	must(err)
	t.Cleanup(func() { held.Close() })
	return &leaving{t, count}
}

// counted is how many packets have left with each priority.
func (l *leaving) counted() (n [priorities]uint64) {
	l.t.Helper()
	for i := range n {
		if err := l.count.Lookup(uint32(i), &n[i]); err != nil {
			l.t.Fatal(err)
		}
	}
	return n
}

// What leaves this machine comes to the queue of its interface with the priority that the kernel makes of the pool's DSCP,
// and of no other, whether the socket sends it or the kernel's program.
func TestKernelPacketsComeToTheQueueWithThePriorityOfTheSocket(t *testing.T) {
	if !alone(t) {
		return
	}
	var hosts thirdHosts
	for i := range 2 {
		hosts.hosts[i], hosts.ours[i], hosts.theirs[i] = wired(t, i+1)
	}
	for priority, dscp := range map[int]uint8{4: 46, 2: 10, 0: 0} {
		pools := []Pool{{Name: "one", Address: hosts.ours[0], Min: 15000, Max: 15099, DSCP: dscp}, {Name: "two", Address: hosts.ours[1], Min: 15000, Max: 15099, DSCP: dscp}}
		r := newRelay(t, Options{Pools: pools})
		a, b := phoneOn(t, hosts.hosts[0], hosts.theirs[0], 0x11111111), phoneOn(t, hosts.hosts[1], hosts.theirs[1], 0x22222222)
		s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "two"})
		if err != nil {
			t.Fatal(err)
		}
		s.SetRemote(A, a.remote())
		s.SetRemote(B, b.remote())
		s.Settle(A)
		s.Settle(B)
		leaves := watchLeaving(t, nameOf(t, hosts.ours[1]))
		only := func(path string, want uint64) {
			t.Helper()
			n := leaves.counted()
			for p, got := range n {
				if p == priority && got < want || p != priority && got != 0 {
					t.Errorf("DSCP %d, %s: %d of %d packets or more have priority %d: %v", dscp, path, got, want, p, n)
				}
			}
		}
		converse(t, s, a, b)
		only("user space", 1)
		over(t, s, a, b)
		before := s.Stats().AtoB
		const more = 20
		for range more {
			converse(t, s, a, b)
		}
		if after := s.Stats().AtoB; after.Kernel-before.Kernel != more {
			t.Errorf("%d packets of %d by the kernel", after.Kernel-before.Kernel, more)
		}
		only("the kernel", before.Packets+more)
		r.Close()
	}
}

// nameOf is the name of the interface that has an address.
func nameOf(t *testing.T, a netip.Addr) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		addrs, err := one.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range addrs {
			if n, ok := at.(*net.IPNet); ok && n.IP.Equal(net.IP(a.AsSlice())) {
				return one.Name
			}
		}
	}
	t.Fatalf("nobody has %s", a)
	return ""
}
