package config

import (
	"github.com/goccy/go-yaml/ast"
)

// DefaultName is the name of a listener, pool or trunk written in short form.
const DefaultName = "default"

// Listener is one socket on which SIP is received and from which it is sent. Several listeners may carry one
// name when their networks differ: a trunk that says `listen: inside` then has them all.
type Listener struct {
	Name      string      `yaml:"name"`
	Bind      Bind        `yaml:"bind"`
	Advertise string      `yaml:"advertise"` // host or host:port for Via and Contact, where it differs from Bind
	TLS       ListenerTLS `yaml:"tls,omitempty"`
}

// ListenerTLS is how a listener speaks TLS: its own certificate, which it shows where it connects too, and what it
// asks of those who connect to it.
type ListenerTLS struct {
	Certificate string     `yaml:"certificate"`
	Key         string     `yaml:"key"`
	ClientCA    string     `yaml:"client_ca"`   // file of the authorities, PEM, that sign peers' certificates
	ClientAuth  ClientAuth `yaml:"client_auth"` // default: require with client_ca, else none
}

// IsZero reports that nothing is said.
func (l ListenerTLS) IsZero() bool { return l == ListenerTLS{} }

// UnmarshalYAML reads the group of keys and fills in what it leaves out.
func (l *ListenerTLS) UnmarshalYAML(node ast.Node) error {
	type keys ListenerTLS
	var k keys
	if err := decodeStrict(node, &k); err != nil {
		return err
	}
	if k.ClientAuth == "" {
		k.ClientAuth = ClientNone
		if k.ClientCA != "" {
			k.ClientAuth = ClientRequire
		}
	}
	*l = ListenerTLS(k)
	return nil
}

// ClientAuth is what a listener asks of peers: nothing, a certificate if they have one, or one of everybody.
type ClientAuth string

// The words of ClientAuth.
const (
	ClientNone    ClientAuth = "none"
	ClientRequest ClientAuth = "request"
	ClientRequire ClientAuth = "require"
)

// Set reads the word.
func (c *ClientAuth) Set(s string) error {
	return oneOf((*string)(c), s, string(ClientNone), string(ClientRequest), string(ClientRequire))
}

// UnmarshalYAML reads the value of a key.
func (c *ClientAuth) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, c.Set) }

// Certificate names the files of a certificate chain and its private key, both PEM.
type Certificate struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

// IsZero reports that no file is named.
func (c Certificate) IsZero() bool { return c == Certificate{} }

// Listeners is the value of sip.listen: one short form "udp:ADDRESS:PORT", or a list whose items are short
// forms or groups of keys.
type Listeners []Listener

// UnmarshalYAML reads either form.
func (l *Listeners) UnmarshalYAML(node ast.Node) error {
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		var one Listener
		if err := one.UnmarshalYAML(node); err != nil {
			return err
		}
		*l = Listeners{one}
		return nil
	}
	out := make(Listeners, len(seq.Values))
	for i, item := range seq.Values {
		if err := out[i].UnmarshalYAML(item); err != nil {
			return err
		}
	}
	*l = out
	return nil
}

// UnmarshalYAML reads one listener, in short form or as a group of keys.
func (l *Listener) UnmarshalYAML(node ast.Node) error {
	if _, ok := scalar(node); ok {
		*l = Listener{Name: DefaultName}
		return unmarshalScalar(node, l.Bind.Set)
	}
	type keys Listener
	k := keys{Name: DefaultName}
	if err := decodeStrict(node, &k); err != nil {
		return err
	}
	if k.Bind == (Bind{}) {
		return errorAt(node, "a listener needs bind: \"udp:0.0.0.0:5060\"")
	}
	*l = Listener(k)
	return nil
}
