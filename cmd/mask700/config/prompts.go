package config

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml/ast"

	"mask700/media/prompt"
	"mask700/sip/trunk"
)

// Prompts is what callers hear of us: announcements and tones.
type Prompts struct {
	Mode          Prompt   `yaml:"mode"`           // what a refused caller hears, where its trunk does not say
	Language      Language `yaml:"language"`       // of announcements
	Tones         Tones    `yaml:"tones"`          // plan of tones
	Dir           string   `yaml:"dir"`            // own files in the place of ours; empty: none
	Max           int      `yaml:"max"`            // refused callers that hear one at once; the others are refused without
	LastMinute    bool     `yaml:"last_minute"`    // both are told a minute before max_duration is over
	Attempts      int      `yaml:"attempts"`       // how often a caller is asked for an extension
	FirstDigit    Duration `yaml:"first_digit"`    // how long it may take, after it was asked, to press one
	NextDigit     Duration `yaml:"next_digit"`     // and to press each further one
	OrderFinished Duration `yaml:"order_finished"` // how long a party hears that its binding has ended; 0: what all hear
}

// Bounds of Prompts.
const (
	maxPrompts  = 10_000
	maxAttempts = 10
	minDigit    = Duration(time.Second)
	maxDigit    = Duration(time.Minute)
	maxFinished = Duration(30 * 24 * time.Hour)
)

func newPrompts() Prompts {
	return Prompts{Mode: trunk.PromptNone, Language: prompt.Chinese, Tones: prompt.China, Max: 200, LastMinute: true,
		Attempts: 3, FirstDigit: Duration(5 * time.Second), NextDigit: Duration(5 * time.Second)}
}

// UnmarshalYAML reads the keys.
func (p *Prompts) UnmarshalYAML(node ast.Node) error {
	type keys Prompts
	k := keys(newPrompts())
	if err := decodeStrict(node, &k); err != nil {
		return err
	}
	*p = Prompts(k)
	return nil
}

// Prompt is when a refused caller hears why: early (before the refusal), answer (after a 200) or none; empty where
// it is said elsewhere.
type Prompt string

// Set reads the word.
func (p *Prompt) Set(s string) error {
	if s == "" {
		*p = ""
		return nil
	}
	return oneOf((*string)(p), s, trunk.PromptEarly, trunk.PromptAnswer, trunk.PromptNone)
}

// UnmarshalYAML reads the value of a key.
func (p *Prompt) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, p.Set) }

// Language is the language of announcements, two of them one after the other, or tone: tones in their place.
type Language string

// Set reads the word.
func (l *Language) Set(s string) error {
	return oneOf((*string)(l), s, prompt.Chinese, prompt.English, prompt.ChineseEnglish, prompt.EnglishChinese, prompt.ToneOnly)
}

// UnmarshalYAML reads the value of a key.
func (l *Language) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, l.Set) }

// Tones is a plan of tones: china or itu.
type Tones string

// Set reads the word.
func (t *Tones) Set(s string) error { return oneOf((*string)(t), s, prompt.China, prompt.ITU) }

// UnmarshalYAML reads the value of a key.
func (t *Tones) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, t.Set) }

// setPrompt sets the mode of all trunks, whatever the file says of each.
func (c *Config) setPrompt(s string) error {
	if err := c.Media.Prompts.Mode.Set(s); err != nil {
		return err
	}
	c.Trunks = append([]Trunk{}, c.Trunks...)
	for i := range c.Trunks {
		c.Trunks[i].Prompt = ""
	}
	return nil
}

func (c *Config) checkPrompts() error {
	p := c.Media.Prompts
	if p.Mode == "" {
		return c.errorFor("write one of early, answer, none", "media.prompts.mode")
	}
	if p.Max < 0 || p.Max > maxPrompts {
		return c.errorFor(fmt.Sprintf("must be from 0 to %d", maxPrompts), "media.prompts.max")
	}
	if p.Attempts < 1 || p.Attempts > maxAttempts {
		return c.errorFor(fmt.Sprintf("must be from 1 to %d", maxAttempts), "media.prompts.attempts")
	}
	for key, d := range map[string]Duration{"first_digit": p.FirstDigit, "next_digit": p.NextDigit} {
		if d < minDigit || d > maxDigit {
			return c.errorFor(fmt.Sprintf("must be from %s to %s", minDigit, maxDigit), "media.prompts."+key)
		}
	}
	if p.OrderFinished > maxFinished {
		return c.errorFor(fmt.Sprintf("must be at most %s", maxFinished), "media.prompts.order_finished")
	}
	return nil
}

// LoadPrompts makes the clips, of the operator's own files where there are some. A file that cannot be used is an
// error.
func (c Config) LoadPrompts() (*prompt.Catalogue, error) {
	p := c.Media.Prompts
	clips, err := prompt.Load(prompt.Options{Language: string(p.Language), Tones: string(p.Tones), Dir: p.Dir})
	if err != nil {
		e := c.errorFor(err.Error(), "media.prompts.dir")
		e.cause = err
		return nil, e
	}
	return clips, nil
}
