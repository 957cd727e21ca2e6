package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const spoken = `media:
  prompts: {mode: early, language: zh+en, dir: DIR}
trunks:
  - {name: a, targets: ["sip:192.0.2.1"]}
  - {name: b, targets: ["sip:192.0.2.2"], prompt: answer}
  - {name: c, targets: ["sip:192.0.2.3"], prompt: none}
`

func modes(c Config) string {
	var b strings.Builder
	for _, t := range c.TrunkList() {
		b.WriteString(t.Name + "=" + t.Prompt + " ")
	}
	return b.String()
}

func TestATrunkSaysWhatItsCallersHear(t *testing.T) {
	c, err := Parse("f", []byte(spoken))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.validate(nil); err != nil {
		t.Fatal(err)
	}
	if got := modes(c); got != "a=early b=answer c=none " {
		t.Error(got)
	}
	plain, err := c.Override(Overrides{Prompt: Setting{From: "--prompt", Value: "none"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := modes(plain); got != "a=none b=none c=none " {
		t.Errorf("with --prompt none: %s", got)
	}
	if got := modes(c); got != "a=early b=answer c=none " {
		t.Errorf("an override has changed what it was made of: %s", got)
	}
	for _, word := range []string{"", "loud"} {
		wrong, err := c.Override(Overrides{Prompt: Setting{From: "--prompt", Value: word}})
		if err == nil {
			err = wrong.validate(nil)
		}
		if err == nil || !strings.HasPrefix(err.Error(), "--prompt: ") {
			t.Errorf("--prompt %q: %v", word, err)
		}
	}
	if p := Default().Media.Prompts; p.Mode != "none" || !p.LastMinute || p.OrderFinished != 0 {
		t.Errorf("without a word: %+v", p)
	}
}

func TestABadPromptIsNamedWithItsLine(t *testing.T) {
	dir := t.TempDir()
	c, err := Parse("f", []byte(strings.Replace(spoken, "DIR", dir, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.LoadPrompts(); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "zh"), 0o755); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(dir, "zh", "call-limit.wav")
	if err := os.WriteFile(bad, []byte("RIFF"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.LoadPrompts(); err == nil || err.Error() != "f line 2: media.prompts.dir: "+bad+": not a WAV file" {
		t.Error(err)
	}
}
