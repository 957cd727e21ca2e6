package config

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// Media is where calls' audio is relayed.
type Media struct {
	Pools   []Pool  `yaml:"pools"`
	Offload Offload `yaml:"offload"` // whether the kernel relays settled calls itself
	Prompts Prompts `yaml:"prompts"`
	Shards  Shards  `yaml:"shards"` // threads that relay; 0: one a processor
}

// Pool is an address and a range of ports for media.
type Pool struct {
	Name      string    `yaml:"name"`
	Address   Address   `yaml:"address"`   // bound; empty: the kernel's source address toward the peer
	Advertise Address   `yaml:"advertise"` // written into SDP where it differs from the address bound
	Ports     PortRange `yaml:"ports"`
	DSCP      DSCP      `yaml:"dscp"` // of the packets sent (RFC 2474)
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
		DSCP      *DSCP      `yaml:"dscp"`
		Shards    Shards     `yaml:"shards"`
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
	m.Shards = keys.Shards
	short := keys.Address != nil || keys.Advertise != nil || keys.Ports != nil || keys.DSCP != nil
	if short && keys.Pools != nil {
		return errorAt(node, "pools and the short form (address, advertise, ports, dscp) are both there; keep one")
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
	if keys.DSCP != nil {
		pool.DSCP = *keys.DSCP
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

// expedited is the DSCP of voice (RFC 4594 section 4.1).
const expedited = 46

func newPool() Pool {
	return Pool{Name: DefaultName, Ports: PortRange{Min: 20000, Max: 39999}, DSCP: expedited}
}

// DSCP is a differentiated services code point, 0 to 63.
type DSCP uint8

// Set reads the number.
func (d *DSCP) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil || n > 63 {
		return errors.New("write a DSCP from 0 to 63, such as 46 for voice")
	}
	*d = DSCP(n)
	return nil
}

// UnmarshalYAML reads the value of a key.
func (d *DSCP) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, d.Set) }

// Shards is how many threads relay media.
type Shards uint16

// maxShards is more than any machine needs.
const maxShards = 1024

// Set reads the number.
func (n *Shards) Set(s string) error {
	v, err := strconv.ParseUint(s, 10, 16)
	if err != nil || v > maxShards {
		return fmt.Errorf("write a number of threads up to %d, or 0 for one a processor", maxShards)
	}
	*n = Shards(v)
	return nil
}

// UnmarshalYAML reads the value of a key.
func (n *Shards) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, n.Set) }
