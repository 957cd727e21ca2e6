package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
)

type checkOptions struct {
	connectOptions
	outputOptions
}

func newCheckCommand() *cobra.Command {
	o := new(checkOptions)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the store: every row, and every index against the rows",
		Long:  "Check the store: every row, and every index against the rows. The status is 1 when something is wrong.",
		Args:  noArgs,
		RunE:  o.run,
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	return cmd
}

func (o *checkOptions) run(cmd *cobra.Command, _ []string) error {
	if err := o.check(); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		r, err := s.Check(ctx)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if o.json() {
			err = printJSON(out, r)
		} else {
			err = printCheck(out, r)
		}
		if err != nil {
			return err
		}
		if len(r.Problems) > 0 {
			return fmt.Errorf("%s in the store; restore a backup from before, or keep the store as it is and ask for help",
				count(len(r.Problems), "fault"))
		}
		if o.json() {
			return nil
		}
		_, err = fmt.Fprintln(out, "the store is whole")
		return err
	})
}

// printCheck prints what was found.
func printCheck(out io.Writer, r admin.CheckReport) error {
	_, err := fmt.Fprintf(out, "%s, %s (%d live), %s (%d open)\n",
		count(r.Blocks, "block"), count(r.Bindings, "binding"), r.Live, count(r.Records, "call record"), r.Open)
	if n := r.ErasedBindings + r.ErasedRecords; err == nil && n > 0 {
		_, err = fmt.Fprintf(out, "erased with their keys, and not to be read: %s, %s\n", count(r.ErasedBindings, "binding"), count(r.ErasedRecords, "call record"))
		for _, e := range r.Erased {
			if err == nil {
				_, err = fmt.Fprintln(out, "  "+e)
			}
		}
		if more := n - min(n, uint64(len(r.Erased))); err == nil && more > 0 {
			_, err = fmt.Fprintf(out, "  and %d more\n", more)
		}
	}
	for _, p := range r.Problems {
		if err == nil {
			_, err = fmt.Fprintln(out, p)
		}
	}
	return err
}
