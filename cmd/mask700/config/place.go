package config

import (
	"regexp"
	"strings"
)

// plainKeyPath is the shape of a key that may be repeated in an error: our own words and indexes, nothing else.
var plainKeyPath = regexp.MustCompile(`^[a-z_]{1,32}[0-9]{0,2}(\[[0-9]{1,4}\])?(\.[a-z_]{1,32}[0-9]{0,2}(\[[0-9]{1,4}\])?){0,4}$`)

// plainPath returns key when it has the shape of ours, and nothing otherwise.
func plainPath(key string) string {
	if !plainKeyPath.MatchString(key) {
		return ""
	}
	return key
}

// errorFor is an error about keys: the flag or the lines where each, or the group around it, was written.
func (c *Config) errorFor(text string, keys ...string) *Error {
	e := &Error{Text: text, Key: keys[0]}
	for _, key := range keys {
		for k := key; k != ""; k = parentKey(k) {
			if flag := c.flags[k]; flag != "" {
				e.Flag = flag
				break
			}
			line := c.lines[k]
			if line == 0 { // the short form of a single pool
				line = c.lines[strings.Replace(k, "media.pools[0].", "media.", 1)]
			}
			if line > 0 {
				e.File = c.file
				e.Lines = append(e.Lines, line)
				break
			}
		}
	}
	if e.Flag != "" {
		e.File, e.Lines = "", nil
	}
	return e
}

// parentKey cuts the last step: "trunks[1].sources[0]" to "trunks[1].sources" to "trunks[1]" to "trunks" to "".
func parentKey(key string) string {
	return key[:max(strings.LastIndexAny(key, ".["), 0)]
}
