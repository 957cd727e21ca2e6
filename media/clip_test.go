package media

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// clip makes a clip whose frames tell their number.
func clip(codec string, frames int, loop bool) *Clip {
	c := &Clip{Codec: codec, Loop: loop}
	for i := range frames {
		c.Frames = append(c.Frames, fmt.Appendf(nil, "frame %d", i))
	}
	return c
}

// ending is how a clip ended.
type ending chan bool

func (e ending) done(finished bool) { e <- finished }

func (e ending) wait(t *testing.T) bool {
	t.Helper()
	select {
	case finished := <-e:
		return finished
	case <-time.After(patience):
		t.Fatal("the clip did not end")
		return false
	}
}

func TestAClipIsPartOfTheStream(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	was := b.hear()
	end := make(ending, 2)
	if !s.Play(B, clip("PCMA", 3, false), end.done) {
		t.Fatal("not played")
	}
	for i := range 3 {
		got := b.hear()
		if string(got.Payload) != fmt.Sprintf("frame %d", i) || got.SSRC != was.SSRC || got.PayloadType != 8 ||
			got.SequenceNumber != was.SequenceNumber+1 || got.Marker != (i == 0) || i > 0 && got.Timestamp != was.Timestamp+160 {
			t.Errorf("%d: %v %q after %v", i, got.Header, got.Payload, was.Header)
		}
		was = got
	}
	if !end.wait(t) {
		t.Error("it is said not to have finished")
	}
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	if got := b.hear(); string(got.Payload) != "voice" || got.SSRC != was.SSRC || got.SequenceNumber != was.SequenceNumber+1 {
		t.Errorf("%v after %v", got.Header, was.Header)
	}
	if st := s.Stats(); st.AtoB.Packets != 2 || st.AtoB.Failed != 0 {
		t.Errorf("%+v", st.AtoB)
	}
}

// While a clip plays to one side, that side hears nothing else, and the other one
// goes on hearing it.
func TestAClipTakesThePlaceOfTheOtherSide(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	end := make(ending, 2)
	if !s.Play(B, clip("PCMA", 2, true), end.done) {
		t.Fatal("not played")
	}
	b.hear()
	send(t, a.rtp, a.frame("unheard"), at(s.Local(A)))
	eventually(t, "A is muted", func() bool { return s.Stats().AtoB.Muted == 1 })
	send(t, b.rtp, b.frame("heard"), at(s.Local(B)))
	if got := a.hear(); string(got.Payload) != "heard" {
		t.Errorf("A heard %q", got.Payload)
	}
	if got := r.Stats().Shards; playing(got) != 1 {
		t.Errorf("%+v", got)
	}
	second := make(ending, 2)
	if !s.Play(B, clip("PCMA", 1, true), second.done) {
		t.Fatal("not replaced")
	}
	if end.wait(t) {
		t.Error("the replaced one is said to have finished")
	}
	s.Play(B, nil, nil)
	if second.wait(t) {
		t.Error("the stopped one is said to have finished")
	}
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	for got := b.hear(); string(got.Payload) != "voice"; got = b.hear() {
		if string(got.Payload) == "unheard" {
			t.Error("B heard A")
		}
	}
	if got := r.Stats().Shards; playing(got) != 0 {
		t.Errorf("%+v", got)
	}
	third := make(ending, 2)
	s.Play(A, clip("PCMA", 1, true), third.done)
	s.Close()
	if third.wait(t) {
		t.Error("the one of a closed session is said to have finished")
	}
	if s.Play(A, clip("PCMA", 1, true), third.done) {
		t.Error("played in a closed session")
	}
	for _, e := range []ending{end, second, third} {
		if len(e) != 0 {
			t.Error("done was called twice")
		}
	}
}

func playing(shards []ShardStats) int {
	n := 0
	for _, sh := range shards {
		n += sh.Playing
	}
	return n
}

func TestWhatCannotBePlayed(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	never := func(bool) { t.Error("done was called") }
	if s.Play(A, clip("PCMA", 1, false), never) {
		t.Error("played to nobody")
	}
	// The caller alone, as before the other leg: in what it offered.
	end := make(ending, 1)
	s.SetRemote(A, a.remote())
	if !s.Play(A, clip("PCMA", 1, false), end.done) || !end.wait(t) {
		t.Error("not played to the caller alone")
	}
	if got := a.hear(); string(got.Payload) != "frame 0" || got.PayloadType != 8 {
		t.Errorf("heard %v", got)
	}
	for name, c := range map[string]*Clip{
		"another codec":      clip("PCMU", 1, false),
		"no frames":          clip("PCMA", 0, false),
		"no frames for ever": clip("PCMA", 0, true),
		"an empty frame":     {Codec: "PCMA", Frames: [][]byte{{}}},
		"a huge frame":       {Codec: "PCMA", Frames: [][]byte{make([]byte, 3000)}},
	} {
		if s.Play(A, c, never) {
			t.Errorf("%s: played", name)
		}
	}
	held := a.remote()
	held.Recv = false
	s.SetRemote(A, held)
	if s.Play(A, clip("PCMA", 1, false), never) {
		t.Error("played to one who wants to hear nothing")
	}
	// The other side knows no PCMA: none goes to this one, and what plays stops.
	s.SetRemote(A, a.remote())
	if !s.Play(A, clip("PCMA", 1, true), end.done) {
		t.Error("not played")
	}
	other := b.remote()
	other.Types = []PayloadType{{PT: 0, Clock: 8000, Name: "PCMU", Map: 0}}
	s.SetRemote(B, other)
	if end.wait(t) {
		t.Error("finished, in a codec that is no longer")
	}
	if !s.Play(A, clip("PCMU", 1, true), nil) {
		t.Error("not played in the codec of both")
	}
}

