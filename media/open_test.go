package media

import (
	"errors"
	"fmt"
	"testing"

	"github.com/pion/rtcp"
	"golang.org/x/sys/unix"
)

// One who hears a prompt and talks to nobody takes one pair of ports, and gives it
// back.
func TestAloneTakesOnePair(t *testing.T) {
	r := newRelay(t, Options{Pools: []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15001}}})
	s, err := r.Open(OpenSpec{PoolA: "one", Alone: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.Local(B) != (Local{}) {
		t.Errorf("side B is at %v", s.Local(B))
	}
	a := newPhone(t, "127.0.0.2")
	s.SetRemote(A, a.remote())
	s.Settle(A)
	s.Settle(B)
	end := make(ending, 2)
	if !s.Play(A, clip("PCMA", 3, false), end.done) {
		t.Fatal("not played")
	}
	for i := range 3 {
		if got := a.hear(); string(got.Payload) != fmt.Sprintf("frame %d", i) || got.PayloadType != 8 {
			t.Errorf("%d: %v %q", i, got.Header, got.Payload)
		}
	}
	if !end.wait(t) {
		t.Error("it is said not to have finished")
	}
	// What it says goes nowhere, and is counted.
	send(t, a.rtp, a.frame("hello"), at(s.Local(A)))
	eventually(t, "it is muted", func() bool { return s.Stats().AtoB.Muted == 1 })
	s.Close()
	if bye, err := rtcp.Unmarshal(receive(t, a.rtcp)); err != nil || len(bye) != 3 {
		t.Errorf("the goodbye is %v, %v", bye, err)
	}
	if st := r.Stats(); st.Pools[0].InUse != 0 || st.Pools[0].Resting != 1 || st.Shards[0].Sockets != 0 || st.Sessions != 0 {
		t.Errorf("%+v", st)
	}
}

// What is full now may be free soon; what is wrong stays wrong.
func TestFullIsNotWrong(t *testing.T) {
	for _, row := range []struct {
		err  error
		full bool
	}{
		{ErrNoPorts, true}, {ErrClosed, true}, {fmt.Errorf("media: %w", unix.EMFILE), true}, {unix.ENOBUFS, true},
		{ErrNoPool, false}, {unix.EACCES, false}, {unix.EADDRNOTAVAIL, false}, {errors.New("media: no route"), false},
	} {
		if Full(row.err) != row.full {
			t.Errorf("%v: %t", row.err, !row.full)
		}
	}
}

func TestWhyOpeningFailedIsCounted(t *testing.T) {
	r := newRelay(t, Options{Pools: []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15001}}})
	if _, err := r.Open(OpenSpec{PoolA: "none", PoolB: "one"}); !errors.Is(err, ErrNoPool) {
		t.Errorf("no pool: %v", err)
	}
	if _, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one"}); !errors.Is(err, ErrNoPorts) {
		t.Errorf("two pairs of one: %v", err)
	}
	if st := r.Stats(); st.Failed != 1 || st.NoPorts != 1 || st.Opened != 0 {
		t.Errorf("%+v", st)
	}
}
