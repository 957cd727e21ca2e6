package config

import (
	"github.com/goccy/go-yaml"
)

// Show is the effective configuration as a file that Load reads back to the same. It holds paths of secrets, no
// secret.
func (c Config) Show() ([]byte, error) {
	return yaml.MarshalWithOptions(c, yaml.IndentSequence(true))
}
