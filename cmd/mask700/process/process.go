// Package process keeps what is in the memory of the program out of files and traces: its strings are numbers in clear,
// and its buffers are what telephones wrote.
package process

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"mask700/crash"
)

// Seal lets no core of the process be written, and no other process of the same user look into it.
func Seal() error {
	if err := core(func(r *unix.Rlimit) { r.Cur = 0 }); err != nil {
		return err
	}
	return dumpable(0)
}

// Unseal undoes Seal, for whoever looks for a fault with a core or a debugger.
func Unseal() error {
	if err := core(func(r *unix.Rlimit) { r.Cur = r.Max }); err != nil {
		return err
	}
	signal.Reset(aborts...) // the runtime makes a core of them
	crash.WantCore()
	return dumpable(1)
}

func core(change func(*unix.Rlimit)) error {
	var r unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_CORE, &r)
	if err == nil {
		change(&r)
		err = unix.Setrlimit(unix.RLIMIT_CORE, &r)
	}
	if err != nil {
		return fmt.Errorf("the limit of core dumps: %w", err)
	}
	return nil
}

func dumpable(yes uintptr) error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, yes, 0, 0, 0); err != nil {
		return fmt.Errorf("whether the process may be dumped: %w", err)
	}
	return nil
}

// aborts are the signals besides SIGQUIT for which the runtime ends the process with a trace: a watchdog of the system sends the first.
var aborts = []os.Signal{
	syscall.SIGABRT, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGSTKFLT, syscall.SIGSYS,
}

// Quit has SIGQUIT, and what else is sent to end a process with a trace, end it as it does by itself, with status 2 and what each
// goroutine is at, but without the words that functions were given.
func Quit(w io.Writer) {
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, append(aborts, syscall.SIGQUIT)...)
	go crash.Guard(func() {
		name := unix.SignalName((<-quit).(syscall.Signal))
		_, _ = fmt.Fprintf(w, "%s: quit\n\n%s\n", name, crash.Bare(crash.All())) // there is no other place to say it
		os.Exit(crash.Status)
	})()
}
