package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

func newTenantTokenCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "What lets the platform of a tenant in at admin.tenants"}
	group(cmd)
	cmd.AddCommand(newTenantTokenAddCommand(), newTenantTokenListCommand(), newTenantTokenRevokeCommand())
	return cmd
}

func newTenantTokenAddCommand() *cobra.Command {
	o := new(tenantOptions)
	var req admin.TokenRequest
	cmd := &cobra.Command{
		Use:   "add TENANT --name NAME",
		Short: "Make a token of a tenant and print it, this once",
		Args:  oneArg("the NAME of a tenant"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.outputOptions.check(); err != nil {
				return err
			}
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				t, err := s.AddToken(ctx, args[0], req)
				switch {
				case err != nil:
					return asFlag(err)
				case o.json():
					return printJSON(cmd.OutOrStdout(), t)
				}
				fmt.Fprintln(cmd.ErrOrStderr(), "mask700: this is the token; it is not kept and cannot be shown again")
				_, err = fmt.Fprintln(cmd.OutOrStdout(), t.Token)
				return err
			})
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&req.Name, "name", "", "what it is for; stands in the audit log")
	cmd.Flags().BoolVar(&req.Reveal, "reveal", false, "it may ask for the real numbers of the tenant's bindings, for a reason")
	return cmd
}

func newTenantTokenListCommand() *cobra.Command {
	o := new(tenantOptions)
	cmd := &cobra.Command{
		Use:   "list [TENANT]",
		Short: "List the tokens, of one tenant or all",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("%s takes one tenant at most; see `%s --help`", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.outputOptions.check(); err != nil {
				return err
			}
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				all, err := s.Tokens(ctx, append(args, "")[0])
				if err != nil {
					return err
				}
				t := newTable(cmd.OutOrStdout(), "ID", "TENANT", "NAME", "MADE", "MAY REVEAL")
				for _, row := range all {
					if o.json() {
						err = printJSON(cmd.OutOrStdout(), row)
					} else {
						err = t.add(row.ID, row.Tenant, row.Name, clock(row.CreatedAt), yes(row.Reveal))
					}
					if err != nil {
						return err
					}
				}
				return o.end(t, "there is no token; make one with `mask700 tenant token add TENANT --name NAME`")
			})
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func newTenantTokenRevokeCommand() *cobra.Command {
	o := new(tenantOptions)
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "Let nobody in with a token any more",
		Args:  oneArg("the ID of a token, which stands before its dot"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.outputOptions.check(); err != nil {
				return err
			}
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				t, err := s.RevokeToken(ctx, args[0])
				switch {
				case err != nil:
					return err
				case o.json():
					return printJSON(cmd.OutOrStdout(), t)
				}
				return printRevoked(cmd, t)
			})
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func printRevoked(cmd *cobra.Command, t binding.TenantToken) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "token %s (%s of tenant %s) lets nobody in any more\n", t.ID, t.Name, t.Tenant)
	return err
}
