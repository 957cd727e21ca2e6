package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// Error is one mistake in a configuration: where it stands, which key it concerns, and what to do about it.
// It never repeats the value that was written there: a value may be a secret or a subscriber number that
// slipped into the wrong place.
type Error struct {
	File  string // the file; empty for a value given by a flag or an environment variable
	Lines []int  // lines of the file, the first line being 1; two when two entries are at odds
	Flag  string // the flag or environment variable that gave the value, when it was not the file
	Key   string // the key, such as "sip.ring_timeout" or "trunks[1].sources[0]"; may be empty
	Text  string // what is wrong and what to write instead
	at    spot   // where in the file, when Key is not known yet
	cause error  // the error beneath, for errors.Is
}

// Error says file, line, key and text on one line.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Flag != "":
		b.WriteString(e.Flag)
	case e.File != "":
		b.WriteString(e.File)
	}
	for i, line := range e.Lines {
		word := " line"
		if i > 0 {
			word = " and line"
		} else if b.Len() == 0 {
			word = "line"
		}
		fmt.Fprintf(&b, "%s %d", word, line)
	}
	if e.Key != "" && e.Flag == "" {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(e.Key)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Text)
	return b.String()
}

// Unwrap returns the error beneath, nil when there is none.
func (e *Error) Unwrap() error { return e.cause }

// plainKey is the shape of every key that exists; a word of another shape is not repeated in an error. Two digits
// are no number of anybody's.
var plainKey = regexp.MustCompile(`^[a-z][a-z_]{0,31}[0-9]{0,2}$`)

// quotedWord finds the first quoted word of a message of the YAML library.
var quotedWord = regexp.MustCompile(`"([^"]*)"`)

// translate turns an error of the YAML library into an *Error that holds no value of the file.
func translate(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	out := &Error{cause: err}
	var located yaml.Error
	if errors.As(err, &located) {
		if out.at = spotOf(located.GetToken()); out.at.line > 0 {
			out.Lines = []int{out.at.line}
		}
	}
	var (
		unknown   *yaml.UnknownFieldError
		duplicate *yaml.DuplicateKeyError
		syntax    *yaml.SyntaxError
		kind      *yaml.UnexpectedNodeTypeError
		mismatch  *yaml.TypeError
		overflow  *yaml.OverflowError
	)
	switch {
	case errors.As(err, &unknown):
		out.Text = "unknown key" + keyIn(unknown.Message) + "; `mask700 config show` lists every key"
	case errors.As(err, &duplicate):
		out.Text = "the key" + keyIn(duplicate.Message) + " is written twice; keep one"
	case errors.As(err, &syntax) && strings.HasPrefix(syntax.Message, "mapping key"):
		out.Text = "the key" + keyIn(syntax.Message) + " is written twice; keep one"
	case errors.As(err, &syntax) && !strings.ContainsAny(syntax.Message, `"0123456789`):
		out.Text = "not valid YAML: " + syntax.Message
	case errors.As(err, &kind):
		out.Text = fmt.Sprintf("a %s is expected here, not a %s", article(kind.Expected.YAMLName()), article(kind.Actual.YAMLName()))
	case errors.As(err, &mismatch):
		out.Text = "a value of another kind is expected here (" + article(mismatch.DstType.String()) + ")"
	case errors.As(err, &overflow):
		out.Text = "the number is too large"
	default:
		out.Text = "not valid YAML"
	}
	return out
}

// keyIn returns ` "key"` when the quoted word of msg looks like one of our keys, and nothing otherwise.
func keyIn(msg string) string {
	m := quotedWord.FindStringSubmatch(msg)
	if m == nil || !plainKey.MatchString(m[1]) {
		return ""
	}
	return fmt.Sprintf(" %q", m[1])
}

// article names a kind of node in plain words.
func article(kind string) string {
	switch kind {
	case "mapping":
		return "group of keys"
	case "sequence":
		return "list"
	case "string":
		return "text"
	case "int", "integer", "float":
		return "number"
	case "bool", "boolean":
		return "true or false"
	}
	return kind
}
