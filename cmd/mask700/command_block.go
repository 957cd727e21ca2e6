package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mask700/binding"
)

type blockOptions struct {
	connectOptions
	outputOptions
	tenant string
}

func newBlockCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "block", Short: "The blocks of 10000 numbers that this installation holds"}
	group(cmd)
	cmd.AddCommand(newBlockAddCommand(), newBlockListCommand(), newBlockRemoveCommand(),
		newBlockStateCommand("lock", binding.BlockLocked, "Make no new bindings on a block or number for now; those on it stay", "is locked: nothing new is bound on it until `mask700 block unlock`"),
		newBlockStateCommand("unlock", binding.BlockOpen, "Make new bindings on a block or number again", "is open"),
		newBlockStateCommand("drain", binding.BlockDraining, "Make no new bindings on a block any more, and give it up when the last one has ended", "drains: it is given up when the last binding on it has ended"))
	return cmd
}

func newBlockAddCommand() *cobra.Command {
	o := new(blockOptions)
	cmd := &cobra.Command{
		Use:   "add DIGITS",
		Short: "Hold a block, given by its 11 digits",
		Long: "Hold a block of 10000 numbers, given by the digits that they have in common: the first 11 of 700 numbers,\n" +
			"or all but the last four of an older range that numbering.legacy_ranges has (1700012 for 17000120000 to 17000129999).",
		Args: oneArg("the 11 DIGITS of a block"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			block, err := binding.ParseBlock(args[0])
			if err != nil { // before a store is made for it
				return fmt.Errorf("block: %w", err)
			}
			from := needNewStore
			if block.Older() { // there may be no such range
				from = needStore
			}
			return o.with(cmd, from, func(ctx context.Context, s *session) error {
				b, err := s.AddBlockFor(ctx, o.tenant, args[0])
				switch {
				case err != nil:
					return err
				case o.json():
					return printJSON(cmd.OutOrStdout(), b)
				}
				numbers := fmt.Sprintf("%s to %s", b.Block.Number(0), b.Block.Number(binding.BlockSize-1))
				if len(b.Prefixes) > 0 {
					numbers = "that begin with " + strings.Join(b.Prefixes, ", ")
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "block %s is held: numbers %s%s\n", b.Block, numbers, lastDay(b.Until))
				return err
			})
		},
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.tenant, "tenant", "", "hold it for the bindings of this tenant alone (default: for all that have no block of their own)")
	return cmd
}

func newBlockListCommand() *cobra.Command {
	o := new(blockOptions)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the blocks held, and how their numbers stand",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				blocks, err := s.Blocks(ctx)
				if err != nil {
					return err
				}
				return o.print(cmd, blocks)
			})
		},
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	return cmd
}

func (o *blockOptions) print(cmd *cobra.Command, blocks []binding.Stock) error {
	out := cmd.OutOrStdout()
	t := newTable(out, "BLOCK", "STATE", "TENANT", "IN USE", "LOCKED", "WORN", "FREE", "OF THEM FRESH", "ADDED", "LAST DAY")
	for _, b := range blocks {
		var err error
		if o.json() {
			err = printJSON(out, b)
		} else {
			known := func(n int) string {
				if b.Unread {
					return "unreadable"
				}
				return strconv.Itoa(n)
			}
			err = t.add(b.Block.String(), blockState(&b), b.Tenant, known(b.InUse), strconv.Itoa(len(b.LockedNumbers)), known(b.Worn), known(b.Free), known(b.Fresh), clock(b.AddedAt), dayBefore(b.Until))
		}
		if err != nil {
			return err
		}
	}
	return o.end(t, "no block is held; add the 11 digits you were assigned with `mask700 block add DIGITS`")
}

// blockState is what a block is open to; one of an older range that is over is open to nothing, and from one on which an endpoint
// decides nothing is drawn.
func blockState(b *binding.Stock) string {
	switch {
	case b.Ended:
		return "ended"
	case b.Decided:
		return b.State + ", remote"
	}
	return b.State
}

// dayBefore is the last day of an older range that ends at a moment, as it is configured; empty where there is none.
func dayBefore(until time.Time) string {
	if until.IsZero() {
		return ""
	}
	return until.Local().Add(-time.Nanosecond).Format(time.DateOnly)
}

func lastDay(until time.Time) string {
	if until.IsZero() {
		return ""
	}
	return ", until the end of " + dayBefore(until)
}

func newBlockRemoveCommand() *cobra.Command {
	o := new(connectOptions)
	cmd := &cobra.Command{
		Use:   "remove DIGITS",
		Short: "Give a block up; refused while bindings on it live",
		Args:  oneArg("the 11 DIGITS of a block"),
		RunE: func(cmd *cobra.Command, args []string) error {
			block, err := binding.ParseBlock(args[0])
			if err != nil {
				return fmt.Errorf("block: %w", err)
			}
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				if err := s.RemoveBlock(ctx, block); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "block %s is no longer held\n", block)
				return err
			})
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

// newBlockStateCommand puts a block into a state; done is what is said of it then. A number alone can be locked too.
func newBlockStateCommand(verb, state, short, done string) *cobra.Command {
	o := new(connectOptions)
	what := "the 11 DIGITS of a block"
	if state != binding.BlockDraining {
		what += ", or the 15 of a number"
	}
	cmd := &cobra.Command{
		Use:   verb + " DIGITS",
		Short: short,
		Args:  oneArg(what),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, noNumber := new(binding.Plan).ParseX(args[0])
			if noNumber != nil {
				noNumber = number.UnmarshalText([]byte(args[0])) // of an older range
			}
			block, noBlock := binding.ParseBlock(args[0])
			if noBlock != nil && (noNumber != nil || state == binding.BlockDraining) {
				return fmt.Errorf("block: %w", noBlock)
			}
			return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
				alone, err := isNumber(ctx, s, noNumber == nil && state != binding.BlockDraining, noBlock == nil, number)
				switch {
				case err != nil:
					return err
				case alone:
					if err := s.LockNumber(ctx, number, state == binding.BlockLocked); err != nil {
						return err
					}
					_, err := fmt.Fprintf(cmd.OutOrStdout(), "number %s %s\n", number, done)
					return err
				}
				if _, err := s.SetBlock(ctx, block, state); err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "block %s %s\n", block, done)
				return err
			})
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

// isNumber says whether digits mean a number, and not a block. Those of older ranges may be either, since they are of any length:
// it is a number then, if its block is held.
func isNumber(ctx context.Context, s *session, mayNumber, mayBlock bool, x binding.X) (bool, error) {
	if !mayNumber || !mayBlock {
		return mayNumber, nil
	}
	blocks, err := s.Blocks(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(blocks, func(b binding.Stock) bool { return b.Block == x.Block() }), nil
}
