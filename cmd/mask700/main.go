// Command mask700 lets two people call each other through a 15-digit 700 number without either learning the other's
// real number. `mask700 serve` is the gateway; the other commands ask it, or its store, over the admin interface.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"

	"mask700/cmd/mask700/config"
	"mask700/cmd/mask700/demo"
	"mask700/cmd/mask700/examples"
	"mask700/cmd/mask700/node"
	"mask700/cmd/mask700/process"
	"mask700/crash"
)

// version is set by the linker (-X main.version=1.0.0).
var version string

func main() {
	defer crash.Door()
	syscall.Umask(0o077) // whatever is written is its owner's alone
	if err := process.Seal(); err != nil {
		fmt.Fprintf(os.Stderr, "mask700: %s\n", oneLine(err.Error()))
		os.Exit(exitFailed)
	}
	process.Quit(os.Stderr)
	os.Exit(run(Deps{
		Version: buildVersion(version),
		Serve: func(ctx context.Context, cfg config.Config, out io.Writer) error {
			return node.Run(ctx, cfg, buildVersion(version), out)
		},
		AllowCore:    process.Unseal,
		Demo:         demo.Run,
		Example:      examples.Get,
		ExampleNames: examples.Names,
	}, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs one command and returns the exit status: 0 done, 1 failed, 2 unknown command or flag.
func run(d Deps, args []string, in io.Reader, out, errOut io.Writer) int {
	root := NewRootCommand(d)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(errOut, "mask700: %s\n", withoutNumbers(oneLine(err.Error())))
	return statusOf(err)
}
