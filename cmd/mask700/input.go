package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// maxLine is the longest line that is read, bytes.
const maxLine = 64 << 10

// numberInput reads the arguments that are subscriber numbers: - stands for the next line of standard input, so
// that a number stays out of the shell's history and the process list.
type numberInput struct{ lines *bufio.Reader }

func newNumberInput(in io.Reader) *numberInput {
	return &numberInput{bufio.NewReaderSize(io.LimitReader(in, maxLine), 512)}
}

// read replaces each value that is - by a line, in the order given. name is the flag, for the error.
func (n *numberInput) read(name string, value *string) error {
	if *value != "-" {
		return nil
	}
	line, err := n.lines.ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("--%s -: standard input cannot be read: %w", name, err)
		}
		return fmt.Errorf("--%s -: standard input has no number for it; write one on a line", name)
	}
	*value = line
	return nil
}

// goodID reports whether an argument can be the id of a binding: letters alone.
func goodID(id string) bool {
	return strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// checkBindingID refuses what is no id before it is sent anywhere: it may be a number by mistake.
func checkBindingID(id string) error {
	if !goodID(id) {
		return errors.New("the id of a binding is letters alone; to look for a number, use `mask700 binding list --number -`")
	}
	return nil
}

// checkCallID refuses a number in the place of a call's id.
func checkCallID(id string) error {
	if strings.Trim(id, "0123456789+-. ()") == "" {
		return errors.New("not the id of a call; `mask700 call list` shows them")
	}
	return nil
}

// moment reads a point in time: RFC 3339, or how long ago it was, such as 90m. Nothing is the zero time.
func moment(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("--%s: neither a time in RFC 3339, such as 2026-01-02T15:04:05+08:00, nor how long ago, such as 90m", flag)
}

// openInput opens a file of rows, or standard input for -. The error does not repeat the name, which may be a number by
// mistake.
func openInput(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(stdin), nil
	}
	f, err := os.Open(name)
	var path *fs.PathError
	if errors.As(err, &path) {
		return nil, fmt.Errorf("the file of rows cannot be opened: %w", path.Err)
	}
	return f, err
}
