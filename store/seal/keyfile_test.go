package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestKeyFileIsMadeOnceAndReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "keys", "mask700.key")
	if _, err := LoadFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("no file: %v", err)
	}
	m := newMaster(t)
	if err := CreateFile(path, m); err != nil {
		t.Fatal(err)
	}
	got, err := LoadFile(path)
	if err != nil || got != m {
		t.Fatalf("read back: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := CreateFile(path, newMaster(t)); !errors.Is(err, ErrKeyExists) {
		t.Errorf("made again: %v", err)
	}
	if got, err := LoadFile(path); err != nil || got != m {
		t.Errorf("the key was replaced: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("temporary files are left: %v %v", left, err)
	}
}

func TestKeyFileMadeByManyAtOnceHasOneWinner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mask700.key")
	var wins, losses int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 16 {
		m := newMaster(t)
		all.Go(func() {
			err := CreateFile(path, m)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				wins++
			case errors.Is(err, ErrKeyExists):
				losses++
			default:
				t.Errorf("create: %v", err)
			}
		})
	}
	all.Wait()
	if wins != 1 || losses != 15 {
		t.Errorf("%d won, %d lost", wins, losses)
	}
}

func TestKeyFileModes(t *testing.T) {
	for mode, ok := range map[fs.FileMode]bool{
		0o600: true, 0o400: true, 0o440: true, 0o640: true,
		0o644: false, 0o604: false, 0o620: false, 0o601: false, 0o666: false, 0o660: false,
	} {
		path := filepath.Join(t.TempDir(), "mask700.key")
		if err := CreateFile(path, newMaster(t)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadFile(path)
		if ok && err != nil {
			t.Errorf("%04o: %v", mode, err)
		}
		if !ok && !errors.Is(err, ErrKeyExposed) {
			t.Errorf("%04o: got %v, want ErrKeyExposed", mode, err)
		}
	}
}

func TestKeyFileRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadFile(dir); err == nil {
		t.Error("a directory was read")
	}
	long := filepath.Join(dir, "long")
	if err := os.WriteFile(long, make([]byte, maxKeyFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadFile(long); !errors.Is(err, ErrKeyText) {
		t.Errorf("too long: %v", err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadFile(empty); !errors.Is(err, ErrKeyText) {
		t.Errorf("empty: %v", err)
	}
	under := filepath.Join(empty, "key")
	if err := CreateFile(under, newMaster(t)); err == nil {
		t.Error("made under a file")
	}
}

func TestInsideFollowsLinks(t *testing.T) {
	root := t.TempDir()
	data := filepath.Join(root, "data")
	out := filepath.Join(root, "out")
	for _, d := range []string{data, out} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(data, "link-to-data")
	link(out, "link-to-out")
	link(filepath.Join(data, "missing.key"), "link-to-missing-inside")
	link("data/missing.key", "relative-link-inside")
	link("link-to-data", "link-to-link")
	for _, c := range []struct {
		path, dir string
		want      bool
	}{
		{"data/key", "data", true},
		{"data", "data", true},
		{"data/sub/dir/key", "data", true},
		{"data/../out/key", "data", false},
		{"out/../data/key", "data", true},
		{"data-other/key", "data", false},
		{"..key", "data", false},
		{"data/..key", "data", true},
		{"link-to-data/key", "data", true},
		{"link-to-link/key", "data", true},
		{"link-to-out/key", "data", false},
		{"data/key", "link-to-data", true},
		{"link-to-missing-inside", "data", true},
		{"relative-link-inside", "data", true},
		{"new/key", "new", true},
		{"new/key", "data", false},
		{"key", "new/data", false},
	} {
		got, err := Inside(filepath.Join(root, c.path), filepath.Join(root, c.dir))
		if err != nil || got != c.want {
			t.Errorf("%s in %s: %v, %v; want %v", c.path, c.dir, got, err, c.want)
		}
	}
	link("loop-b", "loop-a")
	link("loop-a", "loop-b")
	if _, err := Inside(filepath.Join(root, "loop-a"), data); err == nil {
		t.Error("a loop of links was resolved")
	}
}
