package crash

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"mask700/binding"
)

// TestBare: a number that a function was given is in the runtime's trace, and not in ours.
func TestBare(t *testing.T) {
	const trace = "goroutine 7 [chan receive (nil chan), locked to thread]:\n" + // 13800138000 is 0x3368b3910
		"mask700/binding.(*veil).hide(0x3368b3910, {0x4ead4d?, 0x16})\n\t/src/binding/veil.go:44 +0x51\n" +
		"panic({0x3368b3910?, 0x16?})\n\t/go/panic.go:792 +0x132\n" +
		"mask700/binding.newNumber(...)\n\t/src/binding/number.go:52\n" +
		"main.generic[...].do({0x3368b3910})\n\t/src/main.go:1 +0x2\n" +
		"created by main.(*T).run in goroutine 1\n\t/src/main.go:9 +0x5\n"
	const want = "goroutine 7 [chan receive (nil chan), locked to thread]:\n" +
		"mask700/binding.(*veil).hide()\n\t/src/binding/veil.go:44 +0x51\n" +
		"panic()\n\t/go/panic.go:792 +0x132\n" +
		"mask700/binding.newNumber()\n\t/src/binding/number.go:52\n" +
		"main.generic[...].do()\n\t/src/main.go:1 +0x2\n" +
		"created by main.(*T).run in goroutine 1\n\t/src/main.go:9 +0x5\n"
	if got := Bare([]byte(trace)); got != want {
		t.Errorf("%s", got)
	}
	for _, own := range [][]byte{debug.Stack(), All()} {
		got := Bare(own)
		if !strings.Contains(got, "crash.TestBare()\n") || strings.Contains(got, "(0x") || strings.Contains(got, "{0x") || !strings.Contains(got, "created by testing.(*T).Run") {
			t.Errorf("%s", got)
		}
	}
}

// The number that the faults below know, and what a trace would have of it.
const (
	number = "13800138000"
	veiled = "3368b3910" // were it not
)

// faults are ways to fail, each with what is printed of it. Each is given the number in some place.
var faults = map[string]struct {
	fail func(n binding.Number, digits string)
	says string
}{
	"text":   {func(_ binding.Number, digits string) { panic("a call to " + digits) }, "panic: string\n"},
	"error":  {func(_ binding.Number, digits string) { panic(fmt.Errorf("call: %w", errors.New(digits))) }, "panic: *fmt.wrapError\n"},
	"word":   {func(_ binding.Number, digits string) { v, _ := strconv.Atoi(digits); panic(v) }, "panic: int\n"},
	"named":  {func(_ binding.Number, digits string) { panic(named(digits)) }, "panic: crash.named\n"},
	"number": {func(n binding.Number, _ string) { panic(n) }, "panic: binding.Number\n"},
	"struct": {func(n binding.Number, digits string) { panic(struct{ a any }{digits}) }, "panic: struct { a interface {} }\n"},
	"index":  {func(_ binding.Number, digits string) { v, _ := strconv.Atoi(digits); _ = []int{1}[v] }, "index out of range […] with length 1\n"},
	"short":  {func(_ binding.Number, digits string) { _ = digits[len(digits)+1] }, "index out of range [12] with length 11\n"},
	"nil":    {func(_ binding.Number, digits string) { none[digits]++ }, "assignment to entry in nil map\n"},
	"type":   {func(_ binding.Number, digits string) { _ = any(digits).(int) }, "interface conversion: interface {} is string, not int\n"},
	"twice": {func(_ binding.Number, digits string) {
		defer func() { panic("again " + digits) }()
		panic(digits)
	}, "panic: string\n"},
	"goroutine": {func(n binding.Number, digits string) {
		go Guard(func() { panic(digits) })()
		select {}
	}, "panic: string\n"},
	// What cannot be recovered from: the runtime prints the words that functions were given.
	"stack": {func(n binding.Number, _ string) { debug.SetMaxStack(1 << 16); deeper(n, 0) }, "stack overflow"},
}

type named string

var none map[string]int

// deepest is never reached.
var deepest = 1 << 40

//go:noinline
func deeper(n binding.Number, depth int) int {
	if depth == deepest {
		return 0
	}
	return deeper(n, depth+1) + len(n.String())
}

// TestMain fails in the way that is asked for, behind the door.
func TestMain(m *testing.M) {
	if f, ok := faults[os.Getenv("CRASH_TEST_FAULT")]; ok {
		defer Door()
		n, err := binding.Plan{}.ParseNumber(number)
		if err != nil {
			panic(err)
		}
		f.fail(n, number)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestFaults: a program that fails says how and where, and no digit of the number that it failed with; its status is the runtime's.
func TestFaults(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^$")
			cmd.Env = append(os.Environ(), "CRASH_TEST_FAULT="+name, "GOTRACEBACK=all")
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			err := cmd.Run()
			out := said.String()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != Status {
				t.Fatalf("%v: %s", err, out)
			}
			if !strings.Contains(out, f.says) || !strings.Contains(out, "crash_test.go:") {
				t.Errorf("does not say %q and where:\n%s", f.says, out)
			}
			if strings.Contains(out, number) || strings.Contains(out, veiled) {
				t.Errorf("tells the number:\n%s", out)
			}
			if words := strings.Contains(out, "(0x") || strings.Contains(out, "{0x"); words != (name == "stack") {
				t.Errorf("words that functions were given: %t\n%s", words, out)
			}
		})
	}
}

// TestWantCore: where a core is wanted, the fault is told first.
func TestWantCore(t *testing.T) {
	if os.Getenv("CRASH_TEST_CORE") != "" {
		WantCore()
		if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil { // none is written here
			t.Fatal(err)
		}
		defer Door()
		panic(number)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestWantCore$")
	cmd.Env = append(os.Environ(), "CRASH_TEST_CORE=1", "GOTRACEBACK=crash")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGABRT {
		t.Fatalf("%v: %s", err, out)
	}
	if !bytes.Contains(out, []byte("panic: string\n")) {
		t.Errorf("%s", out)
	}
}
