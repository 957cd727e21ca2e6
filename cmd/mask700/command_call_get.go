package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/admin"
)

func newCallGetCommand() *cobra.Command {
	o := new(callOptions)
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Show a call: how it goes on, or why it ended",
		Args:  oneArg("the ID of a call"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if err := checkCallID(args[0]); err != nil {
				return err
			}
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				c, err := o.ask(s).Call(ctx, args[0])
				switch {
				case err != nil:
					return asFlag(err)
				case o.json():
					return printJSON(cmd.OutOrStdout(), c)
				}
				return printCall(cmd.OutOrStdout(), c, time.Now())
			})
		},
	}
	o.addFlags(cmd)
	return cmd
}

// printCall prints a call, a line for each thing that is known of it.
func printCall(w io.Writer, c admin.CallView, now time.Time) error {
	rows := [][2]string{
		{"id", c.ID},
		{"state", callState(c)},
		{"why", c.Why},
		{"rule", c.Rule},
		{"reports", c.Shadow},
		{"evidence", c.Evidence},
		{"binding", c.Binding},
		{"order", c.Order},
		{"came in", came(c)},
		{"went out", went(c)},
		{"received", clock(c.ReceivedAt)},
		{"ringing", after(c.RingingAt, c.ReceivedAt)},
		{"answered", after(c.AnsweredAt, c.ReceivedAt)},
		{"ended", after(c.ReleasedAt, c.ReceivedAt)},
		{"rang", rang(c, now)},
		{"talked", talked(c, now)},
		{"codec", c.Media.Codec},
		{"text", written(c)},
	}
	if !c.AnsweredAt.IsZero() || c.Media.AtoB.Packets+c.Media.BtoA.Packets > 0 { // before the answer silence is no news
		rows = append(rows, [2]string{"audio", audio("the caller", c.Media.AtoB)}, [2]string{"", audio("the callee", c.Media.BtoA)})
	}
	if v := c.Media.Video; v != (cdr.VideoView{}) {
		rows = append(rows, [2]string{"video", v.Codec}, [2]string{"", audio("the caller", v.AtoB.Flow())}, [2]string{"", audio("the callee", v.BtoA.Flow())})
	}
	for _, party := range []struct {
		name string
		leg  cdr.LegView
	}{{"the caller", c.Media.Caller}, {"the callee", c.Media.Callee}} {
		rows = append(rows, [2]string{"heard", heard(party.name, party.leg)})
	}
	if m := c.Minute; m != nil {
		rows = append(rows, [2]string{"minute", bars("the caller", m.Caller)}, [2]string{"", bars("the callee", m.Callee)})
	}
	for _, row := range rows {
		if row[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-8s  %s\n", row[0], row[1]); err != nil {
			return err
		}
	}
	return nil
}

// callState is the state, and who holds the call.
func callState(c admin.CallView) string {
	switch c.Held {
	case "":
		return c.State
	case admin.HeldByBoth:
		return c.State + ", on hold by both"
	}
	return c.State + ", on hold by the " + c.Held
}

// came says how a call came in. Of what was refused at once little may be known.
func came(c admin.CallView) string {
	caller, dialled := c.CallerIn, c.CalleeIn
	if caller == "" {
		caller = "a caller that shows no number"
	}
	if dialled == "" {
		dialled = "what is no number"
	}
	if c.Origin == cdr.OriginDial {
		return fmt.Sprintf("it was asked for: %s is called first, as by %s, on trunk %s", caller, dialled, c.TrunkIn)
	}
	did := "dialled"
	if c.Kind == cdr.KindText {
		did = "wrote to"
	}
	return fmt.Sprintf("%s %s %s on trunk %s", caller, did, dialled, c.TrunkIn)
}

// went says how a call went out; nothing for one that never did.
func went(c admin.CallView) string {
	if c.CalleeOut == "" {
		return ""
	}
	was := "called"
	if c.Kind == cdr.KindText {
		was = "sent it"
	}
	return fmt.Sprintf("%s was %s and shown %s on trunk %s", c.CalleeOut, was, c.CallerOut, c.TrunkOut)
}

