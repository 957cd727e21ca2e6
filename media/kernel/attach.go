package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sort"
	"strings"

	"github.com/cilium/ebpf"
	tcx "github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// attachment is the program on one interface.
type attachment struct {
	link
	addressed bool
	held      tcx.Link
}

// detach takes the program off.
func (a *attachment) detach() error {
	if a.held == nil {
		return nil
	}
	return errors.Join(takeOff(a.held), a.held.Unpin(), a.held.Close())
}

// takeOff detaches a link at once, whoever else holds it. An interface that is
// gone has taken the program along.
func takeOff(l tcx.Link) error {
	if err := l.Detach(); err != nil && !errors.Is(err, unix.ENOLINK) && !errors.Is(err, unix.ENODEV) {
		return err
	}
	return nil
}

// loopback is the index of lo in every namespace.
const loopback = 1

// attach puts the program on every interface that serves and has an address, and
// on lo, and forgets those that are gone. It runs in the table's namespace, and one
// at a time, so that what it alone changes can be read without the lock. All that
// the kernel may take its time for is done without it: packets wait for Put and
// Remove.
func (t *Table) attach() error {
	links, err := t.net.links()
	if err != nil {
		return err
	}
	addressed, err := t.net.addressed()
	if err != nil {
		return err
	}
	if err := t.net.look(); err != nil {
		return err
	}
	var errs []error
	before, now := t.links, map[int]*attachment{}
	for _, l := range links {
		a := &attachment{link: l, addressed: addressed[l.index]}
		if old := before[l.index]; old != nil {
			a.held = old.held
		}
		now[l.index] = a
		if a.held != nil || !l.serves || !l.loopback && !a.addressed {
			continue
		}
		if err := t.attachTo(a); err != nil {
			errs = append(errs, err)
		}
	}
	t.mu.Lock()
	t.links = now // of a closed table too: Close detaches what is there when this has ended
	none := len(t.attached()) == 0
	t.mu.Unlock()
	for i, a := range before {
		if now[i] == nil {
			errs = append(errs, a.detach())
		}
	}
	if none {
		errs = append(errs, errors.New("no interface to attach to"))
	}
	return errors.Join(errs...)
}

func (t *Table) attachTo(a *attachment) error {
	program := t.objects.Relay
	if a.bare {
		program = t.objects.RelayBare
	}
	held, err := t.options.attach(tcx.TCXOptions{Interface: a.index, Program: program, Attach: ebpf.AttachTCXIngress})
	if err != nil {
		return explain("attach to "+a.name, err)
	}
	if t.pins != nil {
		if err := t.pins.link(held, a.index); err != nil {
			return errors.Join(err, held.Close())
		}
	}
	a.held = held
	return nil
}

// attached lists the names of the interfaces that the program is on. The caller
// holds mu.
func (t *Table) attached() []string {
	var names []string
	for _, a := range t.links {
		if a.held != nil {
			names = append(names, a.name)
		}
	}
	sort.Strings(names)
	return names
}

// Aside lists the interfaces with an address that the program is not on, and of what kind
// they are: "gre1 (gre)". What comes or goes there is relayed in user space.
func (t *Table) Aside() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for _, a := range t.links {
		if a.held == nil && a.up && a.addressed {
			names = append(names, a.name+" ("+a.what()+")")
		}
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}

// fits checks that the program can serve a direction.
func (e *Entry) fits() bool {
	family := e.Local.Addr().Unmap().Is4()
	if e.Local.Port()%2 != 0 { // RTP has the even ports (RFC 3550 section 11)
		return false
	}
	for _, a := range []netip.AddrPort{e.Local, e.Source, e.From, e.To} {
		if !a.IsValid() || a.Port() == 0 || a.Addr().Zone() != "" || a.Addr().Unmap().Is4() != family {
			return false
		}
	}
	return true
}

// out is where a direction's packets leave, and back where ours to its source would.
func (e *Entry) out() ends  { return ends{e.From.Addr().Unmap(), e.To.Addr().Unmap(), e.TOS} }
func (e *Entry) back() ends { return ends{e.Local.Addr().Unmap(), e.Source.Addr().Unmap(), e.TOS} }

// route checks that the program can serve a direction and finds its way out. It
// waits for nothing: ErrPending.
func (t *Table) route(e *Entry) (path, error) {
	if !e.fits() {
		return path{}, ErrPath
	}
	via, err := t.ways.find(e.out())
	back, errBack := t.ways.find(e.back())
	if err = errors.Join(err, errBack); err != nil {
		return path{}, err
	}
	via.fromHere = back.index == loopback
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.links[int(via.index)]
	if a == nil || !a.serves || a.loopback && a.index != loopback {
		return path{}, ErrPath
	}
	via.mtu = uint16(min(a.mtu, 1<<16-1))
	return via, nil
}

// Ready says whether it is known which way a direction goes, so that Put need not be tried again for that. It asks where
// it is not.
func (t *Table) Ready(source, local, from, to netip.AddrPort, tos uint8) bool {
	e := Entry{Local: local, Source: source, From: from, To: to, TOS: tos}
	_, err := t.ways.find(e.out())
	_, back := t.ways.find(e.back())
	return !errors.Is(err, ErrPending) && !errors.Is(back, ErrPending)
}

// watchLoop follows the host's interfaces and routes until the table is closed.
func (t *Table) watchLoop() {
	defer t.loops.Done()
	// Interfaces are numbered within a namespace, and a namespace is a thread's. The
	// thread ends with this loop.
	runtime.LockOSThread()
	if err := t.net.enter(); err != nil {
		t.options.Notice(fmt.Sprintf("media in the kernel: new interfaces are not noticed: %v", err))
		return
	}
	// What changed is not told apart: every change looks at everything anew.
	for t.net.events.news() {
		if err := t.attach(); err != nil {
			t.options.Notice(fmt.Sprintf("media in the kernel: %v", err))
		}
		t.moved()
	}
}

// policyLoop follows the host's policies of IPsec.
func (t *Table) policyLoop() {
	defer t.loops.Done()
	for t.net.ipsec.ask != nil && t.net.ipsec.events.news() {
		t.net.ipsec.changed()
		t.moved()
	}
}

// moved says that packets may leave another way from now on.
func (t *Table) moved() {
	t.ways.renew()
	t.routes.Add(1)
}
