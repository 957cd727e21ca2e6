package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"

	"mask700/binding"
	"mask700/store"
	"mask700/store/ring"
	"mask700/store/seal"
)

// Keys says where the master key of the store is, in one of three places, and the data keys that it wraps.
type Keys struct {
	File       string    `yaml:"file"`       // made at first start, mode 0600; never inside the data directory
	Env        string    `yaml:"env"`        // in its place: an environment variable that holds the text of a key file
	Credential string    `yaml:"credential"` // in its place: a systemd credential (LoadCredential= of the unit)
	Ring       string    `yaml:"ring"`       // the data keys; empty: beside the key file, with .ring behind its name
	Period     KeyPeriod `yaml:"period"`     // how long one data key of a tenant is used
	Cipher     Cipher    `yaml:"cipher"`     // of the keys that are made from now on
}

// KeyPeriod is month or day.
type KeyPeriod string

// Set reads the word.
func (p *KeyPeriod) Set(s string) error {
	return oneOf((*string)(p), s, ring.Month.String(), ring.Day.String())
}

// UnmarshalYAML reads the value of a key.
func (p *KeyPeriod) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, p.Set) }

func newKeys() Keys {
	return Keys{File: "./mask700.key", Period: KeyPeriod(ring.Month.String()), Cipher: Cipher(seal.AES256GCM.String())}
}

// UnmarshalYAML reads the group of keys. The default file is none where another place is named.
func (k *Keys) UnmarshalYAML(node ast.Node) error {
	type keys Keys
	const unsaid = "\x00"
	in := keys(newKeys())
	in.File = unsaid
	if err := decodeStrict(node, &in); err != nil {
		return err
	}
	switch {
	case in.File != unsaid:
	case in.Env == "" && in.Credential == "":
		in.File = newKeys().File
	default:
		in.File = ""
	}
	*k = Keys(in)
	return nil
}

// Source is where the master key comes from.
func (k *Keys) Source() seal.Source {
	return seal.Source{File: k.File, Env: k.Env, Credential: k.Credential}
}

// RingFile is where the data keys are.
func (k *Keys) RingFile() string {
	if k.Ring == "" && k.File != "" {
		return k.File + ".ring"
	}
	return k.Ring
}

// Store is the part of the store's options that a configuration says.
func (c *Config) Store() (store.Options, error) {
	o := store.Options{
		Reserve: 64 << 20, IDMemory: int64(c.Memory.IDs),
		Dir: c.DataDir, KeyFile: c.Keys.File, KeyEnv: c.Keys.Env, KeyCredential: c.Keys.Credential, Ring: c.Keys.RingFile(),
		LimitOnX: c.Numbering.BindingsPerNumber, Share: c.Numbering.Share, Served: c.Plan().Served, Numbers: c.Plan().Numbers, Decided: c.decided(), Bars: c.BlockList.Entries, BarsOfTenant: c.BlockList.TenantEntries,
		Quarantine: time.Duration(c.Numbering.Quarantine), Strangers: c.Numbering.AllowStrangers,
	}
	var err error
	if o.Period, err = ring.ParsePeriod(string(c.Keys.Period)); err != nil {
		return o, err
	}
	o.Cipher, err = seal.ParseCipher(string(c.Keys.Cipher))
	return o, err
}

// decided says of which blocks an endpoint decides.
func (c *Config) decided() func(binding.Block) bool {
	blocks := make(map[binding.Block]bool)
	for _, r := range c.Remote {
		for _, digits := range r.Blocks {
			if b, err := binding.ParseBlock(string(digits)); err == nil { // checkPlatforms has the error
				blocks[b] = true
			}
		}
	}
	return func(b binding.Block) bool { return blocks[b] }
}

func (c *Config) checkKeys() error {
	k := &c.Keys
	switch {
	case *k == Keys{Period: k.Period, Cipher: k.Cipher, Ring: k.Ring}:
		return c.errorFor("an empty path; name a file outside the data directory", "keys.file")
	case k.Source().Check() != nil:
		return c.errorFor("the master key comes from exactly one of file, env and credential", "keys")
	case k.RingFile() == "":
		return c.errorFor("without a key file the ring has no place of its own; name a file outside the data directory", "keys.ring")
	case k.File != "" && inside(c.DataDir, k.File):
		return c.errorFor("the key would lie inside the data directory, where every copy of the data would hold it; "+
			"name a file outside", "keys.file")
	case inside(c.DataDir, k.RingFile()):
		return c.errorFor("the keys would lie inside the data directory, where every copy of the data would hold them; "+
			"name a file outside", "keys.ring")
	}
	return nil
}
