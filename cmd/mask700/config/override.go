package config

import (
	"errors"
	"io/fs"
	"os"
)

// DefaultFile is read when no file is named and it is there.
const DefaultFile = "mask700.yaml"

// Setting is a value given outside the file. Its zero value is none.
type Setting struct {
	From  string // the flag or environment variable, for errors: "--data-dir"
	Value string
}

func (s Setting) given() bool { return s.From != "" }

// Overrides are the values that flags and the environment put above those of the file.
type Overrides struct {
	DataDir      Setting
	KeyFile      Setting
	SIP          []Setting // replaces all listeners when it is not empty
	Trunk        Setting   // replaces all trunks by one named default
	MediaAddress Setting   // of the only pool
	MediaPorts   Setting   // of the only pool
	Prompt       Setting   // of all trunks
	Admin        Setting
	LogLevel     Setting
	LogFormat    Setting
}

// Open is Prepare and Validate.
func Open(path string, o Overrides) (Config, error) {
	c, err := Prepare(path, o)
	if err != nil {
		return Config{}, err
	}
	if err := c.Validate(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Prepare is Load and Override. An empty path means DefaultFile where it exists, and the defaults where it does not.
// A command that only looks for the server or its store needs no more.
func Prepare(path string, o Overrides) (Config, error) {
	c := Default()
	if path == "" {
		if _, err := os.Stat(DefaultFile); !errors.Is(err, fs.ErrNotExist) {
			path = DefaultFile
		}
	}
	if path != "" {
		var err error
		if c, err = Load(path); err != nil {
			return Config{}, err
		}
	}
	return c.Override(o)
}

// Reload reads the same file again under the same flags. Without a file it returns the same configuration.
func (c Config) Reload() (Config, error) { return Open(c.file, c.overrides) }

// Override returns c with the values of o in place of its own.
func (c Config) Override(o Overrides) (Config, error) {
	c.overrides = o
	c.flags = make(map[string]string)
	set := func(s Setting, key string, into func(string) error) error {
		if !s.given() {
			return nil
		}
		c.flags[key] = s.From
		if err := into(s.Value); err != nil {
			return &Error{Flag: s.From, Key: key, Text: err.Error(), cause: err}
		}
		return nil
	}
	if len(o.SIP) > 0 {
		c.SIP.Listen = make(Listeners, len(o.SIP))
	}
	for i, s := range o.SIP {
		c.SIP.Listen[i].Name = DefaultName
		if err := set(s, "sip.listen", c.SIP.Listen[i].Bind.Set); err != nil {
			return Config{}, err
		}
	}
	if o.Trunk.given() {
		t := newTrunk()
		t.Name = DefaultName
		t.Targets = make([]Target, 1)
		c.Trunks = []Trunk{t}
		if err := set(o.Trunk, "trunks", t.Targets[0].Set); err != nil {
			return Config{}, err
		}
	}
	if o.MediaAddress.given() || o.MediaPorts.given() {
		if len(c.Media.Pools) != 1 {
			from := o.MediaAddress.From
			if from == "" {
				from = o.MediaPorts.From
			}
			return Config{}, &Error{Flag: from, Key: "media.pools", Text: "the file has several media pools; change them there"}
		}
		c.Media.Pools = []Pool{c.Media.Pools[0]}
	}
	for _, v := range []struct {
		s    Setting
		key  string
		into func(string) error
	}{
		{o.DataDir, "data_dir", text(&c.DataDir)},
		{o.KeyFile, "keys.file", text(&c.Keys.File)},
		{o.MediaAddress, "media.pools[0].address", func(v string) error { return c.Media.Pools[0].Address.Set(v) }},
		{o.MediaPorts, "media.pools[0].ports", func(v string) error { return c.Media.Pools[0].Ports.Set(v) }},
		{o.Prompt, "media.prompts.mode", c.setPrompt},
		{o.Admin, "admin.listen", c.Admin.Listen.Set},
		{o.LogLevel, "log.level", c.Log.Level.Set},
		{o.LogFormat, "log.format", c.Log.Format.Set},
	} {
		if err := set(v.s, v.key, v.into); err != nil {
			return Config{}, err
		}
	}
	return c, nil
}

// text sets a path; an empty one is refused, for it would mean the working directory.
func text(into *string) func(string) error {
	return func(s string) error {
		if s == "" {
			return errors.New("an empty path; name one or leave it out for the default")
		}
		*into = s
		return nil
	}
}
