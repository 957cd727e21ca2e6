package config

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml/ast"

	"mask700/media/record"
)

// Recording is how calls are recorded whose binding says so.
type Recording struct {
	Dir       string   `yaml:"dir"`       // empty: recordings in the data directory
	Segment   Duration `yaml:"segment"`   // how much of a call is written at a time
	Retention Duration `yaml:"retention"` // deleted so long after the call began; 0s: never
	Cipher    Cipher   `yaml:"cipher"`
	Notice    Notice   `yaml:"notice"` // play: both parties hear that they are recorded, or the call is not; none: they are told otherwise
}

// Words of Recording.Notice.
const (
	NoticePlay Notice = "play"
	NoticeNone Notice = "none"
)

// Notice says who tells the parties that they are recorded.
type Notice string

// Set reads the word.
func (n *Notice) Set(s string) error {
	return oneOf((*string)(n), s, string(NoticePlay), string(NoticeNone))
}

// UnmarshalYAML reads the value of a key.
func (n *Notice) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, n.Set) }

// Cipher seals recordings: aes-256-gcm or sm4-gcm.
type Cipher string

// Set reads the word.
func (c *Cipher) Set(s string) error {
	return oneOf((*string)(c), s, record.AES256GCM.String(), record.SM4GCM.String())
}

// UnmarshalYAML reads the value of a key.
func (c *Cipher) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, c.Set) }

func newRecording() Recording {
	return Recording{
		Segment: Duration(2 * time.Second), Retention: Duration(leastKept), Cipher: Cipher(record.AES256GCM.String()), Notice: NoticePlay,
	}
}

// Bounds of a recording's times. Below an hour a call could outlive its recording.
const (
	minSegment   = Duration(200 * time.Millisecond)
	maxSegment   = Duration(10 * time.Second)
	minRetention = Duration(time.Hour)
)

func (c *Config) checkRecording() error {
	r := c.Recording
	switch {
	case r.Segment < minSegment || r.Segment > maxSegment:
		return c.errorFor(fmt.Sprintf("must be from %s to %s", minSegment, maxSegment), "recording.segment")
	case r.Retention != 0 && r.Retention < minRetention:
		return c.errorFor(fmt.Sprintf("must be at least %s, or 0s to keep recordings for ever", minRetention), "recording.retention")
	case c.Keys.File != "" && inside(c.RecordingDir(), c.Keys.File) || inside(c.RecordingDir(), c.Keys.RingFile()):
		return c.errorFor("the key of the store would lie among the recordings; name another directory", "recording.dir")
	}
	return nil
}

// RecordingDir is the directory of the recordings.
func (c Config) RecordingDir() string {
	if c.Recording.Dir != "" {
		return c.Recording.Dir
	}
	return filepath.Join(c.DataDir, "recordings")
}

// AuditLog is the path of the audit log.
func (c Config) AuditLog() string { return filepath.Join(c.DataDir, "audit.jsonl") }
