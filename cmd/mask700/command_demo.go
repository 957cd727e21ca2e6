package main

import "github.com/spf13/cobra"

func newDemoCommand(d Deps) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Make a whole masked call on this machine, audio both ways",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return d.Demo(cmd.Context(), cmd.OutOrStdout()) },
	}
}
