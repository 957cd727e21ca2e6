package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newBindingGetCommand() *cobra.Command {
	o := new(bindingOptions)
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Show a binding",
		Args:  oneArg("the ID of a binding"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if err := checkBindingID(args[0]); err != nil {
				return err
			}
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				v, err := o.ask(s).Binding(ctx, args[0])
				switch {
				case err != nil:
					return asFlag(err)
				case o.json():
					return printJSON(cmd.OutOrStdout(), v)
				}
				return printBinding(cmd.OutOrStdout(), v)
			})
		},
	}
	o.addFlags(cmd)
	return cmd
}
