package main

import (
	"context"
	"encoding/csv"
	"errors"

	"github.com/spf13/cobra"

	"mask700/binding/cdr"
)

type cdrExportOptions struct {
	recordOptions
	format string
}

func newCDRExportCommand() *cobra.Command {
	o := new(cdrExportOptions)
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write call records as JSON lines or CSV",
		Args:  noArgs,
		RunE:  o.run,
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.format, "format", "jsonl", "jsonl or csv; csv has a line of headings, and columns that stay the same")
	return cmd
}

func (o *cdrExportOptions) run(cmd *cobra.Command, _ []string) error {
	if o.format != "jsonl" && o.format != "csv" {
		return errors.New("--format: write jsonl or csv")
	}
	if err := o.read(); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		out, c := cmd.OutOrStdout(), o.ask(s)
		if o.format == "jsonl" {
			return asFlag(c.Records(ctx, o.query, func(v cdr.View) error { return printJSON(out, v) }))
		}
		w := csv.NewWriter(out)
		if err := w.Write(cdr.Columns()); err != nil {
			return err
		}
		if err := c.Records(ctx, o.query, func(v cdr.View) error { return w.Write(v.Row()) }); err != nil {
			return asFlag(err)
		}
		w.Flush()
		return w.Error()
	})
}
