package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"

	"mask700/media"
	"mask700/media/mediatest"
)

// ours is mask700's relay: the engine of package media in a process of its own,
// which this program starts again as.
type ours struct {
	cmd  *exec.Cmd
	line string
	in   io.WriteCloser

	talk struct {
		sync.Mutex // protects a question and its answer from others
		ask        *json.Encoder
		told       *json.Decoder
	}
}

// question is a line to that process, and answer the one that comes back.
type question struct {
	Do    string `json:"do"` // open, end or stats
	Calls []call `json:"calls,omitempty"`
}

type answer struct {
	Error string             `json:"error,omitempty"`
	Calls []call             `json:"calls,omitempty"`
	Stats *media.EngineStats `json:"stats,omitempty"`
}

// startOurs starts it in a namespace. What it says goes into a file.
func startOurs(ctx context.Context, in *mediatest.Namespace, where layout, args []string, log *os.File) (*ours, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args = append([]string{relayCommand}, args...)
	o := &ours{cmd: exec.Command(self, args...), line: "bench-media " + strings.Join(args, " ")}
	if o.in, err = o.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	o.cmd.Stderr = log
	o.talk.ask, o.talk.told = json.NewEncoder(o.in), json.NewDecoder(out)
	if err := start(ctx, in, where, o.cmd); err != nil {
		return nil, fmt.Errorf("mask700: %w", err)
	}
	if _, err := o.put(question{Do: "stats"}); err != nil {
		return nil, errors.Join(fmt.Errorf("mask700: %w", err), o.stop())
	}
	return o, nil
}

func (o *ours) put(q question) (a answer, err error) {
	o.talk.Lock()
	defer o.talk.Unlock()
	if err := o.talk.ask.Encode(q); err != nil {
		return a, err
	}
	if err := o.talk.told.Decode(&a); err != nil {
		return a, err
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

func (o *ours) open(calls []call) error {
	a, err := o.put(question{Do: "open", Calls: calls})
	if err != nil {
		return err
	}
	if len(a.Calls) != len(calls) {
		return fmt.Errorf("%d of %d calls were opened", len(a.Calls), len(calls))
	}
	copy(calls, a.Calls)
	return nil
}

func (o *ours) end(calls []call) error {
	_, err := o.put(question{Do: "end", Calls: calls})
	return err
}

func (o *ours) dropped() (string, error) {
	a, err := o.put(question{Do: "stats"})
	if err != nil {
		return "", err
	}
	f, g := a.Stats.AtoB, a.Stats.BtoA
	return fmt.Sprintf("refused %d, invalid %d, unknown %d, muted %d, failed %d", f.Refused+g.Refused, f.Invalid+g.Invalid,
		f.Unknown+g.Unknown, f.Muted+g.Muted, f.Failed+g.Failed), nil
}

func (o *ours) command() string { return o.line }

func (o *ours) pid() int { return o.cmd.Process.Pid }

func (o *ours) stop() error {
	_ = o.in.Close() // which ends it
	return stop(o.cmd)
}
