package trial

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of io_uring(7): what is asked for, and what each thing is called there.
const (
	setupCQSize, setupSingleIssuer, setupDeferTaskrun    = 1 << 3, 1 << 12, 1 << 13
	offsetEntries                                        = 0x10000000
	opPollAdd, opSend, opRecv                            = 6, 26, 27
	entryFixedFile, entryBufferSelect, entrySkipSuccess  = 1 << 0, 1 << 5, 1 << 6
	recvMultishot, pollMultishot                         = 2, 1
	enterGetEvents                                       = 1
	completionMore                                       = 2
	registerFilesUpdate, registerFiles2, registerBuffers = 6, 13, 22
	registerSparse                                       = 1
)

const (
	ringEntries     = 4096
	ringCompletions = 16384
	ringBuffers     = 4096
	ringFiles       = 1 << 14

	bellMark = 1 << 40 // in place of a socket
	sendMark = 1 << 41
)

// offsets are where the parts of a queue lie in the memory that is shared.
type offsets struct {
	head, tail, mask, entries, fifth, sixth, seventh, eighth uint32
	_                                                        uint64
}

type parameters struct {
	entries, completions, flags, cpu, idle, features, workers uint32
	_                                                         [3]uint32
	submit, complete                                          offsets
}

// entry is struct io_uring_sqe.
type entry struct {
	op, flags    uint8
	priority     uint16
	fd           int32
	offset, addr uint64
	length, more uint32
	user         uint64
	group        uint16
	_            uint16
	_            uint32
	_            [2]uint64
}

// completion is struct io_uring_cqe.
type completion struct {
	user   uint64
	result int32
	flags  uint32
}

// buffer is struct io_uring_buf; the tail of their ring is in the first one.
type buffer struct {
	addr   uint64
	length uint32
	number uint16
	tail   uint16
}

// ring is a thread with one queue of things to do and one of things done.
type ring struct {
	fd, bell int

	tail, submitted uint32
	sharedTail      *uint32
	mask            uint32
	entries         []entry

	head, completed *uint32
	completionMask  uint32
	completions     []completion

	buffers    []buffer
	bufferTail uint16
	memory     []byte

	table [ringFiles]*direction // of the thread
	fresh struct {
		sync.Mutex // protects what follows
		list       []*direction
	}
}

func startRing() (func(*[2]*direction) error, error) {
	r, began := new(ring), make(chan error)
	var err error
	if r.bell, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return nil, err
	}
	go r.relayLoop(began)
	return r.open, <-began
}

// open leaves the rest to the thread: only it may submit.
func (r *ring) open(c *[2]*direction) error {
	if err := sockets(c, true); err != nil {
		return err
	}
	if max(c[0].in, c[1].in) >= ringFiles {
		return errors.New("too many files are open")
	}
	r.fresh.Lock()
	r.fresh.list = append(r.fresh.list, c[:]...)
	r.fresh.Unlock()
	_, err := unix.Write(r.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	return err
}

func (r *ring) register(what uintptr, arg unsafe.Pointer, n uintptr) error {
	if _, _, e := unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), what, uintptr(arg), n, 0, 0); e != 0 {
		return fmt.Errorf("io_uring_register %d: %w", what, e)
	}
	return nil
}

func (r *ring) setup() error {
	p := parameters{flags: setupCQSize | setupSingleIssuer | setupDeferTaskrun, completions: ringCompletions}
	fd, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, ringEntries, uintptr(unsafe.Pointer(&p)), 0)
	if e != 0 {
		return fmt.Errorf("io_uring_setup: %w", e)
	}
	r.fd = int(fd)
	const access, populate = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	array, done := p.submit.seventh, p.complete.sixth
	queues, err := unix.Mmap(r.fd, 0, int(max(array+4*p.entries, done+16*p.completions)), access, populate)
	if err != nil {
		return err
	}
	list, err := unix.Mmap(r.fd, offsetEntries, int(p.entries)*int(unsafe.Sizeof(entry{})), access, populate)
	if err != nil {
		return err
	}
	at := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&queues[offset])) }
	r.sharedTail, r.mask = at(p.submit.tail), *at(p.submit.mask)
	r.head, r.completed, r.completionMask = at(p.complete.head), at(p.complete.tail), *at(p.complete.mask)
	r.completions = unsafe.Slice((*completion)(unsafe.Pointer(at(done))), p.completions)
	r.entries = unsafe.Slice((*entry)(unsafe.Pointer(&list[0])), p.entries)
	for i, places := 0, unsafe.Slice(at(array), p.entries); i < len(places); i++ {
		places[i] = uint32(i)
	}
	files := struct {
		n, flags uint32
		_        [3]uint64
	}{n: ringFiles, flags: registerSparse}
	if err := r.register(registerFiles2, unsafe.Pointer(&files), unsafe.Sizeof(files)); err != nil {
		return err
	}
	shared, err := unix.Mmap(-1, 0, ringBuffers*int(unsafe.Sizeof(buffer{})), access, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	if r.memory, err = unix.Mmap(-1, 0, ringBuffers*room, access, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS); err != nil {
		return err
	}
	r.buffers = unsafe.Slice((*buffer)(unsafe.Pointer(&shared[0])), ringBuffers)
	group := struct {
		addr    uint64
		entries uint32
		_       uint32
		_       [3]uint64
	}{addr: uint64(uintptr(unsafe.Pointer(&shared[0]))), entries: ringBuffers}
	if err := r.register(registerBuffers, unsafe.Pointer(&group), 1); err != nil {
		return err
	}
	for i := range uint16(ringBuffers) {
		r.give(i)
	}
	r.publish()
	return nil
}

