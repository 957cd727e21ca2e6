package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mask700/cmd/mask700/client"
)

// recordOptions say which call records.
type recordOptions struct {
	connectOptions
	revealOptions
	since, until string
	query        client.RecordQuery
}

func (o *recordOptions) addFlags(fs *pflag.FlagSet) {
	o.connectOptions.addFlags(fs)
	o.revealOptions.addFlags(fs)
	fs.StringVar(&o.since, "since", "", "that ended then or later: a time in RFC 3339, or how long ago, such as 24h")
	fs.StringVar(&o.until, "until", "", "that ended before then")
	fs.StringVar(&o.query.Binding, "binding", "", "of this binding")
	fs.IntVar(&o.query.Limit, "limit", 0, "at most so many, the first ones (default all)")
}

// read turns the flags into a query.
func (o *recordOptions) read() error {
	if err := o.revealOptions.check(); err != nil {
		return err
	}
	now := time.Now()
	var err error
	if o.query.Since, err = moment("since", o.since, now); err != nil {
		return err
	}
	if o.query.Until, err = moment("until", o.until, now); err != nil {
		return err
	}
	if !goodID(o.query.Binding) {
		return fmt.Errorf("--binding: the id of a binding is letters alone")
	}
	if o.query.Limit < 0 {
		return fmt.Errorf("--limit: write a number from 1 on")
	}
	return nil
}

func newCDRCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "cdr", Short: "Call records: one for every call, refused ones too"}
	group(cmd)
	cmd.AddCommand(newCDRListCommand(), newCDRExportCommand())
	return cmd
}
