package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/config"
	"mask700/store"
)

// oldBackup is how old one may be with whose time the store believes the clock at once.
const oldBackup = 24 * time.Hour

// restored says what was put back, and what waits where that is old.
func restored(dir string, b store.Backup, now time.Time) string {
	text := fmt.Sprintf("%s: as it was at %s, call records up to %d\n", dir, clock(b.MadeAt), b.LastSeq)
	if now.Sub(b.MadeAt) > oldBackup {
		text += "it is older than a day: what is over is not deleted, and numbers rest on, until as much time has passed;\n" +
			"if this machine's clock is right, say so: mask700 retention sweep --confirm-clock\n"
	}
	return text
}

type restoreOptions struct {
	connectOptions
	outputOptions
	unchecked bool
}

func newRestoreCommand() *cobra.Command {
	o := new(restoreOptions)
	cmd := &cobra.Command{
		Use:   "restore DIR",
		Short: "Put a backup back into an empty data directory",
		Long: "Put a backup back as the data directory, which must be empty (but for the lost+found of a disk) or not there; no server\n" +
			"may be running on it. The master key and the ring, the newest there is, have to be in their places before: what was\n" +
			"destroyed since cannot be read. One that was broken off is begun anew in the same way.\n\n" +
			"What happened after the backup is not in it: bindings made since are unknown, those ended since are live, and numbers of\n" +
			"call records are given again. The audit log is the backup's, and has an entry that says so, with the last one that is known\n" +
			"of the log before.",
		Args: oneArg("the DIR of a backup"),
		RunE: o.run,
	}
	o.flags = cmd.Flags()
	addStoreFlags(cmd.Flags(), &o.config, &o.dataDir, &o.keyFile)
	o.outputOptions.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.unchecked, "no-check", false, "do not go through every row and every index afterwards")
	return cmd
}

func (o *restoreOptions) run(cmd *cobra.Command, args []string) error {
	if err := o.outputOptions.check(); err != nil {
		return err
	}
	cfg, err := config.Prepare(configFile(o.flags), storeOverrides(o.flags))
	if err != nil {
		return err
	}
	up, err := listening(cmd.Context(), cfg.AdminSocket())
	if err == nil && up {
		err = fmt.Errorf("a server is running on %s; stop it first, its store is not written over", cfg.DataDir)
	}
	if err != nil {
		return err
	}
	storeOptions, err := cfg.Store()
	if err != nil {
		return err
	}
	b, err := store.Restore(storeOptions, args[0])
	if err != nil {
		return err
	}
	// Opening it sees that all of it is of one store and can be read, whether it is checked or not.
	s, err := openStore(cfg, needStore, cmd.ErrOrStderr())
	if err != nil {
		return fmt.Errorf("%s was put back and cannot be opened: %w", cfg.DataDir, err)
	}
	return errors.Join(o.report(cmd, s, cfg, b), s.close())
}

func (o *restoreOptions) report(cmd *cobra.Command, s *session, cfg config.Config, b store.Backup) error {
	out := cmd.OutOrStdout()
	var err error
	if o.json() {
		err = printJSON(out, b)
	} else {
		_, err = io.WriteString(out, restored(cfg.DataDir, b, time.Now()))
	}
	if err != nil || o.unchecked {
		return err
	}
	return o.checked(cmd.Context(), cmd, s)
}

func (o *restoreOptions) checked(ctx context.Context, cmd *cobra.Command, s *session) error {
	r, err := s.Check(ctx)
	if err == nil && !o.json() {
		err = printCheck(cmd.OutOrStdout(), r)
	}
	if err == nil && len(r.Problems) > 0 {
		err = fmt.Errorf("%s in the store that was put back; try another backup", count(len(r.Problems), "fault"))
	}
	return err
}
