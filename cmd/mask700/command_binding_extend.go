package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"mask700/binding"
)

type bindingExtendOptions struct {
	bindingOptions
	extension binding.Extension
	expires   string
}

func newBindingExtendCommand() *cobra.Command {
	o := new(bindingExtendOptions)
	cmd := &cobra.Command{
		Use:   "extend ID --ttl 2h",
		Short: "Let a binding live longer",
		Long: `Let a binding live longer: until --ttl from now, or until --expires. A time before its expiry is refused, ` +
			"`binding update`" + `
cuts one short. A binding that has ended is not brought back: its number may be in other hands.`,
		Args: oneArg("the ID of a binding"),
		RunE: o.run,
	}
	o.addFlags(cmd)
	cmd.Flags().DurationVar(&o.extension.TTL, "ttl", 0, "time to live from now, such as 2h")
	cmd.Flags().StringVar(&o.expires, "expires", "", "when it expires, in RFC 3339")
	return cmd
}

func (o *bindingExtendOptions) run(cmd *cobra.Command, args []string) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	if err := checkBindingID(args[0]); err != nil {
		return err
	}
	if o.extension.Expires, err = expiry(o.expires); err != nil {
		return err
	}
	if o.extension == (binding.Extension{}) {
		return errors.New("--ttl or --expires is needed; say how long it is to live")
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		v, err := s.ExtendBinding(ctx, args[0], o.extension)
		if err != nil {
			return asFlag(err)
		}
		return o.finish(ctx, cmd, s, v)
	})
}
