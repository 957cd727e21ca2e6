package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newDrainCommand() *cobra.Command {
	o := new(connectOptions)
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "Let the server take no new calls and end when the last is over",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, needServer, func(ctx context.Context, s *session) error {
				if err := s.Drain(ctx); err != nil {
					return err
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "draining: new calls are refused, the server ends when the last is over")
				return err
			})
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}
