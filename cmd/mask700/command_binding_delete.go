package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mask700/binding"
	"mask700/cmd/mask700/client"
)

type bindingDeleteOptions struct {
	bindingOptions
	from string
	hard bool
	all  bool
	key  string
}

func newBindingDeleteCommand() *cobra.Command {
	o := new(bindingDeleteOptions)
	cmd := &cobra.Command{
		Use:   "delete ID",
		Short: "Unbind: calls that go on stay, the next one is refused",
		Long: `Unbind: calls that go on stay, the next one is refused. The row is kept for the history. One
that was bound several times (create --reuse) ends with the last of as many deletes; with --all it ends at once. With --hard
it does too, and so do calls that go on, on both sides. Sent again when no answer came, one delete takes back one bind more, which
may be that of somebody else who shares the binding: with --idempotency-key it is done once.

With --from each line of a file names a binding, {"id":"…"},
and its "idempotency_key" if it has one; what ` + "`binding create --from`" + ` or ` + "`binding list`" + ` printed in
JSON will do too.`,
		Args: cobra.ArbitraryArgs,
		RunE: o.run,
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.hard, "hard", false, "end it however often it was bound, and its calls too")
	cmd.Flags().BoolVar(&o.all, "all", false, "end it however often it was bound")
	cmd.Flags().StringVar(&o.key, "idempotency-key", "", "your name of this request: sent again within 24 hours it takes nothing more back")
	cmd.Flags().StringVar(&o.from, "from", "", "file of ids, a JSON object a line; - for standard input")
	return cmd
}

func (o *bindingDeleteOptions) run(cmd *cobra.Command, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.from != "" {
		if err := noArgs(cmd, args); err != nil {
			return fmt.Errorf("%w, with --from", err)
		}
		if err := o.notInBatches(); err != nil {
			return err
		}
		if o.key != "" {
			return errors.New("--from and --idempotency-key do not go together; write it into each row")
		}
		if o.hard {
			return errors.New("--from and --hard do not go together; delete such bindings one by one")
		}
		return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
			verb := client.BatchDelete
			if o.all {
				verb = client.BatchEnd
			}
			return runBatch(ctx, cmd, s, verb, o.from, o.json())
		})
	}
	if err := oneArg("the ID of a binding")(cmd, args); err != nil {
		return err
	}
	if err := checkBindingID(args[0]); err != nil {
		return err
	}
	if o.key != "" && (o.all || o.hard) {
		return errors.New("--idempotency-key goes with neither --all nor --hard: sent again they do nothing more")
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		if o.hard {
			v, err := s.EndBinding(ctx, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "mask700: %s ended with the binding\n", count(v.CallsEnded, "call"))
			return o.finish(ctx, cmd, s, v.View)
		}
		var v binding.View
		var err error
		if o.all {
			v, err = s.UnbindBinding(ctx, args[0])
		} else {
			v, err = s.DeleteBindingOnce(ctx, args[0], o.key)
		}
		if err != nil {
			return asFlag(err)
		}
		return o.finish(ctx, cmd, s, v)
	})
}
