// Package crash is how the program ends by a fault of its own. The runtime would print what was panicked with, which may be the text
// of an error that repeats a number, and the words that functions were given. Every goroutine of the program has [Door] or [Guard]
// at its beginning, which print the kind of the fault and where it was, and end the program with the runtime's status.
// A test reads the sources for goroutines that have neither.
//
// Goroutines that libraries start have no door, and the runtime prints the text that they panic with. What they know is
// no number: those of the database have rows that are sealed before they are given to it and keys with keyed hashes, which
// a test of the data directory reads; those of HTTP have a recover of their own, whose text package admin leaves out of the
// log; sipgo's, which would read messages, are not started: it parses in ours. A test has the list.
//
// What the runtime does not let go of (a stack that overflows, maps written by two) it prints itself. It has no text of ours then,
// and words of functions in hexadecimal, among which a number is veiled (binding.Number).
package crash

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
)

// Status is the exit status of a program that a fault has ended, as the runtime has it.
const Status = 2

// Door, deferred first in a goroutine, ends the program for a panic that nobody has recovered from.
func Door() {
	if v := recover(); v != nil {
		end(v, debug.Stack())
	}
}

// Guard is f with Door around it.
func Guard(f func()) func() {
	return func() {
		defer Door()
		f()
	}
}

// said lets one fault be told and not two in one another.
var said struct {
	sync.Mutex
	core bool // the fault ends in a core, where the system writes one
}

// WantCore has a fault end the program by SIGABRT, of which the runtime makes a core where GOTRACEBACK=crash.
func WantCore() {
	said.Lock()
	defer said.Unlock()
	said.core = true
}

func end(v any, stack []byte) {
	said.Lock() // for good
	Report(os.Stderr, v, stack)
	if said.core && os.Getenv("GOTRACEBACK") == "crash" && syscall.Kill(os.Getpid(), syscall.SIGABRT) == nil {
		select {}
	}
	os.Exit(Status)
}

// Report writes what a panic was and where.
func Report(w io.Writer, v any, stack []byte) {
	_, _ = fmt.Fprintf(w, "panic: %s\n\n%s", Kind(v), Bare(stack)) // there is no other place to say it
}

// longNumber is a run of digits that may be of a telephone number, in a text in which indexes and lengths stand.
var longNumber = regexp.MustCompile(`[0-9]{5,}`)

// Kind is what a panic was without what it tells of anybody: its type and, where the runtime has found the fault, the runtime's words
// without long numbers. Any other text may be anything.
func Kind(v any) string {
	kind := fmt.Sprintf("%T", v)
	if fault, ok := v.(runtime.Error); ok {
		kind += ": " + longNumber.ReplaceAllString(fault.Error(), "…")
	}
	return kind
}

// All is the stacks of all goroutines.
func All() []byte {
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
