// Package config is the configuration of a server: what the YAML file may say, what each key is when the file
// does not say it, and what contradicts itself.
//
// A configuration is made in three steps, each of which wins over the one before: the defaults, the file, the
// flags. Validate then looks at the whole. Every error names the line of the file, or the flag, that it is about,
// and repeats no value that was written there.
package config

import (
	"net/netip"
	"path/filepath"
	"time"

	"mask700/binding"
)

// Config is an effective configuration.
type Config struct {
	DataDir   string    `yaml:"data_dir"`
	Keys      Keys      `yaml:"keys"`
	SIP       SIP       `yaml:"sip"`
	Media     Media     `yaml:"media"`
	Recording Recording `yaml:"recording"`
	Retention Retention `yaml:"retention"`
	Memory    Memory    `yaml:"memory"`
	Numbering Numbering `yaml:"numbering"`
	Trunks    []Trunk   `yaml:"trunks"`

	Verification Verification `yaml:"verification"`
	Remote       []Remote     `yaml:"remote"`
	Limits       Limits       `yaml:"limits"`
	Texts        Texts        `yaml:"texts"`
	BlockList    BlockList    `yaml:"blocklist"`

	Admin Admin `yaml:"admin"`
	Log   Log   `yaml:"log"`

	file      string            // the file read; empty when there was none
	lines     map[string]int    // line of each key of the file
	flags     map[string]string // flag that gave a key its value
	overrides Overrides
}

// SIP is the signalling side.
type SIP struct {
	Listen      Listeners    `yaml:"listen"`
	RingTimeout Duration     `yaml:"ring_timeout"` // how long the callee may ring
	TurnTimeout Duration     `yaml:"turn_timeout"` // how long one may ring of several that ring in turn
	DrainTime   Duration     `yaml:"drain_time"`   // how long live calls may go on after SIGTERM
	DNS         []NameServer `yaml:"dns"`          // asked for the names of targets; empty: the system's
}

// Numbering is the plan in which numbers are read.
type Numbering struct {
	CountryCode  Digits        `yaml:"country_code"`
	LegacyRanges []LegacyRange `yaml:"legacy_ranges"`

	AllowStrangers    bool `yaml:"allow_strangers"`     // the modes ax and axe, which connect anyone who dials
	BindingsPerNumber int  `yaml:"bindings_per_number"` // that live on one 700 number at once
	Share             bool `yaml:"share"`               // numbers in use are drawn for further pairs when there are no free ones

	Quarantine Duration `yaml:"quarantine"` // nobody is bound again on a number that he dialled or was bound on less than this ago
	CallBack   Duration `yaml:"call_back"`  // how long ago the last caller may have called who is reached by calling back
}

// BlockList bounds the block lists.
type BlockList struct {
	Entries       int `yaml:"entries"`        // of all
	TenantEntries int `yaml:"tenant_entries"` // of one tenant
}

// Memory bounds what grows with what is stored.
type Memory struct {
	IDs Size `yaml:"ids"` // of bindings, 1.6 bytes each; of what is not noted there, each new one is looked for
}

// LegacyRange is an older range of intermediate numbers, served until a day. Where the prefix is not at least four digits shorter than the
// length it is a part of a block.
type LegacyRange struct {
	Prefix Digits `yaml:"prefix"`
	Length int    `yaml:"length"`
	Until  Date   `yaml:"until"` // its last day, in local time; empty: no end
}

// Log is what the server writes to standard error.
type Log struct {
	Level  Level     `yaml:"level"`
	Format LogFormat `yaml:"format"`
}

// Default is the configuration with no file and no flag: SIP over UDP and TCP on 5060, the store in
// ./mask700-data, the admin interface on a unix socket there, no trunk.
func Default() Config {
	any5060 := netip.AddrPortFrom(netip.IPv4Unspecified(), 5060)
	return Config{
		DataDir: "./mask700-data",
		Keys:    newKeys(),
		SIP: SIP{
			Listen: Listeners{
				{Name: DefaultName, Bind: Bind{Network: UDP, Addr: any5060}},
				{Name: DefaultName, Bind: Bind{Network: TCP, Addr: any5060}},
			},
			RingTimeout: Duration(time.Minute),
			TurnTimeout: Duration(20 * time.Second),
			DrainTime:   Duration(30 * time.Second),
			DNS:         []NameServer{},
		},
		Media:     Media{Pools: []Pool{newPool()}, Offload: OffloadAuto, Prompts: newPrompts()},
		Recording: newRecording(),
		Retention: newRetention(),
		Memory:    Memory{IDs: 400 << 20},
		Numbering: Numbering{CountryCode: "86", LegacyRanges: []LegacyRange{}, BindingsPerNumber: binding.DefaultLimitOnX, Quarantine: Duration(binding.DefaultQuarantine), CallBack: Duration(binding.DefaultCallBack)},
		Trunks:    []Trunk{},

		Verification: newVerification(), Texts: newTexts(), Remote: []Remote{}, Limits: newLimits(),
		BlockList: BlockList{Entries: binding.DefaultBars, TenantEntries: binding.DefaultTenantBars},

		Admin: Admin{Listen: AdminListen{Unix: true}, Tokens: []Token{}, Tenants: AdminTenants{RequestsPerSecond: 50}},
		Log:   Log{Level: "info", Format: "text"},
	}
}

// File is the file that was read, empty when there was none.
func (c Config) File() string { return c.file }

// AdminSocket is the path of the admin interface's unix socket, empty when it listens on TCP.
func (c Config) AdminSocket() string {
	switch {
	case !c.Admin.Listen.Unix:
		return ""
	case c.Admin.Listen.Path != "":
		return c.Admin.Listen.Path
	}
	return filepath.Join(c.DataDir, "admin.sock")
}

// PortLedger is the directory of the port ledgers within the data directory.
const PortLedger = "ports"

// BackupFiles are what a backup takes of the data directory besides the databases and the audit log.
func (c Config) BackupFiles() []string { return []string{PortLedger} }

// Plan is the numbering plan of the domain.
func (c Config) Plan() binding.Plan {
	p := binding.Plan{CountryCode: string(c.Numbering.CountryCode), Strangers: c.Numbering.AllowStrangers, CallBack: time.Duration(c.Numbering.CallBack)}
	for _, r := range c.Numbering.LegacyRanges {
		old := binding.LegacyRange{Prefix: string(r.Prefix), Length: r.Length}
		if !r.Until.IsZero() {
			y, m, d := r.Until.Date()
			old.Until = time.Date(y, m, d+1, 0, 0, 0, -1, time.Local)
		}
		p.Legacy = append(p.Legacy, old)
	}
	return p
}
