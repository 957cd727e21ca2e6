package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
)

type historyOptions struct {
	connectOptions
	outputOptions
	revealOptions
	at, since, until string
	query            admin.HistoryRequest
}

func newHistoryCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "history", Short: "Who held which 700 number when, by whose order"}
	group(cmd)
	cmd.AddCommand(
		newHistoryOf("x 700…", "Who held a 700 number", "a 700 number", func(o *historyOptions) *string { return &o.query.X }),
		newHistoryOf("number N|-", "Which 700 numbers a subscriber held", "a subscriber's number, or -", func(o *historyOptions) *string { return &o.query.Number }),
		newHistoryOf("order ORDER", "What was bound for an order", "an order", func(o *historyOptions) *string { return &o.query.Order }),
		newHistoryOf("consent REF", "What was bound with a consent", "the reference of a consent", func(o *historyOptions) *string { return &o.query.Consent }),
	)
	return cmd
}

// newHistoryOf is the command that asks about one thing.
func newHistoryOf(use, short, what string, field func(*historyOptions) *string) *cobra.Command {
	o := new(historyOptions)
	o.wider = true
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long: short + ": every binding that was live at a moment or in a window, the newest first.\n\n" +
			"A search by a subscriber's number needs --reason, and is in the audit log before anything is printed.",
		Args: oneArg(what),
		RunE: func(cmd *cobra.Command, args []string) error {
			*field(o) = args[0]
			return o.run(cmd)
		},
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	o.revealOptions.addFlags(cmd.Flags())
	fs := cmd.Flags()
	fs.StringVar(&o.at, "at", "", "at this moment: a time in RFC 3339, or how long ago, such as 24h")
	fs.StringVar(&o.since, "since", "", "then or later")
	fs.StringVar(&o.until, "until", "", "before then")
	fs.IntVar(&o.query.Limit, "limit", 0, "at most so many, the newest ones (default all)")
	return cmd
}

// read turns the flags into a question.
func (o *historyOptions) read(cmd *cobra.Command) error {
	if err := o.outputOptions.check(); err != nil {
		return err
	}
	byNumber := o.query.Number != ""
	check := o.revealOptions.check
	if byNumber {
		check = o.checkReason
	}
	if err := check(); err != nil {
		return err
	}
	switch {
	case byNumber && o.reason == "":
		return errors.New("--reason is missing; say why a person is looked for, the audit log records it")
	case o.at != "" && o.since+o.until != "":
		return errors.New("--at: one moment, or a window of --since and --until; not both")
	case o.query.Limit < 0:
		return fmt.Errorf("--limit: write a number from 1 on")
	}
	now := time.Now()
	for _, t := range []struct {
		flag, value string
		into        *time.Time
	}{{"at", o.at, &o.query.At}, {"since", o.since, &o.query.Since}, {"until", o.until, &o.query.Until}} {
		var err error
		if *t.into, err = moment(t.flag, t.value, now); err != nil {
			return err
		}
	}
	return newNumberInput(cmd.InOrStdin()).read("number", &o.query.Number)
}

func (o *historyOptions) run(cmd *cobra.Command) error {
	if err := o.read(cmd); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		out := cmd.OutOrStdout()
		headings := []string{"FROM", "TO", "X", "A", "B", "ORDER", "TENANT", "CONSENT"}
		if o.wide() {
			headings = append(headings, "Y", "MODE", "STATE", "ID")
		}
		t := newTable(out, headings...)
		err := o.ask(s).History(ctx, o.query, func(v admin.HoldingView) error {
			if o.json() {
				return printJSON(out, v)
			}
			return t.add(o.row(v)...)
		})
		if err != nil {
			return asFlag(err)
		}
		return o.end(t, "nobody held it then, as far as is known here")
	})
}

func (o *historyOptions) row(v admin.HoldingView) []string {
	to := "no expiry"
	if v.To != nil {
		to = clock(*v.To)
	}
	row := []string{clock(v.From), to, v.X.String(), sideA(v.View), string(v.B), v.Order, v.Tenant, v.Consent}
	if o.wide() {
		row = append(row, v.Y.String(), string(v.Mode), string(v.State), v.ID)
	}
	return row
}
