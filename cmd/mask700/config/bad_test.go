package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBadConfigurations has the mistakes that a file can hold: what the error must begin with (file and line) and
// what it must say. Number stands for a subscriber number that slipped into a wrong place, which no error repeats.
func TestBadConfigurations(t *testing.T) {
	const number = "13800138000"
	const tls = "sip:\n  listen:\n    - bind: \"tls:0.0.0.0:5061\"\n      tls:\n        certificate: c\n        key: k\n"
	const mutual = "sip: {listen: [{name: plain, bind: \"udp:0.0.0.0:5060\"}, {name: sec, bind: \"tls:0.0.0.0:5061\", tls: {certificate: c, key: k, client_ca: ca}}]}\n" +
		"trunks:\n  - name: a\n"
	const trunk = "trunks:\n  - name: a\n    targets: [\"sip:192.0.2.1:5060\"]\n    "
	for _, tc := range []struct {
		name, text string
		lines      string // "line 2", "line 3 and line 5"
		key, says  string
	}{
		// The text itself.
		{"not YAML", "sip: [\n", "line 1", "", "not valid YAML"},
		{"value in a value", "sip: a: b\n", "line 1", "", "not valid YAML"},
		{"tab", "sip:\n\tring_timeout: 3s\n", "line 2", "", "not valid YAML"},
		{"list at the top", "- a\n", "line 1", "", "a group of keys is expected here, not a list"},
		{"second document", "data_dir: x\n---\ndata_dir: y\n", "line 3", "", "second document"},
		{"key twice", "data_dir: x\ndata_dir: y\n", "line 2", "", `the key "data_dir" is written twice`},
		{"number as key twice", number + ": x\n" + number + ": y\n", "line 2", "", "is written twice"},
		{"unknown key", "\nsipp: {}\n", "line 2", "sipp", `unknown key "sipp"`},
		{"unknown key deeper", "sip:\n  ring_timeout: 5s\n  timeout: 5s\n", "line 3", "sip.timeout", `unknown key "timeout"`},
		{"unknown key in a trunk", trunk + "colour: red\n", "line 4", "trunks[0].colour", `unknown key "colour"`},
		{"unknown key in a listener", "sip:\n  listen:\n    - {bind: \"udp:0.0.0.0:1\", port: 5}\n", "line 3", "", `unknown key "port"`},
		{"unknown key that is a number", number + ": x\n", "line 1", "", "unknown key;"},
		{"key without value", "sip:\nmedia: {}\n", "line 1", "sip", "no value"},
		{"key that is a list", "? [a]\n: x\n", "line 2", "", ""},
		{"null", "sip: {ring_timeout: ~}\n", "line 1", "sip.ring_timeout", "no value"},
		{"alias", "data_dir: &d x\nkeys: {file: *d}\n", "line 1", "data_dir", "anchors, aliases"},
		{"list for a text", "data_dir: [x]\n", "line 1", "data_dir", "another kind"},
		{"text for a list", "trunks: x\n", "line 1", "trunks", "a list is expected here, not a text"},
		{"text for a group", "sip: x\n", "line 1", "sip", "a group of keys is expected here, not a text"},
		{"text for a number", "numbering: {legacy_ranges: [{prefix: 17000, length: eleven}]}\n", "line 1", "", "another kind"},
		{"a number too large", "numbering: {legacy_ranges: [{prefix: 17000, length: 99999999999999999999}]}\n", "line 1", "", "too large"},
		{"text for a bool", trunk + "user_phone: sure\n", "line 4", "trunks[0].user_phone", "another kind"},

		{"a call back of nobody", "numbering:\n  call_back: 1s\n", "line 2", "numbering.call_back", "from 1m"},

		// Limits.
		{"limit that is none", "limits:\n  calls:\n    - pair 3/5m\n    - pair often\n", "line 4", "limits.calls[1]", "not a limit"},
		{"limit that is a number", "limits:\n  all: [" + number + "]\n", "line 2", "limits.all[0]", "not a limit"},
		{"limit of texts that go on", "limits: {texts: [caller live 2]}\n", "line 1", "limits.texts[0]", "only calls"},
		{"limit twice", "limits: {calls: [pair 3/5m, pair 3/5m shadow]}\n", "line 1", "limits.calls[1]", "twice"},
		{"limits of another mode", "limits: {mode: softly}\n", "line 1", "limits.mode", "enforce"},
		{"limits in no memory", "limits: {memory: 0MiB}\n", "line 1", "limits.memory", "from 1MiB"},
		{"ids in no memory", "memory: {ids: 0MiB}\n", "line 1", "memory.ids", "from 1MiB"},
		{"ids in all memory", "memory:\n  ids: 65GiB\n", "line 2", "memory.ids", "to 64GiB"},
		{"memory without a unit", "limits: {memory: 64}\n", "line 1", "limits.memory", "not a size"},
		{"counters never written", "limits: {snapshot: 0s}\n", "line 1", "limits.snapshot", "from 1s"},

		{"texts longer than any", "texts:\n  max_bytes: 5000\n", "line 2", "texts.max_bytes", "from 1 to 1300"},
		{"numbers in texts in other words", "texts: {numbers: hide}\n", "line 1", "texts.numbers", "one of mask, pass, refuse"},

		// Platforms.
		{"platform without TLS", "verification:\n  url: http://192.0.2.1/\n", "line 2", "verification.url", "in clear"},
		{"platform that is a number", "verification: {url: \"" + number + "\"}\n", "line 1", "verification.url", "not a URL"},
		{"platform with a password", "verification: {url: \"https://a:b@example.net/\"}\n", "line 1", "verification.url", "name and password"},
		{"platform of another scheme", "verification: {url: \"ftp://example.net/\"}\n", "line 1", "verification.url", "https"},
		{"secret among the data", "data_dir: d\nverification:\n  url: https://example.net/\n  secret_file: d/s\n", "line 4", "verification.secret_file", "inside the data directory"},
		{"budget beyond patience", "verification:\n  url: https://example.net/\n  budget: 2s\n", "line 3", "verification.budget", "from 10ms to 1.5s"},
		{"no question at once", "verification:\n  url: https://example.net/\n  in_flight: 0\n", "line 3", "verification.in_flight", "from 1"},
		{"no failure", "verification:\n  url: https://example.net/\n  failures: 0\n", "line 3", "verification.failures", "from 1"},
		{"no pause", "verification:\n  url: https://example.net/\n  pause: 0s\n", "line 3", "verification.pause", "from 100ms"},
		{"a cache for days", "verification:\n  url: https://example.net/\n  cache: 48h\n", "line 3", "verification.cache", "at most 24h"},
		{"a cache of nothing", "verification:\n  url: https://example.net/\n  cache_entries: 0\n", "line 3", "verification.cache_entries", "from 1"},
		{"numbers in other words", "verification: {numbers: sha256}\n", "line 1", "verification.numbers", "one of none, plain"},
		{"failure in other words", "verification: {on_failure: maybe}\n", "line 1", "verification.on_failure", "one of open, closed"},
		{"unknown key of a platform", "verification:\n  uri: x\n", "line 2", "verification.uri", `unknown key "uri"`},
		{"budgets that are too long together", "verification:\n  url: https://example.net/\n  budget: 901ms\nremote:\n  - name: a\n    url: https://example.net/\n    budget: 1s\n    blocks: [70010000001]\n",
			"line 7 and line 3", "remote[0].budget", "more than 1.9s"},
		{"endpoint without block", "remote:\n  - {name: a, url: \"https://example.net/\"}\n", "line 2", "remote[0].blocks", "no block"},
		{"endpoint without URL", "remote:\n  - name: a\n    blocks: [70010000001]\n", "line 2", "remote[0].url", "not a URL"},
		{"endpoint without name", "remote:\n  - blocks: [70010000001]\n", "line 2", "remote[0].name", "begins with a letter"},
		{"endpoint of nobody", "remote:\n  - name: a\n    tenant: \"\"\n    blocks: [70010000001]\n", "line 3", "remote[0].tenant", "name the tenant"},
		{"endpoint of an older range that is not there", "remote:\n  - name: a\n    blocks: [1700012]\n", "line 3", "remote[0].blocks[0]", "no older range"},
		{"endpoint with a bad block", "remote:\n  - name: a\n    blocks: [" + number + "]\n", "line 3", "remote[0].blocks[0]", "block"},
		{"endpoint name twice", "remote:\n  - {name: a, blocks: [70010000001], url: \"https://example.net/\"}\n  - {name: a, blocks: [70010000002], url: \"https://example.net/\"}\n",
			"line 2 and line 3", "remote[0].name", "same name"},
		{"block twice", "remote:\n  - {name: a, blocks: [70010000001], url: \"https://example.net/\"}\n  - {name: b, blocks: [70010000001], url: \"https://example.net/\"}\n",
			"line 2 and line 3", "remote[0].blocks[0]", "two endpoints"},
		{"endpoint that fails in other words", "remote:\n  - {name: a, on_failure: open}\n", "line 2", "remote[0].on_failure", "one of refuse, error"},

		// One value.
		{"duration without unit", "sip:\n  ring_timeout: 60\n", "line 2", "sip.ring_timeout", "not a duration"},
		{"duration below zero", "sip: {drain_time: -1s}\n", "line 1", "sip.drain_time", "below zero"},
		{"duration is a list", "sip: {drain_time: [1s]}\n", "line 1", "sip.drain_time", "single value"},
		{"ring timeout too short", "sip:\n  ring_timeout: 10ms\n", "line 2", "sip.ring_timeout", "from 1s to 10m"},
		{"ring timeout too long", "sip:\n  ring_timeout: 1h\n", "line 2", "sip.ring_timeout", "from 1s to 10m"},
		{"turn too short", "sip:\n  turn_timeout: 10ms\n", "line 2", "sip.turn_timeout", "from 1s to 10m"},
		{"drain time too long", "sip: {drain_time: 48h}\n", "line 1", "sip.drain_time", "at most 24h"},
		{"name server by name", "sip:\n  dns: [ns.example.com]\n", "line 2", "sip.dns[0]", "not the address of a name server"},
		{"name server that is a number", "sip: {dns: [" + number + "]}\n", "line 1", "sip.dns[0]", "not the address of a name server"},
		{"name server of nobody", "sip: {dns: [\"0.0.0.0:53\"]}\n", "line 1", "sip.dns[0]", "can be reached"},
		{"name server is no list", "sip: {dns: 192.0.2.53}\n", "line 1", "sip.dns", "a list is expected here"},
		{"name servers beyond count", "sip:\n  dns: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4]\n", "line 2", "sip.dns", "at most 3"},
		{"bind without network", "sip: {listen: \"0.0.0.0:5060\"}\n", "line 1", "sip.listen", "NETWORK:ADDRESS:PORT"},
		{"bind to a name", "sip:\n  listen:\n    - {bind: \"udp:localhost:5060\"}\n", "line 3", "sip.listen[0].bind", "with an IP address"},
		{"bind without port", "sip: {listen: \"udp:0.0.0.0\"}\n", "line 1", "sip.listen", "NETWORK:ADDRESS:PORT"},
		{"listener without bind", "sip: {listen: [{name: x}]}\n", "line 1", "sip.listen[0]", "needs bind"},
		{"no listener", "sip: {listen: []}\n", "line 1", "sip.listen", "no listener"},
		{"tls without certificate", "sip: {listen: \"tls:0.0.0.0:5061\"}\n", "line 1", "sip.listen[0].bind", "certificate"},
		{"wss without certificate", "sip: {listen: \"wss:0.0.0.0:443\"}\n", "line 1", "sip.listen[0].bind", "certificate"},
		{"ws with a certificate", "sip: {listen: [{bind: \"ws:0.0.0.0:80\", tls: {certificate: c, key: k}}]}\n", "line 1", "sip.listen[0].tls", "only a listener"},
		{"a certificate without its key", "sip: {listen: [{bind: \"tls:0.0.0.0:5061\", tls: {certificate: c}}]}\n", "line 1", "sip.listen[0].bind", "certificate"},
		{"certificates of peers asked for in other words", tls + "        client_ca: ca\n        client_auth: always\n", "line 8", "sip.listen[0].tls.client_auth", "one of none, request, require"},
		{"certificates of peers that nobody signs", tls + "        client_auth: request\n", "line 7", "sip.listen[0].tls.client_auth", "client_ca"},
		{"certificates of peers that are not asked for", tls + "        client_ca: ca\n        client_auth: none\n", "line 7", "sip.listen[0].tls.client_ca", "nobody is asked"},
		{"unknown key in tls", tls + "        client: ca\n", "line 7", "sip.listen[0].tls.client", `unknown key "client"`},
		{"certificate without tls", "sip: {listen: [{bind: \"udp:0.0.0.0:1\", tls: {certificate: c, key: k}}]}\n", "line 1", "sip.listen[0].tls", "only a listener"},
		{"advertise nowhere", "sip: {listen: [{bind: \"udp:0.0.0.0:1\", advertise: 0.0.0.0}]}\n", "line 1", "sip.listen[0].advertise", "others can reach"},
		{"advertise a number", "sip: {listen: [{bind: \"udp:0.0.0.0:1\", advertise: \"" + number + "\"}]}\n", "line 1", "sip.listen[0].advertise", "not a host name"},
		{"listener named by a number", "sip: {listen: [{bind: \"udp:0.0.0.0:1\", name: \"" + number + "\"}]}\n", "line 1", "sip.listen[0].name", "begins with a letter"},
		{"listener name with a number", "sip: {listen: [{bind: \"udp:0.0.0.0:1\", name: t" + number + "}]}\n", "line 1", "sip.listen[0].name", "six digits in a row"},
		{"one port range end", "media: {ports: 20000}\n", "line 1", "media.ports", "FIRST-LAST"},
		{"ports the wrong way round", "media: {ports: 30000-20001}\n", "line 1", "media.ports", "too small"},
		{"ports from an odd one", "media: {ports: 20001-30001}\n", "line 1", "media.ports", "an even port"},
		{"ports to an even one", "media: {ports: 20000-30000}\n", "line 1", "media.ports", "an odd port"},
		{"ports too few", "media: {ports: 20000-20001}\n", "line 1", "media.ports", "four ports"},
		{"ports over the top", "media: {ports: 20000-70001}\n", "line 1", "media.ports", "at most 65535"},
		{"ports of the system", "media: {ports: 100-2001}\n", "line 1", "media.ports", "from 1024 on"},
		{"media address unspecified", "media: {address: 0.0.0.0}\n", "line 1", "media.address", "others can reach"},
		{"media address is a name", "media: {advertise: example.com}\n", "line 1", "media.advertise", "not an IP address"},
		{"both forms of pools", "media:\n  ports: 20000-20003\n  pools: [{name: x}]\n", "line 2", "media", "keep one"},
		{"prompts in another way", "media: {prompts: {mode: loud}}\n", "line 1", "media.prompts.mode", "one of early, answer, none"},
		{"prompts in no way", "media:\n  prompts:\n    mode: \"\"\n", "line 3", "media.prompts.mode", "one of early, answer, none"},
		{"prompts in another language", "media: {prompts: {language: fr}}\n", "line 1", "media.prompts.language", "one of zh, en, zh+en, en+zh, tone"},
		{"tones of another plan", "media: {prompts: {tones: us}}\n", "line 1", "media.prompts.tones", "one of china, itu"},
		{"too many prompts", "media: {prompts: {max: 10001}}\n", "line 1", "media.prompts.max", "from 0 to 10000"},
		{"fewer than no prompts", "media: {prompts: {max: -1}}\n", "line 1", "media.prompts.max", "from 0 to 10000"},
		{"no attempt", "media: {prompts: {attempts: 0}}\n", "line 1", "media.prompts.attempts", "from 1 to 10"},
		{"no time to press", "media: {prompts: {first_digit: 10ms}}\n", "line 1", "media.prompts.first_digit", "from 1s to 1m"},
		{"too much time to press", "media: {prompts: {next_digit: 2m}}\n", "line 1", "media.prompts.next_digit", "from 1s to 1m"},
		{"former parties for ever", "media: {prompts: {order_finished: 10000h}}\n", "line 1", "media.prompts.order_finished", "at most"},
		{"unknown key of prompts", "media: {prompts: {file: x}}\n", "line 1", "media.prompts.file", `unknown key "file"`},
		{"prompt of a trunk", trunk + "prompt: yes\n", "line 4", "trunks[0].prompt", "one of early, answer, none"},
		{"recording in another cipher", "recording: {cipher: des}\n", "line 1", "recording.cipher", "one of aes-256-gcm, sm4-gcm"},
		{"recording with another notice", "recording: {notice: maybe}\n", "line 1", "recording.notice", "one of play, none"},
		{"recording in short segments", "recording: {segment: 1ms}\n", "line 1", "recording.segment", "from 200ms to 10s"},
		{"recording in long segments", "recording: {segment: 1m}\n", "line 1", "recording.segment", "from 200ms to 10s"},
		{"recordings kept for minutes", "recording:\n  retention: 5m\n", "line 2", "recording.retention", "at least 1h"},
		{"bindings kept for no time", "retention: {bindings: 1m}\n", "line 1", "retention.bindings", "at least"},
		{"records kept for a word", "retention: {records: half a year}\n", "line 1", "retention.records", "183d"},
		{"a sweep below zero", "retention: {rows_per_second: -1}\n", "line 1", "retention.rows_per_second", "from 0"},
		{"recordings kept for days in words", "recording: {retention: 90d}\n", "line 1", "recording.retention", "a number and a unit"},
		{"key among the recordings", "keys: {file: /srv/r/k}\nrecording: {dir: /srv/r}\n", "line 2", "recording.dir", "among the recordings"},
		{"unknown key of recordings", "recording: {where: x}\n", "line 1", "recording.where", `unknown key "where"`},
		{"no pool", "media: {pools: []}\n", "line 1", "media.pools", "no pool"},
		{"country code", "numbering: {country_code: \"086\"}\n", "line 1", "numbering", "country code"},
		{"no block list", "blocklist: {entries: 0}\n", "line 1", "blocklist.entries", "from 1 to 10000000"},
		{"a long block list", "blocklist:\n  tenant_entries: 10000001\n", "line 2", "blocklist.tenant_entries", "from 1 to 10000000"},
		{"no binding on a number", "numbering: {bindings_per_number: 0}\n", "line 1", "numbering.bindings_per_number", "from 1 to"},
		{"too many on a number", "numbering:\n  bindings_per_number: 5001\n", "line 2", "numbering.bindings_per_number", "from 1 to"},
		{"strangers in words", "numbering: {allow_strangers: maybe}\n", "line 1", "numbering.allow_strangers", ""},
		{"country code in words", "numbering: {country_code: china}\n", "line 1", "numbering.country_code", "at most eight digits"},
		{"legacy range without length", "numbering:\n  legacy_ranges:\n    - {prefix: 17000}\n", "line 3", "numbering.legacy_ranges[0]", "prefix and a length"},
		{"legacy range shorter than its prefix", "numbering:\n  legacy_ranges:\n    - {prefix: 17000, length: 3}\n", "line 1", "numbering", "shorter than the prefix"},
		{"legacy ranges that overlap", "numbering:\n  legacy_ranges:\n    - {prefix: 17000, length: 11}\n    - {prefix: 170001, length: 11}\n", "line 1", "numbering", "in common"},
		{"legacy range of 700 numbers", "numbering:\n  legacy_ranges:\n    - {prefix: 7001, length: 11}\n", "line 1", "numbering", "700 numbers"},
		{"legacy day", "numbering: {legacy_ranges: [{until: 31.03.2026}]}\n", "line 1", "numbering.legacy_ranges[0].until", "YYYY-MM-DD"},
		{"admin on a name", "admin: {listen: \"localhost:7000\"}\n", "line 1", "admin.listen", "unix:PATH"},
		{"admin on TCP without anything", "admin:\n  listen: 192.0.2.1:7000\n", "line 2", "admin.listen", "admin.tls"},
		{"admin on loopback too", "admin: {listen: 127.0.0.1:7000}\n", "line 1", "admin.listen", "on loopback too"},
		{"admin on TCP without tokens", "admin:\n  listen: \"[::1]:7000\"\n  tls: {certificate: c, key: k}\n", "line 2", "admin.listen", "admin.tokens"},
		{"admin on TCP without TLS", "admin:\n  listen: \"[::1]:7000\"\n  tokens: [{name: ops, file: t}]\n", "line 2", "admin.listen", "admin.tls"},
		{"token without file", "admin:\n  tokens:\n    - {name: ops}\n", "line 3", "admin.tokens[0]", "file that holds it"},
		{"token inside the data directory", "admin:\n  tokens:\n    - {name: ops, file: mask700-data/ops.token}\n", "line 3", "admin.tokens[0].file", "inside the data directory"},
		{"tenants without a certificate", "admin:\n  tenants: {listen: \"127.0.0.1:7443\"}\n", "line 2", "admin.tenants.listen", "admin.tls"},
		{"tenants on a name", "admin:\n  tenants: {listen: \"localhost:7443\"}\n", "line 2", "admin.tenants.listen", "IP address and a port"},
		{"tenants that may ask nothing", "admin:\n  tenants: {requests_per_second: 0}\n", "line 2", "admin.tenants.requests_per_second", "from 1"},
		{"tenants on the operator's address", "admin:\n  listen: 127.0.0.1:7000\n  tls: {certificate: c, key: k}\n  tokens: [{name: ops, file: t}]\n  tenants: {listen: \"127.0.0.1:7000\"}\n",
			"line 2 and line 5", "admin.listen", "same address"},
		{"admin socket too long", "admin: {listen: \"unix:/" + strings.Repeat("d", 110) + "\"}\n", "line 1", "admin.listen", "107 bytes"},
		{"log level", "log: {level: loud}\n", "line 1", "log.level", "one of debug, info, warn, error"},
		{"log format", "log: {format: xml}\n", "line 1", "log.format", "one of text, json"},
		{"empty data directory", "data_dir: \"\"\n", "line 1", "data_dir", "empty path"},
		{"empty key file", "keys: {file: \"\"}\n", "line 1", "keys.file", "empty path"},
		{"two places of a key", "keys: {file: a, env: KEY, ring: r}\n", "line 1", "keys", "exactly one of file, env and credential"},
		{"a variable without a ring", "keys: {env: KEY}\n", "line 1", "keys.ring", "name a file"},
		{"keys of a year", "keys: {period: year}\n", "line 1", "keys.period", "one of month, day"},
		{"ring inside the data directory", "data_dir: ./d\nkeys: {ring: d/ring}\n", "line 2", "keys.ring", "inside the data directory"},
		{"key inside the data directory", "data_dir: ./d\nkeys:\n  file: ./d/sub/../mask700.key\n", "line 3", "keys.file", "inside the data directory"},

		// A trunk.
		{"trunk without name", "trunks:\n  - targets: [\"sip:192.0.2.1\"]\n", "line 2", "trunks[0]", "needs a name"},
		{"trunk named by a number", "trunks:\n  - name: \"" + number + "\"\n", "line 2", "trunks[0].name", "begins with a letter"},
		{"trunk with neither", "trunks:\n  - name: a\n", "line 2", "trunks[0]", "sources"},
		{"source is a name", "trunks:\n  - name: a\n    sources: [softswitch]\n", "line 3", "trunks[0].sources[0]", "not an IP prefix"},
		{"source is a number", "trunks:\n  - name: a\n    sources: [" + number + "]\n", "line 3", "trunks[0].sources[0]", "not an IP prefix"},
		{"source with host bits", "trunks:\n  - name: a\n    sources: [192.0.2.10/24]\n", "line 3", "trunks[0].sources[0]", "write 192.0.2.0/24 for the network or 192.0.2.10/32"},
		{"target is no URI", "trunks:\n  - name: a\n    targets: [192.0.2.1]\n", "line 3", "trunks[0].targets[0]", "write sip:HOST:PORT"},
		{"target with a user", "trunks:\n  - name: a\n    targets: [\"sip:" + number + "@192.0.2.1\"]\n", "line 3", "trunks[0].targets[0]", "no user in front"},
		{"target over a strange transport", "trunks:\n  - name: a\n    targets: [\"sip:192.0.2.1;transport=sctp\"]\n", "line 3", "trunks[0].targets[0]", "write sip:HOST:PORT"},
		{"target over a transport nobody speaks", "sip: {listen: \"udp:0.0.0.0:5060\"}\ntrunks:\n  - name: a\n    targets: [\"sip:192.0.2.1;transport=tcp\"]\n", "line 4", "trunks[0].targets[0]", "no listener of this trunk speaks tcp"},
		{"name that only phones could reach", "sip: {listen: \"ws:0.0.0.0:80\"}\ntrunks:\n  - name: a\n    targets: [\"sip:switch.example.com\"]\n", "line 4", "trunks[0].targets[0]", "no listener of this trunk speaks udp"},
		{"secure target that nobody speaks to", "trunks:\n  - name: a\n    targets: [\"sips:switch.example.com\"]\n", "line 3", "trunks[0].targets[0]", "no listener of this trunk speaks tls"},
		{"name with a port that nobody speaks to", "sip: {listen: \"tcp:0.0.0.0:5060\"}\ntrunks:\n  - name: a\n    targets: [\"sip:switch.example.com:5060\"]\n", "line 4", "trunks[0].targets[0]", "no listener of this trunk speaks udp"},
		{"unknown listener", trunk + "listen: outside\n", "line 4", "trunks[0].listen", "no listener of that name"},
		{"unknown pool", trunk + "media: outside\n", "line 4", "trunks[0].media", "no pool of that name"},
		{"unknown route", trunk + "route_to: outside\n", "line 4", "trunks[0].route_to", "no trunk of that name"},
		{"unknown pass", trunk + "pass: outside\n", "line 4", "trunks[0].pass", "no trunk of that name"},
		{"route without targets", "trunks:\n  - name: a\n    sources: [192.0.2.1]\n", "line 2", "trunks[0].route_to", "has no targets"},
		{"caller nowhere", trunk + "caller: []\n", "line 4", "trunks[0].caller", "at least one"},
		{"caller from To", trunk + "caller: [pai, to]\n", "line 4", "trunks[0].caller[1]", "one of pai, rpid, from"},
		{"numbers", trunk + "numbers: long\n", "line 4", "trunks[0].numbers", "national, e164, plus, international"},
		{"prefix in letters", trunk + "prefix: abc\n", "line 4", "trunks[0].prefix", "at most eight digits"},
		{"prefix too long", trunk + "prefix: " + number + "\n", "line 4", "trunks[0].prefix", "at most eight digits"},
		{"domain", trunk + "domain: \"a b\"\n", "line 4", "trunks[0].domain", "not a host name"},
		{"identity", trunk + "identity: from\n", "line 4", "trunks[0].identity", "one of none, pai, rpid"},
		{"watch without unit", trunk + "watch: 30\n", "line 4", "trunks[0].watch", "write auto, 0 for never"},
		{"watch that is a number", trunk + "watch: " + number + "\n", "line 4", "trunks[0].watch", "write auto, 0 for never"},
		{"watch too often", trunk + "watch: 4s\n", "line 4", "trunks[0].watch", "from 5s to 10m"},
		{"watch too seldom", trunk + "watch: 11m\n", "line 4", "trunks[0].watch", "from 5s to 10m"},
		{"watch below zero", trunk + "watch: -5s\n", "line 4", "trunks[0].watch", "write auto, 0 for never"},
		{"dtmf", trunk + "dtmf: inband\n", "line 4", "trunks[0].dtmf", "one of auto, info, rfc4733"},
		{"latch", trunk + "latch: loose\n", "line 4", "trunks[0].latch", "one of strict, subnet, off"},
		{"dscp", "media:\n  dscp: 64\n", "line 2", "media.dscp", "from 0 to 63"},
		{"dscp of a pool", "media:\n  pools:\n    - {name: a, dscp: EF}\n", "line 3", "media.pools[0].dscp", "from 0 to 63"},
		{"shards", "media:\n  shards: -1\n", "line 2", "media.shards", "0 for one a processor"},
		{"early media", trunk + "early_media: drop\n", "line 4", "trunks[0].early_media", "one of pass, ringing"},
		{"offload", "media:\n  offload: on\n", "line 2", "media.offload", "one of auto, off, required"},
		{"srtp", trunk + "srtp: always\n", "line 4", "trunks[0].srtp", "one of off, allow, require"},
		{"video", trunk + "video: offer\n", "line 4", "trunks[0].video", "one of refuse, allow"},
		{"fax", trunk + "t38: pass\n", "line 4", "trunks[0].t38", "one of refuse, allow"},
		{"mux", trunk + "rtcp_mux: never\n", "line 4", "trunks[0].rtcp_mux", "one of answer, offer"},
		{"encrypted fax", trunk + "t38: allow\n    srtp: require\n", "line 2", "trunks[0]", "a fax cannot be encrypted"},
		{"target on a WebSocket", "trunks:\n  - name: a\n    targets: [\"sip:192.0.2.1;transport=ws\"]\n", "line 3", "trunks[0].targets[0]", "write sip:HOST:PORT"},
		{"TLS name with a wildcard", mutual + "    tls_names: [\"*.example.net\"]\n", "line 4", "trunks[0].tls_names[0]", "without a wildcard"},
		{"TLS name that is an address", mutual + "    tls_names: [192.0.2.1]\n", "line 4", "trunks[0].tls_names[0]", "without a wildcard"},
		{"TLS name that is a number", mutual + "    tls_names: [\"" + number + "\"]\n", "line 4", "trunks[0].tls_names[0]", "without a wildcard"},
		{"TLS name that is a URI", mutual + "    tls_names: [\"sip:sw1.example.net\"]\n", "line 4", "trunks[0].tls_names[0]", "without a wildcard"},
		{"TLS names that nobody is asked for", trunk + "tls_names: [sw1.example.net]\n", "line 4", "trunks[0].tls_names", "asks peers for a certificate"},
		{"TLS names on another listener", mutual + "    listen: plain\n    tls_names: [sw1.example.net]\n    targets: [\"sip:192.0.2.1\"]\n",
			"line 5", "trunks[0].tls_names", "asks peers for a certificate"},
		{"authority of no target", trunk + "tls_ca: ca.pem\n", "line 4", "trunks[0].tls_ca", "reached by tls"},
		{"name of no target", trunk + "tls_server_name: sw1.example.net\n", "line 4", "trunks[0].tls_server_name", "reached by tls"},
		{"name of a target with a port", mutual + "    targets: [\"sips:192.0.2.1\"]\n    tls_server_name: \"x:5061\"\n", "line 5", "trunks[0].tls_server_name", "not a host name"},

		// Accounts of a trunk.
		{"auth without user", trunk + "auth: {password_file: p}\n", "line 4", "trunks[0].auth.user", "name of an account"},
		{"auth with a colon", trunk + "auth: {user: \"" + number + ":x\", password_file: p}\n", "line 4", "trunks[0].auth.user", "without a colon"},
		{"auth with a line end", trunk + "auth: {user: \"x\\ny\", password_file: p}\n", "line 4", "trunks[0].auth.user", "can be printed"},
		{"auth without password", trunk + "auth: {user: " + number + "}\n", "line 4", "trunks[0].auth.password_file", "read from a file"},
		{"auth with a password", trunk + "auth: {user: x, password: y}\n", "line 4", "", "unknown key"},
		{"auth with a password in the data", trunk + "auth: {user: x, password_file: mask700-data/p}\n", "line 4", "trunks[0].auth.password_file", "inside the data directory"},
		{"auth with a realm that cannot be", trunk + "auth: {user: x, password_file: p, realm: \"a\\tb\"}\n", "line 4", "trunks[0].auth.realm", "can be printed"},
		{"challenge without realm", trunk + "challenge: {users: [{name: x, password_file: p}]}\n", "line 4", "trunks[0].challenge.realm", "a realm is"},
		{"challenge without users", trunk + "challenge: {realm: r}\n", "line 4", "trunks[0].challenge.users", "nobody could send"},
		{"challenge with a user of no name", trunk + "challenge: {realm: r, users: [{password_file: p}]}\n", "line 4", "trunks[0].challenge.users[0].name", "name of an account"},
		{"challenge with a user of no password", trunk + "challenge: {realm: r, users: [{name: " + number + "}]}\n", "line 4", "trunks[0].challenge.users[0].password_file", "read from a file"},
		{"challenge with a user twice", trunk + "challenge:\n      realm: r\n      users:\n        - {name: " + number + ", password_file: p}\n        - {name: " + number + ", password_file: q}\n",
			"line 7 and line 8", "trunks[0].challenge.users[0].name", "same name"},
		{"challenge with an algorithm that is none", trunk + "challenge: {realm: r, algorithms: [sha-1], users: [{name: x, password_file: p}]}\n", "line 4", "trunks[0].challenge.algorithms[0]", "one of sha-256, sha-512-256, md5"},
		{"challenge with no algorithm", trunk + "challenge: {realm: r, algorithms: [], users: [{name: x, password_file: p}]}\n", "line 4", "trunks[0].challenge.algorithms", "no algorithm"},
		{"challenge with an algorithm twice", trunk + "challenge: {realm: r, algorithms: [md5, md5], users: [{name: x, password_file: p}]}\n", "line 4", "trunks[0].challenge.algorithms[1]", "twice"},
		{"register without aor", trunk + "register: {expires: 5m}\n", "line 4", "trunks[0].register", "aor: sip:USER@DOMAIN"},
		{"register of a domain", trunk + "register: {aor: \"sip:example.net\"}\n", "line 4", "trunks[0].register", "aor: sip:USER@DOMAIN"},
		{"register of a telephone number", trunk + "register: {aor: \"tel:" + number + "\"}\n", "line 4", "trunks[0].register", "aor: sip:USER@DOMAIN"},
		{"register with a password", trunk + "register: {aor: \"sip:" + number + ":x@example.net\"}\n", "line 4", "trunks[0].register", "without a password"},
		{"register with parameters", trunk + "register: {aor: \"sip:" + number + "@example.net;transport=tcp\"}\n", "line 4", "trunks[0].register", "without parameters"},
		{"register for a moment", trunk + "register: {aor: \"sip:x@example.net\", expires: 10s}\n", "line 4", "trunks[0].register", "from 1m to 24h"},
		{"register for ever", trunk + "register: {aor: \"sip:x@example.net\", expires: 48h}\n", "line 4", "trunks[0].register", "from 1m to 24h"},
		{"register with a Contact that is a URI", trunk + "register: {aor: \"sip:x@example.net\", user: \"" + number + "@x\"}\n", "line 4", "trunks[0].register", "up to 64 letters"},
		{"register nowhere", "trunks:\n  - name: a\n    sources: [192.0.2.1]\n    route_to: b\n    register: {aor: \"sip:x@example.net\"}\n  - {name: b, targets: [\"sip:192.0.2.2\"]}\n",
			"line 5", "trunks[0].register", "registers at its targets"},
		{"an empty register", trunk + "register:\n", "line 4", "trunks[0].register", "no value"},

		// Two entries at odds.
		{"one certificate, two trunks", mutual + "    tls_names: [sw1.example.net]\n    targets: [\"sips:192.0.2.1\"]\n" +
			"  - name: b\n    tls_names: [sw2.example.net, SW1.example.net]\n    targets: [\"sips:192.0.2.2\"]\n",
			"line 4 and line 7", "trunks[0].tls_names[0]", "trunks a and b cannot be told apart"},
		{"one server, two trunks", mutual + "    tls_names: [sw1.example.net]\n    targets: [\"sips:sw.example.net\"]\n" +
			"  - name: b\n    tls_names: [sw2.example.net]\n    targets: [\"sips:sw.example.net\"]\n",
			"line 3 and line 6", "trunks[0]", "trunks a and b cannot be told apart"},
		{"two streams on one address", "sip:\n  listen:\n    - {name: a, bind: \"tcp:0.0.0.0:5060\"}\n    - {name: b, bind: \"ws:0.0.0.0:5060\"}\n",
			"line 3 and line 4", "sip.listen[0].bind", "same address"},
		{"two listeners on one address", "sip:\n  listen:\n    - {name: a, bind: \"udp:0.0.0.0:5060\"}\n    - {name: b, bind: \"udp:0.0.0.0:5060\"}\n",
			"line 3 and line 4", "sip.listen[0].bind", "same address"},
		{"two udp listeners of one name", "sip:\n  listen:\n    - {name: a, bind: \"udp:0.0.0.0:5060\"}\n    - {name: a, bind: \"udp:0.0.0.0:5070\"}\n",
			"line 3 and line 4", "sip.listen[0].name", "same name"},
		{"two pools of one name", "media:\n  pools:\n    - {name: a, ports: 20000-20003}\n    - {name: a, ports: 30000-30003}\n",
			"line 3 and line 4", "media.pools[0].name", "same name"},
		{"two pools on the same ports", "media:\n  pools:\n    - {name: a, ports: 20000-20003}\n    - {name: b, address: 192.0.2.1, ports: 20002-30003}\n",
			"line 3 and line 4", "media.pools[0].ports", "share ports"},
		{"media over SIP", "sip:\n  listen: \"udp:0.0.0.0:5060\"\nmedia:\n  ports: 5000-5999\n", "line 4 and line 2", "media.pools[0].ports", "port of a SIP listener"},
		{"two trunks of one name", "trunks:\n  - name: a\n    targets: [\"sip:192.0.2.1\"]\n  - name: a\n    targets: [\"sip:192.0.2.2\"]\n",
			"line 2 and line 4", "trunks[0].name", "same name"},
		{"two trunks, one source", "trunks:\n  - name: a\n    sources: [192.0.2.0/24]\n    targets: [\"sip:192.0.2.1\"]\n  - name: b\n    sources: [198.51.100.1, 192.0.2.0/24]\n    targets: [\"sip:192.0.2.2\"]\n",
			"line 3 and line 6", "trunks[0].sources[0]", "trunks a and b cannot be told apart"},
		{"a target is the other's source", "trunks:\n  - name: a\n    targets: [\"sip:192.0.2.1:5070\"]\n  - name: b\n    sources: [192.0.2.1]\n    targets: [\"sip:192.0.2.2\"]\n",
			"line 3 and line 5", "trunks[0].targets[0]", "cannot be told apart"},
		{"one host by name", "trunks:\n  - {name: a, targets: [\"sip:switch.example.com\"]}\n  - {name: b, targets: [\"sip:Switch.example.com:5070\"]}\n",
			"line 2 and line 3", "trunks[0].targets[0]", "cannot be told apart"},
		{"a trunk hidden by another", "trunks:\n  - {name: a, listen: default, sources: [192.0.2.0/24], targets: [\"sip:198.51.100.1\"]}\n" +
			"  - {name: b, sources: [192.0.2.7], route_to: a}\n", "line 2 and line 3", "trunks[0]", "trunks a and b cannot be told apart"},
		{"pass to itself", trunk + "pass: a\n", "line 2", "trunks[0]", "pass names the trunk itself"},
		{"caller twice", trunk + "caller: [pai, pai]\n", "line 2", "trunks[0]", "same header twice"},
		{"prefix before a plus", trunk + "prefix: 9\n    numbers: plus\n", "line 2", "trunks[0]", "in front of a plus"},
		{"our own address", "sip: {listen: \"udp:192.0.2.1:5060\"}\n" + strings.TrimSpace(trunk) + "\n", "line 4", "trunks[0].targets[0]", "our own address"},
		{"our own loopback", "trunks:\n  - name: a\n    targets: [\"sip:127.0.0.1\"]\n", "line 3", "trunks[0].targets[0]", "our own address"},
		{"our own name", "trunks:\n  - name: a\n    targets: [\"sip:localhost\"]\n", "line 3", "trunks[0].targets[0]", "our own address"},
		{"our own interface", "trunks:\n  - name: a\n    targets: [\"sip:203.0.113.7\"]\n", "line 3", "trunks[0].targets[0]", "our own address"},
		{"what we advertise", "sip: {listen: [{bind: \"udp:0.0.0.0:5060\", advertise: \"gw.example.com:5080\"}]}\ntrunks:\n  - name: a\n    targets: [\"sip:GW.example.com:5080\"]\n",
			"line 4", "trunks[0].targets[0]", "our own address"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := Parse("mask700.yaml", []byte(tc.text))
			if err == nil {
				err = c.validate([]netip.Addr{netip.MustParseAddr("203.0.113.7")})
			}
			if err == nil {
				t.Fatal("accepted")
			}
			got := err.Error()
			if !strings.HasPrefix(got, "mask700.yaml "+tc.lines+": ") {
				t.Errorf("does not begin with %s: %s", tc.lines, got)
			}
			if tc.key != "" && !strings.Contains(got, ": "+tc.key+": ") {
				t.Errorf("does not name %s: %s", tc.key, got)
			}
			if !strings.Contains(got, tc.says) {
				t.Errorf("does not say %q: %s", tc.says, got)
			}
			if strings.Contains(got, number) || strings.Contains(got, "\n") {
				t.Errorf("holds a number or a second line: %s", got)
			}
		})
	}
}

