package rig

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

func TestProcessEnds(t *testing.T) {
	for name, shell := range map[string]string{
		"itself":                          "exit 3",
		"with a child holding its output": "sleep 60 & exit 3",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Start("shell", exec.Command("sh", "-c", shell), "")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if status, err := p.Wait(ctx); status != 3 || err != nil {
				t.Errorf("status %d, %v; want 3", status, err)
			}
		})
	}
}

func TestProcessThatWillNotEndIsKilledWithItsChildren(t *testing.T) {
	t.Parallel()
	p, err := Start("shell", exec.Command("sh", "-c", "trap '' TERM; echo up; sleep 60 & sleep 60; sleep 60"), "up")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Stop(50 * time.Millisecond); err == nil {
		t.Error("a process that ignores SIGTERM ended by it")
	}
	if !p.Ended() {
		t.Error("it runs on")
	}
}
