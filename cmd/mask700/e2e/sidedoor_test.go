package e2e

import (
	"bytes"
	"context"
	words "encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mask700/cmd/mask700/e2e/rig"
)

// TestSideDoors: calls, every command that the program has, commands that are wrong in every way, and a process that is
// made to say what it is at. Nothing that was printed, logged, named or left shows a number in any encoding, but what was
// asked for with a reason.
func TestSideDoors(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	nowhere := w.port(w.hosts.Switch) // a trunk on which nobody answers
	w.serveWith(w.config(setup{})+fmt.Sprintf("  - {name: nowhere, sources: [\"%s/32\"], targets: [\"sip:%s\"], route_to: right, listen: left, media: left}\n",
		nowhere.Addr(), nowhere), setup{flags: []string{"--log-level", "debug"}})
	w.run("block", "add", block)
	apart := []string{"135" + digits(8), "134" + digits(8), "133" + digits(8)} // parties of no call
	numbers := append([]string{w.caller.number, w.callee.number, w.forwarder, w.onward}, apart...)
	forms := everyForm(numbers...)
	c := &commands{t: t, gateway: w.gateway, tried: make(map[string]form)}
	a, b := w.caller.number, w.callee.number
	id := c.id("binding create", a+"\n"+b+"\n", "--a", "-", "--b", "-", "--x", w.x, "--order", "side doors", "--record")
	live := w.begin(play{caller: "caller-no-answer", callee: "callee-cancelled"})
	w.until("the phone to ring", func() bool { return w.calls() == 1 })
	call := strings.Fields(strings.SplitN(c.good("call list", ""), "\n", 3)[1])[0]

	var beside sync.WaitGroup
	beside.Go(func() {
		if _, status := c.run("", "demo"); status != 0 {
			t.Errorf("demo: status %d", status)
		}
	})
	c.everyGoodForm(id, call, w.x, "nowhere", apart)
	tree := c.tree()
	var written []string
	for _, n := range []string{a, b} {
		written = append(written, n, "+86"+n, "0086 "+n, "sip:"+n+"@192.0.2.7", "tel:+86-"+n)
	}
	bad := c.everyBadForm(tree, written, apart[0])
	for _, n := range written[:5] {
		for _, args := range [][]string{
			{n}, {"binding", n}, {"help", n}, {"binding", "list", "--" + n}, {"binding", "list", "-" + n}, {"status", "-o", n},
			{"binding", "create", "--a", n, "--b", n, "--order", "o"}, {"binding", "create", "--a", n, "--b", w.x, "--order", "o"},
			{"binding", "create", "--a", n, "--b", b, "--x", w.x, "--order", "o"}, {"binding", "get", id, "--reveal", "--reason", "for " + n},
			{"explain", "--caller", n + "x", "--dialled", w.x}, {"recording", "export", call, "--reason", "for " + n, "-o", "y.wav"},
		} {
			bad = append(bad, form{args: args})
		}
		bad = append(bad, form{`{"mode":"axb","a":"` + n + `","b":"` + n + `","order":"o"}` + "\n" + n + "\n", []string{"binding", "create", "--from", "-"}},
			form{`{"mode":"axb","a":"` + n + `","b":"` + b + `","x":"` + w.x + `","order":"o"}` + "\n" + `{"a":` + n + "}\n" + n + "\n", []string{"binding", "import", "-"}},
			form{`{"id":"` + n + `"}` + "\n", []string{"binding", "delete", "--from", "-"}},
			form{`{"number":"` + n + `","peer":"` + n + `x","direction":"to","reason":"` + n + `"}` + "\n", []string{"blocklist", "add", "--from", "-"}},
			form{n + "\n", []string{"binding", "create", "--a", "-", "--b", "-", "--order", "o"}})
	}
	var next atomic.Int64
	for range 4 { // as many at once
		beside.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(bad)); i = next.Add(1) - 1 {
				c.run(bad[i].input, bad[i].args...)
			}
		})
	}
	beside.Wait()
	t.Logf("%d commands, %d wrong forms", len(tree), len(bad))

	// What anybody on the machine may read of the process, and what it may leave.
	proc := fmt.Sprintf("/proc/%d/", w.gateway.PID())
	for _, name := range []string{"cmdline", "environ", "comm", "status", "maps", "limits"} {
		data, err := os.ReadFile(proc + name)
		if err != nil {
			t.Fatal(err)
		}
		c.printed.add(string(data))
		if name == "limits" && !limitOfCores(string(data)) {
			t.Errorf("a core may be written:\n%s", data)
		}
	}
	open, err := os.ReadDir(proc + "fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if to, err := os.Readlink(proc + "fd/" + fd.Name()); err == nil { // else it was closed meanwhile
			c.printed.add(to)
		}
	}

	// What was asked for is shown, so that the search is known to find what there is.
	if out := w.run("binding", "get", id, "--reveal", "--reason", "complaint 17"); !strings.Contains(out, a) {
		t.Errorf("%s", out)
	} else if _, found := find(out, forms); !found {
		t.Error("the search does not see a number that is there")
	}
	if out := w.run("audit", "verify"); !strings.Contains(out, "as written") {
		t.Errorf("%s", out)
	}

	c.good("drain", "") // it ends once the phone rings no more
	if err := syscall.Kill(w.gateway.PID(), syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if status, err := w.gateway.Wait(ctx); err != nil || status != 2 {
		t.Errorf("after SIGQUIT: status %d, %v", status, err)
	}
	live.hangUpHard()
	log := w.gateway.Output()
	if !strings.Contains(log, "SIGQUIT: quit") || !strings.Contains(log, "sip/gateway.(*loop).run()") || strings.Contains(log, "(0x") {
		t.Errorf("the trace is not as it should be:\n%.2000s", log)
	}
	if what, found := find(c.printed.String(), forms); found {
		t.Errorf("printed: a number as %s", what)
		keepText(t, w.dir, "printed", c.printed.String())
	}
	if what, found := find(log, forms); found {
		t.Errorf("logged: a number as %s", what)
	}
	err = filepath.WalkDir(w.gateway.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if what, found := find(d.Name(), forms); found {
			t.Errorf("a file is named with a number as %s", what)
		}
		if strings.HasPrefix(d.Name(), "core") {
			t.Errorf("%s is left", d.Name())
		}
		if !d.Type().IsRegular() || !strings.HasPrefix(path, w.gateway.DataDir()) { // the others are SIPp's
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if what, found := find(string(data), forms); found {
			t.Errorf("%s holds a number as %s", d.Name(), what)
			keepText(t, w.dir, "holds-"+d.Name(), string(data))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// limitOfCores reports whether the limits of a process (/proc/PID/limits) forbid cores.
func limitOfCores(limits string) bool {
	for line := range strings.Lines(limits) {
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok {
			return strings.Fields(rest)[0] == "0"
		}
	}
	return false
}

// TestCoreDumpsWhereAskedFor: with --core-dumps the limit is what the system allows.
func TestCoreDumpsWhereAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var allowed unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &allowed); err != nil {
		t.Fatal(err)
	}
	w.serve(setup{flags: []string{"--core-dumps"}})
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", w.gateway.PID()))
	if err != nil || limitOfCores(string(data)) != (allowed.Max == 0) {
		t.Errorf("the limit is not the system's, %v:\n%s", err, data)
	}
	w.shut()
}

// everyForm is the disguises of numbers in text (rig.Disguises), and the numbers as machine words, in the bytes and in
// the hexadecimal of a trace.
func everyForm(numbers ...string) map[string]string {
	forms := make(map[string]string)
	for _, n := range numbers {
		for i, d := range rig.Disguises(n) {
			forms[d] = fmt.Sprintf("disguise %d", i)
		}
		for _, digits := range []string{n, "86" + n} {
			v, err := strconv.ParseUint(digits, 10, 64)
			if err != nil {
				panic(err)
			}
			big := bytes.TrimLeft(words.BigEndian.AppendUint64(nil, v), "\x00")
			little := bytes.TrimRight(words.LittleEndian.AppendUint64(nil, v), "\x00")
			forms[string(big)], forms[string(little)] = "a word", "a word, little end first"
			forms[strconv.FormatUint(v, 16)] = "hexadecimal"
			forms[hex.EncodeToString(little)] = "hexadecimal, little end first"
		}
	}
	return forms
}

// find says in which form, if any, a number is in data.
func find(data string, forms map[string]string) (string, bool) {
	for form, what := range forms {
		if strings.Contains(data, form) {
			return what, true
		}
	}
	return "", false
}

// keepText writes a text beside what is kept of a test that failed.
func keepText(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Log(err)
	}
}