// TestTrunksThatCanBeToldApart are the neighbours of the refused ones.
func TestTrunksThatCanBeToldApart(t *testing.T) {
	two := func(a, b string) string {
		return "sip: {listen: [{name: in, bind: \"udp:0.0.0.0:5060\"}, {name: out, bind: \"udp:0.0.0.0:5062\"}]}\n" +
			fmt.Sprintf("trunks:\n  - {name: a, %s, targets: [\"sip:198.51.100.1\"]}\n  - {name: b, %s, targets: [\"sip:198.51.100.2\"]}\n", a, b)
	}
	for _, text := range []string{
		two("sources: [192.0.2.0/24]", "sources: [192.0.2.0/25]"),
		two("listen: in, sources: [192.0.2.0/24]", "listen: out, sources: [192.0.2.0/24]"),
		two("sources: [192.0.2.0/24]", "listen: out, sources: [192.0.2.0/24]"),
		two("sources: [192.0.2.0/24, 192.0.2.0/24]", "sources: [192.0.3.0/24]"),
	} {
		c, err := Parse("f.yaml", []byte(text))
		if err == nil {
			err = c.validate(nil)
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestNoErrorRepeatsAValue(t *testing.T) {
	const number = "13800138000"
	keys := []string{"data_dir", "keys", "sip", "media", "numbering", "trunks", "admin", "log",
		"sip: {listen", "sip: {ring_timeout", "media: {ports", "media: {address", "numbering: {country_code", "admin: {listen", "log: {level"}
	for _, key := range keys {
		end := strings.Repeat("}", strings.Count(key, "{"))
		for _, value := range []string{number, `"sip:` + number + `@h"`, "[" + number + "]", "{" + number + ": x}", "!!int " + number, "\"" + number} {
			c, err := Parse("f.yaml", []byte(key+": "+value+end+"\n"))
			if err == nil {
				err = c.validate(nil)
			}
			if err != nil && strings.Contains(err.Error(), number) {
				t.Errorf("%s: %s: %v", key, value, err)
			}
		}
	}
}

func TestKeyInsideTheDataDirectoryThroughALink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("data", filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.DataDir = filepath.Join(dir, "data")
	for file, bad := range map[string]bool{
		"elsewhere/mask700.key": true, "data/mask700.key": true, "data/new/mask700.key": true, "data": true,
		"mask700.key": false, "data.key": false, "..data/mask700.key": false,
	} {
		c.Keys.File = filepath.Join(dir, file)
		if err := c.validate(nil); (err != nil) != bad {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestOverrides(t *testing.T) {
	file, err := Parse("f.yaml", []byte(contract))
	if err != nil {
		t.Fatal(err)
	}
	c, err := file.Override(Overrides{
		DataDir:      Setting{"--data-dir", "/srv/d"},
		KeyFile:      Setting{"--key-file", "/srv/k"},
		SIP:          []Setting{{"--sip", "udp:192.0.2.1:5060"}, {"--sip", "udp:192.0.2.1:5070"}, {"--sip", "tcp:192.0.2.1:5060"}},
		Trunk:        Setting{"--trunk", "sip:192.0.2.9:5080;transport=tcp"},
		MediaAddress: Setting{"--media-address", "192.0.2.1"},
		MediaPorts:   Setting{"--media-ports", "30000-30099"},
		Admin:        Setting{"--admin", "unix:/run/m.sock"},
		LogLevel:     Setting{"--log-level", "debug"},
		LogFormat:    Setting{"--log-format", "json"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.validate(nil); err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "/srv/d" || c.Keys.File != "/srv/k" || len(c.SIP.Listen) != 3 || c.AdminSocket() != "/run/m.sock" ||
		c.Log != (Log{"debug", "json"}) || c.Media.Pools[0].Address.String() != "192.0.2.1" || c.Media.Pools[0].Ports.String() != "30000-30099" {
		t.Errorf("%+v", c)
	}
	list := c.TrunkList()
	if len(list) != 1 || list[0].Name != DefaultName || list[0].Targets[0].Addr != netip.MustParseAddrPort("192.0.2.9:5080") {
		t.Errorf("trunks: %+v", list)
	}
	if file.Media.Pools[0].Ports.String() != "20000-39999" {
		t.Error("the configuration overridden was changed")
	}
}

func TestBadOverridesNameTheirFlag(t *testing.T) {
	for _, tc := range []struct {
		text string
		o    Overrides
		want string
	}{
		{"", Overrides{SIP: []Setting{{"--sip", "5060"}}}, `^--sip: write NETWORK`},
		{"", Overrides{SIP: []Setting{{"--sip", "udp:0.0.0.0:5060"}, {"--sip", "udp:0.0.0.0:5060"}}}, `^--sip: two listeners`},
		{"", Overrides{Trunk: Setting{"--trunk", "sip:13800138000@h"}}, `^--trunk: write sip:HOST`},
		{"", Overrides{Trunk: Setting{"--trunk", "sip:127.0.0.1"}}, `^--trunk: the target is our own`},
		{"", Overrides{MediaPorts: Setting{"--media-ports", "1-2"}}, `^--media-ports: write FIRST-LAST`},
		{"", Overrides{MediaPorts: Setting{"--media-ports", "5000-5999"}}, `^--media-ports: the media ports hold`},
		{"media: {pools: [{name: a}, {name: b, ports: 1024-1033}]}\n", Overrides{MediaAddress: Setting{"--media-address", "192.0.2.1"}}, `^--media-address: the file has several`},
		{"", Overrides{Admin: Setting{"--admin", "127.0.0.1:1"}}, `^--admin: a TCP address`},
		{"", Overrides{DataDir: Setting{"MASK700_DATA_DIR", ""}}, `^MASK700_DATA_DIR: an empty path`},
		{"", Overrides{DataDir: Setting{"--data-dir", "."}}, `^keys.file: the key would lie inside`},
		{"keys: {file: x/k}\n", Overrides{DataDir: Setting{"--data-dir", "x"}}, `^f.yaml line 1: keys.file: the key would lie inside`},
		{contract, Overrides{SIP: []Setting{{"--sip", "udp:0.0.0.0:5060"}}}, `^f.yaml line 19: trunks\[0\].listen: there is no listener`},
	} {
		c, err := Parse("f.yaml", []byte(tc.text))
		if err != nil {
			t.Fatal(err)
		}
		if c, err = c.Override(tc.o); err == nil {
			err = c.validate(nil)
		}
		if err == nil || !regexp.MustCompile(tc.want).MatchString(err.Error()) {
			t.Errorf("want %s, got %v", tc.want, err)
		}
	}
}
