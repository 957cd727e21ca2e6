package media

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// handClock is a time that a test moves.
type handClock struct{ since atomic.Int64 }

func (w *handClock) now() time.Time      { return epoch.Add(time.Duration(w.since.Load())) }
func (w *handClock) add(d time.Duration) { w.since.Add(int64(d)) }

// restarted is a relay of a few pairs over a ledger, at a time that the test moves.
// It is killed unless the test closes it: nothing of it runs on but its thread.
func restarted(t *testing.T, dir string, pairs int, w *handClock) *Relay {
	t.Helper()
	r, err := newRelayOver(Options{
		Pools:  []Pool{{Name: "one", Address: loopback, Min: 20000, Max: uint16(20000 + 2*pairs - 1)}},
		Shards: 1, Rest: 5 * time.Second, Clock: Clock{Now: w.now}, Ledger: dir,
	}, noNetwork())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// opened opens a call, and gives its ports.
func opened(t *testing.T, r *Relay) (Session, [2]uint16) {
	t.Helper()
	s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one"})
	if err != nil {
		t.Fatal(err)
	}
	return s, [2]uint16{s.Local(A).Port, s.Local(B).Port}
}

func full(t *testing.T, r *Relay, why string) {
	t.Helper()
	if s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one"}); !errors.Is(err, ErrNoPorts) {
		t.Errorf("%s: %v, %v", why, s, err)
	}
}

func TestPortsOfACrashAreTakenLast(t *testing.T) {
	dir, w := t.TempDir(), &handClock{}
	const pairs = 6
	_, crashed := opened(t, restarted(t, dir, pairs, w)) // and it is killed
	w.add(time.Hour)                                     // nobody knows when
	r := restarted(t, dir, pairs, w)
	if p := r.Stats().Pools[0]; p.Free != 4 || p.Resting != 2 {
		t.Errorf("%+v", p)
	}
	for range 2 {
		if _, got := opened(t, r); got[0] == crashed[0] || got[0] == crashed[1] || got[1] == crashed[0] || got[1] == crashed[1] {
			t.Errorf("%v while others are free, after a crash with %v", got, crashed)
		}
	}
	full(t, r, "within the rest after the start")
	w.add(5*time.Second - 1)
	full(t, r, "just before")
	w.add(1)
	s, got := opened(t, r)
	if got != crashed && got != [2]uint16{crashed[1], crashed[0]} {
		t.Errorf("%v, want those that are left, %v", got, crashed)
	}
	// They are ports like any others from then on.
	s.Close()
	w.add(5 * time.Second)
	if p := r.Stats().Pools[0]; p.Free != 2 || p.Resting != 0 || p.InUse != 4 {
		t.Errorf("%+v", p)
	}
}

func TestPortsOfACrashComeBack(t *testing.T) {
	dir, w := t.TempDir(), &handClock{}
	opened(t, restarted(t, dir, 4, w))
	r := restarted(t, dir, 4, w)
	w.add(doubtful - 1)
	if p := r.Stats().Pools[0]; p.Free != 2 || p.Resting != 2 {
		t.Errorf("%+v", p)
	}
	w.add(1)
	if p := r.Stats().Pools[0]; p.Free != 4 || p.Resting != 0 {
		t.Errorf("%+v", p)
	}
}

// Calls that ended in order leave a rest, whether the process did or not.
func TestPortsRestOverARestart(t *testing.T) {
	for _, clean := range []bool{true, false} {
		dir, w := t.TempDir(), &handClock{}
		r := restarted(t, dir, 2, w)
		s, _ := opened(t, r)
		s.Close()
		if clean {
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		w.add(2 * time.Second)
		r = restarted(t, dir, 2, w)
		full(t, r, "after the restart")
		w.add(5 * time.Second)
		opened(t, r)
		// A port that has rested is nothing to remember.
		dir = t.TempDir()
		r = restarted(t, dir, 2, w)
		s, _ = opened(t, r)
		s.Close()
		w.add(5 * time.Second)
		opened(t, restarted(t, dir, 2, w))
	}
}

func TestALedgerThatIsDamaged(t *testing.T) {
	dir, w := t.TempDir(), &handClock{}
	if err := restarted(t, dir, 2, w).Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	name := filepath.Join(dir, files[0].Name())
	// Cut, and with times that no clock of ours has: the ports rest once.
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = 0x7e
	}
	if err := os.WriteFile(name, b[:len(b)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	r := restarted(t, dir, 2, w)
	full(t, r, "at first")
	w.add(5 * time.Second)
	opened(t, r)
	// What cannot be a directory is told.
	if _, err := NewRelay(Options{Pools: r.options.Pools, Ledger: name}); err == nil {
		t.Error("a file as the directory")
	}
}
