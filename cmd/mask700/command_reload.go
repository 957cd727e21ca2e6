package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newReloadCommand() *cobra.Command {
	o := new(connectOptions)
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Let the server read its configuration again",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, needServer, func(ctx context.Context, s *session) error {
				if err := s.Reload(ctx); err != nil {
					return err
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "reloaded")
				return err
			})
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}
