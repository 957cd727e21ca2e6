package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/config"
)

// Deps are the parts of the program that the command line starts and does not know.
type Deps struct {
	Version      string
	Serve        func(ctx context.Context, cfg config.Config, out io.Writer) error
	AllowCore    func() error // lets cores of the process be written; nil: they are not forbidden
	Demo         func(ctx context.Context, out io.Writer) error
	Example      func(name string) (string, error)
	ExampleNames func() []string
}

// NewRootCommand returns the whole tree of commands.
func NewRootCommand(d Deps) *cobra.Command {
	root := &cobra.Command{
		Use:   "mask700",
		Short: "mask700 carries calls between two people over 700 numbers and keeps their own numbers apart",
		Long: `mask700 carries calls between two people over 15-digit 700 numbers: neither learns the other's own number.

Start with:
  mask700 demo                          a whole masked call on this machine
  mask700 serve --trunk sip:HOST:PORT   the gateway, beside the softswitch at HOST
  mask700 block add 70010000001         the 11 digits you were assigned
  mask700 binding create --a - --b - --order ORDER-1

Commands talk to the running server over its admin socket; with no server running, those that need only the
store open it themselves. Wherever a subscriber number is an argument, - reads it from standard input.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelpCommand())
	group(root)
	root.AddCommand(
		newServeCommand(d),
		newDemoCommand(d),
		newBlockCommand(),
		newBindingCommand(),
		newTenantCommand(),
		newLimitCommand(),
		newBlocklistCommand(),
		newExplainCommand(),
		newCallCommand(),
		newCDRCommand(),
		newHistoryCommand(),
		newRecordingCommand(),
		newAuditCommand(),
		newKeyCommand(),
		newStatusCommand(),
		newCheckCommand(),
		newRetentionCommand(),
		newEraseCommand(),
		newBackupCommand(),
		newRestoreCommand(),
		newDrainCommand(),
		newReloadCommand(),
		newConfigCommand(d),
		newVersionCommand(d),
	)
	return root
}

// group makes cmd one that has commands beneath it and does nothing itself: alone it prints its help, and a word
// that is none of its commands is an error that does not repeat it.
func group(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return cmd.Help()
	}
}

// newHelpCommand is cobra's help, which would repeat a word that it does not know.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			at := cmd.Root()
			for _, word := range args {
				next, _, err := at.Find([]string{word})
				if err != nil || next == at {
					return unknownCommand(at, word)
				}
				at = next
			}
			return at.Help()
		},
	}
}

// noArgs refuses arguments without repeating them.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument; see `%s --help`", cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}

// oneArg wants exactly one argument, called what.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 || args[0] == "" {
			return fmt.Errorf("%s needs %s and nothing else; see `%s --help`", cmd.CommandPath(), what, cmd.CommandPath())
		}
		return nil
	}
}
