package mediatest

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sizes of a wire's ring: a slot holds a frame of audio with the kernel's own
// header before it, and all of them the frames of a tenth of a second at 300 000
// a second.
const (
	slotSize  = 512
	slotCount = 1 << 15
	blockSize = 1 << 16
	batchSize = 64 // frames given to the kernel at once
)

// Station is the hardware address of every party at a wire. It is not the
// interface's own, so the kernel's IP stack takes no part in what comes in.
var Station = net.HardwareAddr{0x02, 0x70, 0, 0, 0, 0x99}

// Wire sends and receives whole frames at one end of a cable: any number of
// parties, at any addresses. It is not safe for concurrent use.
type Wire struct {
	End     End
	send    int
	receive int
	ring    []byte
	next    int // slot that is read next

	batch   [batchSize]message
	vectors [batchSize]unix.Iovec
	owners  [batchSize]*Stream
	waiting int
	refused uint64
}

// message is struct mmsghdr (recvmmsg(2)).
type message struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// NewWire opens an end.
func NewWire(end End) (w *Wire, err error) {
	w = &Wire{End: end, send: -1, receive: -1}
	defer func() {
		if err != nil {
			_ = w.Close() // the error that is told is the first
		}
	}()
	err = end.In.Do(func() error {
		device, err := net.InterfaceByName(end.Name)
		if err != nil {
			return err
		}
		if w.send, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return fmt.Errorf("a packet socket: %w", err)
		}
		// Without a protocol, a socket only sends.
		if err := unix.Bind(w.send, &unix.SockaddrLinklayer{Ifindex: device.Index}); err != nil {
			return err
		}
		// Room for what waits in the interface's queue: the default is less.
		if err := unix.SetsockoptInt(w.send, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 32<<20); err != nil {
			return err
		}
		if w.receive, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return fmt.Errorf("a packet socket: %w", err)
		}
		return w.open(device.Index)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", end.Name, err)
	}
	for i := range w.batch {
		w.batch[i].header.Iov = &w.vectors[i]
		w.batch[i].header.SetIovlen(1)
	}
	return w, nil
}

// open makes the ring (packet(7), TPACKET_V2) and begins to receive into it.
func (w *Wire) open(device int) error {
	request := unix.TpacketReq{Block_size: blockSize, Block_nr: slotSize * slotCount / blockSize, Frame_size: slotSize, Frame_nr: slotCount}
	if err := errors.Join(
		unix.SetsockoptInt(w.receive, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2),
		unix.SetsockoptInt(w.receive, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.SetsockoptTpacketReq(w.receive, unix.SOL_PACKET, unix.PACKET_RX_RING, &request),
	); err != nil {
		return fmt.Errorf("a packet ring: %w", err)
	}
	ring, err := unix.Mmap(w.receive, 0, slotSize*slotCount, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return fmt.Errorf("a packet ring: %w", err)
	}
	w.ring = ring
	const everything = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network order
	return unix.Bind(w.receive, &unix.SockaddrLinklayer{Protocol: everything & 0xffff, Ifindex: device})
}

// put queues the frame of a stream's packet, of batchSize at most. It must not
// change before it is flushed.
func (w *Wire) put(f *Frame, owner *Stream) {
	i := w.waiting
	w.vectors[i].Base = &f.bytes[0]
	w.vectors[i].SetLen(len(f.bytes))
	w.owners[i] = owner
	w.waiting++
}

// flush sends what is queued. What the interface's queue had no room for is taken
// back by its stream: it was never sent.
func (w *Wire) flush(now int64) {
	for first := 0; first < w.waiting; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(w.send), uintptr(unsafe.Pointer(&w.batch[first])),
			uintptr(w.waiting-first), unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			w.owners[first].Unsent(now)
			w.refused++
			n = 1
		}
		first += int(n)
	}
	w.waiting = 0
}

// Header of a slot (struct tpacket2_hdr): status, length, captured length, offsets
// of the link and network headers, seconds, nanoseconds.
const (
	atStatus  = 0
	atLength  = 8
	atLink    = 12
	atSeconds = 16
	atNanos   = 20
)

// take gives each received frame and its time of arrival, ns since 1970, and says
// how many there were, which are not more than a limit.
func (w *Wire) take(limit int, each func(frame []byte, at int64)) (n int) {
	for ; n < limit; n++ {
		slot := w.ring[w.next*slotSize : (w.next+1)*slotSize]
		status := (*uint32)(unsafe.Pointer(&slot[atStatus]))
		if atomic.LoadUint32(status)&unix.TP_STATUS_USER == 0 {
			return n
		}
		length := *(*uint32)(unsafe.Pointer(&slot[atLength]))
		link := *(*uint16)(unsafe.Pointer(&slot[atLink]))
		at := int64(*(*uint32)(unsafe.Pointer(&slot[atSeconds])))*1e9 + int64(*(*uint32)(unsafe.Pointer(&slot[atNanos])))
		each(slot[link:min(uint32(link)+length, slotSize)], at)
		atomic.StoreUint32(status, unix.TP_STATUS_KERNEL)
		w.next = (w.next + 1) % slotCount
	}
	return n
}

// Missed is how many frames came since the last time that it was asked and found
// the ring full.
func (w *Wire) Missed() (uint64, error) {
	s, err := unix.GetsockoptTpacketStats(w.receive, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, err
	}
	return uint64(s.Drops), nil
}

// Refused is how many frames the interface had no room for.
func (w *Wire) Refused() uint64 { return w.refused }

// Close lets go of the end.
func (w *Wire) Close() error {
	var errs []error
	if w.ring != nil {
		errs = append(errs, unix.Munmap(w.ring))
		w.ring = nil
	}
	for _, s := range []*int{&w.send, &w.receive} {
		if *s >= 0 {
			errs = append(errs, unix.Close(*s))
			*s = -1
		}
	}
	return errors.Join(errs...)
}
