package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mask700/cmd/mask700/e2e/rig"
)

// commands runs commands of the program and keeps all that they print. Only run may be called several times at once.
type commands struct {
	t       *testing.T
	gateway *rig.Gateway
	printed transcript
	tried   map[string]form // of each command, by its words: the last good form
}

// transcript is what was printed so far.
type transcript struct {
	sync.Mutex
	text strings.Builder
}

func (s *transcript) add(text string) {
	s.Lock()
	defer s.Unlock()
	s.text.WriteString(text + "\n")
}

func (s *transcript) String() string {
	s.Lock()
	defer s.Unlock()
	return s.text.String()
}

// form is one way to call a command: what it reads, and what stands behind its words.
type form struct {
	input string
	args  []string
}

// run runs a command and returns what it prints and its status.
func (c *commands) run(input string, args ...string) (string, int) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.gateway.Binary, args...)
	cmd.Dir, cmd.Env = c.gateway.Dir, append(os.Environ(), "MASK700_SERVER=unix:"+c.gateway.Socket())
	cmd.Stdin = strings.NewReader(input)
	var out, said strings.Builder // each of them has a writer of its own
	cmd.Stdout, cmd.Stderr = &out, &said
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		c.t.Error(err)
	}
	c.printed.add(out.String())
	c.printed.add(said.String())
	return out.String(), cmd.ProcessState.ExitCode()
}

// good is a form that has to succeed; it returns what is printed on standard output.
func (c *commands) good(command, input string, args ...string) string {
	c.t.Helper()
	out, status := c.run(input, append(strings.Fields(command), args...)...)
	if status != 0 {
		c.t.Errorf("%s %q: status %d", command, args, status)
	}
	c.tried[command] = form{input, args}
	return out
}

