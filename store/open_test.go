package store

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/store/seal"
)

func wantOpenError(t *testing.T, what string, o Options, want error) {
	t.Helper()
	db, err := Open(o)
	if err == nil {
		db.Close()
	}
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func mustClose(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// noKeyFile fails when refusing to open has made a key.
func noKeyFile(t *testing.T, o Options) {
	t.Helper()
	if _, err := os.Lstat(o.KeyFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key file was made: %v", err)
	}
}

func TestFirstStartMakesPrivateFiles(t *testing.T) {
	o := options(t, t.TempDir())
	o.KeyFile = filepath.Join(filepath.Dir(o.KeyFile), "keys", "mask700.key")
	mustClose(t, mustOpen(t, o))
	for path, want := range map[string]fs.FileMode{o.KeyFile: 0o600, o.Dir: 0o700 | fs.ModeDir, filepath.Join(o.Dir, "bind"): 0o700 | fs.ModeDir} {
		info, err := os.Stat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	before, err := os.ReadFile(o.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, mustOpen(t, o))
	if after, err := os.ReadFile(o.KeyFile); err != nil || string(after) != string(before) {
		t.Errorf("the key file was written again: %v", err)
	}
}

func TestOpenNeedsBothPaths(t *testing.T) {
	for _, o := range []Options{{}, {Dir: "data"}, {KeyFile: "key"}} {
		if _, err := Open(o); err == nil {
			t.Errorf("opened with %+v", o)
		}
	}
}

func TestKeyInsideDataDirIsRefused(t *testing.T) {
	root := t.TempDir()
	o := options(t, root)
	o.KeyFile = filepath.Join(o.Dir, "mask700.key")
	wantOpenError(t, "inside", o, ErrKeyInsideDataDir)
	if _, err := os.Stat(o.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(o.Dir, "keys"), filepath.Join(root, "keys")); err != nil {
		t.Fatal(err)
	}
	o.KeyFile = filepath.Join(root, "keys", "mask700.key")
	wantOpenError(t, "inside by a link", o, ErrKeyInsideDataDir)
	noKeyFile(t, o)
}

func TestStoreWithoutItsKeyIsRefused(t *testing.T) {
	o := options(t, t.TempDir())
	mustClose(t, mustOpen(t, o))
	aside := o.KeyFile + ".aside"
	if err := os.Rename(o.KeyFile, aside); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, "no key", o, ErrNoKey)
	noKeyFile(t, o)

	other := options(t, t.TempDir())
	mustClose(t, mustOpen(t, other))
	wrong := o
	wrong.KeyFile = other.KeyFile
	wantOpenError(t, "another store's key and ring", wrong, ErrWrongRing)
	wrong.Ring = o.KeyFile + ".ring"
	wantOpenError(t, "another store's key", wrong, ErrWrongKey)

	if err := os.WriteFile(o.KeyFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, "empty key file", o, seal.ErrKeyText)
	if err := os.Rename(aside, o.KeyFile); err != nil {
		t.Fatal(err)
	}
	mustClose(t, mustOpen(t, o))
}

func TestExposedKeyFileIsRefused(t *testing.T) {
	o := options(t, t.TempDir())
	mustClose(t, mustOpen(t, o))
	if err := os.Chmod(o.KeyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, "readable by all", o, seal.ErrKeyExposed)
}

// A crash at the first start may leave any of: the key file alone, one database ready and the other not.
func TestFirstStartIsTakenUpAgain(t *testing.T) {
	o := options(t, t.TempDir())
	mustClose(t, mustOpen(t, o))
	if err := os.RemoveAll(o.Dir); err != nil {
		t.Fatal(err)
	}
	mustClose(t, mustOpen(t, o))
	if err := os.RemoveAll(filepath.Join(o.Dir, "cdr")); err != nil {
		t.Fatal(err)
	}
	db := mustOpen(t, o)
	checked(t, db)
	mustClose(t, db)
	if err := os.RemoveAll(filepath.Join(o.Dir, "cdr")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(o.KeyFile); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, "half a store without its key", o, ErrNoKey)
}

func TestExchangedDirectoriesAreNoticed(t *testing.T) {
	o := options(t, t.TempDir())
	mustClose(t, mustOpen(t, o))
	for _, move := range [][2]string{{"bind", "x"}, {"cdr", "bind"}, {"x", "cdr"}} {
		if err := os.Rename(filepath.Join(o.Dir, move[0]), filepath.Join(o.Dir, move[1])); err != nil {
			t.Fatal(err)
		}
	}
	if db, err := Open(o); err == nil {
		db.Close()
		t.Error("opened")
	}
}

func TestNewerFormatIsRefusedAndLeftAlone(t *testing.T) {
	for _, name := range []string{"bind", "cdr"} {
		o := options(t, t.TempDir())
		db := mustOpen(t, o)
		e := map[string]*engine{"bind": db.bind, "cdr": db.cdr}[name]
		newer := binary.BigEndian.AppendUint32(nil, formatVersion+1)
		if err := e.Set(keyText(tableMeta, metaFormat), newer, pebble.Sync); err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		wantOpenError(t, name+": newer rows", o, ErrNewerFormat)
	}
	o := options(t, t.TempDir())
	mustClose(t, mustOpen(t, o))
	markers, err := filepath.Glob(filepath.Join(o.Dir, "cdr", "marker.format-version.*"))
	if err != nil || len(markers) != 1 {
		t.Fatalf("%v, %v", markers, err)
	}
	// The file's name is its content: marker.format-version.SEQUENCE.VERSION.
	newer := strings.TrimSuffix(markers[0], filepath.Ext(markers[0])) + ".099"
	if err := os.Rename(markers[0], newer); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, "newer files", o, ErrNewerFormat)
}

func TestSecondOpenIsRefused(t *testing.T) {
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	wantOpenError(t, "this process", o, ErrLocked)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	child := exec.Command(os.Args[0], "-test.run=^TestChildHoldsStore$")
	child.Env = append(os.Environ(), childEnv+"="+filepath.Dir(o.Dir))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "open\n" {
		t.Fatalf("child: %q, %v", line, err)
	}
	wantOpenError(t, "another process", o, ErrLocked)
	in.Close()
	if err := child.Wait(); err != nil {
		t.Errorf("child: %v", err)
	}
	mustClose(t, mustOpen(t, o))
}

// childEnv tells a test that it runs in a child process, and on which directory.
const childEnv = "MASK700_STORE_TEST_CHILD"

// TestChildHoldsStore does nothing unless it is the child of TestSecondOpenIsRefused.
func TestChildHoldsStore(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		return
	}
	db := mustOpen(t, options(t, dir))
	os.Stdout.WriteString("open\n")
	bufio.NewReader(os.Stdin).ReadString('\n')
	mustClose(t, db)
}