// written is what is known of a text, which is nothing of its words.
func written(c admin.CallView) string {
	if c.Kind != cdr.KindText {
		return ""
	}
	more := []string{count(c.Text.Bytes, "byte") + " in " + count(c.Text.Segments, "short message")}
	if c.Text.Numbers > 0 {
		more = append(more, fmt.Sprintf("%s in it, %d masked", count(c.Text.Numbers, "telephone number"), c.Text.Masked))
	}
	if c.Text.FarStatus > 0 {
		more = append(more, fmt.Sprintf("the far side answered %d", c.Text.FarStatus))
	}
	return strings.Join(more, ", ")
}

// after is a moment of a call and how long after its beginning it was.
func after(at, begin time.Time) string {
	if at.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s, after %s", clock(at), tenths(at.Sub(begin)))
}

// rang is how long the callee's phone rang, so far if it still does.
func rang(c admin.CallView, now time.Time) string {
	return between(c.RingingAt, now, c.AnsweredAt, c.ReleasedAt)
}

// talked is how long the parties were connected.
func talked(c admin.CallView, now time.Time) string { return between(c.AnsweredAt, now, c.ReleasedAt) }

// between is the time from a moment to the first of the others that came, or to now. Nothing before the moment came.
func between(from, now time.Time, to ...time.Time) string {
	if from.IsZero() {
		return ""
	}
	for _, t := range append(to, now) {
		if !t.IsZero() {
			return tenths(max(t.Sub(from), 0))
		}
	}
	return ""
}

func tenths(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

// audio says what came from a party.
func audio(from string, f cdr.FlowView) string {
	if f.Packets == 0 && f.Refused == 0 && f.Dropped == 0 {
		return "none came from " + from
	}
	more := []string{count(f.Packets, "packet") + " from " + from}
	if f.Lost > 0 {
		more = append(more, fmt.Sprintf("%d lost", f.Lost))
	}
	if f.Refused > 0 {
		more = append(more, fmt.Sprintf("%d refused, which came from elsewhere", f.Refused))
	}
	if f.Dropped > 0 {
		more = append(more, fmt.Sprintf("%d dropped by us", f.Dropped))
	}
	if f.JitterMS > 0 {
		more = append(more, fmt.Sprintf("jitter %.1f ms, at most %.1f", f.JitterMS, f.MaxJitterMS))
	}
	if f.MOS > 0 {
		more = append(more, fmt.Sprintf("MOS %.1f", f.MOS))
	}
	if f.Kernel > 0 {
		more = append(more, fmt.Sprintf("%d relayed by the kernel", f.Kernel))
	}
	return strings.Join(more, ", ")
}

// heard is what a party's phone reports of what it was sent; nothing where it reports nothing.
func heard(who string, l cdr.LegView) string {
	if l.MOS == 0 {
		return ""
	}
	more := []string{fmt.Sprintf("%s reports %d lost", who, l.Lost), fmt.Sprintf("jitter %.1f ms", l.JitterMS)}
	if l.RoundTripMS > 0 {
		more = append(more, fmt.Sprintf("round trip %.1f ms", l.RoundTripMS))
	}
	return strings.Join(append(more, fmt.Sprintf("MOS %.1f", l.MOS)), ", ")
}

// bars shows the packets that came from a party in each second, beside the best second.
func bars(from string, seconds []admin.Second) string {
	var best uint32
	for _, s := range seconds {
		best = max(best, s.Packets)
	}
	if best == 0 {
		return ""
	}
	levels := []rune("·▁▂▃▄▅▆▇█")
	var line strings.Builder
	for _, s := range seconds {
		level := uint32(len(levels)-1) * s.Packets / best
		if s.Packets > 0 {
			level = max(level, 1)
		}
		line.WriteRune(levels[level])
	}
	return fmt.Sprintf("%s  of %s, up to %s a second", line.String(), from, count(uint64(best), "packet"))
}
