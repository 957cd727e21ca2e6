package store

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// killEnv tells TestChildWriter that it is the child, on which directory and in which round.
const killEnv = "MASK700_STORE_TEST_WRITER"

// TestNothingAcknowledgedIsLostToKill9 kills a process that writes, by its own id, and holds it to what it said.
func TestNothingAcknowledgedIsLostToKill9(t *testing.T) {
	dir := t.TempDir()
	p := newPromises()
	db := mustOpen(t, options(t, dir))
	holdBlock(t, db)
	mustClose(t, db)
	for round := range 3 {
		said := killWriter(t, dir, round, 400*(round+1))
		for line := range strings.Lines(said) {
			if strings.HasSuffix(line, "\n") { // the last may have been cut
				p.said(t, strings.Fields(line))
			}
		}
		db := mustOpen(t, options(t, dir))
		p.kept(t, db)
		mustClose(t, db)
	}
	if len(p.bound) < 100 || len(p.changed) < 10 || len(p.ended) < 10 || len(p.opened) < 100 || len(p.closed) < 100 {
		t.Errorf("the writers said little: %d bound, %d changed, %d ended, %d opened, %d closed", len(p.bound), len(p.changed), len(p.ended), len(p.opened), len(p.closed))
	}
}

func (p *promises) said(t *testing.T, words []string) {
	t.Helper()
	switch {
	case len(words) == 2 && words[0] == "bound":
		p.bound[words[1]] = true
	case len(words) == 2 && words[0] == "changed":
		p.changed[words[1]] = true
	case len(words) == 2 && words[0] == "ended":
		p.ended[words[1]] = true
	case len(words) == 2 && words[0] == "opened":
		p.opened[words[1]] = true
	case len(words) == 3 && words[0] == "closed":
		var seq uint64
		if _, err := fmt.Sscan(words[2], &seq); err != nil {
			t.Fatal(err)
		}
		p.closed[words[1]] = seq
	default:
		t.Fatalf("the child said %q", words)
	}
}

// killWriter starts this test binary as a writer, kills it after so many lines and returns all that it wrote.
func killWriter(t *testing.T, dir string, round, lines int) string {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestChildWriter$")
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%d:%s", killEnv, round, dir))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	in := bufio.NewReader(out)
	for n := 0; ; n++ {
		line, err := in.ReadString('\n')
		said.WriteString(line)
		if err != nil {
			break // its end of the pipe is closed: it is dead
		}
		if n == lines {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	return said.String()
}

// TestChildWriter does nothing unless it is the child of TestNothingAcknowledgedIsLostToKill9.
func TestChildWriter(t *testing.T) {
	round, dir, ok := strings.Cut(os.Getenv(killEnv), ":")
	if !ok {
		return
	}
	n, err := strconv.Atoi(round)
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, dir)
	o.MemTableSize = 256 << 10
	db := mustOpen(t, o)
	var out sync.Mutex
	told := func(line string) {
		out.Lock()
		defer out.Unlock()
		os.Stdout.WriteString(line + "\n")
	}
	p := newPromises()
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() { p.writer(t, db, 8*n+w, nil, told) })
	}
	all.Wait() // never: it is killed
}
