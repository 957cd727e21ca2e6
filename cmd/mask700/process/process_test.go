package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mask700/crash"
)

func TestSeal(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &before); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, step := range []struct {
			do       func() error
			dumpable int
			core     uint64
		}{{Seal, 0, 0}, {Unseal, 1, before.Max}} {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			var now unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_CORE, &now); err != nil || now.Cur != step.core || now.Max != before.Max {
				t.Errorf("core: %+v, want %d, %v", now, step.core, err)
			}
			if d, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || d != step.dumpable {
				t.Errorf("dumpable: %d, want %d, %v", d, step.dumpable, err)
			}
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &before); err != nil {
		t.Fatal(err)
	}
}

// TestMain is the process that signals are sent to, where that is asked for.
func TestMain(m *testing.M) {
	how := os.Getenv("PROCESS_TEST_WAITS")
	if how == "" {
		os.Exit(m.Run())
	}
	Quit(os.Stderr)
	if err := Seal(); err != nil {
		panic(err)
	}
	if how == "unsealed" {
		if err := errors.Join(Unseal(), unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})); err != nil { // no core is written here
			panic(err)
		}
	}
	waits(13800138000)
}

//go:noinline
func waits(uint64) {
	fmt.Println("ready")
	select {}
}

// TestQuit: the signals for which the runtime prints what functions were given end the process as it would, and print nothing of it. With
// cores asked for, all but SIGQUIT are the runtime's again.
func TestQuit(t *testing.T) {
	for _, tc := range []struct {
		how string
		sig syscall.Signal
	}{{"sealed", syscall.SIGQUIT}, {"sealed", syscall.SIGABRT}, {"sealed", syscall.SIGSEGV}, {"sealed", syscall.SIGTRAP}, {"unsealed", syscall.SIGQUIT}, {"unsealed", syscall.SIGABRT}} {
		t.Run(tc.how+" "+unix.SignalName(tc.sig), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), "PROCESS_TEST_WAITS="+tc.how)
			var said bytes.Buffer
			cmd.Stderr = &said
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("%q, %v", line, err)
			}
			if err := cmd.Process.Signal(tc.sig); err != nil {
				t.Fatal(err)
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != crash.Status {
				t.Errorf("%v", err)
			}
			text := said.String()
			if !strings.Contains(text, unix.SignalName(tc.sig)) || !strings.Contains(text, "process.waits(") {
				t.Errorf("does not say what it is at:\n%s", text)
			}
			ours := tc.how == "sealed" || tc.sig == syscall.SIGQUIT
			if words := strings.Contains(text, "(0x"); words == ours || ours && strings.Contains(text, "3368b3910") {
				t.Errorf("shows what functions were given: %t\n%s", words, text)
			}
		})
	}
}
