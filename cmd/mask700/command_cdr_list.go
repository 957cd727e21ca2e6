package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mask700/binding/cdr"
)

type cdrListOptions struct {
	recordOptions
	outputOptions
}

func newCDRListCommand() *cobra.Command {
	o := new(cdrListOptions)
	o.wider = true
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List call records in the order in which the calls ended",
		Long: "List call records in the order in which the calls ended.\n\n" +
			"-o wide adds why each call ended, in words; `mask700 call get ID` tells all of one call.",
		Args: noArgs,
		RunE: o.run,
	}
	o.recordOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.query.Follow, "follow", false, "then wait for more until interrupted")
	return cmd
}

func (o *cdrListOptions) run(cmd *cobra.Command, _ []string) error {
	if err := o.outputOptions.check(); err != nil {
		return err
	}
	if err := o.read(); err != nil {
		return err
	}
	n := needStore
	if o.query.Follow { // a store open here would keep the server, which alone writes records, from starting
		n = needServer
	}
	return o.with(cmd, n, func(ctx context.Context, s *session) error {
		out := cmd.OutOrStdout()
		t := newTable(out, o.headings()...).wide(6, 19, 11, 6, 15, 15, 15, 6)
		err := o.ask(s).Records(ctx, o.query, func(v cdr.View) error {
			if o.json() {
				return printJSON(out, v)
			}
			if err := t.add(o.row(v)...); err != nil {
				return err
			}
			if o.query.Follow {
				return t.flush()
			}
			return nil
		})
		if err != nil {
			return asFlag(err)
		}
		return o.end(t, "no call record; every call to a 700 number leaves one when it ends")
	})
}

// headings are those of the table, which is at most 120 columns wide unless it is asked for more.
func (o *cdrListOptions) headings() []string {
	h := []string{"SEQ", "ENDED", "END", "STATUS", "CALLER", "DIALLED", "CALLEE", "TALKED", "ORDER"}
	if o.wide() {
		h = append(h, "ID", "WHY")
	}
	return h
}

// row is a record as a row of the table.
func (o *cdrListOptions) row(v cdr.View) []string {
	row := recordRow(v)
	if o.wide() {
		row = append(row, v.ID, v.Why)
	}
	return row
}

// recordRow is a record as a row of the table.
func recordRow(v cdr.View) []string {
	end := v.End
	if v.Refusal != "" {
		end = string(v.Refusal)
	}
	talked := ""
	if !v.AnsweredAt.IsZero() && v.ReleasedAt.After(v.AnsweredAt) {
		talked = v.ReleasedAt.Sub(v.AnsweredAt).Round(100 * time.Millisecond).String()
	}
	status := ""
	if v.SIPStatus != 0 {
		status = fmt.Sprint(v.SIPStatus)
	}
	ended := v.ReleasedAt
	if ended.IsZero() {
		ended = v.ReceivedAt
	}
	return []string{fmt.Sprint(v.Seq), clock(ended), end, status, v.CallerIn, v.CalleeIn, v.CalleeOut, talked, v.Order}
}