func TestClosedStoreRefusesEverything(t *testing.T) {
	db := mustOpen(t, options(t, t.TempDir()))
	mustClose(t, db)
	ctx := context.Background()
	n := testPair(t, "x", 1)
	_, onX := db.OnX(ctx, n.X)
	_, get := db.Binding(ctx, "x")
	_, unbind := db.Unbind(ctx, "x", time.Now())
	_, blocks := db.Blocks(ctx)
	_, record := db.Record(ctx, "x")
	_, check := db.Check(ctx)
	_, abandoned := db.CloseAbandoned(time.Now())
	opened, closed := make(chan error, 1), make(chan error, 1)
	db.Journal().Open(testRecord("x"), func(err error) { opened <- err })
	db.Journal().Close(testRecord("x"), func(_ uint64, err error) { closed <- err })
	for name, err := range map[string]error{
		"bind": db.Bind(ctx, n), "on x": onX, "get": get, "unbind": unbind, "blocks": blocks,
		"add": db.AddBlock(ctx, binding.BlockState{Block: 70010000001, State: binding.BlockOpen}), "remove": db.RemoveBlock(ctx, 70010000001),
		"list":   db.List(ctx, binding.Filter{}, func(binding.Binding) error { return nil }),
		"record": record, "check": check, "abandoned": abandoned, "open": <-opened, "close": <-closed,
		"again": db.Close(),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := db.Stats(); s != (Stats{}) {
		t.Errorf("stats %+v", s)
	}
}
