package digest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNothingPrintsAPassword(t *testing.T) {
	const canary, name = "hunter2canary", "13800000001"
	secret := NewSecret(canary)
	server, err := NewServer("r", []User{{name, secret}}, nil, [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	hash := secretHash(MD5, name, "r", secret)
	type hidden struct{ s Secret }
	for _, v := range []any{
		secret, &secret, User{name, secret}, &User{name, secret}, []User{{name, secret}}, Account{name, secret, "r"}, &Account{name, secret, "r"},
		struct{ S Secret }{secret}, struct{ A *Account }{&Account{name, secret, "r"}}, map[string]any{"x": secret}, hidden{secret}, &hidden{secret},
		server, struct{ S *Server }{server},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			got := fmt.Sprintf(verb, v)
			for _, word := range []string{canary, name, hash} {
				if strings.Contains(got, word) || strings.Contains(strings.ToLower(got), fmt.Sprintf("%x", word)) {
					t.Errorf("%s of %T is %s", verb, v, got)
				}
			}
		}
		text, err := json.Marshal(v)
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		for _, word := range []string{canary, name, hash} {
			if err != nil || strings.Contains(string(text), word) || strings.Contains(b.String(), word) {
				t.Errorf("%T: JSON %s, %v, log %s", v, text, err, b.String())
			}
		}
	}
	if got := fmt.Sprint(secret); got != "***" {
		t.Errorf("a password prints %q", got)
	}
	if !(Secret{}).IsZero() || !NewSecret("").IsZero() || secret.IsZero() || fmt.Sprint(Secret{}) != "" {
		t.Error("no password is not told from one")
	}
}

func TestPasswordFiles(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		name, text string
		mode       fs.FileMode
		password   string // "": refused
		says       string
	}{
		{"plain", "secret", 0o600, "secret", ""},
		{"with a line end", "secret\n", 0o600, "secret", ""},
		{"with DOS's line end", "secret\r\n", 0o400, "secret", ""},
		{"blanks are part of it", " se cret \n", 0o440, " se cret ", ""},
		{"the longest", strings.Repeat("x", maxSecret) + "\r\n", 0o600, strings.Repeat("x", maxSecret), ""},
		{"empty", "", 0o600, "", "one line"},
		{"only a line end", "\n", 0o600, "", "one line"},
		{"two lines", "canary\nb\n", 0o600, "", "one line"},
		{"a NUL", "canary\x00", 0o600, "", "one line"},
		{"too long", strings.Repeat("canary", 200), 0o600, "", "1024"},
		{"others may read it", "canary", 0o604, "", "mode 0604"},
		{"everybody may", "canary", 0o644, "", "chmod 600"},
		{"the group may write it", "canary", 0o660, "", "mode 0660"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(dir, strings.ReplaceAll(tc.name, " ", "-"))
			if err := os.WriteFile(file, []byte(tc.text), tc.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, tc.mode); err != nil {
				t.Fatal(err)
			}
			s, err := ReadSecret(file)
			if s.reveal() != tc.password || (err == nil) != (tc.password != "") {
				t.Fatalf("%v", err)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "canary")) {
				t.Errorf("%v; want it to say %q", err, tc.says)
			}
		})
	}
	if _, err := ReadSecret(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := ReadSecret(dir); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a directory: %v", err)
	}
}
