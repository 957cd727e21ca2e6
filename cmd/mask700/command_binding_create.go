package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mask700/binding"
	"mask700/cmd/mask700/client"
)

type bindingCreateOptions struct {
	bindingOptions
	request binding.Request
	expires string
	from    string
}

func newBindingCreateCommand() *cobra.Command {
	o := new(bindingCreateOptions)
	cmd := &cobra.Command{
		Use:   "create --a NUMBER --b NUMBER --order ORDER",
		Short: "Bind people to a 700 number",
		Long: `Bind two people to a 700 number: each who dials it reaches the other, and both see nothing else.

  --mode axb   --a NUMBER --b NUMBER              A dials X and reaches B, B dials X and reaches A
  --mode axyb  --a NUMBER --b NUMBER              A dials X and B sees Y, B dials Y and A sees X
  --mode gxb   --group NUMBER,... --b NUMBER      each member dials X and reaches B; B reaches --a, a member
  --mode gxyb  --group NUMBER,... --b NUMBER      the members dial X, B dials Y
  --mode ax    --a NUMBER                         anyone dials X and reaches A; A reaches --b
  --mode axe   --a NUMBER --extension DIGITS      anyone dials X and the digits behind it and reaches A; A reaches --b

In the last four B's, or A's, call is refused where nobody is named for it. The modes ax and axe are refused unless the
configuration says numbering.allow_strangers.

Without --x (and --y) a number is drawn from the open blocks. Without --ttl, --expires or --sliding the binding does not
expire; with --sliding it does when so long nobody has called or written, and not before --ttl or --expires. Where a
NUMBER is -, a line of standard input is read, --a first. With --from each line of a file is a request in JSON, with
the names that a binding has in JSON, and each row has its own result.`,
		Args: noArgs,
		RunE: o.run,
	}
	o.addFlags(cmd)
	r, fs := &o.request, cmd.Flags()
	fs.StringVar(&r.Mode, "mode", string(binding.ModeAXB), "mode of the binding")
	fs.StringVar(&r.A, "a", "", "number of the one party, or -; of a group the member whom --b reaches")
	fs.StringVar(&r.B, "b", "", "number of the other party, or -")
	fs.StringVar(&r.X, "x", "", "700 number (default one that is free)")
	fs.StringVar(&r.Y, "y", "", "second 700 number, of the modes that have one (default one that is free)")
	fs.StringVar(&r.Back, "back", "", "whom b of a group, or a of ax and axe, reaches who calls back: in-turn (the members, one after the other) or last-caller; default the party named")
	fs.StringSliceVar(&r.Group, "group", nil, "numbers of the members, of the modes that have a group; each may be -")
	fs.StringVar(&r.Extension, "extension", "", "digits dialled behind the number, of mode axe")
	fs.DurationVar(&r.TTL, "ttl", 0, "time to live, such as 2h")
	fs.StringVar(&o.expires, "expires", "", "when it expires, in RFC 3339")
	fs.DurationVar(&r.Sliding, "sliding", 0, "each call or text moves the expiry so far ahead, such as 2h")
	fs.StringVar(&r.Order, "order", "", "the order that it is for")
	fs.StringVar(&r.Consent, "consent", "", "reference to the consent on record")
	fs.StringVar(&r.IndustrialID, "industrial-id", "", "industrial identifier")
	fs.StringVar(&r.Tenant, "tenant", "", "tenant (default \"default\")")
	fs.DurationVar(&r.MaxDuration, "max-duration", 0, "longest call, such as 10m")
	fs.StringVar(&r.OneWay, "one-way", "", "a-to-b or b-to-a")
	fs.BoolVar(&r.Record, "record", false, "record its calls, after a notice to both parties")
	fs.StringVar(&r.Texts, "texts", "", "on or off: whether it carries texts (default as its tenant has them)")
	fs.StringVar(&r.Data, "data", "", "text that is handed through to the call records")
	fs.BoolVar(&r.Reuse, "reuse", false, "bind a binding that is all this once more where it lives: it is then to be deleted so often")
	fs.StringVar(&r.IdempotencyKey, "idempotency-key", "", "your name of this request: sent again within 24 hours it is answered by the same binding")
	fs.StringVar(&o.from, "from", "", "file of requests, a JSON object a line; - for standard input")
	return cmd
}

func (o *bindingCreateOptions) run(cmd *cobra.Command, _ []string) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.from != "" {
		if err := o.notInBatches(); err != nil {
			return err
		}
		if alone := o.alone(cmd.Flags()); alone != "" {
			return fmt.Errorf("--from and --%s do not go together; write it into each row", alone)
		}
		return o.with(cmd, needNewStore, func(ctx context.Context, s *session) error {
			return runBatch(ctx, cmd, s, client.BatchCreate, o.from, o.json())
		})
	}
	if err := o.read(cmd); err != nil {
		return err
	}
	return o.with(cmd, needNewStore, func(ctx context.Context, s *session) error {
		v, err := s.CreateBinding(ctx, o.request)
		if err != nil {
			return asFlag(err)
		}
		return o.finish(ctx, cmd, s, v)
	})
}

// alone returns a flag that was given and describes one binding.
func (o *bindingCreateOptions) alone(fs *pflag.FlagSet) string {
	for _, name := range []string{"mode", "a", "b", "x", "y", "group", "extension", "ttl", "expires", "sliding", "order", "consent",
		"industrial-id", "tenant", "max-duration", "one-way", "back", "record", "texts", "data", "reuse", "idempotency-key"} {
		if fs.Changed(name) {
			return name
		}
	}
	return ""
}

// read fills in what the flags alone do not hold, and refuses what no store is to be made for.
func (o *bindingCreateOptions) read(cmd *cobra.Command) error {
	r := &o.request
	numbers := newNumberInput(cmd.InOrStdin())
	for _, f := range []struct {
		name  string
		value *string
	}{{"a", &r.A}, {"b", &r.B}} {
		if err := numbers.read(f.name, f.value); err != nil {
			return err
		}
	}
	for i := range r.Group {
		if err := numbers.read("group", &r.Group[i]); err != nil {
			return err
		}
	}
	var err error
	if r.Expires, err = expiry(o.expires); err != nil {
		return err
	}
	if r.Order == "" {
		return errors.New("--order is missing; name the order that the binding is for")
	}
	return nil
}
