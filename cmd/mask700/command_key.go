package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
	"mask700/store/seal"
)

func newKeyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "The keys under which numbers and calls are sealed"}
	group(cmd)
	cmd.AddCommand(newKeyMakeCommand(), newKeyListCommand(), newKeyRotateCommand(), newKeyDestroyCommand())
	return cmd
}

func newKeyMakeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "make FILE",
		Short: "Make a master key, for a variable, a credential or a store to come",
		Args:  oneArg("the FILE to make"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if withoutNumbers(args[0]) != args[0] {
				return errors.New("FILE: its name reads like a subscriber's number; give another")
			}
			m, err := seal.NewMaster(rand.Reader)
			if err != nil {
				return err
			}
			if err := seal.CreateFile(args[0], m); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: a master key, %s, mode 0600; keep a copy of it elsewhere\n", args[0], m.Fingerprint())
			return err
		},
	}
}

type keyListOptions struct {
	connectOptions
	outputOptions
}

func newKeyListCommand() *cobra.Command {
	o := new(keyListOptions)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the data keys: whose rows of which month each seals",
		Args:  noArgs,
		RunE:  o.run,
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	return cmd
}

func (o *keyListOptions) run(cmd *cobra.Command, _ []string) error {
	if err := o.check(); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		keys, err := s.Keys(ctx)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		t := newTable(out, "KEY", "OF", "TENANT", "PERIOD", "CIPHER", "MADE", "STATE")
		for _, k := range keys {
			if o.json() {
				if err := printJSON(out, k); err != nil {
					return err
				}
				continue
			}
			state := "in use"
			switch {
			case !k.Destroyed.IsZero():
				state = "destroyed " + clock(k.Destroyed)
			case k.Retired:
				state = "seals no new rows"
			}
			if err := t.add(strconv.FormatUint(uint64(k.ID), 10), k.Use, or(k.Tenant, "-"), or(k.Period, "all time"), k.Cipher, clock(k.Made), state); err != nil {
				return err
			}
		}
		return o.end(t, "no key was made yet")
	})
}

func entries(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// or is a text, and another where there is none.
func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

type keyRotateOptions struct {
	connectOptions
	master bool
}

func newKeyRotateCommand() *cobra.Command {
	o := new(keyRotateOptions)
	cmd := &cobra.Command{
		Use:   "rotate [--master]",
		Short: "Seal new rows under new data keys, or wrap all keys under a new master key",
		Long: "Seal new rows under new data keys; the old ones open what they sealed.\n\n" +
			"With --master all data keys are wrapped under a new master key, which takes the place of the old one in its file. The old one\n" +
			"opens nothing any more but copies of the ring from before. It is done while calls go on, and a crash leaves it done or not done.\n\n" +
			"Where the master key is in a variable or a credential, the new one is written to a file beside the ring. Put it where the old\n" +
			"one was: the next start needs it, and deletes the file.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				done, err := s.RotateKeys(ctx, admin.RotateRequest{Master: o.master})
				if err != nil {
					return err
				}
				text := "new rows are sealed under new data keys"
				if o.master {
					text = fmt.Sprintf("the master key is now %s, in %s; keep a copy of it elsewhere", done.Master, done.File)
					if done.Put != "" {
						text += fmt.Sprintf("\nput it into %s before the next start, which deletes %s and does not take the old key any more", done.Put, done.File)
					}
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
				return err
			})
		},
	}
	o.connectOptions.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.master, "master", false, "a new master key, instead of new data keys")
	return cmd
}

type keyDestroyOptions struct {
	connectOptions
	tenant, before, reason string
	all                    bool
}

func newKeyDestroyCommand() *cobra.Command {
	o := new(keyDestroyOptions)
	cmd := &cobra.Command{
		Use:   "destroy --tenant NAME|--all --before DATE --reason TEXT",
		Short: "Destroy data keys, and with them all that they sealed, in backups too",
		Long: "Destroy the data keys of a tenant, or of all, whose month or day had ended by a date: bindings, call records and recordings of\n" +
			"that time cannot be read any more, here or in any copy of the data. It is refused while one of the bindings is live, and\n" +
			"cannot be undone. Who asked and why is put into the audit log before.",
		Args: noArgs,
		RunE: o.run,
	}
	o.connectOptions.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.tenant, "tenant", "", "whose keys")
	cmd.Flags().BoolVar(&o.all, "all", false, "those of every tenant, and of records that have none")
	cmd.Flags().StringVar(&o.before, "before", "", "a date, 2026-11-01, or a time in RFC 3339")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, for the audit log; without any subscriber's number")
	return cmd
}

func (o *keyDestroyOptions) run(cmd *cobra.Command, _ []string) error {
	switch {
	case o.all == (o.tenant != ""):
		return errors.New("--tenant or --all is missing, or both are there; say whose keys are to be destroyed")
	case o.reason == "":
		return errors.New("--reason is missing; say why they are destroyed, the audit log records it")
	}
	before, err := time.Parse(time.DateOnly, o.before)
	if err != nil {
		if before, err = time.Parse(time.RFC3339, o.before); err != nil {
			return errors.New("--before: write a date such as 2026-11-01, or a time in RFC 3339")
		}
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		done, err := s.DestroyKeys(ctx, admin.DestroyRequest{Tenant: o.tenant, All: o.all, Before: before, Reason: o.reason})
		if err != nil {
			return asFlag(err)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s destroyed; %s by number and order deleted\n", count(done.Keys, "key"), entries(done.Index))
		return err
	})
}
