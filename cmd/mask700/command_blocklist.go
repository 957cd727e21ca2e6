package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

func newBlocklistCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "blocklist", Short: "Who may not call, or be called, by whom"}
	group(cmd)
	cmd.AddCommand(newBlocklistAddCommand(), newBlocklistListCommand(), newBlocklistRemoveCommand())
	return cmd
}

type blocklistAddOptions struct {
	connectOptions
	outputOptions
	request     binding.BarRequest
	until, from string
}

func newBlocklistAddCommand() *cobra.Command {
	o := new(blocklistAddOptions)
	cmd := &cobra.Command{
		Use:   "add --number NUMBER --direction from|to|both --reason TEXT",
		Short: "Bar a number from calling, from being called, or both",
		Long: `Bar a number: --direction from: it may not call; to: it may not be called; both. With --peer it is barred from that
one alone, else from everybody; with --tenant over the bindings of that tenant alone, else over all. Texts are barred
like calls. A call that is barred is refused with 403, once it has matched; calls that go on are not cut off.

With --from it reads JSON lines: {"number":"138…","peer":"139…","tenant":"…","direction":"from","until":"RFC3339","reason":"…"}`,
		Args: noArgs,
		RunE: o.run,
	}
	fs := cmd.Flags()
	o.connectOptions.addFlags(fs)
	o.outputOptions.addFlags(fs)
	fs.StringVar(&o.request.Number, "number", "", "whom it is about, or -")
	fs.StringVar(&o.request.Peer, "peer", "", "the other side, or - (default whoever it is)")
	fs.StringVar(&o.request.Tenant, "tenant", "", "over whose bindings (default all)")
	fs.StringVar(&o.request.Direction, "direction", "", "from: it may not call; to: it may not be called; both")
	fs.StringVar(&o.until, "until", "", "when it is over: a time in RFC 3339, or how long from now, such as 72h (default never)")
	fs.StringVar(&o.request.Reason, "reason", "", "why; no number")
	fs.StringVar(&o.from, "from", "", "file of entries, JSON lines, or -")
	return cmd
}

func (o *blocklistAddOptions) run(cmd *cobra.Command, _ []string) error {
	if err := o.outputOptions.check(); err != nil {
		return err
	}
	if o.from != "" {
		for _, flag := range []string{"number", "peer", "tenant", "direction", "until", "reason"} {
			if cmd.Flags().Changed(flag) {
				return fmt.Errorf("--from and --%s do not go together; each row says it itself", flag)
			}
		}
		return o.with(cmd, needStore, func(ctx context.Context, s *session) error { return o.batch(ctx, cmd, s) })
	}
	numbers := newNumberInput(cmd.InOrStdin())
	if err := numbers.read("number", &o.request.Number); err != nil {
		return err
	}
	if err := numbers.read("peer", &o.request.Peer); err != nil {
		return err
	}
	switch {
	case o.request.Number == "":
		return errors.New("--number is missing; give the number to be barred, or - to read it from standard input")
	case o.request.Direction == "":
		return errors.New("--direction is missing; from: it may not call; to: it may not be called; or both")
	case o.request.Reason == "":
		return errors.New("--reason is missing; say why, the entry and the audit log keep it")
	}
	var err error
	if o.request.Until, err = ahead("until", o.until, time.Now()); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		b, err := s.AddBar(ctx, o.request)
		switch {
		case err != nil:
			return asFlag(err)
		case o.json():
			return printJSON(cmd.OutOrStdout(), b)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "entry %s: %s\n", b.ID, barText(b))
		return err
	})
}

// barText says what an entry does.
func barText(b binding.BarView) string {
	may := map[string]string{
		binding.BarFrom: "may not call", binding.BarTo: "may not be called by", binding.BarBoth: "may not call, nor be called by,",
	}[b.Direction]
	peer, tenant := string(b.Peer), "of every tenant"
	if peer == "" {
		peer = "anyone"
	}
	if b.Tenant != "" {
		tenant = "of tenant " + b.Tenant
	}
	s := fmt.Sprintf("%s %s %s over the bindings %s", b.Number, may, peer, tenant)
	if b.Until != nil {
		s += " until " + clock(*b.Until)
	}
	return s
}

// ahead reads a point in time that is to come: RFC 3339, or how long from now. Nothing is the zero time.
func ahead(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.Add(d), nil
	}
	return time.Time{}, fmt.Errorf("--%s: neither a time in RFC 3339, such as 2026-01-02T15:04:05+08:00, nor how long from now, such as 72h", flag)
}