// id is good of a command that prints one thing in JSON: its id.
func (c *commands) id(command, input string, args ...string) string {
	c.t.Helper()
	var made struct{ ID string }
	out := c.good(command, input, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.ID == "" {
		c.t.Fatalf("%s: no id in %q", command, out)
	}
	return made.ID
}

// everyGoodForm tries what can be tried while a call rings over the binding live: whatever knows a number, on numbers that nobody else
// has.
func (c *commands) everyGoodForm(live, call, x, trunk string, numbers []string) {
	a, b, other := numbers[0], numbers[1], numbers[2]
	const reason = "complaint 17"
	once := []string{"--a", "-", "--b", "-", "--ttl", "1h", "--order", "spare", "--consent", "by letter", "--idempotency-key", "side doors once"}
	spare := c.id("binding create", a+"\n"+b+"\n", once...)
	if again := c.id("binding create", a+"\n"+b+"\n", once...); again != spare {
		c.t.Errorf("the same key makes %s and %s", spare, again)
	}
	c.good("binding create", `{"mode":"gxb","group":["`+a+`","`+other+`"],"b":"`+b+`","order":"many"}`+"\n", "--from", "-")
	c.good("binding create", a+"\n"+other+"\n", "--a", "-", "--b", "-", "--order", "plain")
	c.good("binding import", `{"mode":"axb","a":"`+b+`","b":"`+other+`","order":"moved"}`+"\n", "-", "--all")
	for _, args := range [][]string{{live}, {spare, "-o", "json"}} {
		c.good("binding get", "", args...)
	}
	for _, args := range [][]string{{}, {"-o", "json"}, {"--x", x}} {
		c.good("binding list", "", args...)
	}
	c.good("binding list", a+"\n", "--number", "-", "--reason", reason)
	c.good("binding extend", "", spare, "--ttl", "4h")
	c.good("binding update", other+"\n", spare, "--b", "-", "--ttl", "2h")
	c.good("explain", a+"\n", "--caller", "-", "--dialled", x)
	c.good("explain", b+"\n", "--caller", "-", "--dialled", x, "-o", "json")

	placed := c.id("call dial", "", "--binding", spare, "--trunk", trunk, "--ring-timeout", "20s")
	c.good("call list", "", "-o", "json")
	for _, args := range [][]string{{call}, {placed, "-o", "json"}} {
		c.good("call get", "", args...)
	}
	c.good("call hangup", "", placed)
	for _, args := range [][]string{{}, {"-o", "wide"}} {
		c.good("cdr list", "", args...)
	}
	for _, args := range [][]string{{}, {"--format", "csv"}} {
		c.good("cdr export", "", args...)
	}
	c.good("history x", "", x)
	c.good("history order", "", "spare")
	c.good("history consent", "", "by letter")
	c.good("history number", other+"\n", "-", "--reason", reason)

	c.good("tenant add", "", "rides", "--texts", "mask")
	c.good("tenant update", "", "rides", "--ttl", "2h")
	c.good("tenant suspend", "", "rides", "--reason", reason)
	c.good("tenant resume", "", "rides")
	c.good("tenant show", "", "rides")
	c.good("tenant list", "")
	token := c.id("tenant token add", "", "rides", "--name", "dispatch", "--reveal")
	c.good("tenant token list", "")
	c.good("tenant token revoke", "", token)
	c.good("limit set", "", "--tenant", "rides", "--calls", "none")
	c.good("limit show", "", "--tenant", "rides")
	c.good("blocklist add", `{"number":"`+other+`","direction":"to","reason":"`+reason+`"}`+"\n", "--from", "-")
	c.good("blocklist list", a+"\n", "--number", "-", "--reason", reason)
	barred := c.id("blocklist add", a+"\n"+b+"\n", "--number", "-", "--peer", "-", "--direction", "both", "--reason", reason)
	c.good("blocklist remove", "", barred)

	const second = "70010000002"
	c.good("block add", "", second)
	for _, verb := range []string{"lock", "unlock", "drain", "remove"} {
		c.good("block "+verb, "", second)
	}
	c.good("block list", "")
	c.good("recording list", "")
	c.good("retention show", "")
	c.good("retention sweep", "")
	c.good("binding delete", "", spare, "--idempotency-key", "side doors gone")
	c.good("erase number", b+"\n", "-", "--hard", "--reason", reason)
	c.good("key list", "")
	c.good("key make", "", "made.key")
	c.good("key rotate", "")
	c.good("key rotate", "", "--master")
	c.good("backup", "", "copy", "--check")
	for _, name := range []string{"", ".ring"} { // the gateway has its own open
		key, err := os.ReadFile(c.gateway.KeyFile() + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(c.gateway.Dir, "restored.key"+name), key, 0o600)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	c.good("restore", "", "copy", "--data-dir", "restored", "--key-file", "restored.key")
	c.good("audit list", "")
	c.good("audit verify", "")
	c.good("check", "")
	c.good("status", "", "-o", "json")
	c.good("reload", "")
	c.good("config check", "", "mask700.yaml")
	c.good("config show", "")
	c.good("config example", "", "kamailio")
	c.good("version", "")
	c.good("help", "", "binding", "create")
}

// refusedAlways are commands of which no form succeeds here, or none that is tried with others, and why.
var refusedAlways = map[string]form{
	"recording export": {args: []string{"none", "--reason", "complaint 17", "-o", "x.wav"}},                         // no call has ended that was recorded
	"key destroy":      {args: []string{"--tenant", "rides", "--before", "2020-01-01", "--reason", "complaint 17"}}, // there was no key then
	"serve":            {args: []string{"--trunk", "sip:"}},                                                         // the gateway is one
	"demo":             {args: []string{"and more"}},                                                                // runs besides
	"drain":            {args: []string{"and more"}},                                                                // comes last
}

// branches and flags are the lines of a help that name a command beneath it, and a flag.
var (
	branches = regexp.MustCompile(`(?m)^  ([a-z][a-z-]*) +[A-Z]`)
	flags    = regexp.MustCompile(`(?m)^ +(?:-[a-z], |    )--([a-z][a-z-]*)( [a-zA-Z0-9]+)? `)
)

// tree is every command of the program that does something, by its words, and its flags, by what --help says of them; true: one that has
// a value.
func (c *commands) tree(words ...string) map[string]map[string]bool {
	c.t.Helper()
	out, status := c.run("", append(words, "--help")...)
	if status != 0 {
		c.t.Fatalf("%v --help: status %d", words, status)
	}
	all := make(map[string]map[string]bool)
	_, beneath, has := strings.Cut(out, "Available Commands:\n")
	beneath, _, _ = strings.Cut(beneath, "\n\n")
	if !has {
		_, listed, _ := strings.Cut(out, "\nFlags:\n")
		all[strings.Join(words, " ")] = make(map[string]bool)
		for _, flag := range flags.FindAllStringSubmatch(listed, -1) {
			all[strings.Join(words, " ")][flag[1]] = flag[2] != ""
		}
		return all
	}
	for _, name := range branches.FindAllStringSubmatch(beneath, -1) {
		for leaf, flags := range c.tree(append(slices.Clone(words), name[1])...) {
			all[leaf] = flags
		}
	}
	return all
}

// Flags that every command has: each of them is tried with few of the commands only. Paths is those that name a file or directory: what
// they name is made, or shown where paths are, so that a number is where nothing can be made. Texts is those that the operator may put
// digits into, such as an order's; the number of a party of that binding is refused in them.
var (
	common = []string{"ca-file", "config", "data-dir", "key-file", "token-file", "server", "output", "reason", "reveal"}
	paths  = []string{"ca-file", "config", "data-dir", "key-file", "token-file"}
	texts  = []string{"order", "consent", "data", "industrial-id"}
)

// everyBadForm is each command with a number behind it, and each of its flags with one as its value: all numbers in all ways of writing,
// in turn. The party is one of the bindings that the good forms make and change.
func (c *commands) everyBadForm(tree map[string]map[string]bool, written []string, party string) (forms []form) {
	c.t.Helper()
	turn := 0
	next := func() string { turn++; return written[turn%len(written)] }
	for i, leaf := range slices.Sorted(maps.Keys(tree)) {
		good, ok := c.tried[leaf]
		if refused, always := refusedAlways[leaf]; always {
			good, ok = refused, true
		}
		if !ok {
			c.t.Errorf("`mask700 %s` is not tried: say in everyGoodForm how, with numbers that nobody may see, or in refusedAlways why not", leaf)
			continue
		}
		add := func(input string, args ...string) {
			forms = append(forms, form{input, append(strings.Fields(leaf), args...)})
		}
		n := next()
		add(n+"\n", n)
		add(n+"\n", append(slices.Clone(good.args), next())...)
		for j, flag := range slices.Sorted(maps.Keys(tree[leaf])) {
			if flag == "help" || slices.Contains(common, flag) && (i+j)%8 != 0 || slices.Contains(paths, flag) && (leaf == "config show" || leaf == "restore") {
				continue
			}
			n := next()
			switch {
			case slices.Contains(paths, flag):
				n = "missing/" + n
			case slices.Contains(texts, flag) && leaf != "binding list":
				n = "for " + party
			}
			add(good.input, append(slices.Clone(good.args), "--"+flag+"="+n)...)
		}
	}
	for leaf := range c.tried {
		if tree[leaf] == nil && leaf != "help" {
			c.t.Errorf("`mask700 %s` is tried and is no command", leaf)
		}
	}
	return forms
}
