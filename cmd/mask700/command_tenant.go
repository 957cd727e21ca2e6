package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/client"
)

func newTenantCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "tenant", Short: "The service users for whom bindings are made"}
	group(cmd)
	cmd.AddCommand(newTenantAddCommand(), newTenantListCommand(), newTenantShowCommand(), newTenantUpdateCommand(),
		newTenantSuspendCommand(), newTenantResumeCommand(), newTenantTokenCommand())
	return cmd
}

type tenantOptions struct {
	connectOptions
	outputOptions
	consent, own bool
	ttl, call    time.Duration
	texts        string
	reason       string
}

func (o *tenantOptions) addFlags(fs *pflag.FlagSet) {
	o.connectOptions.addFlags(fs)
	o.outputOptions.addFlags(fs)
}

func (o *tenantOptions) addSettings(fs *pflag.FlagSet) {
	fs.BoolVar(&o.consent, "require-consent", false, "refuse a binding that names no --consent")
	fs.BoolVar(&o.own, "own-blocks", false, "take no number of the blocks that tenants share")
	fs.DurationVar(&o.ttl, "ttl", 0, "expiry of a binding that names none, such as 2h; 0 for none")
	fs.DurationVar(&o.call, "max-duration", 0, "longest call over a binding that names none, such as 10m; 0 for no limit")
	fs.StringVar(&o.texts, "texts", "", "real numbers in texts: pass, mask, refuse, or off for no texts (default as configured)")
}

// settings are the flags that were given.
func (o *tenantOptions) settings(fs *pflag.FlagSet) admin.TenantRequest {
	var r admin.TenantRequest
	if fs.Changed("require-consent") {
		r.RequireConsent = &o.consent
	}
	if fs.Changed("own-blocks") {
		r.OwnBlocks = &o.own
	}
	if fs.Changed("ttl") {
		text := o.ttl.String()
		r.TTL = &text
	}
	if fs.Changed("max-duration") {
		text := o.call.String()
		r.MaxDuration = &text
	}
	if fs.Changed("texts") {
		r.Texts = &o.texts
	}
	return r
}

// command is one that does something with a tenant and prints it.
func (o *tenantOptions) command(use, short string, n need, do func(ctx context.Context, s *session, name string) (binding.Tenant, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  oneArg("the NAME of a tenant"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.outputOptions.check(); err != nil {
				return err
			}
			return o.with(cmd, n, func(ctx context.Context, s *session) error {
				t, err := do(ctx, s, args[0])
				switch {
				case err != nil:
					return asTenantFlag(err)
				case o.json():
					return printJSON(cmd.OutOrStdout(), t)
				}
				return printTenant(cmd.OutOrStdout(), t)
			})
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

// asTenantFlag is asFlag, except that the name of a tenant is no flag.
func asTenantFlag(err error) error {
	var p *client.Problem
	if errors.As(err, &p) && p.Field == "name" {
		return err
	}
	return asFlag(err)
}

func newTenantAddCommand() *cobra.Command {
	o := new(tenantOptions)
	var cmd *cobra.Command
	cmd = o.command("add NAME", "Add a tenant", needNewStore, func(ctx context.Context, s *session, name string) (binding.Tenant, error) {
		r := o.settings(cmd.Flags())
		r.Name = name
		return s.AddTenant(ctx, r)
	})
	o.addSettings(cmd.Flags())
	return cmd
}

func newTenantUpdateCommand() *cobra.Command {
	o := new(tenantOptions)
	var cmd *cobra.Command
	cmd = o.command("update NAME", "Change settings of a tenant; those not given stay", needStore, func(ctx context.Context, s *session, name string) (binding.Tenant, error) {
		r := o.settings(cmd.Flags())
		if r == (admin.TenantRequest{}) {
			return binding.Tenant{}, fmt.Errorf("nothing is to be changed; give one of the settings, see `%s --help`", cmd.CommandPath())
		}
		return s.UpdateTenant(ctx, name, r)
	})
	o.addSettings(cmd.Flags())
	return cmd
}

func newTenantShowCommand() *cobra.Command {
	return new(tenantOptions).command("show NAME", "Show a tenant", needStore, func(ctx context.Context, s *session, name string) (binding.Tenant, error) {
		return s.Tenant(ctx, name)
	})
}

func newTenantSuspendCommand() *cobra.Command {
	o := new(tenantOptions)
	cmd := o.command("suspend NAME --reason TEXT", "Refuse calls and texts over a tenant's bindings, and new bindings; calls that go on are not cut off",
		needStore, func(ctx context.Context, s *session, name string) (binding.Tenant, error) {
			if o.reason == "" {
				return binding.Tenant{}, errors.New("--reason is missing; say why it is suspended, the audit log records it")
			}
			return s.SuspendTenant(ctx, name, o.reason)
		})
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, for the audit log; no number")
	return cmd
}

func newTenantResumeCommand() *cobra.Command {
	return new(tenantOptions).command("resume NAME", "End a suspension", needStore, func(ctx context.Context, s *session, name string) (binding.Tenant, error) {
		return s.ResumeTenant(ctx, name)
	})
}

func newTenantListCommand() *cobra.Command {
	o := new(tenantOptions)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tenants",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.outputOptions.check(); err != nil {
				return err
			}
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				all, err := s.Tenants(ctx)
				if err != nil {
					return err
				}
				return o.print(cmd.OutOrStdout(), all)
			})
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (o *tenantOptions) print(out io.Writer, all []binding.Tenant) error {
	t := newTable(out, "TENANT", "STATE", "SINCE", "CONSENT", "OWN BLOCKS", "TTL", "MAX DURATION", "TEXTS")
	for _, row := range all {
		var err error
		if o.json() {
			err = printJSON(out, row)
		} else {
			err = t.add(row.Name, row.State, clock(row.Since), yes(row.RequireConsent), yes(row.OwnBlocks), row.TTL.String(), row.MaxDuration.String(), row.Texts)
		}
		if err != nil {
			return err
		}
	}
	return o.end(t, "there is no tenant")
}

func printTenant(w io.Writer, t binding.Tenant) error {
	state := t.State
	if t.State == binding.TenantSuspended {
		state += " since " + clock(t.Since) + ": " + t.Reason
	}
	consent, blocks := "not asked for", "its own, or those that tenants share"
	if t.RequireConsent {
		consent = "required on every binding"
	}
	if t.OwnBlocks {
		blocks = "its own only"
	}
	_, err := fmt.Fprintf(w, "tenant        %s\nstate         %s\nconsent       %s\nblocks        %s\nttl           %s\nmax duration  %s\ntexts         %s\n",
		t.Name, state, consent, blocks, or(t.TTL.String(), "no expiry"), or(t.MaxDuration.String(), "no limit"), or(t.Texts, "as configured"))
	return err
}
