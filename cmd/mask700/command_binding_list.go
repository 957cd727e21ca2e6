package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

type bindingListOptions struct {
	bindingOptions
	query admin.BindingQuery
}

func newBindingListCommand() *cobra.Command {
	o := new(bindingListOptions)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List bindings",
		Long: "List bindings.\n\n" +
			"A search by --number needs --reason; the audit log records both, the number masked.",
		Args: noArgs,
		RunE: o.run,
	}
	o.addFlags(cmd)
	fs := cmd.Flags()
	fs.StringVar(&o.query.Number, "number", "", "of this party, or -; without --live of former ones too")
	fs.StringVar(&o.query.X, "x", "", "on this 700 number")
	fs.StringVar(&o.query.Order, "order", "", "of this order")
	fs.StringVar(&o.query.Consent, "consent", "", "with this consent, one that it had before too")
	fs.BoolVar(&o.query.Live, "live", false, "only those that carry calls now")
	fs.IntVar(&o.query.Limit, "limit", 0, "at most so many (default all)")
	return cmd
}

// sideA is who stands on the side of A.
func sideA(v binding.View) string {
	switch n := len(v.Group); {
	case n == 0:
		return string(v.A)
	case v.A != "":
		return fmt.Sprintf("%s of %d", v.A, n)
	default:
		return count(n, "member")
	}
}

func (o *bindingListOptions) run(cmd *cobra.Command, _ []string) error {
	if err := o.outputOptions.check(); err != nil {
		return err
	}
	if err := o.revealOptions.checkSearch(o.query.Number); err != nil {
		return err
	}
	if o.query.Limit < 0 {
		return fmt.Errorf("--limit: write a number from 1 on")
	}
	if err := newNumberInput(cmd.InOrStdin()).read("number", &o.query.Number); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		out := cmd.OutOrStdout()
		t := newTable(out, "ID", "STATE", "X", "A", "B", "ORDER", "EXPIRES")
		err := o.ask(s).Bindings(ctx, o.query, func(v binding.View) error {
			if o.json() {
				return printJSON(out, v)
			}
			expires := "never"
			if v.ExpiresAt != nil {
				expires = clock(*v.ExpiresAt)
			}
			return t.add(v.ID, string(v.State), v.X.String(), sideA(v), string(v.B), v.Order, expires)
		})
		if err != nil {
			return asFlag(err)
		}
		none := "no such binding; `mask700 binding list` shows all"
		if (o.query == admin.BindingQuery{}) {
			none = "no binding; make one with `mask700 binding create --a - --b - --order ORDER`"
		}
		return o.end(t, none)
	})
}
