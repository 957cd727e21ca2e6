// Package kernel relays settled RTP directions inside the kernel: a program on
// tcx ingress takes the packets of a direction from the socket that they go to,
// gives them the identifiers that package rebase would, and sends them on.
// What a direction's entry does not describe exactly goes up to the socket as it
// is: RTCP, telephone events, STUN, another SSRC, headers with anything extra.
// Packets from another source are dropped and counted, but for one that an entry may name: the socket judges those.
//
// The package knows nothing of sessions. It needs Linux 6.6, CAP_BPF,
// CAP_NET_ADMIN and CAP_PERFMON.
package kernel

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	tcx "github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"mask700/crash"
)

// ErrUnsupported says that the kernel lacks what the program needs.
var ErrUnsupported = errors.New("this kernel has no tcx, which came with Linux 6.6")

// ErrNotPermitted says that the process may not load programs or attach them.
var ErrNotPermitted = errors.New("the process needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON")

// ErrInUse says that another process has the directory of pins.
var ErrInUse = errors.New("another process uses these pins")

// ErrFull says that every entry is taken or resting, or that four of our addresses
// have this port already.
var ErrFull = errors.New("the kernel's table is full")

// ErrClosed says that the table was closed.
var ErrClosed = errors.New("the kernel's table is closed")

// ErrPath says that a direction must stay in user space: its families differ, it
// leaves over an interface of a kind that the program does not serve, or a policy of
// IPsec may be about it.
var ErrPath = errors.New("no path in the kernel")

// Options configures a Table.
type Options struct {
	Entries int           // directions at once, up to MaxEntries; 0: 4096
	Dir     string        // directory for pins, below a mounted bpffs that we may write to; "": nothing is pinned
	Lease   time.Duration // how long entries outlive a process that died; 0: 2 minutes
	Notice  func(string)  // told what changes later, in words; nil: nobody

	attach func(tcx.TCXOptions) (tcx.Link, error) // for tests; nil: tcx.AttachTCX
}

// usualLease is long enough for a process to be started again that was killed, or for one
// that is stopped by a debugger or a machine that swaps. A call that its parties end
// meanwhile is relayed until it is over, if either goes on sending.
const usualLease = 2 * time.Minute

// MaxEntries bounds the entries of a table.
const MaxEntries = 1 << 20

// Table is the program, its maps and where it is attached. Its methods may be
// called from any goroutine.
type Table struct {
	options Options
	objects relayObjects
	slots   []relaySlot // memory shared with the program
	ports   []relayPort // likewise
	lease   *uint64     // likewise
	pins    *pins       // nil: none
	net     *network
	ways    *ways
	grace   *grace
	routes  atomic.Uint64
	done    chan struct{}
	retired chan struct{} // holds one token when slots wait for their grace
	loops   sync.WaitGroup

	mu      sync.Mutex // protects everything below
	free    []uint32   // slots
	resting []uint32   // slots that a program may still be at work on
	used    int
	links   map[int]*attachment // by interface; attach replaces it and leaves what is in it as it is
	closed  bool
}

