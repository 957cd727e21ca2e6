package token

import (
	"strings"
	"testing"
)

var (
	secret = Secret{1, 2, 3}
	seed   = [32]byte{4, 5, 6}
)

func mint(shard, shards int) (*Mint, *Router) {
	r := NewRouter(secret, shards)
	return NewMint(seed, r, shard), r
}

// lettersOnly says whether a token has nothing of a phone number in it.
func lettersOnly(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == ""
}

func TestTokensAreLetters(t *testing.T) {
	m, _ := mint(3, 8)
	seen := map[string]bool{}
	for range 10_000 {
		tag, call, branch := m.Token(), m.CallID(), m.Branch()
		if !lettersOnly(tag) || !lettersOnly(call) {
			t.Fatalf("a token that is not letters alone: %q, %q", tag, call)
		}
		if rest, ok := strings.CutPrefix(branch, "z9hG4bK"); !ok || !lettersOnly(rest) {
			t.Fatalf("a branch that is not the cookie and letters: %q", branch)
		}
		for _, s := range []string{tag, call, branch} {
			if seen[s] {
				t.Fatalf("%q was minted twice", s)
			}
			seen[s] = true
		}
	}
}

func TestTokensHaveEnoughBits(t *testing.T) {
	m, _ := mint(0, 1)
	tag := m.Token()
	if bits := 4 * len(tag); bits < 96 {
		t.Errorf("%d bits in a tag", bits)
	}
	// Every letter at every place: no bit is stuck.
	var at [tokenLen]map[byte]bool
	for range 1000 {
		for i, c := range []byte(m.Token()) {
			if at[i] == nil {
				at[i] = map[byte]bool{}
			}
			at[i][c] = true
		}
	}
	for i := range at {
		if len(at[i]) != len(alphabet) {
			t.Errorf("place %d has %d letters, want %d", i, len(at[i]), len(alphabet))
		}
	}
}

func TestASeedRepeats(t *testing.T) {
	a, _ := mint(1, 4)
	b, _ := mint(1, 4)
	for range 100 {
		if a.Token() != b.Token() || a.CallID() != b.CallID() || a.Branch() != b.Branch() || a.Uint64() != b.Uint64() {
			t.Fatal("the same seed made two different tokens")
		}
	}
	other := NewMint([32]byte{9}, NewRouter(secret, 4), 1)
	if a.Token() == other.Token() {
		t.Error("another seed made the same token")
	}
}

func TestACallIDCarriesItsShard(t *testing.T) {
	const shards = 300
	r := NewRouter(secret, shards)
	for shard := range shards {
		m := NewMint(seed, r, shard)
		for range 20 {
			if got := r.Shard(m.CallID()); got != shard {
				t.Fatalf("a Call-ID of shard %d leads to %d", shard, got)
			}
		}
	}
}

// TestForgedMarks changes each letter of a Call-ID of ours: what is not ours to
// the last letter is a stranger's and goes where the hash says, so that nobody
// can choose a shard.
func TestForgedMarks(t *testing.T) {
	const shards = 64
	m, r := mint(5, shards)
	id := m.CallID()
	if _, ok := r.own(id); !ok {
		t.Fatal("our own Call-ID is not known")
	}
	for i := range len(id) {
		forged := []byte(id)
		forged[i] = alphabet[(value(forged[i])+1)%16]
		if _, ok := r.own(string(forged)); ok {
			t.Errorf("a Call-ID with letter %d changed is taken for ours", i)
		}
		if got, want := r.Shard(string(forged)), int(r.mark(forged)%shards); got != want {
			t.Errorf("letter %d changed: shard %d, want the hash's %d", i, got, want)
		}
	}
	for _, cut := range []string{"", id[1:], id[:len(id)-1], id + "b", strings.ToUpper(id), id + "@192.0.2.1"} {
		if _, ok := r.own(cut); ok {
			t.Errorf("%q is taken for ours", cut)
		}
	}
	other := NewRouter(Secret{9}, shards)
	if _, ok := other.own(id); ok {
		t.Error("a Call-ID under another secret is taken for ours")
	}
}

// TestFewerShards: after a restart with fewer shards an old Call-ID must lead
// somewhere that exists.
func TestFewerShards(t *testing.T) {
	m, _ := mint(7, 8)
	r := NewRouter(secret, 2)
	for range 100 {
		if got := r.Shard(m.CallID()); got < 0 || got > 1 {
			t.Fatalf("shard %d of 2", got)
		}
	}
}

func TestStrangersAreSpread(t *testing.T) {
	const shards, calls = 8, 8000
	_, r := mint(0, shards)
	var count [shards]int
	for i := range calls {
		count[r.Shard(strings.Repeat("x", i%50)+string(rune('a'+i%26))+strings.Repeat("y", i/50))]++
	}
	for s, n := range count {
		if n < calls/shards/2 || n > calls/shards*2 {
			t.Errorf("shard %d has %d of %d calls", s, n, calls)
		}
	}
}

func TestTag(t *testing.T) {
	_, r := mint(0, 1)
	tag := r.Tag("call", "tag", "branch")
	if tag != NewRouter(secret, 4).Tag("call", "tag", "branch") {
		t.Error("the tag of one request differs from one router to the next")
	}
	if !lettersOnly(tag) || len(tag) != tokenLen {
		t.Errorf("%q is no token", tag)
	}
	for _, other := range [][]string{
		{"call", "tag", "branch2"}, {"call", "tagbranch"}, {"callta", "g", "branch"}, {"call", "tag"},
		{"call", "tag", "branch", ""}, {"", "call", "tag", "branch"},
	} {
		if r.Tag(other...) == tag {
			t.Errorf("%q has the tag of another request", other)
		}
	}
	if tag == NewRouter(Secret{9}, 1).Tag("call", "tag", "branch") {
		t.Error("a stranger could compute the tag")
	}
}

// What is looked for in messages before they leave are numbers of seven digits and more;
// that the letters are no digits is said above.
func TestASessionIsNoNumber(t *testing.T) {
	m, _ := mint(0, 1)
	for range 100_000 {
		if n := m.Session(); n < 100_000 || n > 999_999 {
			t.Fatalf("%d is no number of six digits", n)
		}
	}
}
