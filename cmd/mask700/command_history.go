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
		Long: short + ": every binding that was live at a moment or in a window, the newest first.\n" +
			"The calls and texts over these follow, those that ended first first; with --at they do not.\n\n" +
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
	fs.IntVar(&o.query.Limit, "limit", 100, "at most so many lines, up to 1000; where there are more, it is said how to go on")
	fs.StringVar(&o.query.After, "cursor", "", "go on behind an answer that said so")
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
	case o.query.Limit < 1 || o.query.Limit > 1000:
		return errors.New("--limit: write a number from 1 to 1000")
	}
	o.query.Calls = o.at == ""
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
		calls := cdrListOptions{outputOptions: o.outputOptions}
		if o.wide() {
			headings = append(headings, "Y", "MODE", "STATE", "ID")
		}
		held, called := newTable(out, headings...), newTable(out, append([]string{"KIND"}, calls.headings()...)...)
		next := ""
		err := o.ask(s).History(ctx, o.query, func(l admin.HistoryLine) error {
			next = l.Next
			switch {
			case o.json():
				return printJSON(out, l)
			case l.Call != nil:
				return o.addCall(held, called, append([]string{l.Call.Kind}, calls.row(*l.Call)...))
			}
			return held.add(o.row(*l.HoldingView)...)
		})
		if err != nil {
			return asFlag(err)
		}
		return o.endBoth(held, called, next)
	})
}

// addCall adds a call behind all bindings.
func (o *historyOptions) addCall(held, called *table, row []string) error {
	if called.empty() && !held.empty() {
		if err := held.flush(); err != nil {
			return err
		}
		fmt.Fprintln(held.w)
	}
	return called.add(row...)
}

// endBoth prints what is left, and whether there is more.
func (o *historyOptions) endBoth(held, called *table, next string) error {
	if o.json() {
		return nil
	}
	t := called
	if called.empty() {
		t = held
	}
	if err := o.end(t, "nobody held it then, as far as is known here"); err != nil || next == "" {
		return err
	}
	_, err := fmt.Fprintf(t.w, "\nThere is more: go on with --cursor %s\n", next)
	return err
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
