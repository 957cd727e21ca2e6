package config

import (
	"github.com/goccy/go-yaml/ast"
)

// Media is where calls' audio is relayed.
type Media struct {
	Pools   []Pool  `yaml:"pools"`
	Offload Offload `yaml:"offload"` // whether the kernel relays settled calls itself
	Prompts Prompts `yaml:"prompts"`
}

// Pool is an address and a range of ports for media.
type Pool struct {
	Name      string    `yaml:"name"`
	Address   Address   `yaml:"address"`   // bound; empty: the kernel's source address toward the peer
	Advertise Address   `yaml:"advertise"` // written into SDP where it differs from the address bound
	Ports     PortRange `yaml:"ports"`
}

// UnmarshalYAML reads `pools`, or the short form with the keys of one pool directly under media.
func (m *Media) UnmarshalYAML(node ast.Node) error {
	keys := struct {
		Pools     []Pool     `yaml:"pools"`
		Address   *Address   `yaml:"address"`
		Advertise *Address   `yaml:"advertise"`
		Ports     *PortRange `yaml:"ports"`
		Offload   *Offload   `yaml:"offload"`
		Prompts   *Prompts   `yaml:"prompts"`
	}{}
	if err := decodeStrict(node, &keys); err != nil {
		return err
	}
	if keys.Offload != nil {
		m.Offload = *keys.Offload
	}
	if keys.Prompts != nil {
		m.Prompts = *keys.Prompts
	}
	short := keys.Address != nil || keys.Advertise != nil || keys.Ports != nil
	if short && keys.Pools != nil {
		return errorAt(node, "pools and the short form (address, advertise, ports) are both there; keep one")
	}
	if !short {
		if keys.Pools != nil {
			m.Pools = keys.Pools
		}
		return nil
	}
	pool := newPool()
	if keys.Address != nil {
		pool.Address = *keys.Address
	}
	if keys.Advertise != nil {
		pool.Advertise = *keys.Advertise
	}
	if keys.Ports != nil {
		pool.Ports = *keys.Ports
	}
	m.Pools = []Pool{pool}
	return nil
}

// Offload says whether the kernel relays settled calls itself: where it may, never, or else the server does not start.
type Offload string

// Values of Offload.
const (
	OffloadAuto     = "auto"
	OffloadOff      = "off"
	OffloadRequired = "required"
)

// Set reads the word.
func (o *Offload) Set(s string) error {
	return oneOf((*string)(o), s, OffloadAuto, OffloadOff, OffloadRequired)
}

// UnmarshalYAML reads the value of a key.
func (o *Offload) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, o.Set) }

// UnmarshalYAML reads one pool.
func (p *Pool) UnmarshalYAML(node ast.Node) error {
	type keys Pool
	k := keys(newPool())
	if err := decodeStrict(node, &k); err != nil {
		return err
	}
	*p = Pool(k)
	return nil
}

func newPool() Pool { return Pool{Name: DefaultName, Ports: PortRange{Min: 20000, Max: 39999}} }
