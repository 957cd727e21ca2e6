package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/e2e/rig"
)

// ownDisk is a program that runs another one with a disk of 96 MB of its own as its data directory, in a mount namespace
// that nobody else sees and that ends with it.
func (w *world) ownDisk() string {
	w.t.Helper()
	flags := "-m"
	if os.Getuid() != 0 {
		flags = "-rm"
	}
	text := fmt.Sprintf(`#!/bin/sh
exec unshare %s sh -c 'mkdir -p data && mount -t tmpfs -o size=96m,mode=700 tmpfs data && exec "$0" "$@"' %s "$@"
`, flags, binary(w.t))
	path := filepath.Join(w.dir, "on-own-disk")
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// counter is one that status shows.
func (w *world) counter(name string) uint64 {
	w.t.Helper()
	var st admin.Status
	if err := json.Unmarshal([]byte(w.run("status", "-o", "json")), &st); err != nil {
		w.t.Fatal(err)
	}
	n, ok := st.Counters[name]
	if !ok {
		w.t.Fatalf("status does not count %s", name)
	}
	return n
}

// fill leaves no byte of a disk free, in a file that it returns.
func (w *world) fill(disk, name string) *os.File {
	w.t.Helper()
	f, err := os.Create(filepath.Join(disk, name))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { f.Close() })
	for some := make([]byte, 1<<20); len(some) > 0; {
		if _, err := f.Write(some); errors.Is(err, unix.ENOSPC) {
			some = some[:len(some)/2]
		} else if err != nil {
			w.t.Fatal(err)
		}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(disk, &st); err != nil || st.Bavail != 0 {
		w.t.Fatalf("%d blocks are free, %v", st.Bavail, err)
	}
	return f
}

// TestFullDisk: when no byte is free any more a binding is refused with what is the matter, calls go on and are recorded, at first in
// what was kept back for them and then without that, and a binding can be deleted. Once there is room, bindings are taken again by
// themselves; and killed at last, nothing of what was answered is missing.
func TestFullDisk(t *testing.T) {
	need(t, "sipp", "unshare")
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	g, err := rig.Serve(ctx, w.ownDisk(), w.dir, w.config(setup{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Kill)
	g.Binary, w.gateway = binary(t), g
	w.run("block", "add", block)
	ids := []string{w.bind(w.caller.number, w.callee.number, w.x), w.bind("135"+digits(8), w.callee.number, block+"0000")}

	root, err := os.Open(filepath.Join("/proc", fmt.Sprint(g.PID()), "root", g.DataDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	disk := fmt.Sprintf("/proc/self/fd/%d", root.Fd()) // which outlives the process
	var st unix.Statfs_t
	if err := unix.Statfs(disk, &st); err != nil || st.Blocks*uint64(st.Bsize) != 96<<20 {
		t.Fatalf("the data directory is not on the disk made for it: %+v, %v", st, err)
	}
	reserve := filepath.Join(disk, "reserve")
	if info, err := os.Stat(reserve); err != nil || info.Size() < 1<<20 {
		t.Fatalf("nothing is kept back: %v", err)
	}
	fillers := []*os.File{w.fill(disk, "filler")}
	w.until("the full disk to be seen", func() bool { return w.counter("store_disk_full") == 1 })
	w.until("what was kept back to be given up", func() bool { _, err := os.Stat(reserve); return errors.Is(err, os.ErrNotExist) })
	create := []string{"binding", "create", "--mode", "axb", "--a", "134" + digits(8), "--b", w.callee.number, "--x", block + "0001", "--order", "FULL"}
	refused := func() {
		t.Helper()
		if _, err := g.Run(ctx, create...); err == nil || !strings.Contains(err.Error(), "less than 5 % of the disk is free") {
			t.Errorf("a binding on the full disk: %v", err)
		}
	}
	called := func(want int) {
		t.Helper()
		if o := w.play(play{caller: "caller-bye", callee: "callee-answer"}); o.callerStatus != 0 || o.calleeStatus != 0 {
			t.Errorf("the call ended with %d and %d", o.callerStatus, o.calleeStatus)
		}
		if r := w.records(); len(r) != want || r[want-1].Order != "E2E-"+w.x {
			t.Errorf("records: %+v", r)
		}
	}
	refused()
	called(1)
	w.run("binding", "delete", ids[1])
	fillers = append(fillers, w.fill(disk, "filler2")) // what was given up is gone as well
	refused()
	called(2)
	called(3)
	for _, f := range fillers {
		if err := errors.Join(os.Remove(f.Name()), f.Truncate(0)); err != nil {
			t.Fatal(err)
		}
	}
	w.until("room to be seen", func() bool { return w.counter("store_disk_full") == 0 })
	w.until("room to be kept back again", func() bool { _, err := os.Stat(reserve); return err == nil })
	w.run(create...)
	w.run("check")
	if got := g.Output(); !strings.Contains(got, "the disk is nearly full") || !strings.Contains(got, "the reserve is given up") || !strings.Contains(got, "the disk has room again") {
		t.Errorf("the log does not say all three: %s", got)
	}
	called(4)
	g.Kill()
	if err := os.CopyFS(g.DataDir(), os.DirFS(disk)); err != nil {
		t.Fatal(err)
	}
	w.serveWith(w.config(setup{}), setup{})
	w.run("check")
	if r := w.records(); len(r) != 4 {
		t.Errorf("%d records of 4 calls", len(r))
	}
	if list := w.run("binding", "list", "--order", "FULL", "-o", "json"); strings.Count(list, "\n") != 1 {
		t.Errorf("of the last binding: %s", list)
	}
	for i, state := range []string{`"live"`, `"unbound"`} {
		if got := w.run("binding", "get", ids[i], "-o", "json"); !strings.Contains(got, state) {
			t.Errorf("a binding that should be %s: %s", state, got)
		}
	}
	w.shut(w.caller.number, w.callee.number)
}

// TestDamagedBlock: bytes flipped in one table of the bindings are a line in the log, a counter and a refusal of what they
// were of. Other numbers can be called, and the server stays.
func TestDamagedBlock(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	w.x = block + "9999" // the last of its table: far behind the block that is damaged
	w.serve(setup{})
	w.bind(w.caller.number, w.callee.number, w.x)
	var rows strings.Builder
	for n := range 600 { // 60 KB, several blocks
		fmt.Fprintf(&rows, `{"mode":"axb","a":"1370000%04d","b":"1360000%04d","x":"%s%04d","order":"D"}`+"\n", n, n, block, n)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if _, err := w.gateway.RunWith(ctx, []byte(rows.String()), "binding", "create", "--from", "-"); err != nil {
		t.Fatal(err)
	}
	w.gateway.Kill()
	w.serveWith(w.config(setup{}), setup{}) // what was in the log becomes a table
	w.gateway.Kill()
	tables, err := filepath.Glob(filepath.Join(w.gateway.DataDir(), "bind", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables: %v, %v", tables, err)
	}
	for _, path := range tables {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 4000; i < 4064 && i < len(content); i++ {
			content[i] ^= 0xff
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.serveWith(w.config(setup{}), setup{})
	caller := w.caller.number
	if _, err := w.gateway.Run(ctx, "explain", "--caller", caller, "--dialled", block+"0003"); err == nil || !strings.Contains(err.Error(), "damaged row") {
		t.Errorf("explain of a number in the damaged block: %v", err)
	}
	if o := w.play(play{caller: "caller-failed", dials: []string{block + "0003"}}); o.callerStatus != 0 {
		t.Errorf("the call to a number in the damaged block ended with %d", o.callerStatus)
	}
	if o := w.play(play{caller: "caller-bye", callee: "callee-answer"}); o.callerStatus != 0 || o.calleeStatus != 0 {
		t.Errorf("the call to another number ended with %d and %d", o.callerStatus, o.calleeStatus)
	}
	if w.counter("store_damaged_blocks") == 0 {
		t.Error("no damaged block was counted")
	}
	if got := w.gateway.Output(); !strings.Contains(got, "damaged block; restore it from a backup") {
		t.Errorf("the log says nothing of it: %s", got)
	}
	w.shut(w.caller.number, w.callee.number)
}
