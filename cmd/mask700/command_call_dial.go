package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
)

// waitPause is the pause between two looks at a call that is waited for.
const waitPause = 200 * time.Millisecond

// What `call dial --wait` waits for.
const (
	waitAnswered = "answered"
	waitEnded    = "ended"
)

type callDialOptions struct {
	callOptions
	request admin.DialRequest
	ring    time.Duration
	wait    string
}

func newCallDialCommand() *cobra.Command {
	o := new(callDialOptions)
	cmd := &cobra.Command{
		Use:   "dial --binding ID",
		Short: "Call one party of a binding, and then connect it with the other",
		Long: `Call one party of a binding, --from, and the other one once that has answered, which hears ringback until then. Both see
the number that the binding shows them. What refuses a call of this party refuses this one: then nobody is called. It is a call as any
other, and its record has the origin "dial".

The command ends as soon as the first party is being called; with --wait answered when the two talk, and fails where they never do;
with --wait ended when the call is over.`,
		Args: noArgs,
		RunE: o.run,
	}
	o.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.request.Binding, "binding", "", "ID of the binding")
	f.StringVar(&o.request.From, "from", "a", "who is called first: a or b")
	f.StringVar(&o.request.Trunk, "trunk", "", "trunk that this party is called by (default the only one that has targets)")
	f.DurationVar(&o.ring, "ring-timeout", 0, "how long this party's phone may ring, such as 20s (default sip.ring_timeout, and no longer)")
	f.StringVar(&o.wait, "wait", "", "wait until the call is answered, or ended")
	return cmd
}

func (o *callDialOptions) run(cmd *cobra.Command, _ []string) error {
	if err := o.check(); err != nil {
		return err
	}
	switch {
	case o.request.Binding == "":
		return errors.New("--binding is needed; `mask700 binding list` shows the IDs")
	case o.request.From != "a" && o.request.From != "b":
		return errors.New("--from: is to be a or b")
	case o.wait != "" && o.wait != waitAnswered && o.wait != waitEnded:
		return errors.New("--wait: write one of answered, ended")
	case o.ring < 0:
		return errors.New("--ring-timeout: is to be a time such as 20s")
	case o.ring > 0:
		o.request.RingTimeout = o.ring.String()
	}
	if err := checkBindingID(o.request.Binding); err != nil {
		return err
	}
	return o.with(cmd, needServer, func(ctx context.Context, s *session) error {
		c, err := o.ask(s).Dial(ctx, o.request)
		if err != nil {
			return asFlag(err)
		}
		if c, err = o.waited(ctx, s, c); err != nil {
			return asFlag(err)
		}
		if o.json() {
			err = printJSON(cmd.OutOrStdout(), c)
		} else {
			err = printCall(cmd.OutOrStdout(), c, time.Now())
		}
		if err == nil && o.wait == waitAnswered && c.AnsweredAt.IsZero() {
			err = fmt.Errorf("the call was not answered: %s", c.Why)
		}
		return err
	})
}

// waited looks at a call until it is as far as is waited for.
func (o *callDialOptions) waited(ctx context.Context, s *session, c admin.CallView) (admin.CallView, error) {
	tick := time.NewTicker(waitPause)
	defer tick.Stop()
	for o.wait != "" {
		next, err := o.ask(s).Call(ctx, c.ID)
		var p *admin.Problem
		switch {
		case errors.As(err, &p) && p.Status == 404 && !c.Live: // its record is not on disk yet
		case err != nil:
			return c, err
		default:
			c = next
		}
		if over := !c.Live && c.End != ""; over || o.wait == waitAnswered && !c.AnsweredAt.IsZero() {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-tick.C:
		}
	}
	return c, nil
}
