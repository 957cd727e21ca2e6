package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"mask700/binding"
)

// bindingOptions are the flags of every command about bindings.
type bindingOptions struct {
	connectOptions
	outputOptions
	revealOptions
}

func (o *bindingOptions) addFlags(cmd *cobra.Command) {
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	o.revealOptions.addFlags(cmd.Flags())
}

func (o *bindingOptions) check() error {
	if err := o.outputOptions.check(); err != nil {
		return err
	}
	return o.revealOptions.check()
}

func newBindingCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "binding", Short: "Who reaches whom over which 700 number"}
	group(cmd)
	cmd.AddCommand(newBindingCreateCommand(), newBindingImportCommand(), newBindingGetCommand(), newBindingListCommand(),
		newBindingExtendCommand(), newBindingUpdateCommand(), newBindingDeleteCommand())
	return cmd
}

// finish prints a binding that something was done with, its numbers read anew where they are to be shown.
func (o *bindingOptions) finish(ctx context.Context, cmd *cobra.Command, s *session, v binding.View) error {
	var masked error
	if o.reveal {
		whole, err := o.ask(s).Binding(ctx, v.ID)
		if err == nil {
			v = whole
		} else {
			masked = fmt.Errorf("that was done, but its numbers are not shown: %w", asFlag(err))
		}
	}
	if o.json() {
		return errors.Join(printJSON(cmd.OutOrStdout(), v), masked)
	}
	return errors.Join(printBinding(cmd.OutOrStdout(), v), masked)
}

// notInBatches refuses to show the numbers of a batch: who sends the rows has them.
func (o *bindingOptions) notInBatches() error {
	if o.reveal {
		return errors.New("--from and --reveal do not go together; `mask700 binding list --reveal` shows numbers")
	}
	return nil
}

// yes is "yes", or nothing, which is not printed.
func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// clockOf is clock, or nothing, which is not printed.
func clockOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return clock(*t)
}

// times is how often a binding was bound, where that is more than once.
func times(refs int) string {
	if refs < 2 {
		return ""
	}
	return fmt.Sprintf("%d times", refs)
}

// step is a change in words.
func step(c binding.Step) string {
	s := clock(c.At) + ": "
	switch {
	case c.Field == binding.ChangeConsent && c.Was == "":
		return s + "consent given"
	case c.Field == binding.ChangeConsent:
		return s + "consent was " + c.Was
	case c.Out == "":
		return s + c.Field + " " + string(c.In) + " came"
	case c.In == "":
		return s + c.Field + " " + string(c.Out) + " went"
	}
	return s + c.Field + " was " + string(c.Out)
}

// dialled is a 700 number with the extension that is dialled behind it.
func dialled(x binding.X, extension string) string {
	if extension == "" {
		return x.String()
	}
	return x.String() + "," + extension
}

// printBinding prints one binding.
func printBinding(w io.Writer, v binding.View) error {
	until := "no expiry"
	switch {
	case v.EndedAt != nil:
		until = "since " + clock(*v.EndedAt)
	case v.ExpiresAt != nil:
		until = "until " + clock(*v.ExpiresAt)
	}
	rows := [][2]string{
		{"id", v.ID},
		{"state", string(v.State) + ", " + until},
		{"mode", string(v.Mode)},
		{"x", v.X.String()},
		{"y", v.Y.String()},
		{"a", string(v.A)},
		{"b", string(v.B)},
		{"extension", v.Extension},
		{"order", v.Order},
		{"consent", v.Consent},
		{"industrial id", v.IndustrialID},
		{"tenant", v.Tenant},
		{"created", clock(v.CreatedAt)},
		{"updated", clockOf(v.UpdatedAt)},
		{"sliding", v.Sliding.String()},
		{"bound", times(v.Refs)},
		{"one way", string(v.OneWay)},
		{"max duration", v.MaxDuration.String()},
		{"recorded", yes(v.Record)},
		{"texts", string(v.Texts)},
		{"data", v.Data},
	}
	for _, member := range v.Group {
		rows = append(rows, [2]string{"member", string(member)})
	}
	for _, row := range rows {
		if row[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-14s %s\n", row[0], row[1]); err != nil {
			return err
		}
	}
	for _, c := range v.Changes {
		if _, err := fmt.Fprintf(w, "%-14s %s\n", "changed", step(c)); err != nil {
			return err
		}
	}
	for _, leg := range v.Legs {
		then := ""
		for _, n := range leg.Then {
			then += ", then " + string(n)
		}
		if _, err := fmt.Fprintf(w, "%s dials %s: %s rings and shows %s%s\n", leg.Caller, dialled(leg.Dials, leg.Extension), leg.Rings, leg.Shows, then); err != nil {
			return err
		}
	}
	return nil
}
