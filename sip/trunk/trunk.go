// Package trunk knows the peers that calls come from and go to: which trunk a
// packet belongs to, where a trunk says who is calling, and how numbers and URIs
// are written toward it. It is pure: it resolves no name and opens no socket.
package trunk

import (
	"net/netip"
	"time"

	"mask700/binding"
	"mask700/sip/digest"
)

// CallerField is a header in which a trunk says who is calling.
type CallerField string

// The headers of Trunk.Caller.
const (
	PAI  CallerField = "pai"  // P-Asserted-Identity (RFC 3325)
	RPID CallerField = "rpid" // Remote-Party-ID
	From CallerField = "from"
)

// Values of Trunk.Identity; "" is none.
const (
	IdentityNone = "none"
	IdentityPAI  = "pai"
	IdentityRPID = "rpid"
)

// Values of Trunk.EarlyMedia; "" is pass.
const (
	EarlyPass    = "pass"
	EarlyRinging = "ringing" // 18x go up as 180 without a description
)

// Values of Trunk.Latch; "" is strict.
const (
	LatchStrict = "strict" // media from the signalled address, or behind a NAT from signalling's; the port is learnt
	LatchSubnet = "subnet" // from the /24 or /64 around it, too
	LatchOff    = "off"    // from the signalled address and port alone
)

// Values of Trunk.Reliable; "" is supported.
const (
	ReliableSupported = "supported" // provisional responses are reliable when both want it (RFC 3262)
	ReliableRequired  = "required"  // calls to it require them of it
	ReliableOff       = "off"
)

// Values of Trunk.Refer; "" is refuse.
const (
	ReferRefuse = "refuse"
	ReferAllow  = "allow" // a REFER is carried out here
)

// Values of Trunk.Prompt; "" is none.
const (
	PromptEarly  = "early"  // a caller that is refused hears why before the refusal
	PromptAnswer = "answer" // it hears it after a 200, and gets a BYE
	PromptNone   = "none"
)

// Values of Trunk.SRTP; "" is off.
const (
	SRTPOff     = "off"     // encrypted media is refused and never offered
	SRTPAllow   = "allow"   // what it offers encrypted is answered so; we offer plain RTP
	SRTPRequire = "require" // nothing else is offered or accepted
)

// Values of Trunk.T38; "" is refuse.
const (
	T38Refuse = "refuse"
	T38Allow  = "allow" // a fax may take the place of the audio
)

// Values of Trunk.Video; "" is refuse.
const (
	VideoRefuse = "refuse"
	VideoAllow  = "allow" // there may be a video beside the audio
)

// Values of Trunk.RTCPMux; "" is answer.
const (
	MuxAnswer = "answer" // RTCP comes to the RTP port where the peer offers it (RFC 5761)
	MuxOffer  = "offer"  // we offer it too
)

// Values of Trunk.DTMF; "" is auto.
const (
	DTMFAuto   = "auto"    // telephone events, or INFO where these were not agreed on and it says that it takes INFO
	DTMFInfo   = "info"    // INFO alone
	DTMFEvents = "rfc4733" // telephone events alone
)

// Trunk is one peer: a softswitch, a carrier. It is not changed while it is in
// use.
type Trunk struct {
	Index      int // its place in the list of trunks
	Name       string
	Sources    []netip.Prefix // addresses that it sends from, besides those of Targets
	TLSNames   []string       // domains in the certificate that it shows (RFC 5922 section 7.1); its TLS Targets are no sources then
	Targets    []Target       // where requests are sent, in order
	RouteTo    string         // name of the trunk that carries the other leg; "": this one
	Listen     string         // name of the listeners used toward it; "": any
	Media      string         // name of the media pool used toward it
	Caller     []CallerField  // where the caller is read, in order; nil: pai, rpid, from
	Numbers    binding.Format // how a subscriber number is written
	Prefix     string         // digits in front of a subscriber number
	UserPhone  bool           // writes ;phone-context=+86;user=phone
	Domain     string         // host of From, To and identity headers; "": as the call says
	Identity   string         // header that repeats the shown 700 number: none, pai, rpid
	EarlyMedia string         // pass, ringing
	SRTP       string         // off, allow, require
	T38        string         // refuse, allow
	Video      string         // refuse, allow
	RTCPMux    string         // answer, offer
	DTMF       string         // how it is told of keys: auto, info, rfc4733; "": auto
	Latch      string         // where its media may come from: strict, subnet, off; "": strict
	Pass       string         // name of the trunk for calls to anything but a 700 number; "": none
	Prompt     string         // what a caller that is refused hears: early, answer, none; "": none

	Reliable     string        // 100rel toward it: supported, required, off; "": supported
	Refer        string        // REFER from it: refuse, allow; "": refuse
	SessionTimer time.Duration // session interval asked for (RFC 4028); 0: none is
	MinSession   time.Duration // shortest session interval taken; 0: 90 s
	MaxCalls     int           // bound on its live dialogs; 0: none
	Watch        time.Duration // between two OPTIONS to each of its hops; 0: they are not asked

	Auth      *digest.Account // what we answer its challenges with; nil: we do not
	Challenge *Challenge      // what its requests are challenged for; nil: its sources are believed
	Register  *Register       // what we register at its targets; nil: nothing

	TLSServerName string // whose certificate its TLS targets have to show; "": the target's host
}
