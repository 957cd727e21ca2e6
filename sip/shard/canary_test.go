package shard_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"testing"

	"github.com/cockroachdb/datadriven"

	"mask700/sip/canary"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/shard"
	"mask700/sip/text"
)

// leastMarks is how many marks each party of a call plants at least.
const leastMarks = 120

func (m manner) String() string { return []string{"plainly", "in parts", "in disguise"}[m] }

// watch plays a flow whose actors plant marks, and searches what leaves.
type watch struct {
	scene    *scene
	finder   *canary.Finder
	dressers map[string]*dresser
	owner    map[string]string // of each mark and word: the actor that wrote it
	guessed  map[string]bool   // marks of another that the sender of a text has written into it: it says what it likes
	searched map[string]bool   // bytes and receiver
	row      *flowRow
	leaks    []string // what is told of each
	leaked   []string // the marks in them
}

func newWatch(m manner, row *flowRow) *watch {
	w := &watch{
		scene: newScene(), finder: canary.NewFinder(), dressers: map[string]*dresser{}, owner: map[string]string{},
		guessed: map[string]bool{}, searched: map[string]bool{}, row: row,
	}
	w.scene.whole = true
	for i, name := range []string{"caller", "callee", "stranger", "guest"} {
		a := w.scene.actors[name]
		d := newDresser(i+1, a, m, func() bool { return w.scene.world.config.Texts.Numbers == text.Mask })
		w.dressers[name] = d
		a.dress = func(b []byte) []byte {
			b = d.dress(b)
			w.sends(name, b)
			return b
		}
		host := netip.MustParseAddrPort(a.host).Addr()
		w.finder.Add(a.number)
		w.finder.AddHost(host)
		w.finder.Add(keysOf(name))
		w.owner[a.number], w.owner[host.String()], w.owner[keysOf(name)] = name, name, name
	}
	w.scene.world.send = func(s shard.Send) {
		w.leaves(s)
		w.scene.shows(s)
	}
	return w
}

// sends notes what an actor has planted, and what marks the flow itself has it write.
func (w *watch) sends(name string, b []byte) {
	w.row.sent++ // with marks or, where a flow has it write them wrong, without
	if m, fault := message.Parse(b); fault == nil && message.Check(m) == nil {
		w.row.read++
		if m.Method == "MESSAGE" {
			for _, h := range w.finder.Find(m.Body) {
				if owner := w.owner[h.Mark]; owner != "" && owner != name {
					w.guessed[h.Mark] = true
				}
			}
		}
	}
	for mark, kind := range w.dressers[name].of {
		w.owner[mark], w.row.marks[mark] = name, kind
	}
	for _, h := range w.finder.Plain(b) {
		if w.owner[h.Mark] == "" {
			w.owner[h.Mark] = name
		}
		if w.owner[h.Mark] == name && w.row.marks[h.Mark] == "" {
			w.row.marks[h.Mark] = ofFlow
		}
	}
}

// leaves searches a message that the gateway sends.
func (w *watch) leaves(s shard.Send) {
	to := w.scene.world.guard.receiver(s)
	if to == nil {
		return // the world complains
	}
	w.row.out++
	key := to.name + " " + string(s.Bytes)
	if w.searched[key] {
		return
	}
	w.searched[key] = true
	hits := w.finder.Find(s.Bytes)
	if bytes.HasPrefix(s.Bytes, []byte("MESSAGE ")) {
		head, words, _ := bytes.Cut(s.Bytes, []byte("\r\n\r\n"))
		said := slices.DeleteFunc(w.finder.Find(words), func(h canary.Hit) bool { return w.guessed[h.Mark] })
		hits = append(w.finder.Find(head), said...)
	}
	for _, h := range hits {
		if w.owner[h.Mark] != to.name {
			w.row.found++
			w.leaked = append(w.leaked, h.Mark)
			w.leaks = append(w.leaks, fmt.Sprintf("%s is sent %s of %s (%s):\n%s", to.name, h.Mark, w.owner[h.Mark], h.How, s.Bytes))
		}
	}
}

