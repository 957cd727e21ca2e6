package admin

import (
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// Status is what a server says of itself.
type Status struct {
	State      string            `json:"state"` // StateReady or StateDraining
	Version    string            `json:"version"`
	PID        int               `json:"pid"`
	StartedAt  time.Time         `json:"started_at"`
	Listeners  []ListenerStatus  `json:"listeners"`
	Trunks     []TrunkStatus     `json:"trunks"`
	Pools      []PoolStatus      `json:"pools"`
	Offload    OffloadStatus     `json:"offload"`
	Limits     *LimitStatus      `json:"limits,omitempty"`
	Numbers    []NumberStatus    `json:"numbers,omitempty"` // by tenant, at the last look
	Ranges     []RangeStatus     `json:"ranges,omitempty"`  // older ones
	BlockLists *BlockListStatus  `json:"block_lists,omitempty"`
	Blocks     int               `json:"blocks"`             // held
	Calls      int               `json:"calls"`              // that go on
	Records    uint64            `json:"records"`            // seq of the last call record
	Counters   map[string]uint64 `json:"counters,omitempty"` // since the start, by name
}

// BlockListStatus is how full the block lists are.
type BlockListStatus struct {
	Entries    int               `json:"entries"`
	Most       int               `json:"most"`        // that there may be
	TenantMost int               `json:"tenant_most"` // of one tenant
	Tenants    []BlockListTenant `json:"tenants"`     // those with most, MostBlockListTenants at most
}

// BlockListTenant is a tenant that has entries.
type BlockListTenant struct {
	Tenant  string `json:"tenant"`
	Entries int    `json:"entries"`
}

// MostBlockListTenants bounds BlockListStatus.Tenants.
const MostBlockListTenants = 10

// Values of Status.State.
const (
	StateReady    = "ready"
	StateDraining = "draining"
)

// OffloadStatus says whether the kernel relays settled calls itself.
type OffloadStatus struct {
	On      string `json:"on,omitempty"`    // interfaces: "eth0, lo"
	Aside   string `json:"aside,omitempty"` // those that stay in user space, and their kinds: "gre1 (gre)"
	Off     string `json:"off,omitempty"`   // why it does not
	Entries int    `json:"entries"`         // directions that it relays now
	Room    int    `json:"room"`            // at most
}

// ListenerStatus is a socket that SIP is received on.
type ListenerStatus struct {
	Name      string `json:"name"`
	Bind      string `json:"bind"` // "udp:192.0.2.1:5060", with the true port
	Advertise string `json:"advertise,omitempty"`
}

// TrunkStatus is a trunk and whether its targets answer.
type TrunkStatus struct {
	Name    string         `json:"name"`
	Targets []TargetStatus `json:"targets"`

	Registration *RegistrationStatus `json:"registration,omitempty"` // nil: it has none
}

// RegistrationStatus is how our registration at a trunk stands.
type RegistrationStatus struct {
	State      string    `json:"state"`          // "trying", "registered", "waiting", "leaving" or "over"
	Registered bool      `json:"registered"`     // calls can come in
	Until      time.Time `json:"until,omitzero"` // what is or was registered lasts so long
	Status     int       `json:"status"`         // of the last response; 0: there was none
}

// TargetStatus is one target of a trunk. It is up when one of its hops is.
type TargetStatus struct {
	Target string      `json:"target"`
	State  string      `json:"state"` // "up", "down", "unknown" when it is not asked, "unresolved" when it has no address
	Hops   []HopStatus `json:"hops,omitempty"`
}

// HopStatus is one address of a target.
type HopStatus struct {
	Address string    `json:"address"` // "192.0.2.10:5060"
	Network string    `json:"network"` // udp, tcp, tls
	State   string    `json:"state"`   // "up", "down", "unknown"
	Since   time.Time `json:"since"`
	Losses  int       `json:"losses"` // requests in a row that had no answer
}

// PoolStatus is a range of ports for media, counted in pairs.
type PoolStatus struct {
	Name    string `json:"name"`
	Total   int    `json:"total"`
	InUse   int    `json:"in_use"`
	Resting int    `json:"resting"`
}

// NumberStatus is how the 700 numbers of a tenant's blocks stand. What is not open is not counted as free.
type NumberStatus struct {
	Tenant  string    `json:"tenant"`
	Blocks  int       `json:"blocks"`            // held
	Open    int       `json:"open"`              // of them, to new bindings
	InUse   int       `json:"in_use"`            // a binding on it lives
	Locked  int       `json:"locked"`            // one by one
	Worn    int       `json:"worn,omitempty"`    // as many bindings were on them as one takes; not drawn until retention deletes the oldest
	Free    int       `json:"free"`              // may be drawn
	Fresh   int       `json:"fresh"`             // of the free ones: never in use
	Resting int       `json:"resting"`           // of the free ones: in use less than the quarantine ago
	PerHour float64   `json:"per_hour"`          // taken more than came back: the faster of the last hour and the last day
	RunsOut time.Time `json:"runs_out,omitzero"` // when none is free to anybody, if it goes on so; zero: it does not
	// Closed is how many bindings were refused since the start because the free numbers that were tried were closed to their parties, who were on them
	// less than the quarantine ago or are. RunsOut knows nothing of that.
	Closed uint64 `json:"closed,omitempty"`
}

// RangeStatus is an older range of numbers that is configured.
type RangeStatus struct {
	Prefix string    `json:"prefix"`
	Length int       `json:"length"`         // digits of a whole number
	Until  time.Time `json:"until,omitzero"` // when it is not served any more; zero: no end is configured
	Ended  bool      `json:"ended"`          // that is over
	Blocks int       `json:"blocks"`         // held
	InUse  int       `json:"in_use"`         // numbers of theirs on which bindings live
}

// Call is a call that goes on, as the node knows it.
type Call struct {
	State  string     // the call machine's word
	Held   string     // who holds it: cdr.ByCaller, cdr.ByCallee, HeldByBoth or nobody
	Record cdr.Record // as far as it is known, with the audio so far
	Minute *Minute    // of the audio; nil: not asked for
}

// Minute is the last minute of a call's audio, as it came from each party, the oldest second first.
type Minute struct {
	Caller []Second `json:"caller"`
	Callee []Second `json:"callee"`
}

// Second is one second of audio.
type Second struct {
	Packets     uint32  `json:"packets"`
	Lost        uint32  `json:"lost"`
	JitterMS    float64 `json:"jitter_ms"`
	RoundTripMS float64 `json:"round_trip_ms"` // 0: not known
}

// CallView is a call in JSON, one that goes on or one that has ended, with real numbers masked unless they were asked for. It is the view of its
// record, as far as there is one, with what is known of a live call alone.
type CallView struct {
	Live  bool   `json:"live"`
	State string `json:"state"` // the call machine's word, StateEnded when the call is not live
	Held  string `json:"held"`  // who has the other on hold: "caller", "callee", "both", or empty
	cdr.View
	Minute *Minute `json:"minute,omitempty"` // of a live call that was asked for by its id
}

// StateEnded is CallView.State of a call that has ended.
const StateEnded = "ended"

// HeldByBoth is Call.Held when neither party hears the other.
const HeldByBoth = "both"

// View returns c as it may be shown.
func (c Call) View(show Show) CallView {
	return CallView{Live: true, State: c.State, Held: c.Held, View: c.Record.ViewWith(show), Minute: c.Minute}
}

// CheckReport is what a check of the store found.
type CheckReport struct {
	Blocks   uint64 `json:"blocks"`
	Bindings uint64 `json:"bindings"` // in any state
	Live     uint64 `json:"live"`     // of them
	Records  uint64 `json:"records"`  // of calls that ended
	Open     uint64 `json:"open"`     // of calls that go on
	// Rows whose key was destroyed, and of the first hundred which they are. They are no problem.
	ErasedBindings uint64   `json:"erased_bindings"`
	ErasedRecords  uint64   `json:"erased_records"`
	Erased         []string `json:"erased"`
	Problems       []string `json:"problems"` // a sentence each, without numbers; empty: all is well
}

// BindingQuery selects bindings; what is empty does not restrict.
type BindingQuery struct {
	Number  string `json:"number,omitempty"`
	X       string `json:"x,omitempty"`
	Order   string `json:"order,omitempty"`
	Consent string `json:"consent,omitempty"` // a former one too
	Live    bool   `json:"live,omitempty"`    // only those that carry calls now
	After   string `json:"after,omitempty"`   // id: the page begins behind it
	Limit   int    `json:"limit,omitempty"`   // at most 1000; 0: 100
}

// HardDelete is a binding that was ended together with its calls.
type HardDelete struct {
	binding.View
	CallsEnded int `json:"calls_ended"`
}

// BindingPage is a page of bindings, in order of id; of what was asked for by a number, an order or a consent newest first.
type BindingPage struct {
	Bindings []binding.View `json:"bindings"`
	Next     string         `json:"next,omitempty"` // After of the next page; empty: this is the last
}

// BatchResult is the result of one row of a batch: one of Binding and Problem is set.
type BatchResult struct {
	Row     int           `json:"row"` // from 1
	Binding *binding.View `json:"binding,omitempty"`
	Again   bool          `json:"again,omitempty"` // it was there already
	Problem *Problem      `json:"error,omitempty"`
}

// Question is a call or a text to be explained.
type Question struct {
	Kind    string    `json:"kind,omitempty"`   // "text"; "call" or nothing: a call
	Caller  string    `json:"caller,omitempty"` // empty: the call shows none
	Dialled string    `json:"dialled"`          // an extension may follow
	At      time.Time `json:"at,omitzero"`      // zero: now
}

// Explanation says what would become of a call or a text.
type Explanation struct {
	Kind       string           `json:"kind"` // call or text
	Dialled    binding.X        `json:"dialled"`
	Extension  string           `json:"extension"` // dialled behind it
	Caller     binding.Masked   `json:"caller"`
	At         time.Time        `json:"at"`
	Held       bool             `json:"held"`               // this installation holds the block of the number
	Connected  bool             `json:"connected"`          // an edge matched
	Refusal    binding.Refusal  `json:"refusal"`            // why not
	Answer     int              `json:"answer"`             // status of the answer to what is refused; 0: it is carried
	Rule       string           `json:"rule,omitempty"`     // after the match, the one that refuses
	Shadow     []string         `json:"shadow,omitempty"`   // those that would refuse and only report
	Remote     string           `json:"remote,omitempty"`   // what the endpoint of the number answered
	Evidence   string           `json:"evidence,omitempty"` // of that rule: the entry of a block list
	Numbers    string           `json:"numbers,omitempty"`  // of a text: what becomes of telephone numbers in it, pass, mask or refuse
	Binding    string           `json:"binding"`            // the one matched, or the one that stands in the way
	Rings      binding.Masked   `json:"rings"`              // whose handset rings
	Then       []binding.Masked `json:"then,omitempty"`     // and after that, one after the other, where that one does not answer
	Shows      binding.X        `json:"shows"`              // what it shows
	Candidates []Candidate      `json:"candidates"`
}

// Candidate is an edge that did not match, and why.
type Candidate struct {
	Binding string `json:"binding"`
	binding.Leg
	Why string `json:"why"`
}
