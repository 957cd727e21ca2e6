package config

import (
	"log/slog"

	"github.com/goccy/go-yaml/ast"
)

// Level is how much is logged: debug, info, warn or error.
type Level string

// Set reads the word.
func (l *Level) Set(s string) error { return oneOf((*string)(l), s, "debug", "info", "warn", "error") }

// UnmarshalYAML reads the value of a key.
func (l *Level) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, l.Set) }

// Slog is the level as the logger knows it.
func (l Level) Slog() slog.Level {
	switch l {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}

// LogFormat is how a line of the log is written: text or json.
type LogFormat string

// Set reads the word.
func (f *LogFormat) Set(s string) error { return oneOf((*string)(f), s, "text", "json") }

// UnmarshalYAML reads the value of a key.
func (f *LogFormat) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, f.Set) }
