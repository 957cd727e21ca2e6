package main

import (
	"errors"
	"strings"

	"mask700/cmd/mask700/client"
)

// fieldError is what the server said of a field, under the name of the flag that gave it.
type fieldError struct {
	*client.Problem
	text string
}

func (e *fieldError) Error() string { return e.text }

// asFlag names the flag where the server named the field: "industrial_id: …" is "--industrial-id: …" here.
func asFlag(err error) error {
	var p *client.Problem
	if !errors.As(err, &p) || p.Field == "" {
		return err
	}
	text, found := strings.CutPrefix(p.Detail, p.Field+":")
	if !found {
		return err
	}
	flag := strings.ReplaceAll(p.Field, "_", "-")
	if flag == "after" {
		flag = "cursor" // as commands call it
	}
	return &fieldError{p, "--" + flag + ":" + text}
}
