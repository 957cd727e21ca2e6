package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Build builds the program into dir and returns the path of the binary. Race builds it with the race detector.
func Build(ctx context.Context, dir string, race bool) (string, error) {
	binary := filepath.Join(dir, "mask700")
	args := []string{"build", "-o", binary}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "mask700/cmd/mask700")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
}

// Gateway is a running `mask700 serve` with a directory of its own.
type Gateway struct {
	*Process
	Binary string
	Dir    string // holds data/, mask700.key, mask700.yaml and admin.sock
}

// DataDir is the directory of the store.
func (g *Gateway) DataDir() string { return filepath.Join(g.Dir, "data") }

// KeyFile is the file of the store's key.
func (g *Gateway) KeyFile() string { return filepath.Join(g.Dir, "mask700.key") }

// Socket is the path of the admin socket. It is short: a unix socket's path may have 107 bytes.
func (g *Gateway) Socket() string { return filepath.Join(g.Dir, "admin.sock") }

// Serve starts the gateway in dir and waits until it says that it is ready. Config is the YAML of what is
// particular (sip, media, trunks); with an empty one the flags alone configure it.
func Serve(ctx context.Context, binary, dir, config string, flags ...string) (*Gateway, error) {
	g := &Gateway{Binary: binary, Dir: dir}
	args := []string{"serve", "--data-dir", g.DataDir(), "--key-file", g.KeyFile(), "--admin", "unix:" + g.Socket()}
	if config != "" {
		file := filepath.Join(dir, "mask700.yaml")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--config", file)
	}
	cmd := exec.Command(binary, append(args, flags...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1 exitcode=66")
	p, err := Start("mask700", cmd, "ready")
	if err != nil {
		return nil, err
	}
	g.Process = p
	if err := p.Ready(ctx); err != nil {
		p.Kill()
		return nil, err
	}
	return g, nil
}

// Run runs a command of the program against the gateway and returns what it prints on standard output.
func (g *Gateway) Run(ctx context.Context, args ...string) (string, error) {
	return g.RunWith(ctx, nil, args...)
}

// RunWith is Run with a standard input.
func (g *Gateway) RunWith(ctx context.Context, input []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, g.Binary, args...)
	cmd.Env = append(os.Environ(), "MASK700_SERVER=unix:"+g.Socket())
	cmd.Stdin = bytes.NewReader(input)
	return g.output(cmd)
}

// RunAlone runs a command with no server running: the command opens the store itself.
func (g *Gateway) RunAlone(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, g.Binary, append(args, "--data-dir", g.DataDir(), "--key-file", g.KeyFile())...)
	return g.output(cmd)
}

func (g *Gateway) output(cmd *exec.Cmd) (string, error) {
	cmd.Dir = g.Dir
	var out, problem strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		words := cmd.Args[1:min(3, len(cmd.Args))] // what follows may be a number
		return out.String(), fmt.Errorf("mask700 %s: %w: %s", strings.Join(words, " "), err, strings.TrimSpace(problem.String()))
	}
	return out.String(), nil
}

// Close drains the gateway and waits for its end, which must be clean.
func (g *Gateway) Close() error {
	status, err := g.Stop(40 * time.Second)
	if err != nil {
		return err
	}
	if status != 0 {
		return errors.New("the gateway ended with status " + fmt.Sprint(status) + "\n" + g.Output())
	}
	return nil
}
