package archive

import (
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"mask700/media/record"
	"mask700/store/seal"
)

// killEnv tells TestChildRecorder that it is the child: the directory. keyEnv is the key of every day.
const (
	killEnv = "MASK700_ARCHIVE_TEST_RECORDER"
	keyEnv  = "MASK700_ARCHIVE_TEST_KEY"
)

// given is the keys of two processes: one for all days, that both know.
func given(t *testing.T, key []byte) *keys {
	t.Helper()
	box, err := seal.NewBox(key)
	if err != nil {
		t.Fatal(err)
	}
	return &keys{boxes: map[uint32]*seal.Box{dayOf(noon): box}}
}

// TestKill9 kills a process that records calls, by its own id: what it had handed to the system is read, up to the
// last whole segment of every call.
func TestKill9(t *testing.T) {
	key := seal.NewKey()
	s := NewShelf(Options{Dir: t.TempDir(), Keys: given(t, key), Now: (&clock{t: noon}).now})
	child := exec.Command(os.Args[0], "-test.run=^TestChildRecorder$")
	child.Env = append(os.Environ(), killEnv+"="+s.options.Dir, keyEnv+"="+hex.EncodeToString(key))
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ids := []string{"callA", "callB", "callC"}
	until(t, "the calls to be recorded", func() bool {
		for _, id := range ids {
			if path, err := s.Find(id); err != nil {
				return false
			} else if f, err := os.Stat(path); err != nil || f.Size() < 200_000 {
				return false
			}
		}
		return true
	})
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	for _, info := range list(t, s) {
		if info.State != Cut {
			t.Errorf("%+v", info)
		}
	}
	for _, id := range ids {
		wav, res, err := export(t, s, id)
		if err != nil || res.Whole || res.Damaged || res.Packets[0] < 400 || res.Packets[0] != res.Packets[1] {
			t.Errorf("%s: %+v, %v", id, res, err)
		}
		if want := 44 + 4*160*int(res.Packets[0]); len(wav) != want {
			t.Errorf("%s: %d bytes of sound, want %d", id, len(wav), want)
		}
	}
}

// TestChildRecorder records three calls until it is killed.
func TestChildRecorder(t *testing.T) {
	dir := os.Getenv(killEnv)
	if dir == "" {
		return // run by TestKill9
	}
	key, err := hex.DecodeString(os.Getenv(keyEnv))
	if err != nil {
		t.Fatal(err)
	}
	a := open(t, Options{Dir: dir, Keys: given(t, key), Segment: time.Second})
	calls := []*Recording{a.Start("callA", "tenant"), a.Start("callB", "tenant"), a.Start("callC", "tenant")}
	for i := 0; ; i += 5 {
		for _, r := range calls {
			for r.waiting.Load() > 0 { // faster than life, but not than the disk: a buffer may end in what is said next
				time.Sleep(time.Millisecond)
			}
			speak(r, i, 5)
		}
	}
}

// TestEveryLengthOfAFile: whatever a crash leaves of a file, it is listed and exported, or refused, and nothing breaks.
func TestEveryLengthOfAFile(t *testing.T) {
	a := open(t, Options{Segment: 40 * time.Millisecond})
	r := a.Start("callA", "tenant")
	speak(r, 0, 4)
	r.Stop()
	a.Close()
	path, err := a.Find("callA")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for n := range len(whole) {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		all := list(t, a.Shelf)
		if len(all) != 1 || all[0].State == Whole {
			t.Fatalf("cut to %d bytes: %+v", n, all)
		}
		res, err := a.Export("callA", record.WAV, func(record.Result, int64) (io.Writer, error) { return io.Discard, nil })
		switch {
		case all[0].State == Unreadable:
			if !errors.Is(err, record.ErrCut) {
				t.Fatalf("cut to %d bytes: %v", n, err)
			}
		case err != nil || res.Whole || int(res.Packets[0]+res.Packets[1]) < last:
			t.Fatalf("cut to %d bytes: %+v, %v", n, res, err)
		default:
			last = int(res.Packets[0] + res.Packets[1])
		}
	}
	if last != 8 {
		t.Errorf("%d packets before the end", last)
	}
}
