package config

import (
	"errors"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"mask700/binding"
	"mask700/sip/trunk"
)

// Trunk is one carrier or softswitch beside us: who may send, where to send, and how numbers are written there.
type Trunk struct {
	Name       string   `yaml:"name"`
	Sources    []Prefix `yaml:"sources"`     // addresses of Targets are sources too
	Targets    []Target `yaml:"targets"`     // in order of preference
	RouteTo    string   `yaml:"route_to"`    // trunk of the other leg; empty: this one
	Listen     string   `yaml:"listen"`      // name of the listeners used; empty: any
	Media      string   `yaml:"media"`       // name of the pool used; empty: the first
	Caller     []Caller `yaml:"caller"`      // where the true caller is read, in order
	Numbers    Numbers  `yaml:"numbers"`     // how a subscriber number is written
	Prefix     Digits   `yaml:"prefix"`      // digits in front of a subscriber number
	UserPhone  bool     `yaml:"user_phone"`  // write ;phone-context=+86;user=phone
	Domain     string   `yaml:"domain"`      // host of From, To and identity headers
	Identity   Identity `yaml:"identity"`    // header that repeats the shown 700 number
	EarlyMedia Early    `yaml:"early_media"` // what happens to a 183 with SDP
	SRTP       SRTP     `yaml:"srtp"`        // whether its media is encrypted, with keys in descriptions
	T38        T38      `yaml:"t38"`         // whether a fax may take the place of the audio
	Video      Video    `yaml:"video"`       // whether there may be a video beside the audio
	RTCPMux    Mux      `yaml:"rtcp_mux"`    // whether RTCP on the RTP port is offered, or answered only
	DTMF       DTMF     `yaml:"dtmf"`        // how it is told of keys
	Latch      Latch    `yaml:"latch"`       // where its media may come from
	Watch      Watch    `yaml:"watch"`       // how often the targets are asked whether they live
	Pass       string   `yaml:"pass"`        // trunk for calls to anything but a 700 number; empty: 404
	Prompt     Prompt   `yaml:"prompt"`      // what a refused caller hears; empty: as media.prompts.mode says

	Reliable     Reliable `yaml:"reliable"`      // 100rel toward it
	SessionTimer Duration `yaml:"session_timer"` // session interval that we ask for; 0: none
	MinSession   Duration `yaml:"min_session"`   // shortest session interval that we take
	Refer        Refer    `yaml:"refer"`         // what a REFER gets
	MaxCalls     int      `yaml:"max_calls"`     // live dialogs at most; 0: no bound

	Auth      *Auth      `yaml:"auth,omitempty"`      // what we answer its challenges with
	Challenge *Challenge `yaml:"challenge,omitempty"` // what its requests are challenged for
	Register  *Register  `yaml:"register,omitempty"`  // what we register at its targets

	TLSNames      []TLSName `yaml:"tls_names"`       // domains in the certificate of its peers, which tells them before their address
	TLSCA         string    `yaml:"tls_ca"`          // file of the authorities that sign the certificates of its targets; empty: the system's
	TLSServerName TLSHost   `yaml:"tls_server_name"` // host in the certificate of its targets; empty: the target's own
}

// UnmarshalYAML reads one trunk.
func (t *Trunk) UnmarshalYAML(node ast.Node) error {
	type keys Trunk
	k := keys(newTrunk())
	if err := decodeStrict(node, &k); err != nil {
		return err
	}
	if k.Name == "" {
		return errorAt(node, "a trunk needs a name; write name: softswitch")
	}
	*t = Trunk(k)
	return nil
}

func newTrunk() Trunk {
	return Trunk{
		Sources:    []Prefix{},
		Targets:    []Target{},
		Caller:     []Caller{"pai", "rpid", "from"},
		Numbers:    Numbers(binding.National),
		Identity:   "none",
		EarlyMedia: "pass",
		SRTP:       trunk.SRTPOff,
		T38:        trunk.T38Refuse,
		Video:      trunk.VideoRefuse,
		RTCPMux:    trunk.MuxAnswer,
		DTMF:       trunk.DTMFAuto,
		Latch:      trunk.LatchStrict,
		Watch:      watchAuto,

		Reliable:     trunk.ReliableSupported,
		SessionTimer: Duration(30 * time.Minute),
		MinSession:   Duration(90 * time.Second),
		Refer:        trunk.ReferRefuse,

		TLSNames: []TLSName{},
	}
}

// Caller is a place where the true caller is read: pai, rpid or from.
type Caller string

// Set reads the word.
func (c *Caller) Set(s string) error { return oneOf((*string)(c), s, "pai", "rpid", "from") }

// UnmarshalYAML reads the value of a key.
func (c *Caller) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, c.Set) }

