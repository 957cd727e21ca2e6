// Package register keeps one account registered upstream (RFC 3261 section 10) as
// a pure state machine: responses and timers go in, requests and the time to the
// next timer come out.
//
//	              Start, Fired
//	 [ Waiting ] --------------> [ Trying ]  401, 407, 423: once more, said better
//	      ^                        |     |   no answer, 5xx: the next hop
//	      |    refused, no hop left|     | 200 with our Contact
//	      '------------------------'     v
//	                     Fired    [ Registered ]
//	              [ Trying ] <-----------'
//
//	Stop: REGISTER with Expires 0 while there is something to take back, once the
//	request on its way has its answer -> [ Leaving ] -> [ Over ]
//
// A failure does not end what was registered before: that lasts until its time is
// over, and is tried to be renewed until then and after.
package register

import (
	"net/netip"
	"strings"
	"time"

	"mask700/sip/call"
	"mask700/sip/digest"
	"mask700/sip/flow"
	"mask700/sip/message"
)

// Times of the machine.
const (
	firstPause = 5 * time.Second // after a failure, doubled with every other
	lastPause  = 5 * time.Minute
	longPause  = time.Hour       // the longest that a Retry-After is heeded
	least      = time.Second / 2 // between two requests, whatever a registrar says
	short      = time.Minute     // an interval that is renewed at half of its time
	margin     = 30 * time.Second
	longest    = 24 * time.Hour // the longest interval that a registrar may insist on
)

// maxBrief is how often in a row an interval may be called too brief.
const maxBrief = 3

// State is where a registration stands.
type State uint8

// The states of the diagram above.
const (
	Idle State = iota
	Trying
	Registered
	Waiting
	Leaving
	Over
)

var stateNames = [...]string{"idle", "trying", "registered", "waiting", "leaving", "over"}

// String names the state for people.
func (s State) String() string { return stateNames[s] }

// Config is what is registered.
type Config struct {
	AOR     string // "sip:gw1@example.net": a sip: or sips: URI of user and host alone
	User    string // of our Contact
	Expires time.Duration
	Account *digest.Account // nil: a challenge is a refusal
	CallID  string          // the same for every request (section 10.2.4)
	Tag     string          // of From
}

// Env is what a step has beside the machine itself.
type Env struct {
	Now    time.Time
	Hops   []call.Hop    // the ways to the registrar, the best first
	Random float64       // in [0, 1), of this step: spreads what would come all at once
	Mint   func() string // text that nobody could foresee
}

// Step is what is to be done. A timer that runs is replaced; Wait 0 stops it.
type Step struct {
	Request *message.Request // to be sent; Via and Branch are for who sends it
	Hop     call.Hop         // its way
	Wait    time.Duration    // until Fired is to be called
}

// Machine is one registration.
type Machine struct {
	config   Config
	state    State
	seq      uint32
	session  digest.Session
	tries    digest.Tries  // of the request on its way
	interval time.Duration // asked for
	brief    int           // how often in a row it was called too brief
	until    time.Time     // what is registered lasts so long
	status   int           // of the last final response, 0: there was none
	failures int           // in a row
	stopping bool
	hop      call.Hop // of the last request
	home     call.Hop // of the last one that was granted
	resting  []resting
}

// resting is a hop that failed, and when it may be tried again.
type resting struct {
	place place
	until time.Time
}

// place is what tells hops apart.
type place struct {
	network flow.Network
	remote  netip.AddrPort
}

func placeOf(h call.Hop) place { return place{h.Flow.Network, h.Flow.Remote} }

// New returns a machine that has not begun.
func New(c Config) *Machine { return &Machine{config: c, interval: c.Expires} }

// View is a registration as an operator sees it.
type View struct {
	State      State
	Registered bool      // calls can come in
	Until      time.Time // what is or was registered lasts so long; zero: nothing was
	Status     int       // of the last final response; 0: there was none
}

// View says how it stands.
func (m *Machine) View(now time.Time) View {
	return View{State: m.state, Registered: now.Before(m.until), Until: m.until, Status: m.status}
}

// Start begins.
func (m *Machine) Start(env Env) Step {
	if m.state != Idle {
		return Step{}
	}
	return m.try(env)
}

// Fired is for the timer of the last step that set one.
func (m *Machine) Fired(env Env) Step {
	if m.state != Waiting && m.state != Registered {
		return Step{}
	}
	return m.try(env)
}

// Stop takes back what is registered. When the state is Over after it, there is
// nothing to wait for.
func (m *Machine) Stop(env Env) Step {
	switch m.state {
	case Over, Leaving:
		return Step{}
	case Trying:
		m.stopping = true // section 10.2: one request at a time
		return Step{}
	}
	return m.leave(env)
}

// leave asks to be forgotten (section 10.2.2), where there is something to
// forget.
func (m *Machine) leave(env Env) Step {
	if !env.Now.Before(m.until) {
		m.state = Over
		return Step{}
	}
	m.state, m.hop = Leaving, m.home
	m.interval = 0
	return m.ask(env)
}

// try sends a REGISTER on the best hop that does not rest, or waits for one.
func (m *Machine) try(env Env) Step {
	kept := m.resting[:0]
	for _, r := range m.resting {
		if r.until.After(env.Now) {
			kept = append(kept, r)
		}
	}
	m.resting = kept
	h, ok := m.choose(env.Hops)
	if !ok {
		m.status = 0
		return m.pause(env, 0)
	}
	m.state, m.hop = Trying, h
	return m.ask(env)
}

// choose finds a hop that does not rest: the one where we are registered, unless
// it is down; else the first that is not, and only then one that is.
func (m *Machine) choose(hops []call.Hop) (call.Hop, bool) {
	best := -1
	for i, h := range hops {
		if m.rests(h) {
			continue
		}
		switch {
		case placeOf(h) == placeOf(m.home) && !h.Down:
			return h, true
		case best < 0, hops[best].Down && !h.Down:
			best = i
		}
	}
	if best < 0 {
		return call.Hop{}, false
	}
	return hops[best], true
}

func (m *Machine) rests(h call.Hop) bool {
	for _, r := range m.resting {
		if r.place == placeOf(h) {
			return true
		}
	}
	return false
}

// ask composes the next REGISTER (section 10.2), on the hop that is chosen.
func (m *Machine) ask(env Env) Step {
	m.seq++
	registrar, address := m.parties()
	r := &message.Request{
		Method: "REGISTER", Target: registrar, From: "<" + address + ">;tag=" + m.config.Tag, To: "<" + address + ">",
		CallID: m.config.CallID, CSeq: m.seq, MaxForwards: 70, Contact: m.contact(),
		Expires: message.In(int(m.interval / time.Second)),
	}
	m.session.Sign(&m.tries, r, m.config.Account, env.Mint)
	return Step{Request: r, Hop: m.hop}
}

// parties are the Request-URI, the domain without a user, and the address that is
// registered.
func (m *Machine) parties() (registrar, address string) {
	scheme, rest, _ := strings.Cut(m.config.AOR, ":")
	_, host, _ := strings.Cut(rest, "@")
	return scheme + ":" + host, m.config.AOR
}

// contact is ours on the hop.
func (m *Machine) contact() string {
	uri := "sip:" + m.config.User + "@" + m.hop.Host
	switch {
	case strings.HasPrefix(m.config.AOR, "sips:"):
		uri = "sips:" + m.config.User + "@" + m.hop.Host
	case m.hop.Flow.Network != flow.UDP:
		uri += ";transport=" + m.hop.Flow.Network.String()
	}
	return "<" + uri + ">"
}
