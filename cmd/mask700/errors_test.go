package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestStatusAndTextOfMistakes: 2 for what does not exist, 1 for what is refused, one line, and never the word that
// was typed when it may be a number.
func TestStatusAndTextOfMistakes(t *testing.T) {
	d := newDesk(t)
	d.serve()
	for _, tc := range []struct {
		line   string
		status int
		says   string
	}{
		{"frobnicate", 2, `unknown command "frobnicate" of mask700; ` + "`mask700 --help` lists them"},
		{"statu", 2, "did you mean `mask700 status`?"},
		{numberA, 2, "unknown command of mask700;"},
		{"block " + numberA, 2, "unknown command of mask700 block;"},
		{"block shred " + block, 2, `unknown command "shred" of mask700 block`},
		{"binding creat --a " + numberA, 2, "did you mean `mask700 binding create`?"},
		{"binding move abc --ttl 2h", 2, `unknown command "move" of mask700 binding`},
		{"binding extend abc", 1, "--ttl or --expires is needed"},
		{"binding extend " + numberA + " --ttl 2h", 1, "letters alone"},
		{"binding extend abc --expires " + numberA, 1, "--expires: not a time in RFC 3339"},
		{"binding extend abc --ttl 2h", 1, "no binding has this id"},
		{"binding update abc", 1, "nothing is to be changed"},
		{"binding update " + numberA + " --data x", 1, "letters alone"},
		{"binding update abc --a 1" + numberA, 1, "--a: "},
		{"help " + numberA, 2, "unknown command of mask700;"},
		{"help block " + numberA, 2, "unknown command of mask700 block;"},
		{"call " + numberA + " get", 2, "unknown command of mask700 call;"},
		{"binding list --numbr " + numberA, 2, "unknown flag --numbr of mask700 binding list"},
		{"binding list --" + numberA, 2, "unknown flag of mask700 binding list"},
		{"binding list -" + numberA, 2, "unknown flag of mask700 binding list"},
		{"binding list --=" + numberA, 2, "is no flag of mask700 binding list"},
		{"--number " + numberA, 2, "unknown flag --number of mask700"},
		{"block --" + numberA + " list", 2, "unknown flag"},
		{"binding create --ttl " + numberA, 1, "--ttl: not a duration"},
		{"binding create --max-duration=" + numberA, 1, "--max-duration: not a duration"},
		{"binding list --limit +86" + numberA + "x", 1, "--limit: not a number"},
		{"binding list --live=" + numberA, 1, "--live: takes no value"},
		{"binding create --a", 1, "--a needs a value"},
		{"binding list -o", 1, "--output needs a value"},
		{"binding list -o " + numberA, 1, "--output: write table or json"},
		{"status " + numberA, 1, "mask700 status takes no argument"},
		{"binding list " + numberA, 1, "takes no argument"},
		{"binding get", 1, "needs the ID of a binding"},
		{"binding get a b", 1, "needs the ID of a binding and nothing else"},
		{"binding get " + numberA, 1, "letters alone"},
		{"binding delete", 1, "needs the ID of a binding"},
		{"binding delete " + numberA, 1, "letters alone"},
		{"binding delete --from x " + numberA, 1, "takes no argument"},
		{"binding get nothing", 1, "no binding has this id"},
		{"block add", 1, "needs the 11 DIGITS"},
		{"serve " + numberA, 1, "takes no argument"},
		{"status --config " + numberA, 1, "there is no such file"},
		{"status --server " + numberA, 1, "--server: not the address of a server"},
	} {
		var out, errOut bytes.Buffer
		status := run(d.deps, strings.Fields(tc.line), strings.NewReader(""), &out, &errOut)
		got := errOut.String()
		if status != tc.status || !strings.Contains(got, tc.says) {
			t.Errorf("%s: status %d: %s", tc.line, status, got)
		}
		if out.Len() > 0 || strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "mask700: ") {
			t.Errorf("%s: not one line on standard error: %q %q", tc.line, out.String(), got)
		}
		if strings.Contains(tc.line, "--config") { // the path of a file is named, whatever it is called
			continue
		}
		if strings.Contains(got, numberA) {
			t.Errorf("%s: the number is repeated: %s", tc.line, got)
		}
	}
}

func TestHelp(t *testing.T) {
	d := newDesk(t)
	for _, args := range [][]string{nil, {"help"}, {"--help"}, {"block"}, {"block", "--help"}, {"help", "binding", "create"}, {"binding", "create", "-h"}} {
		if out := d.must(args...); !strings.Contains(out, "Usage:") || !strings.Contains(out, "mask700") {
			t.Errorf("%v: %s", args, out)
		}
	}
}

// TestNumberInThePlaceOfAFile: the system's errors repeat the name of a file.
func TestNumberInThePlaceOfAFile(t *testing.T) {
	d := newDesk(t)
	for _, n := range []string{numberA, "+86" + numberA, "0086" + numberA, "01059658005", "+4915112345678"} {
		for _, args := range [][]string{
			{"config", "check", n}, {"binding", "create", "--from", n}, {"status", "--config", n}, {"check", "--data-dir", "./" + n + "/none"},
			{"status", "--server", "unix:" + n}, {"status", "--server", "https://127.0.0.1:1", "--token-file", n}, {"status", "--server", "https://127.0.0.1:1", "--ca-file", n},
		} {
			if a := d.run(args...); a.status == exitDone || strings.Contains(a.out+a.err, strings.Trim(n, "+")) {
				t.Errorf("%v: %+v", args, a)
			}
		}
	}
	for _, s := range []string{"/tmp/Test1234567890/001", "700100000010007", "in block 70010000001", "127.0.0.1:5060", "2026-01-02T15:04:05+08:00", "2026-01-02 15:04:05", "192.168.100.10:5060", "1 of 13800000",
		"192.168.110.10", "/run/17123/456789", "/tmp/Test/13123456/001", "v0.8.2-1234567", "2026.01.02 15:04:05"} {
		if got := withoutNumbers(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	for s, want := range map[string]string{
		"open 138-0000-0001: no such file": "open …: no such file", "138_0000_0001.csv": "….csv", "(010) 8234-5678": "(…", "+86 138 0000 0001": "…",
		"open 138.0000.0001: no such file": "open …: no such file", "138/0000/0001": "…", "./138/0000/0001/x": "./…/x", "138.000.000.01": "…", "010/82345678": "…",
		"0755.8234567": "…", "+86.138.0000.0001": "…", "+44/7700/900123": "…", "010.8234.5678": "…",
		"13800000001 2 of 3": "… 2 of 3", "3 13800000001": "3 …", "13800000001-13900000002": "…-…",
	} {
		if got := withoutNumbers(s); got != want {
			t.Errorf("%q became %q, want %q", s, got, want)
		}
	}
}
