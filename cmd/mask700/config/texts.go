package config

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"

	"mask700/sip/message"
	siptext "mask700/sip/text"
)

// Texts is how texts (SIP MESSAGE, RFC 3428) are carried.
type Texts struct {
	Enabled  bool        `yaml:"enabled"`
	MaxBytes int         `yaml:"max_bytes"` // of a body
	Numbers  TextNumbers `yaml:"numbers"`   // what becomes of telephone numbers in one
}

func newTexts() Texts {
	return Texts{Enabled: true, MaxBytes: message.MaxText, Numbers: TextNumbers(siptext.Mask.String())}
}

// UnmarshalYAML reads the keys.
func (t *Texts) UnmarshalYAML(node ast.Node) error {
	type keys Texts
	k := keys(newTexts())
	if err := decodeStrict(node, &k); err != nil {
		return err
	}
	*t = Texts(k)
	return nil
}

// TextNumbers says what becomes of telephone numbers in a text: mask, pass or refuse. Those of the two parties never pass.
type TextNumbers string

// Set reads the word.
func (n *TextNumbers) Set(s string) error {
	return oneOf((*string)(n), s, siptext.Mask.String(), siptext.Pass.String(), siptext.Refuse.String())
}

// UnmarshalYAML reads the value of a key.
func (n *TextNumbers) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, n.Set) }

// Policy is the word as the signalling knows it.
func (n TextNumbers) Policy() siptext.Policy {
	p, _ := siptext.ParsePolicy(string(n))
	return p
}

func (c *Config) checkTexts() error {
	if n := c.Texts.MaxBytes; n < 1 || n > message.MaxText {
		return c.errorFor(fmt.Sprintf("must be from 1 to %d", message.MaxText), "texts.max_bytes")
	}
	return nil
}
