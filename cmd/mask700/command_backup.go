package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
)

type backupOptions struct {
	connectOptions
	outputOptions
	check bool
}

func newBackupCommand() *cobra.Command {
	o := new(backupOptions)
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy the store to a new directory, while calls go on",
		Long: "Copy the store to a directory on the server's machine that is not there yet or is empty: bindings, call records, the audit\n" +
			"log and the ledger of the ports, as they are at one moment. What was answered before is in it.\n\n" +
			"No key is copied: nothing in DIR can be read without the master key and the ring; keep copies of them in another place.\n" +
			"Recordings are files of their own, sealed too, and are not copied.\n\n" +
			"On the same file system tables are linked, not copied: carry DIR elsewhere, and delete it here, for it keeps the room of\n" +
			"what is deleted later.",
		Args: oneArg("the DIR to make"),
		RunE: o.run,
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.check, "check", false, "then go through the copy, every row and every index; the status is 1 when something is wrong")
	return cmd
}

func (o *backupOptions) run(cmd *cobra.Command, args []string) error {
	if err := o.outputOptions.check(); err != nil {
		return err
	}
	dir, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		made, err := s.Backup(ctx, admin.BackupRequest{Dir: dir, Check: o.check})
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if o.json() {
			err = printJSON(out, made)
		} else {
			_, err = fmt.Fprintf(out, "%s: %s, call records up to %d; the keys are not in it\n", dir, megabytes(made.Bytes), made.LastSeq)
			if err == nil && made.Check != nil {
				err = printCheck(out, *made.Check)
			}
		}
		if err == nil && made.Check != nil && len(made.Check.Problems) > 0 {
			err = fmt.Errorf("%s in the backup; check the store with `mask700 check`", count(len(made.Check.Problems), "fault"))
		}
		return err
	})
}

// megabytes is a size as people read it.
func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
