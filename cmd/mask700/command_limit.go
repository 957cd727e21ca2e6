package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
)

func newLimitCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "limit", Short: "How often parties may call and write"}
	group(cmd)
	cmd.AddCommand(newLimitShowCommand(), newLimitSetCommand())
	return cmd
}

type limitOptions struct {
	connectOptions
	outputOptions
	tenant                  string
	mode, calls, texts, all string
}

func newLimitShowCommand() *cobra.Command {
	o := new(limitOptions)
	cmd := &cobra.Command{
		Use:   "show [--tenant NAME]",
		Short: "Show the limits that are configured, or those of a tenant",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.do(cmd, func(ctx context.Context, s *session) (admin.LimitView, error) { return s.Limits(ctx, o.tenant) })
		},
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.tenant, "tenant", "", "whose limits (default those of all who have none of their own)")
	return cmd
}

func newLimitSetCommand() *cobra.Command {
	o := new(limitOptions)
	cmd := &cobra.Command{
		Use:   "set --tenant NAME [--mode MODE] [--calls LIMITS] [--texts LIMITS] [--all LIMITS]",
		Short: "Give a tenant limits of its own",
		Long: "Give a tenant limits of its own, in place of those that are configured. They hold at once, for attempts over its bindings.\n\n" +
			"LIMITS are written as in the configuration, with commas between: \"pair 5/5m, caller 100/1h shadow, caller live 3\"; none for no limit,\n" +
			"default for those that are configured. What is not named stays.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.tenant == "" {
				return errors.New("--tenant is missing; limits of all are set in the configuration file")
			}
			var r admin.LimitRequest
			for _, f := range []struct {
				name string
				from *string
				into **string
			}{{"mode", &o.mode, &r.Mode}, {"calls", &o.calls, &r.Calls}, {"texts", &o.texts, &r.Texts}, {"all", &o.all, &r.All}} {
				if cmd.Flags().Changed(f.name) {
					*f.into = f.from
				}
			}
			if r == (admin.LimitRequest{}) {
				return errors.New("nothing is to be set; give --mode, --calls, --texts or --all")
			}
			return o.do(cmd, func(ctx context.Context, s *session) (admin.LimitView, error) { return s.SetLimits(ctx, o.tenant, r) })
		},
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.tenant, "tenant", "", "whose limits")
	cmd.Flags().StringVar(&o.mode, "mode", "", "enforce, shadow (only report), off, or default")
	cmd.Flags().StringVar(&o.calls, "calls", "", "limits of calls")
	cmd.Flags().StringVar(&o.texts, "texts", "", "limits of texts")
	cmd.Flags().StringVar(&o.all, "all", "", "limits of both counted together")
	return cmd
}

// do asks for limits and prints them.
func (o *limitOptions) do(cmd *cobra.Command, ask func(context.Context, *session) (admin.LimitView, error)) error {
	if err := o.outputOptions.check(); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		v, err := ask(ctx, s)
		switch {
		case err != nil:
			return asFlag(err)
		case o.json():
			return printJSON(cmd.OutOrStdout(), v)
		}
		return o.print(cmd.OutOrStdout(), v)
	})
}

func (o *limitOptions) print(out io.Writer, v admin.LimitView) error {
	from := map[bool]string{true: "of the tenant", false: "as configured"}
	fmt.Fprintf(out, "mode %s, %s\n\n", v.Mode, from[v.Own])
	t := newTable(out, "OF", "LIMIT", "WHAT IS OVER IT", "FROM")
	for _, r := range v.Rules {
		what := map[string]string{"enforce": "is refused", "shadow": "is reported", "off": "passes"}[string(r.Mode)]
		if err := t.add(r.Of, r.Rule, what, from[r.Own]); err != nil {
			return err
		}
	}
	return o.end(t, "no limit holds")
}
