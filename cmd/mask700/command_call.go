package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
)

type callOptions struct {
	connectOptions
	outputOptions
	revealOptions
}

func (o *callOptions) addFlags(cmd *cobra.Command) {
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	o.revealOptions.addFlags(cmd.Flags())
}

func (o *callOptions) check() error {
	if err := o.outputOptions.check(); err != nil {
		return err
	}
	return o.revealOptions.check()
}

func newCallCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "call", Short: "The calls that go on, how one ended, and one that is asked for"}
	group(cmd)
	cmd.AddCommand(newCallListCommand(), newCallGetCommand(), newCallHangupCommand(), newCallDialCommand())
	return cmd
}

func newCallListCommand() *cobra.Command {
	o := new(callOptions)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the calls that go on",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return o.with(cmd, needServer, func(ctx context.Context, s *session) error {
				calls, err := o.ask(s).Calls(ctx)
				if err != nil {
					return asFlag(err)
				}
				return o.print(cmd.OutOrStdout(), calls, time.Now())
			})
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (o *callOptions) print(w io.Writer, calls []admin.CallView, now time.Time) error {
	t := newTable(w, "ID", "STATE", "FOR", "CALLER", "DIALLED", "CALLEE", "SHOWN", "IN", "OUT")
	for _, c := range calls {
		var err error
		if o.json() {
			err = printJSON(w, c)
		} else {
			err = t.add(c.ID, c.State, now.Sub(c.ReceivedAt).Truncate(time.Second).String(),
				c.CallerIn, c.CalleeIn, c.CalleeOut, c.CallerOut, c.TrunkIn, c.TrunkOut)
		}
		if err != nil {
			return err
		}
	}
	return o.end(t, "no call goes on; `mask700 cdr list` shows those that ended")
}

func newCallHangupCommand() *cobra.Command {
	o := new(connectOptions)
	cmd := &cobra.Command{
		Use:   "hangup ID",
		Short: "End a call, both legs",
		Args:  oneArg("the ID of a call"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkCallID(args[0]); err != nil {
				return err
			}
			return o.with(cmd, needServer, func(ctx context.Context, s *session) error {
				if err := s.Hangup(ctx, args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "the call is being ended")
				return err
			})
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}