// give lends a buffer to the kernel, once it is published.
func (r *ring) give(number uint16) {
	b := &r.buffers[r.bufferTail%ringBuffers]
	b.addr, b.length, b.number = uint64(uintptr(unsafe.Pointer(&r.memory[int(number)*room]))), room, number
	r.bufferTail++
}

func (r *ring) publish() {
	first := &r.buffers[0]
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&first.number)), uint32(first.number)|uint32(r.bufferTail)<<16)
}

func (r *ring) ask(e entry) {
	r.entries[r.tail&r.mask] = e
	r.tail++
}

func (r *ring) receive(socket int) {
	r.ask(entry{op: opRecv, flags: entryFixedFile | entryBufferSelect, priority: recvMultishot, fd: int32(socket), user: uint64(socket)})
}

func (r *ring) listen() {
	r.ask(entry{op: opPollAdd, fd: int32(r.bell), length: pollMultishot, more: unix.POLLIN, user: bellMark})
}

func (r *ring) relayLoop(began chan<- error) {
	runtime.LockOSThread()
	if err := r.setup(); err != nil {
		began <- err
		return
	}
	r.listen()
	close(began)
	used := make([]uint16, 0, ringBuffers)
	for {
		atomic.StoreUint32(r.sharedTail, r.tail)
		n, _, e := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(r.tail-r.submitted), 1, enterGetEvents, 0, 0)
		if e != 0 {
			continue // interrupted, or too much is done that was not looked at
		}
		// What was submitted was sent or has failed: sends do not wait.
		if r.submitted += uint32(n); r.submitted == r.tail {
			for _, b := range used {
				r.give(b)
			}
			used = used[:0]
			r.publish()
		}
		head, end := *r.head, atomic.LoadUint32(r.completed)
		for ; head != end && r.tail-r.submitted < ringEntries/2; head++ {
			switch c := r.completions[head&r.completionMask]; {
			case c.user == bellMark:
				r.welcome(c.flags&completionMore == 0)
			case c.user < bellMark:
				if c.flags&completionMore == 0 {
					r.receive(int(c.user))
				}
				if c.result >= 0 {
					number := uint16(c.flags >> 16)
					used = append(used, number)
					r.send(r.table[c.user], r.memory[int(number)*room:][:c.result])
				}
			}
		}
		atomic.StoreUint32(r.head, head)
	}
}

// send asks for a packet to be sent, if it is to be.
func (r *ring) send(d *direction, b []byte) {
	if d.rewrite(b) {
		r.ask(entry{op: opSend, flags: entryFixedFile | entrySkipSuccess, fd: int32(d.out), addr: uint64(uintptr(unsafe.Pointer(&b[0]))), length: uint32(len(b)),
			more: unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL, user: sendMark})
	}
}

// welcome begins to receive for calls that were opened. Many at once have more to ask than there is room for, so that
// those that are left over wait for another ring of the bell.
func (r *ring) welcome(again bool) {
	var count [8]byte
	_, _ = unix.Read(r.bell, count[:])
	if again {
		r.listen()
	}
	r.fresh.Lock()
	defer r.fresh.Unlock()
	n := min(len(r.fresh.list), ringEntries/4)
	for _, d := range r.fresh.list[:n] {
		socket := int32(d.in)
		update := struct {
			offset, _ uint32
			data      uint64
		}{offset: uint32(socket), data: uint64(uintptr(unsafe.Pointer(&socket)))}
		if err := r.register(registerFilesUpdate, unsafe.Pointer(&update), 1); err != nil {
			panic(err)
		}
		r.table[socket] = d
	}
	for _, d := range r.fresh.list[:n] {
		r.receive(d.in)
	}
	if r.fresh.list = r.fresh.list[n:]; len(r.fresh.list) > 0 {
		_, _ = unix.Write(r.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}
