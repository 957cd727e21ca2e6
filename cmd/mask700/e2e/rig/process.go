package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a program that was started here, and what it has printed.
type Process struct {
	name   string
	cmd    *exec.Cmd
	output output
	done   chan struct{} // closed when it has ended
	err    error         // what Wait gave; read after done
}

// output collects what a process prints. It is the writer of both streams.
type output struct {
	mutex sync.Mutex // protects what follows
	text  bytes.Buffer
	until string        // closes seen when a line holds it; empty: nothing does
	seen  chan struct{} // closed once
	found bool
}

func (o *output) Write(b []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.text.Write(b)
	if o.until != "" && !o.found && strings.Contains(o.text.String(), o.until) {
		o.found = true
		close(o.seen)
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.String()
}

// Start runs a command. Until, when not empty, is what Ready waits for in its output.
func Start(name string, cmd *exec.Cmd, until string) (*Process, error) {
	p := &Process{name: name, cmd: cmd, done: make(chan struct{})}
	p.output.until, p.output.seen = until, make(chan struct{})
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	// A group of its own, by which its children are reached too; it does not outlive us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// A child that lives on would hold the output open.
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		p.err = cmd.Wait()
		// Whoever of its group is left, which is seldom anybody.
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
		close(p.done)
	}()
	return p, nil
}

// Output is what the process has printed so far, both streams.
func (p *Process) Output() string { return p.output.String() }

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ready waits until the process has printed what Start was given.
func (p *Process) Ready(ctx context.Context) error {
	select {
	case <-p.output.seen:
		return nil
	case <-p.done:
		return fmt.Errorf("%s ended before it was ready: %v\n%s", p.name, p.err, p.Output())
	case <-ctx.Done():
		return fmt.Errorf("%s is not ready in time\n%s", p.name, p.Output())
	}
}

// Wait returns the exit status of the process once it has ended. When the context ends first, the process is
// killed and that is the error.
func (p *Process) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.done:
	case <-ctx.Done():
		p.Kill()
		return -1, fmt.Errorf("%s did not end in time", p.name)
	}
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) && !errors.Is(p.err, exec.ErrWaitDelay) {
		return -1, fmt.Errorf("%s: %w", p.name, p.err)
	}
	return p.cmd.ProcessState.ExitCode(), nil
}

// Ended reports whether the process is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Stop asks the process to end (SIGTERM), and kills it when it has not after the time given.
func (p *Process) Stop(within time.Duration) (int, error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !p.Ended() {
		return -1, fmt.Errorf("%s: %w", p.name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return p.Wait(ctx)
}

// Kill ends the process at once, with the whole group that it leads, and waits for it: a worker that outlived it
// would hold its output open. It does nothing to one that has ended.
func (p *Process) Kill() {
	if !p.Ended() {
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	}
	<-p.done
}

// Poll calls ok every 10 ms until it says true, fails, or the context ends.
func Poll(ctx context.Context, what string, ok func() (bool, error)) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := ok()
		if yes || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s", what)
		}
	}
}
