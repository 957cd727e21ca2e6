package config

import (
	"strings"
	"testing"
)

func TestKeysInTheClearAreWarnedOf(t *testing.T) {
	const mixed = "sip:\n  listen:\n    - {name: u, bind: \"udp:0.0.0.0:5060\"}\n" +
		"    - {name: s, bind: \"tls:0.0.0.0:5061\", tls: {certificate: c, key: k, client_ca: ca}}\ntrunks:\n  - name: a\n    "
	for name, c := range map[string]struct {
		text string
		line string // "": no warning
	}{
		"plain media":                {mixed + "sources: [192.0.2.1/32]\n    targets: [\"sip:192.0.2.1\"]\n", ""},
		"off in words":               {mixed + "targets: [\"sip:192.0.2.1\"]\n    srtp: \"off\"\n", ""},
		"allowed over UDP":           {mixed + "targets: [\"sip:192.0.2.1\"]\n    srtp: allow\n", "line 8"},
		"required over UDP":          {mixed + "targets: [\"sip:192.0.2.1\"]\n    srtp: require\n", "line 8"},
		"on the secure listener":     {mixed + "listen: s\n    targets: [\"sip:192.0.2.1;transport=tls\"]\n    srtp: require\n", ""},
		"calls may come on any":      {mixed + "targets: [\"sip:192.0.2.1;transport=tls\"]\n    sources: [192.0.2.2/32]\n    srtp: require\n", "line 9"},
		"known by its certificate":   {mixed + "targets: [\"sip:192.0.2.1;transport=tls\"]\n    tls_names: [a.example.net]\n    srtp: require\n", ""},
		"one target of two in clear": {mixed + "targets: [\"sip:192.0.2.1;transport=tls\", \"sip:192.0.2.1;transport=udp\"]\n    srtp: require\n", "line 8"},
	} {
		cfg, err := Parse("m.yaml", []byte(c.text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := cfg.validate(nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := cfg.Warnings()
		if c.line == "" && len(got) != 0 || c.line != "" && (len(got) != 1 || !strings.Contains(got[0], c.line) || !strings.Contains(got[0], "trunks[0].srtp")) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