// Identity is the header that repeats the shown 700 number: none, pai or rpid.
type Identity string

// Set reads the word.
func (i *Identity) Set(s string) error { return oneOf((*string)(i), s, "none", "pai", "rpid") }

// UnmarshalYAML reads the value of a key.
func (i *Identity) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, i.Set) }

// Early is what happens to early media of a trunk: pass, or ringing (a 180 without SDP goes up instead).
type Early string

// Set reads the word.
func (e *Early) Set(s string) error { return oneOf((*string)(e), s, "pass", "ringing") }

// UnmarshalYAML reads the value of a key.
func (e *Early) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, e.Set) }

// SRTP is whether media is encrypted: off, allow or require.
type SRTP string

// Set reads the word.
func (v *SRTP) Set(s string) error {
	return oneOf((*string)(v), s, trunk.SRTPOff, trunk.SRTPAllow, trunk.SRTPRequire)
}

// UnmarshalYAML reads the value of a key.
func (v *SRTP) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, v.Set) }

// T38 is what a fax over UDPTL gets: refuse, or allow.
type T38 string

// Set reads the word.
func (v *T38) Set(s string) error { return oneOf((*string)(v), s, trunk.T38Refuse, trunk.T38Allow) }

// UnmarshalYAML reads the value of a key.
func (v *T38) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, v.Set) }

// Video is what a video line beside the audio gets: refuse, or allow.
type Video string

// Set reads the word.
func (v *Video) Set(s string) error {
	return oneOf((*string)(v), s, trunk.VideoRefuse, trunk.VideoAllow)
}

// UnmarshalYAML reads the value of a key.
func (v *Video) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, v.Set) }

// Mux is whether RTCP on the RTP port is offered, or taken where it is: answer or offer.
type Mux string

// Set reads the word.
func (v *Mux) Set(s string) error { return oneOf((*string)(v), s, trunk.MuxAnswer, trunk.MuxOffer) }

// UnmarshalYAML reads the value of a key.
func (v *Mux) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, v.Set) }

// DTMF is how a peer is told of keys: auto, info or rfc4733.
type DTMF string

// Set reads the word.
func (v *DTMF) Set(s string) error {
	return oneOf((*string)(v), s, trunk.DTMFAuto, trunk.DTMFInfo, trunk.DTMFEvents)
}

// UnmarshalYAML reads the value of a key.
func (v *DTMF) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, v.Set) }

// Latch is where media may come from: strict (the signalled address, the port is learnt), subnet (the network around
// it, too) or off (the signalled address and port alone).
type Latch string

// Set reads the word.
func (l *Latch) Set(s string) error {
	return oneOf((*string)(l), s, trunk.LatchStrict, trunk.LatchSubnet, trunk.LatchOff)
}

// UnmarshalYAML reads the value of a key.
func (l *Latch) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, l.Set) }

// Reliable is how provisional responses are made reliable: supported, required or off.
type Reliable string

// Set reads the word.
func (r *Reliable) Set(s string) error {
	return oneOf((*string)(r), s, trunk.ReliableSupported, trunk.ReliableRequired, trunk.ReliableOff)
}

// UnmarshalYAML reads the value of a key.
func (r *Reliable) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, r.Set) }

// Refer is what a REFER gets: refuse (603), or allow (it is carried out here).
type Refer string

// Set reads the word.
func (r *Refer) Set(s string) error {
	return oneOf((*string)(r), s, trunk.ReferRefuse, trunk.ReferAllow)
}

// UnmarshalYAML reads the value of a key.
func (r *Refer) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, r.Set) }

// Numbers is how a subscriber number is written: national, e164, plus or international.
type Numbers binding.Format

// Set reads the word.
func (n *Numbers) Set(s string) error {
	f, err := binding.ParseFormat(s)
	if err != nil {
		return err
	}
	*n = Numbers(f)
	return nil
}

// UnmarshalYAML reads the value of a key.
func (n *Numbers) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, n.Set) }

// MarshalYAML writes the form that Set reads.
func (n Numbers) MarshalYAML() (any, error) { return binding.Format(n).String(), nil }

// Digits is a string of at most 8 digits, kept as written: 010 stays 010.
type Digits string

// Set reads the digits.
func (d *Digits) Set(s string) error {
	if len(s) > 8 || strings.Trim(s, "0123456789") != "" {
		return errors.New("write at most eight digits, or leave it empty")
	}
	*d = Digits(s)
	return nil
}

// UnmarshalYAML reads the value of a key.
func (d *Digits) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, d.Set) }

// oneOf takes s when it is one of the words, and says which they are when it is not.
func oneOf(into *string, s string, words ...string) error {
	for _, w := range words {
		if s == w {
			*into = s
			return nil
		}
	}
	return errors.New("write one of " + strings.Join(words, ", "))
}
