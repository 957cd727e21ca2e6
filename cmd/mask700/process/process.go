// Package process keeps what is in the memory of the program out of files and traces: its strings are numbers in clear,
// and its buffers are what telephones wrote.
package process

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
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

// Quit has SIGQUIT end the process as it does by itself, with status 2 and what each goroutine is at, but without the
// words that functions were given.
func Quit(w io.Writer) {
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	go func() {
		<-quit
		_, _ = fmt.Fprintf(w, "SIGQUIT: quit\n\n%s\n", Bare(all())) // there is no other place to say it
		os.Exit(2)
	}()
}

// all is the stacks of all goroutines.
func all() []byte {
	for b := make([]byte, 1<<20); ; b = make([]byte, 2*len(b)) {
		if n := runtime.Stack(b, true); n < len(b) || len(b) > 64<<20 {
			return b[:n]
		}
	}
}

// Bare is a trace of the runtime without the arguments of its functions, which it prints in hexadecimal.
func Bare(trace []byte) string {
	var out strings.Builder
	for line := range bytes.Lines(trace) {
		switch {
		case bytes.HasPrefix(line, []byte("goroutine ")), bytes.HasPrefix(line, []byte("\t")), bytes.HasPrefix(line, []byte("created by ")):
		default:
			if i := bytes.LastIndexByte(line, '('); i > 0 {
				line = append(bytes.Clone(line[:i]), "()\n"...)
			}
		}
		out.Write(line)
	}
	return out.String()
}