// play does one line of the flow, and compares what came of it but for the marks.
func (w *watch) play(t *testing.T, d *datadriven.TestData) string {
	w.scene.world.fail = t.Errorf
	got, want := plainText(w.scene.play(t, d)), plainText(d.Expected)
	if got != want {
		t.Errorf("%s: the marks changed what happens:\n%s\nexpected:\n%s", d.Pos, got, want)
	}
	return d.Expected
}

func (w *watch) verdict(t *testing.T) {
	for _, l := range w.leaks {
		t.Error(l)
	}
	for _, d := range w.dressers {
		if d.count > 0 && len(d.of) < leastMarks {
			t.Errorf("%s has planted %d marks", d.name, len(d.of))
		}
	}
}

// Every mark is found in what its sender sends, in each manner: what is not found on
// the other side was not overlooked.
func TestEveryCanaryIsFoundWhereItIsPlanted(t *testing.T) {
	for _, m := range canaryManners {
		w := newWatch(m, &flowRow{marks: map[string]string{}})
		a := w.scene.actors["caller"]
		d := w.dressers[a.name]
		found := map[string]bool{}
		for i := range 3 * len(bodies) {
			a.peer = ""
			b, err := a.write([]string{"INVITE 700100000010007\nsdp", "BYE 700100000010007", "OPTIONS 700100000010007\nAccept: a/b"}[i%3])
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range w.finder.Find(b) {
				found[h.Mark] = true
			}
		}
		for mark, kind := range d.of {
			if !found[mark] {
				t.Errorf("%s: %s is not found, of %s", m, mark, kind)
			}
		}
		if len(d.of) < 300 {
			t.Errorf("%s: %d marks", m, len(d.of))
		}
	}
}

// echoed begins a line of a flow that shows what a peer has sent, and may show its
// marks; marked is a mark in any other line, where the same peer sees it again, and
// what is reckoned from one.
var (
	echoed = regexp.MustCompile(`(?m)^ +\| (Via|From|To|Call-ID|Record-Route|Timestamp):.*\n`)
	marked = regexp.MustCompile(`;ob;gr=urn:uuid:kanari\d{4};x=1391357\d{4}|;x=kanari\d{4}|-kanari\d{4}|response="\w+"|` +
		`(\\r\\n|\n +\| )\*{11} \+\*{2}-\*{3}-\*{4}-\*{4}`)
	counted = regexp.MustCompile(`text of \d+ in \d, \d+ numbers, \d+ masked|(?m)^ +\| Content-Length: \d+\n`)
)

func plainText(s string) string {
	return marked.ReplaceAllString(counted.ReplaceAllString(echoed.ReplaceAllString(s, ""), ""), "")
}

// The key of one leg is found on the other, in any notation: a party's own by the search, and
// ours by the guard of the flows too.
func TestAKeyOfAnotherLegIsFound(t *testing.T) {
	w := newWatch(plainly, &flowRow{marks: map[string]string{}})
	callee := w.scene.actors["callee"]
	key := w.scene.actors["caller"].key("one")
	material, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	for i, written := range []string{key, hex.EncodeToString(material), string(material)} {
		w.leaks = nil
		w.leaves(shard.Send{Flow: callee.flow(), Bytes: fmt.Appendf(nil, "SIP/2.0 200 OK\r\n\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n", written)})
		if len(w.leaks) != 1 {
			t.Errorf("notation %d: %d leaks", i, len(w.leaks))
		}
	}
	g, told := newGuard(message.Parse, func(string) string { return "" }), 0
	a, b := g.add("a", "13800000001", "192.0.2.10:5060"), g.add("b", "13900000002", "198.51.100.20:5060")
	for i, to := range []*secrets{a, a, b} {
		g.check(func(string, ...any) { told++ }, shard.Send{
			Flow:  flow.Flow{Remote: to.hosts[0]},
			Bytes: fmt.Appendf(nil, "SIP/2.0 20%d OK\r\n\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:Zm9yIG9uZSBsZWcgb25seSwgYW5kIG5vIG90aGVy|2^31\r\n", i),
		})
		if told != i/2 {
			t.Errorf("message %d: told of %d", i, told)
		}
	}
}
