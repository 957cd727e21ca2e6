package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/config"
)

func newConfigCommand(d Deps) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check and show configurations, and print examples"}
	group(cmd)
	cmd.AddCommand(newConfigCheckCommand(), newConfigShowCommand(), newConfigExampleCommand(d))
	return cmd
}

func newConfigCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Say whether a configuration file is good, or which line is not",
		Args:  oneArg("a FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := config.Load(args[0])
			if err == nil {
				err = cfg.Validate()
			}
			if err == nil {
				_, err = cfg.LoadPrompts()
			}
			if err != nil {
				return err
			}
			for _, w := range cfg.Warnings() {
				if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", w); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is good: %s, %s\n", args[0],
				count(len(cfg.SIP.Listen), "listener"), count(len(cfg.Trunks), "trunk"))
			return err
		},
	}
}

func newConfigShowCommand() *cobra.Command {
	o := new(serveOptions)
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration that `serve` would run with, every key of it",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.open()
			if err != nil {
				return err
			}
			text, err := cfg.Show()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func newConfigExampleCommand(d Deps) *cobra.Command {
	names := strings.Join(d.ExampleNames(), "|")
	return &cobra.Command{
		Use:   "example " + names,
		Short: "Print a configuration to begin with, of this program or of the softswitch beside it",
		Args:  oneArg("one of " + strings.ReplaceAll(names, "|", ", ")),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := d.Example(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
}
