package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mask700/binding/rule"
	"mask700/binding/verify"
	"mask700/cmd/mask700/admin"
)

type explainOptions struct {
	connectOptions
	outputOptions
	revealOptions
	question admin.Question
	at       string
	text     bool
}

func newExplainCommand() *cobra.Command {
	o := new(explainOptions)
	cmd := &cobra.Command{
		Use:   "explain --caller NUMBER --dialled X",
		Short: "Say what would become of a call or text, and why",
		Long: `Say what would become of a call, or with --text of a text: which edge matches, why each other does not, what each
handset would show. Without --caller the call shows none. The audit log records that a caller was named, the number masked,
and why, if --reason says so; a tenant's token has to be one that may see numbers, and needs --reason.`,
		Args: noArgs,
		RunE: o.run,
	}
	fs := cmd.Flags()
	o.connectOptions.addFlags(fs)
	o.outputOptions.addFlags(fs)
	o.revealOptions.addFlags(fs)
	fs.StringVar(&o.question.Caller, "caller", "", "number of the caller, or -")
	fs.StringVar(&o.question.Dialled, "dialled", "", "the 700 number that is dialled, an extension behind it")
	fs.BoolVar(&o.text, "text", false, "explain a text (SIP MESSAGE) and no call")
	fs.StringVar(&o.at, "at", "", "when: a time in RFC 3339, or how long ago, such as 90m (default now)")
	return cmd
}

func (o *explainOptions) run(cmd *cobra.Command, _ []string) error {
	if err := o.outputOptions.check(); err != nil {
		return err
	}
	check := o.revealOptions.check
	if o.question.Caller != "" {
		check = o.checkReason
	}
	if err := check(); err != nil {
		return err
	}
	if err := newNumberInput(cmd.InOrStdin()).read("caller", &o.question.Caller); err != nil {
		return err
	}
	if o.question.Dialled == "" {
		return fmt.Errorf("--dialled is missing; give the 700 number that is dialled")
	}
	if o.text {
		o.question.Kind = rule.Text.String()
	}
	var err error
	if o.question.At, err = moment("at", o.at, time.Now()); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		e, err := o.ask(s).Explain(ctx, o.question)
		switch {
		case err != nil:
			return asFlag(err)
		case s.db != nil:
			fmt.Fprintln(cmd.ErrOrStderr(), "mask700: no server runs, so that limits, endpoints under remote: and the verification platform are not asked")
		}
		if o.json() {
			return printJSON(cmd.OutOrStdout(), e)
		}
		return printExplanation(cmd.OutOrStdout(), e)
	})
}

// refusal says in words why a call is refused.
func refusal(e admin.Explanation) string {
	switch e.Refusal {
	case "":
		if e.Answer == http.StatusInternalServerError {
			return "the endpoint of the number gives no answer, which on_failure makes an error"
		}
		return "no texts are carried: " + e.Rule + " is false"
	case "no_caller":
		return "the call shows no caller"
	case "no_binding":
		if !e.Held {
			return "the number is in no block that this installation holds"
		}
		if e.Rule != "" {
			return "no binding on this number is for this caller, who has dialled too many wrong extensions (" + e.Rule + ")"
		}
		return "no binding on this number is for this caller"
	case "expired":
		return "the binding for this caller has expired"
	case "one_way":
		return "the binding does not let this caller call"
	}
	return refusedBy(e)
}

func printExplanation(w io.Writer, e admin.Explanation) error {
	caller := string(e.Caller)
	if caller == "" {
		caller = "an unknown caller"
	}
	dials, rings := "dials", "rings"
	if e.Kind == rule.Text.String() {
		dials, rings = "writes to", "has it"
	}
	if e.Connected {
		fmt.Fprintf(w, "%s %s %s at %s: connected by binding %s\n", caller, dials, dialled(e.Dialled, e.Extension), clock(e.At), e.Binding)
		fmt.Fprintf(w, "  %s %s, its handset shows %s\n", e.Rings, rings, e.Shows)
		for _, n := range e.Then {
			fmt.Fprintf(w, "  then %s, where that does not answer\n", n)
		}
		fmt.Fprintf(w, "  the caller's handset shows %s, the number it dialled\n", e.Dialled)
		if e.Numbers != "" {
			fmt.Fprintf(w, "  telephone numbers in it: %s\n", e.Numbers)
		}
	} else {
		fmt.Fprintf(w, "%s %s %s at %s: refused with %d, %s\n", caller, dials, dialled(e.Dialled, e.Extension), clock(e.At), e.Answer, refusal(e))
		if e.Binding != "" {
			fmt.Fprintf(w, "  binding %s\n", e.Binding)
		}
	}
	if e.Remote != "" {
		fmt.Fprintf(w, "  asked %s\n", e.Remote)
	}
	for part := range strings.SplitSeq(e.Evidence, "; ") {
		if e.Connected && strings.HasPrefix(part, "no. ") {
			fmt.Fprintf(w, "  %s\n", part)
		}
	}
	if e.Connected && strings.HasSuffix(e.Evidence, verify.Unasked) {
		fmt.Fprintln(w, "  the verification platform is asked about a call itself, and has not been")
	}
	if len(e.Candidates) == 0 {
		var err error
		switch {
		case e.Connected, e.Remote != "": // it is not for a binding that it was refused
		case !e.Held:
			_, err = fmt.Fprintln(w, "  if it was assigned to you, hold its block with `mask700 block add`")
		default:
			_, err = fmt.Fprintln(w, "  nothing is bound on this number; make a binding with `mask700 binding create`")
		}
		return err
	}
	fmt.Fprintln(w, "\nwhat else is on this number:")
	t := newTable(w, "BINDING", "CALLER", "DIALS", "RINGS", "SHOWS", "NOT TAKEN BECAUSE")
	for _, c := range e.Candidates {
		if err := t.add(c.Binding, string(c.Caller), dialled(c.Dials, c.Extension), string(c.Rings), c.Shows.String(), c.Why); err != nil {
			return err
		}
	}
	return t.flush()
}

// refusedBy names the rule after the match that refuses.
func refusedBy(e admin.Explanation) string {
	if e.Rule == "" {
		return string(e.Refusal)
	}
	s := string(e.Refusal) + " by rule " + e.Rule
	if e.Evidence != "" {
		s += " (" + e.Evidence + ")"
	}
	return s
}
