package config

import (
	"strings"
	"testing"
)

func TestWhatIsKeptTooShortlyIsWarnedOf(t *testing.T) {
	for text, want := range map[string][]string{
		"": nil,
		"retention: {bindings: 0d, records: 0d}\n":                               nil,
		"retention: {bindings: 729d}\n":                                          {"retention.bindings"},
		"recording: {retention: 2h}\nretention: {bindings: 1h, records: 182d}\n": {"retention.bindings", "retention.records", "recording.retention", "numbering.quarantine"},
		"retention: {bindings: 800d}\nnumbering: {quarantine: 19201h}\n":         {"numbering.quarantine"},
		"retention: {bindings: 800d}\nnumbering: {quarantine: 19200h}\n":         nil,
		"retention: {bindings: 0d}\nnumbering: {quarantine: 19200h}\n":           nil,
		"retention: {bindings: 1000h}\nnumbering: {quarantine: 0s}\n":            {"retention.bindings"},
	} {
		cfg, err := Parse("m.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got := cfg.Warnings()
		if len(got) != len(want) {
			t.Errorf("%q: %q", text, got)
			continue
		}
		for i := range want {
			if !strings.Contains(got[i], want[i]) || !strings.Contains(got[i], "line ") {
				t.Errorf("%q: %q", text, got[i])
			}
		}
	}
}
