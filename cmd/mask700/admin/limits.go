package admin

// LimitStatus is how the counters of the limits are.
type LimitStatus struct {
	Memory int          `json:"memory"` // bytes of their tables
	Saved  string       `json:"saved"`  // when they were last written, RFC 3339; empty: not yet
	Tables []LimitTable `json:"tables"`
	Pushed uint64       `json:"pushed_out"`  // keys that lost their place while they still counted: others may be counted too high
	Missed uint64       `json:"live_missed"` // calls for which there was no room among those that go on
	Rules  []LimitHits  `json:"rules"`
}

// LimitTable is one table of counters.
type LimitTable struct {
	Of   string `json:"of"` // pair, caller, x, tenant
	Keys int    `json:"keys"`
	Room int    `json:"room"`
}

// LimitHits is what became of attempts by one limit since the start.
type LimitHits struct {
	Rule     string `json:"rule"`
	Refused  uint64 `json:"refused"`
	Shadowed uint64 `json:"shadowed"` // would have been refused
}
