package trial

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// steered is a thread with one socket for all ports, and one to send from all of them: whole packets are written, since
// only so can many sources leave by one call.
type steered struct {
	in, out int
	left    [4]byte // our address toward the first side
	table   [2][1 << 16]atomic.Pointer[direction]
	held    []any // what would be closed with its last reference
}

const (
	steeredBuffer = 32 << 20
	ipv4Header    = 20
	headers       = ipv4Header + 8
)

func startSteered(gates [2]netip.Addr, lowest uint16) (func(*[2]*direction) error, error) {
	s := &steered{left: gates[0].As4()}
	var err error
	if s.in, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, err
	}
	if s.out, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err != nil {
		return nil, err
	}
	err = errors.Join(
		unix.SetsockoptInt(s.in, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, steeredBuffer),
		unix.SetsockoptInt(s.out, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, steeredBuffer),
		unix.SetsockoptInt(s.in, unix.IPPROTO_IP, unix.IP_RECVORIGDSTADDR, 1),
		unix.Bind(s.in, &unix.SockaddrInet4{Port: int(lowest) - 1}),
		s.steer(lowest))
	if err != nil {
		return nil, err
	}
	go s.relayLoop()
	return func(c *[2]*direction) error {
		for side, d := range c {
			s.table[side][d.local.Port()].Store(d)
		}
		return nil
	}, nil
}

// steer lets every datagram of this network to a port from the lowest on find the one socket.
func (s *steered) steer(lowest uint16) error {
	sockets, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.SockMap, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		return err
	}
	if err := sockets.Put(uint32(0), uint64(s.in)); err != nil {
		return err
	}
	const protocol, localPort = 12, 60 // in struct bpf_sk_lookup
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SkLookup, AttachType: ebpf.AttachSkLookup, License: "GPL", Instructions: asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R2, asm.R1, protocol, asm.Word),
		asm.JNE.Imm(asm.R2, unix.IPPROTO_UDP, "pass"),
		asm.LoadMem(asm.R2, asm.R1, localPort, asm.Word),
		asm.JLT.Imm(asm.R2, int32(lowest), "pass"),
		asm.StoreImm(asm.R10, -4, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, sockets.FD()),
		asm.Mov.Reg(asm.R2, asm.R10),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.Mov.Reg(asm.R7, asm.R0),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Reg(asm.R2, asm.R7),
		asm.Mov.Imm(asm.R3, 0),
		asm.FnSkAssign.Call(),
		asm.Mov.Reg(asm.R1, asm.R7),
		asm.FnSkRelease.Call(),
		asm.Mov.Imm(asm.R0, 1).WithSymbol("pass"),
		asm.Return(),
	}})
	if err != nil {
		return err
	}
	network, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return err
	}
	defer network.Close()
	attached, err := link.AttachNetNs(int(network.Fd()), program)
	s.held = append(s.held, attached, program, sockets)
	return err
}

// message is struct mmsghdr.
type message struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// batch is many messages, each with a place for its address and its bytes.
type batch struct {
	messages [vector]message
	names    [vector]unix.RawSockaddrInet4
	pieces   [vector]unix.Iovec
}

func newBatch() *batch {
	b := new(batch)
	for i := range b.messages {
		b.names[i].Family = unix.AF_INET
		b.messages[i].header = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&b.names[i])), Namelen: unix.SizeofSockaddrInet4, Iov: &b.pieces[i], Iovlen: 1}
	}
	return b
}

func (s *steered) relayLoop() {
	runtime.LockOSThread()
	in, out := newBatch(), newBatch()
	buffers, controls := make([]byte, vector*room), make([]byte, vector*64)
	for i := range vector {
		in.pieces[i].Base = &buffers[i*room+headers]
		in.pieces[i].SetLen(room - headers)
		in.messages[i].header.Control = &controls[i*64]
	}
	ready := []unix.PollFd{{Fd: int32(s.in), Events: unix.POLLIN}}
	for {
		for i := range in.messages {
			in.messages[i].header.SetControllen(64)
		}
		n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.in), uintptr(unsafe.Pointer(&in.messages)), vector, unix.MSG_DONTWAIT, 0, 0)
		if e != 0 {
			_, _ = unix.Poll(ready, -1)
			continue
		}
		due := 0
		for i := range int(n) {
			// The control message is one: the address that the datagram was sent to, behind its header of 16 bytes.
			original := controls[i*64+16:]
			side := 0
			if [4]byte(original[4:8]) != s.left {
				side = 1
			}
			d := s.table[side][binary.BigEndian.Uint16(original[2:])].Load()
			length := int(in.messages[i].length)
			packet := buffers[i*room:][:headers+length]
			if d == nil || in.names[i].Addr != d.sourceAddr || networkOrder(in.names[i].Port) != d.source.Port() || !d.rewrite(packet[headers:]) {
				continue
			}
			d.address(packet)
			out.names[due].Addr = d.toAddr
			out.pieces[due].Base = &packet[0]
			out.pieces[due].SetLen(len(packet))
			due++
		}
		for at := 0; at < due; {
			sent, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(s.out), uintptr(unsafe.Pointer(&out.messages[at])), uintptr(due-at), unix.MSG_DONTWAIT, 0, 0)
			if e != 0 {
				sent = 1 // that one is lost
			}
			at += int(sent)
		}
	}
}

// address writes the headers of IPv4 and UDP. The kernel fills in the first one's checksum and number.
func (d *direction) address(b []byte) {
	be := binary.BigEndian
	clear(b[:headers])
	b[0], b[1], b[8], b[9] = 0x45, 0xb8, 64, unix.IPPROTO_UDP
	be.PutUint16(b[2:], uint16(len(b)))
	copy(b[12:], d.fromAddr[:])
	copy(b[16:], d.toAddr[:])
	be.PutUint16(b[20:], d.from.Port())
	be.PutUint16(b[22:], d.to.Port())
	be.PutUint16(b[24:], uint16(len(b)-ipv4Header))
	be.PutUint16(b[26:], checksum(b[12:], unix.IPPROTO_UDP+uint64(len(b)-ipv4Header)))
}

// checksum is that of UDP over addresses, header and payload, beside what else counts (RFC 768).
func checksum(b []byte, sum uint64) uint16 {
	for ; len(b) >= 4; b = b[4:] {
		sum += uint64(binary.BigEndian.Uint32(b))
	}
	var rest [4]byte
	copy(rest[:], b)
	sum += uint64(binary.BigEndian.Uint32(rest[:]))
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	if c := ^uint16(sum>>16 + sum); c != 0 {
		return c
	}
	return 0xffff
}
