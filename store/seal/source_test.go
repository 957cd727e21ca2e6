package seal

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// line is the one line of a key file that holds the key, as it would be put into a variable.
func line(m Master) string {
	text := strings.TrimSpace(string(m.Text()))
	return text[strings.LastIndexByte(text, '\n')+1:]
}

func TestSourceIsExactlyOne(t *testing.T) {
	for _, s := range []Source{{}, {File: "a", Env: "B"}, {Env: "A", Credential: "b"}, {File: "a", Credential: "b"}, {"a", "b", "c"}} {
		if _, err := s.Load(); err == nil || s.Check() == nil {
			t.Errorf("%+v was loaded", s)
		}
	}
}

func TestMasterFromAFileOrACredential(t *testing.T) {
	dir, want := t.TempDir(), newMaster(t)
	t.Setenv(credentialsDirectory, dir)
	for _, s := range []Source{{File: filepath.Join(dir, "k")}, {Credential: "k"}} {
		if _, err := s.Load(); !errors.Is(err, ErrNoMaster) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", s, err)
		}
	}
	if err := CreateFile(filepath.Join(dir, "k"), want); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "k"), 0o400); err != nil { // as systemd makes it
		t.Fatal(err)
	}
	for _, s := range []Source{{File: filepath.Join(dir, "k")}, {Credential: "k"}} {
		if got, err := s.Load(); err != nil || got != want {
			t.Errorf("%s: %v", s, err)
		}
	}
	if _, err := (Source{Credential: "../" + filepath.Base(dir) + "/k"}).Load(); !errors.Is(err, ErrNoMaster) {
		t.Errorf("a credential outside its directory: %v", err)
	}
	t.Setenv(credentialsDirectory, "")
	if _, err := (Source{Credential: "k"}).Load(); !errors.Is(err, ErrNoMaster) {
		t.Errorf("without a directory: %v", err)
	}
}

// sourceEnv is the variable that the child of TestMasterFromTheEnvironment reads its key from.
const sourceEnv = "MASK700_TEST_MASTER"

// TestMasterFromTheEnvironment looks at what is left of the variable in a process of its own, in every place.
func TestMasterFromTheEnvironment(t *testing.T) {
	const other = "MASK700_TEST_MASTER_OTHER=stays"
	if text := os.Getenv(sourceEnv); text != "" {
		m, err := Source{Env: sourceEnv}.Load()
		if err != nil || line(m) != text {
			t.Fatalf("%v", err)
		}
		if _, ok := os.LookupEnv(sourceEnv); ok {
			t.Error("it is still set")
		}
		block, err := os.ReadFile("/proc/self/environ")
		if err != nil {
			t.Fatal(err)
		}
		secret := strings.Fields(text)[1]
		if bytes.Contains(block, []byte(secret)) || bytes.Contains(block, []byte(secret[:16])) {
			t.Error("it can be read in /proc/PID/environ")
		}
		if !bytes.Contains(block, []byte(other)) {
			t.Error("another variable is gone, or nothing was read")
		}
		if env, err := exec.Command("env").Output(); err != nil || bytes.Contains(env, []byte(secret)) || !bytes.Contains(env, []byte(other)) {
			t.Errorf("a child: %v\n%s", err, env)
		}
		if _, err := (Source{Env: sourceEnv}).Load(); !errors.Is(err, ErrNoMaster) {
			t.Errorf("a second time: %v", err)
		}
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestMasterFromTheEnvironment$")
	child.Env = append(os.Environ(), sourceEnv+"="+line(newMaster(t)), other)
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestVariableThatHoldsNoKey(t *testing.T) {
	t.Setenv(sourceEnv, "not a key")
	_, err := Source{Env: sourceEnv}.Load()
	if !errors.Is(err, ErrKeyText) || strings.Contains(err.Error(), "not a key ") {
		t.Error(err)
	}
	if _, ok := os.LookupEnv(sourceEnv); ok {
		t.Error("it is still set")
	}
}