// The end of one clip may begin the next.
func TestOneClipAfterTheOther(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	end := make(ending, 1)
	s.Play(B, clip("PCMA", 1, false), func(bool) { s.Play(B, clip("PCMA", 2, false), end.done) })
	if !end.wait(t) {
		t.Error("the second did not finish")
	}
	var heard []string
	for range 3 {
		heard = append(heard, string(b.hear().Payload))
	}
	if want := []string{"frame 0", "frame 0", "frame 1"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}

// Many clips in one shard keep their pace: in the time of one clip all are over.
func TestManyClips(t *testing.T) {
	r := newRelay(t, Options{Shards: 1})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	var over sync.WaitGroup
	for range 40 {
		s := talk(t, r, a, b)
		over.Add(1)
		if !s.Play(B, clip("PCMA", 3, false), func(finished bool) {
			if !finished {
				t.Error("did not finish")
			}
			over.Done()
		}) {
			t.Fatal("not played")
		}
	}
	seen := map[uint32]int{}
	for range 40 * 3 {
		got := b.hear()
		if want := fmt.Sprintf("frame %d", seen[got.SSRC]); string(got.Payload) != want {
			t.Errorf("%q, want %q", got.Payload, want)
		}
		seen[got.SSRC]++
	}
	over.Wait()
	if len(seen) != 40 {
		t.Errorf("%d streams", len(seen))
	}
}

// taped is what a tap was given.
type taped struct {
	mu    sync.Mutex // protects heard
	heard []string
}

func (p *taped) Voice(from Side, codec string, seq uint16, timestamp uint32, _ time.Duration, payload []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, fmt.Sprintf("%v %s %d %d %s", from, codec, seq, timestamp, payload))
}

func (p *taped) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

// TestATapIsToldTheFormat: a decoder needs more than a name.
func TestATapIsToldTheFormat(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	var tape taped
	s.Record(&tape)
	remote := a.remote()
	remote.Types = []PayloadType{{PT: 8, Clock: 16000, Name: "AMR-WB", Format: "AMR-WB/16000 octet-align=1", Map: 8}}
	s.SetRemote(A, remote)
	send(t, a.rtp, a.frame("hello"), at(s.Local(A)))
	b.hear()
	if got := tape.all(); len(got) != 1 || !strings.HasPrefix(got[0], "A AMR-WB/16000 octet-align=1 ") || s.Stats().AtoB.Codec != "AMR-WB" {
		t.Errorf("heard %q, of %q", got, s.Stats().AtoB.Codec)
	}
}

func TestATapHearsVoiceOfBothSides(t *testing.T) {
	r := newRelay(t, Options{})
	a, b, stranger := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.4")
	s := talk(t, r, a, b)
	var tape taped
	s.Record(&tape)
	send(t, a.rtp, a.frame("hello"), at(s.Local(A)))
	b.hear()
	send(t, stranger.rtp, stranger.frame("injected"), at(s.Local(A)))
	eventually(t, "the stranger is refused", func() bool { return s.Stats().AtoB.Refused == 1 })
	event := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 101, SequenceNumber: a.seq + 1, Timestamp: a.ts + 160, SSRC: a.ssrc}, Payload: []byte("digit")}
	raw, err := event.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	send(t, a.rtp, raw, at(s.Local(A)))
	b.hear()
	// What a held party says is not sent on, but it is said.
	held := a.remote()
	held.Recv = false
	s.SetRemote(A, held)
	send(t, b.rtp, b.frame("to nobody"), at(s.Local(B)))
	eventually(t, "it is muted", func() bool { return s.Stats().BtoA.Muted == 1 })
	s.SetRemote(A, a.remote())
	s.Pause(true)
	send(t, b.rtp, b.frame("paused"), at(s.Local(B)))
	eventually(t, "it is muted", func() bool { return s.Stats().BtoA.Muted == 2 })
	s.Pause(false)
	s.Record(nil)
	send(t, b.rtp, b.frame("after"), at(s.Local(B)))
	a.hear()
	want := []string{"A PCMA 1001 160160 hello", "B PCMA 1001 160160 to nobody"}
	if got := tape.all(); !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}
