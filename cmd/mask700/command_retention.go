package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
)

type retentionOptions struct {
	connectOptions
	outputOptions
}

func newRetentionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "retention", Short: "How long what is over is kept, and what was deleted"}
	group(cmd)
	show, sweep := new(retentionOptions), new(retentionOptions)
	confirm := false
	sweeps := sweep.command("sweep", "Delete what is over now, as the server does every day by itself",
		func(ctx context.Context, s *session) ([]admin.RetentionClass, error) {
			return s.SweepRetention(ctx, confirm)
		})
	sweeps.Flags().BoolVar(&confirm, "confirm-clock", false, "this machine's clock is right, though it is more than a day ahead of the time that has passed here")
	cmd.AddCommand(
		show.command("show", "Show how long each class is kept, the oldest that is there and the last sweep",
			func(ctx context.Context, s *session) ([]admin.RetentionClass, error) { return s.Retention(ctx) }),
		sweeps,
	)
	return cmd
}

func (o *retentionOptions) command(use, short string, ask func(context.Context, *session) ([]admin.RetentionClass, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long: short + ".\n\n" +
			"Once nothing is left of a month (or day, keys.period) of a tenant, its data key is destroyed, and what it sealed cannot be\n" +
			"read in any copy of the data. The audit log has the account of it: how many rows, which keys, and a digest.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd, ask) },
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	return cmd
}

func (o *retentionOptions) run(cmd *cobra.Command, ask func(context.Context, *session) ([]admin.RetentionClass, error)) error {
	if err := o.check(); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		classes, err := ask(ctx, s)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		t := newTable(out, "CLASS", "KEPT", "OLDEST", "SWEPT", "DELETED", "KEYS", "DIGEST")
		for _, c := range classes {
			if o.json() {
				if err := printJSON(out, c); err != nil {
					return err
				}
				continue
			}
			if err := t.add(retentionRow(c)...); err != nil {
				return err
			}
		}
		return o.end(t, "nothing is kept")
	})
}

// retentionRow is a class as a row of the table; of the digest the beginning.
func retentionRow(c admin.RetentionClass) []string {
	keep := "for ever"
	if days := time.Duration(c.Keep) / (24 * time.Hour); c.Keep != 0 {
		keep = c.Keep.String()
		if time.Duration(c.Keep)%(24*time.Hour) == 0 {
			keep = count(int(days), "day")
		}
	}
	row := []string{c.Class, keep, clock(c.Oldest), "", "", "", ""}
	if c.Last != nil {
		row[3], row[4], row[5] = clock(c.Last.At), strconv.FormatUint(c.Last.Deleted, 10), strconv.Itoa(c.Last.KeyCount)
		row[6] = c.Last.Digest[:min(16, len(c.Last.Digest))]
	}
	return row
}
