package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mask700/binding"
)

// noExpiryWord takes an expiry away.
const noExpiryWord = "none"

// bothWaysWord takes a one-way restriction away.
const bothWaysWord = "both"

type bindingUpdateOptions struct {
	bindingOptions
	update                                                binding.Update
	a, b, oneWay, data, consent, industrial, until, texts string
	maxDuration, sliding                                  time.Duration
	back                                                  string
	record                                                bool
}

// Format implements [fmt.Formatter]: whatever the verb, no number.
func (bindingUpdateOptions) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "options of binding update")
}

func newBindingUpdateCommand() *cobra.Command {
	o := new(bindingUpdateOptions)
	cmd := &cobra.Command{
		Use:   "update ID",
		Short: "Change a binding: a party, its terms, its expiry",
		Long: `Change a binding that lives. What is not named stays, and so do its id, its order and its 700 numbers, and calls that
go on. A party who is bound on the same 700 number already is refused. The binding is still found by the one who went, and
shows when that was.

A value that may be left out is taken away by an empty one: --data "", --consent "", --texts "", --max-duration 0, --sliding 0,
--one-way both, --back "", --expires none, of a group --a "". Where a NUMBER is -, a line of standard input is read, --a first, then --b, --group-add
and --group-remove.`,
		Args: oneArg("the ID of a binding"),
		RunE: o.run,
	}
	o.addFlags(cmd)
	fs := cmd.Flags()
	fs.StringVar(&o.a, "a", "", "number of the one party, or -; of a group the member whom B reaches")
	fs.StringVar(&o.b, "b", "", "number of the other party, or -")
	fs.StringSliceVar(&o.update.GroupAdd, "group-add", nil, "numbers of members who come; each may be -")
	fs.StringSliceVar(&o.update.GroupRemove, "group-remove", nil, "numbers of members who go; each may be -")
	fs.StringVar(&o.oneWay, "one-way", "", "a-to-b, b-to-a or both")
	fs.DurationVar(&o.maxDuration, "max-duration", 0, "longest call, such as 10m")
	fs.StringVar(&o.data, "data", "", "text that is handed through to the call records")
	fs.StringVar(&o.consent, "consent", "", "reference to the consent on record")
	fs.StringVar(&o.industrial, "industrial-id", "", "industrial identifier")
	fs.BoolVar(&o.record, "record", false, "record its calls, after a notice to both parties")
	fs.StringVar(&o.texts, "texts", "", "on or off: whether it carries texts")
	fs.DurationVar(&o.update.TTL, "ttl", 0, "time to live from now, such as 2h")
	fs.StringVar(&o.until, "expires", "", "when it expires, in RFC 3339, or none")
	fs.StringVar(&o.back, "back", "", "whom b of a group, or a of ax and axe, reaches who calls back: in-turn, last-caller, or empty for the party named")
	fs.DurationVar(&o.sliding, "sliding", 0, "each call or text moves the expiry so far ahead, such as 2h")
	return cmd
}

func (o *bindingUpdateOptions) run(cmd *cobra.Command, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := checkBindingID(args[0]); err != nil {
		return err
	}
	if err := o.read(cmd); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		v, err := s.UpdateBinding(ctx, args[0], o.update)
		if err != nil {
			return asFlag(err)
		}
		return o.finish(ctx, cmd, s, v)
	})
}

// read fills in the update from the flags that were given.
func (o *bindingUpdateOptions) read(cmd *cobra.Command) (err error) {
	u, fs := &o.update, cmd.Flags()
	numbers := newNumberInput(cmd.InOrStdin())
	for _, f := range []struct {
		name  string
		value *string
	}{{"a", &o.a}, {"b", &o.b}} {
		if err := numbers.read(f.name, f.value); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name   string
		values []string
	}{{"group-add", u.GroupAdd}, {"group-remove", u.GroupRemove}} {
		for i := range f.values {
			if err := numbers.read(f.name, &f.values[i]); err != nil {
				return err
			}
		}
	}
	if u.NoExpiry = o.until == noExpiryWord; !u.NoExpiry {
		if u.Expires, err = expiry(o.until); err != nil {
			return err
		}
	}
	if o.oneWay == bothWaysWord {
		o.oneWay = string(binding.BothWays)
	}
	u.A, u.B = given(fs, "a", &o.a), given(fs, "b", &o.b)
	u.OneWay, u.Data = given(fs, "one-way", &o.oneWay), given(fs, "data", &o.data)
	u.Consent, u.IndustrialID = given(fs, "consent", &o.consent), given(fs, "industrial-id", &o.industrial)
	u.MaxDuration, u.Sliding = given(fs, "max-duration", &o.maxDuration), given(fs, "sliding", &o.sliding)
	u.Record, u.Texts = given(fs, "record", &o.record), given(fs, "texts", &o.texts)
	u.Back = given(fs, "back", &o.back)
	for _, name := range []string{"a", "b", "group-add", "group-remove", "one-way", "max-duration", "data", "consent", "industrial-id",
		"record", "texts", "ttl", "expires", "sliding", "back"} {
		if fs.Changed(name) {
			return nil
		}
	}
	return errors.New("nothing is to be changed; name what is to be, `mask700 binding update --help` lists it")
}

// given is a value when its flag was given.
func given[T any](fs *pflag.FlagSet, name string, value *T) *T {
	if !fs.Changed(name) {
		return nil
	}
	return value
}

// expiry reads the flag --expires.
func expiry(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, errors.New("--expires: not a time in RFC 3339, such as 2026-01-02T15:04:05+08:00")
	}
	return at, nil
}
