package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
)

func newEraseCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "erase", Short: "Take a person out of what is kept, on request"}
	group(cmd)
	cmd.AddCommand(newEraseNumberCommand())
	return cmd
}

func newEraseNumberCommand() *cobra.Command {
	var (
		o   connectOptions
		out outputOptions
		req admin.EraseRequest
	)
	cmd := &cobra.Command{
		Use:   "number N|- --reason TEXT",
		Short: "Take a subscriber's number out of everything that is kept",
		Long: "Take a subscriber's number out of everything that is kept.\n\n" +
			"Bindings and records of calls and texts whose time (retention) is not over stay, with a number in its place that is\n" +
			"nobody's and the consent left out; what finds them by it, entries of block lists, and which numbers it dialled are deleted.\n" +
			"Recordings are kept for their time unless --recordings is given. The audit log has the account of it.\n" +
			"Backups from before have it until the keys of their months are destroyed.",
		Args: oneArg("a subscriber's number, or -"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if req.Reason == "" {
				return errors.New("--reason is missing; say who asked for it, without a number; the audit log records it")
			}
			req.Number = args[0]
			if err := newNumberInput(cmd.InOrStdin()).read("number", &req.Number); err != nil {
				return err
			}
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				p, err := s.ErasePerson(ctx, req)
				switch {
				case err != nil:
					return asFlag(err)
				case out.json():
					return printJSON(cmd.OutOrStdout(), p)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "erasure      %s\nbindings     %d\nrecords      %d\ncontacts     %d\nblock lists  %d\nrecordings   %d deleted, %d kept for their time\ndigest       %s\naudit entry  %d %s\n",
					p.ID, p.Bindings, p.Records, p.Contacts, p.Bars, p.Deleted, len(p.Recordings)-p.Deleted, p.Digest, p.Seq, p.Hash)
				if err == nil && len(p.Unread) > 0 {
					_, err = fmt.Fprintf(cmd.ErrOrStderr(), "damaged, and not searched to the end: %s; restore it from a backup, and ask for the erasure again\n",
						strings.Join(p.Unread, ", "))
				}
				return err
			})
		},
	}
	o.addFlags(cmd.Flags())
	out.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&req.Reason, "reason", "", "who asked for it, for the audit log; no number")
	cmd.Flags().BoolVar(&req.Hard, "hard", false, "end its bindings that live first, with their calls; else they are in the way")
	cmd.Flags().BoolVar(&req.Recordings, "recordings", false, "delete the recordings of its calls too, before their time")
	return cmd
}
