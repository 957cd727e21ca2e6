package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"mask700/cmd/mask700/client"
	"mask700/store/audit"
)

// revealOptions ask for real numbers.
type revealOptions struct {
	reveal bool
	reason string
}

func (o *revealOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.reveal, "reveal", false, "print real numbers; needs --reason, and is recorded in the audit log first")
	fs.StringVar(&o.reason, "reason", "", "why they are printed, for the audit log; without any subscriber's number")
}

func (o *revealOptions) check() error {
	if !o.reveal && o.reason != "" {
		return errors.New("--reason goes with --reveal")
	}
	return o.checkReason()
}

// checkReason is check where a reason may stand without --reveal.
func (o *revealOptions) checkReason() error {
	o.reason = strings.TrimSpace(o.reason)
	if o.reveal && o.reason == "" {
		return errors.New("--reveal needs --reason TEXT, which the audit log records")
	}
	if o.reason != "" {
		if err := audit.CheckReason(o.reason); err != nil {
			return fmt.Errorf("--reason: %w", err)
		}
	}
	return nil
}

// checkSearch is check where a search by a number, if there is one, needs a reason though nothing is shown.
func (o *revealOptions) checkSearch(number string) error {
	if number == "" {
		return o.check()
	}
	if err := o.checkReason(); err != nil {
		return err
	}
	if o.reason == "" {
		return errors.New("--number needs --reason TEXT, which the audit log records")
	}
	return nil
}

// ask is the client that asks for what was chosen.
func (o *revealOptions) ask(s *session) *client.Client {
	switch {
	case o.reveal:
		return s.Revealing(o.reason)
	case o.reason != "":
		return s.Because(o.reason)
	}
	return s.Client
}
