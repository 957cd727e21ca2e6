package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/admin"
)

type statusOptions struct {
	connectOptions
	outputOptions
}

func newStatusCommand() *cobra.Command {
	o := new(statusOptions)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say whether the server runs, what it listens on and what it carries",
		Args:  noArgs,
		RunE:  o.run,
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	return cmd
}

func (o *statusOptions) run(cmd *cobra.Command, _ []string) error {
	if err := o.check(); err != nil {
		return err
	}
	return o.with(cmd, needServer, func(ctx context.Context, s *session) error {
		st, err := s.Status(ctx)
		if err != nil {
			return err
		}
		if o.json() {
			return printJSON(cmd.OutOrStdout(), st)
		}
		return printStatus(cmd.OutOrStdout(), st, time.Now())
	})
}

// hopState says how long a hop has been up, and what it owes us since.
func hopState(h admin.HopStatus, now time.Time) string {
	s := h.State
	if !h.Since.IsZero() {
		s += " for " + max(now.Sub(h.Since), 0).Truncate(time.Second).String()
	}
	if h.Losses > 0 {
		s += ", " + strconv.Itoa(h.Losses) + " lost in a row"
	}
	return s
}

func printStatus(w io.Writer, st admin.Status, now time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s for %s, version %s, process %d\n", st.State, now.Sub(st.StartedAt).Truncate(time.Second), st.Version, st.PID)
	fmt.Fprintf(&b, "%s, %s, %s\n\n", count(st.Blocks, "block"), count(st.Calls, "call"), count(st.Records, "call record"))
	t := newTable(&b, "PART", "NAME", "WHAT", "STATE")
	for _, l := range st.Listeners {
		what := l.Bind
		if l.Advertise != "" {
			what += " as " + l.Advertise
		}
		_ = t.add("listener", l.Name, what, "") // a strings.Builder takes everything
	}
	for _, trunk := range st.Trunks {
		if len(trunk.Targets) == 0 {
			_ = t.add("trunk", trunk.Name, "", "")
		}
		for _, target := range trunk.Targets {
			_ = t.add("trunk", trunk.Name, target.Target, target.State)
			for _, h := range target.Hops {
				_ = t.add("hop", trunk.Name, h.Network+" "+h.Address, hopState(h, now))
			}
		}
		if r := trunk.Registration; r != nil {
			_ = t.add("account", trunk.Name, "registered upstream", registrationState(r, now))
		}
	}
	for _, p := range st.Pools {
		_ = t.add("media", p.Name, count(p.Total, "pair")+" of ports", fmt.Sprintf("%d in use, %d resting", p.InUse, p.Resting))
	}
	if o := st.Offload; o.On != "" {
		_ = t.add("media", "offload", "kernel on "+o.On, fmt.Sprintf("%d of %d directions", o.Entries, o.Room))
		if o.Aside != "" {
			_ = t.add("media", "offload", "user space on "+o.Aside, "the kernel's program is not there")
		}
	} else if o.Off != "" {
		_ = t.add("media", "offload", "user space", o.Off)
	}
	for _, s := range st.Numbers {
		_ = t.add("numbers", s.Tenant, fmt.Sprintf("%s, %d in use", count(s.Blocks, "block"), s.InUse), numberState(&s, now))
	}
	for _, r := range st.Ranges {
		_ = t.add("range", fmt.Sprintf("%s, %d digits", r.Prefix, r.Length), fmt.Sprintf("%s, %d in use", count(r.Blocks, "block"), r.InUse), rangeState(&r, now))
	}
	if l := st.Limits; l != nil {
		for _, table := range l.Tables {
			_ = t.add("limits", table.Of, "counted now", fmt.Sprintf("%d of %d", table.Keys, table.Room))
		}
		for _, r := range l.Rules {
			if r.Refused+r.Shadowed > 0 {
				_ = t.add("limit", r.Rule, "over it", fmt.Sprintf("%d refused, %d reported", r.Refused, r.Shadowed))
			}
		}
	}
	if l := st.BlockLists; l != nil && l.Entries > 0 {
		_ = t.add("block lists", "", "entries", fmt.Sprintf("%d of %d", l.Entries, l.Most))
		for _, tenant := range l.Tenants {
			_ = t.add("block list", tenant.Tenant, "entries", fmt.Sprintf("%d of %d", tenant.Entries, l.TenantMost))
		}
	}
	_ = t.flush()
	if len(st.Counters) > 0 {
		names := make([]string, 0, len(st.Counters))
		for name, n := range st.Counters {
			if n > 0 {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		b.WriteString("\n")
		t := newTable(&b, "COUNTED SINCE THE START", "")
		for _, name := range names {
			_ = t.add(name, fmt.Sprint(st.Counters[name]))
		}
		if !t.empty() {
			_ = t.flush()
		}
	}
	if hours := st.Counters["store_clock_ahead_hours"]; hours > 0 {
		b.WriteString("\nthe clock is " + count(int(hours), "hour") + " ahead of the time that the store knows to have passed: what is over is not deleted, and numbers rest on\n" +
			"until it has; if the clock is right, say so: mask700 retention sweep --confirm-clock\n")
	}
	if len(st.Trunks) == 0 {
		b.WriteString("\nno trunk: start with `mask700 serve --trunk sip:HOST:PORT` to carry calls\n")
	}
	if st.Blocks == 0 {
		b.WriteString("\nno block: add the 11 digits you were assigned with `mask700 block add`\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// numberState says how many numbers are free, and for how long if it goes on so.
func numberState(s *admin.NumberStatus, now time.Time) string {
	state := fmt.Sprintf("%d free, %d of them fresh", s.Free, s.Fresh)
	if s.Worn > 0 {
		state += fmt.Sprintf(", %d worn", s.Worn)
	}
	if s.Closed > 0 {
		state += fmt.Sprintf(", %d refused as closed to their parties", s.Closed)
	}
	switch left := s.RunsOut.Sub(now); {
	case s.RunsOut.IsZero():
		return state
	case left < time.Minute:
		return state + ", run out now"
	case left < 48*time.Hour:
		return state + ", run out in " + left.Round(time.Minute).String()
	default:
		return fmt.Sprintf("%s, run out in %d days", state, int(left.Hours()/24))
	}
}

// rangeState says when an older range ends.
func rangeState(r *admin.RangeStatus, now time.Time) string {
	switch left := r.Until.Sub(now); {
	case r.Until.IsZero():
		return "no last day"
	case left <= 0:
		return "ended with " + dayBefore(r.Until)
	case left < 48*time.Hour:
		return "ends with " + dayBefore(r.Until) + ", in " + left.Round(time.Minute).String()
	default:
		return fmt.Sprintf("ends with %s, in %d days", dayBefore(r.Until), int(left.Hours()/24))
	}
}

// registrationState says in a few words whether calls can come in, for how long, and what stands against it.
func registrationState(r *admin.RegistrationStatus, now time.Time) string {
	state := "no"
	if r.Registered {
		state = "yes, for " + r.Until.Sub(now).Round(time.Second).String()
	}
	switch {
	case r.State == "registered":
		return state
	case r.State == "waiting" && r.Status == 0:
		return state + ", no answer"
	case r.State == "waiting":
		return fmt.Sprintf("%s, answered %d", state, r.Status)
	}
	return state + ", " + r.State
}
