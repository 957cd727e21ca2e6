package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
	"mask700/store/audit"
)

type auditOptions struct {
	connectOptions
	outputOptions
	head string // SEQ:HASH
}

func newAuditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Who took out what is kept from sight, and why"}
	group(cmd)
	cmd.AddCommand(newAuditListCommand(), newAuditVerifyCommand())
	return cmd
}

func newAuditListCommand() *cobra.Command {
	o := new(auditOptions)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the entries of the audit log",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd, o.list)
		},
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	return cmd
}

func newAuditVerifyCommand() *cobra.Command {
	o := new(auditOptions)
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no entry of the audit log was changed, left out or put in",
		Long: "Check that no entry of the audit log was changed, left out or put in. The status is 1 when one was.\n\n" +
			"Each line of audit.jsonl in the data directory has the hash of the one before it; the store keeps the last one, sealed.\n" +
			"Outside of that directory the ring has noted one of the last 16, which has to be there: a data directory that was put back\n" +
			"as a whole is an earlier log, whole in itself. Who reaches the ring too can take that away: note SEQ:HASH of the last\n" +
			"entry on another machine from time to time, and give it as --head.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd, o.verify)
		},
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.head, "head", "", "SEQ:HASH of an entry that was noted earlier and has to be there")
	return cmd
}

func (o *auditOptions) run(cmd *cobra.Command, f func(context.Context, *cobra.Command, *session) error) error {
	if err := o.check(); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error { return f(ctx, cmd, s) })
}

func (o *auditOptions) list(ctx context.Context, cmd *cobra.Command, s *session) error {
	out := cmd.OutOrStdout()
	t := newTable(out, "SEQ", "AT", "WHO", "WHAT", "OBJECT", "REASON")
	err := s.Audit(ctx, func(e audit.Entry) error {
		if o.json() {
			return printJSON(out, e)
		}
		return t.add(strconv.FormatUint(e.Seq, 10), clock(e.At), e.Who, e.What, e.Object, e.Reason)
	})
	if err != nil {
		return err
	}
	return o.end(t, "nothing was taken out yet")
}

func (o *auditOptions) verify(ctx context.Context, cmd *cobra.Command, s *session) error {
	var known admin.VerifyRequest
	if o.head != "" {
		seq, hash, _ := strings.Cut(o.head, ":")
		n, err := strconv.ParseUint(seq, 10, 64)
		if err != nil || n == 0 || len(hash) != 64 {
			return errors.New("--head: write the number of an entry, a colon and its hash, as `mask700 audit verify` prints them")
		}
		known = admin.VerifyRequest{Seq: n, Hash: hash}
	}
	r, err := s.VerifyAudit(ctx, known)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json() {
		err = printJSON(out, r)
	} else if r.Fault == "" {
		if r.First > 1 {
			fmt.Fprintf(out, "entries before %d were deleted when their time was over\n", r.First)
		}
		_, err = fmt.Fprintf(out, "%d of %d as written; the last is %d:%s\n%s\n", r.Entries-r.First+1, r.Entries-r.First+1, r.Entries, r.Hash, noted(&r))
	}
	if err == nil && r.Fault != "" {
		err = fmt.Errorf("the audit log is not as it was written: %s; keep it as it is and ask who changed it", r.Fault)
	}
	return err
}

// noted says by what the end of a log is known.
func noted(r *admin.AuditReport) string {
	text := fmt.Sprintf("the ring has noted entry %d of it", r.Noted)
	if r.Noted == 0 {
		text = "the ring has noted none of it: its end is known by the database alone"
	}
	if r.Unnoted != "" {
		text += "; a later one cannot be noted: " + r.Unnoted
	}
	return text
}