// batch adds the rows of a file and prints a result for each. A row that is refused does not stop the others.
func (o *blocklistAddOptions) batch(ctx context.Context, cmd *cobra.Command, s *session) error {
	input, err := openInput(o.from, cmd.InOrStdin())
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer input.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	total, refused := 0, 0
	rows := readRows(ctx, input)
	for {
		lines, texts, end := nextBatch(rows)
		if len(texts) > 0 {
			results, err := s.BatchBars(ctx, texts)
			for i, r := range results {
				r.Row = lines[i]
				total++
				if r.Problem != nil {
					refused++
				}
				if err := o.printResult(cmd.OutOrStdout(), r); err != nil {
					return err
				}
			}
			if err != nil {
				return fmt.Errorf("%s done, then: %w", count(total, "row"), err)
			}
		}
		switch {
		case end == nil:
			continue
		case !errors.Is(end, io.EOF):
			return fmt.Errorf("--from: %s done, then: %w", count(total, "row"), end)
		case total == 0:
			return errors.New("--from: no row; write a JSON object a line")
		case refused > 0:
			return fmt.Errorf("%d of %s refused; the results say why", refused, count(total, "row"))
		}
		return nil
	}
}

func (o *blocklistAddOptions) printResult(out io.Writer, r admin.BarResult) error {
	var err error
	switch {
	case o.json():
		return printJSON(out, r)
	case r.Problem != nil:
		_, err = fmt.Fprintf(out, "row %d: refused, %s\n", r.Row, r.Problem.Detail)
	default:
		_, err = fmt.Fprintf(out, "row %d: entry %s\n", r.Row, r.Entry.ID)
	}
	return err
}

type blocklistListOptions struct {
	connectOptions
	outputOptions
	revealOptions
	query admin.BarQuery
}

func newBlocklistListCommand() *cobra.Command {
	o := new(blocklistListOptions)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the entries, those too that are over",
		Long: "List the entries, those too that are over.\n\n" +
			"A search by --number needs --reason; the audit log records both, the number masked.",
		Args: noArgs,
		RunE: o.run,
	}
	fs := cmd.Flags()
	o.connectOptions.addFlags(fs)
	o.outputOptions.addFlags(fs)
	o.revealOptions.addFlags(fs)
	fs.StringVar(&o.query.Number, "number", "", "only those of this number, or -")
	fs.StringVar(&o.query.Tenant, "tenant", "", "only those of this tenant")
	return cmd
}

func (o *blocklistListOptions) run(cmd *cobra.Command, _ []string) error {
	if err := o.outputOptions.check(); err != nil {
		return err
	}
	if err := o.revealOptions.checkSearch(o.query.Number); err != nil {
		return err
	}
	if err := newNumberInput(cmd.InOrStdin()).read("number", &o.query.Number); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		out := cmd.OutOrStdout()
		t := newTable(out, "ENTRY", "NUMBER", "DIRECTION", "PEER", "TENANT", "UNTIL", "REASON")
		for q := o.query; ; {
			page, err := o.ask(s).Bars(ctx, q)
			if err != nil {
				return asFlag(err)
			}
			for _, b := range page.Entries {
				if o.json() {
					err = printJSON(out, b)
				} else {
					err = t.add(b.ID, string(b.Number), b.Direction, or(string(b.Peer), "anyone"), or(b.Tenant, "all"), untilText(b), b.Reason)
				}
				if err != nil {
					return err
				}
			}
			if q.After = page.Next; q.After == "" {
				return o.end(t, "nobody is barred")
			}
		}
	})
}

func untilText(b binding.BarView) string {
	switch {
	case b.Until == nil:
		return ""
	case !b.Live:
		return clock(*b.Until) + ", over"
	}
	return clock(*b.Until)
}

func newBlocklistRemoveCommand() *cobra.Command {
	o := new(connectOptions)
	cmd := &cobra.Command{
		Use:   "remove ID",
		Short: "Remove an entry",
		Args:  oneArg("the ID of an entry"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !goodID(args[0]) {
				return errors.New("the id of an entry is letters alone; `mask700 blocklist list --number -` finds those of a number")
			}
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				b, err := s.RemoveBar(ctx, args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "entry %s of %s is removed\n", b.ID, b.Number)
				return err
			})
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}