// Open loads the program, attaches it to every interface that has an address, and
// removes what a dead process left in Dir. The error says why the kernel's path
// cannot be used.
func Open(o Options) (*Table, error) {
	if o.Entries == 0 {
		o.Entries = 4096
	}
	if o.Lease == 0 {
		o.Lease = usualLease
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	if o.attach == nil {
		o.attach = tcx.AttachTCX
	}
	if o.Entries < 0 || o.Entries > MaxEntries {
		return nil, fmt.Errorf("media in the kernel: %d entries: take 1 to %d", o.Entries, MaxEntries)
	}
	t := &Table{options: o, done: make(chan struct{}), retired: make(chan struct{}, 1), links: map[int]*attachment{}}
	if err := t.open(); err != nil {
		t.release()
		return nil, fmt.Errorf("media in the kernel: %w", err)
	}
	t.loops.Add(3)
	go crash.Guard(t.restLoop)()
	go crash.Guard(t.watchLoop)()
	go crash.Guard(t.policyLoop)()
	t.loops.Go(crash.Guard(func() { t.ways.loop(t.done) }))
	return t, nil
}

func (t *Table) open() error {
	var err error
	if t.options.Dir != "" {
		// Where only root may pin, calls are relayed all the same.
		if t.pins, err = takePins(t.options.Dir); notOurs(t.options.Dir, err) {
			t.options.Notice(fmt.Sprintf("media in the kernel: nothing is pinned, what is relayed there ends with the process: %v", err))
		} else if err != nil {
			return err
		}
	}
	spec, err := loadRelay()
	if err != nil {
		return err
	}
	spec.Maps[relayMapSlots].MaxEntries = uint32(t.options.Entries)
	if err := spec.LoadAndAssign(&t.objects, nil); err != nil {
		return explain("load the program", err)
	}
	if err := t.share(); err != nil {
		return err
	}
	if t.grace, err = newGrace(); err != nil {
		return explain("make a map of maps", err)
	}
	for i := range t.options.Entries {
		t.free = append(t.free, uint32(t.options.Entries-1-i))
	}
	t.renew()
	if t.pins != nil {
		if err := t.pins.maps(&t.objects.relayMaps); err != nil {
			return err
		}
	}
	if t.net, err = openNetwork(); err != nil {
		return err
	}
	t.ways = newWays(2*t.options.Entries, t.net.way)
	return t.attach()
}

// share maps the memory of the slots and of the lease into the process, so that
// neither counting nor confirming costs a system call. It stays mapped after Close:
// flows may still be looked at.
func (t *Table) share() error {
	if size := unsafe.Sizeof(relaySlot{}); uint32(size) != t.objects.Slots.ValueSize() {
		return fmt.Errorf("a slot has %d bytes here and %d in the kernel", size, t.objects.Slots.ValueSize())
	}
	slots, err := t.mmap(t.objects.Slots)
	if err != nil {
		return err
	}
	t.slots = unsafe.Slice((*relaySlot)(unsafe.Pointer(&slots[0])), t.options.Entries)
	ports, err := t.mmap(t.objects.Ports)
	if err != nil {
		return err
	}
	t.ports = unsafe.Slice((*relayPort)(unsafe.Pointer(&ports[0])), t.objects.Ports.MaxEntries())
	lease, err := t.mmap(t.objects.Lease)
	if err != nil {
		return err
	}
	t.lease = (*uint64)(unsafe.Pointer(&lease[0]))
	return nil
}

func (t *Table) mmap(m *ebpf.Map) ([]byte, error) {
	size := int(m.ValueSize()) * int(m.MaxEntries())
	page := os.Getpagesize()
	b, err := unix.Mmap(m.FD(), 0, (size+page-1)/page*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map memory of the kernel's: %w", err)
	}
	return b, nil
}

// explain makes the reason of a refusal plain.
func explain(what string, err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES) && !mayMeasure():
		return fmt.Errorf("%s: %w", what, ErrNotPermitted)
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("%s: %w", what, ErrUnsupported)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// mayMeasure says whether the thread has CAP_PERFMON, without which the kernel
// takes only programs that give nothing away even when it runs ahead of a branch.
func mayMeasure() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var has [2]unix.CapUserData
	return unix.Capget(&header, &has[0]) == nil && has[1].Effective&(1<<(unix.CAP_PERFMON-32)) != 0
}

// String says where the program is attached, as for a status line: "eth0, lo".
func (t *Table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.attached(), ", ")
}

// Len is the number of directions in the kernel now, and Cap how many there may
// be.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used
}

// Cap is how many directions there may be at once.
func (t *Table) Cap() int { return t.options.Entries }

// Routes is a number that changes when the host's interfaces, addresses, routes or
// policies of IPsec do. Entries made before may lead nowhere: put them anew.
func (t *Table) Routes() uint64 { return t.routes.Load() }

// Pinned says whether entries outlive the process.
func (t *Table) Pinned() bool { return t.pins != nil }

// Close ends every entry, detaches the program and removes the pins.
func (t *Table) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	atomic.StoreUint64(t.lease, 0)
	t.mu.Unlock()
	close(t.done)
	err := t.net.interrupt()
	t.loops.Wait()
	return errors.Join(err, t.release())
}

// release gives back whatever was taken.
func (t *Table) release() error {
	var errs []error
	for i, a := range t.links {
		errs = append(errs, a.detach())
		delete(t.links, i)
	}
	if t.pins != nil {
		errs = append(errs, t.pins.close())
	}
	if t.objects.Relay != nil {
		errs = append(errs, t.objects.Close())
	}
	if t.grace != nil {
		errs = append(errs, t.grace.close())
	}
	if t.net != nil {
		errs = append(errs, t.net.close())
	}
	return errors.Join(errs...)
}

// Monotonic is the time that the program counts with, in ns.
func Monotonic() int64 {
	var ts unix.Timespec
	// Cannot fail: the clock exists and the pointer is good.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

// renew moves the lease on.
func (t *Table) renew() { atomic.StoreUint64(t.lease, uint64(Monotonic()+int64(t.options.Lease))) }
