package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"mask700/sip/digest"
	"mask700/sip/trunk"
)

// accounts is a trunk with every key of an account; names of digits are names.
const accounts = `trunks:
  - name: carrier
    targets: ["sip:192.0.2.1:5060"]
    sources: [0.0.0.0/0, "::/0"]
    auth: {user: 01059658005, password_file: ./carrier.secret, realm: "example.net"}
    challenge:
      realm: "our realm"
      users:
        - {name: 1001, password_file: ./sw1.secret}
        - {name: sw2, password_file: ./sw2.secret}
      algorithms: [md5]
    register: {aor: "sip:gw1@example.net", expires: 5m, user: 700100000010007}
`

func TestAccountsAreRead(t *testing.T) {
	c, err := Parse("f.yaml", []byte(accounts))
	if err == nil {
		err = c.validate(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	got := c.TrunkList()[0]
	want := trunk.Trunk{
		Auth: &digest.Account{User: "01059658005", Realm: "example.net"},
		Challenge: &trunk.Challenge{
			Realm: "our realm", Users: []digest.User{{Name: "1001"}, {Name: "sw2"}}, Algorithms: []string{digest.MD5},
		},
		Register: &trunk.Register{AOR: "sip:gw1@example.net", Expires: 5 * time.Minute, User: "700100000010007"},
	}
	if !reflect.DeepEqual(got.Auth, want.Auth) || !reflect.DeepEqual(got.Challenge, want.Challenge) || !reflect.DeepEqual(got.Register, want.Register) {
		t.Errorf("auth %t, challenge %t, register %t", reflect.DeepEqual(got.Auth, want.Auth),
			reflect.DeepEqual(got.Challenge, want.Challenge), reflect.DeepEqual(got.Register, want.Register))
	}
	shown, err := c.Show()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("shown.yaml", shown)
	if err != nil || !reflect.DeepEqual(again.Trunks, c.Trunks) {
		t.Errorf("%v, shown and read again:\n%s", err, shown)
	}
}

func TestAccountsHaveDefaults(t *testing.T) {
	c, err := Parse("f.yaml", []byte("trunks:\n  - name: a\n    targets: [\"sip:192.0.2.1\"]\n"+
		"    challenge: {realm: r, users: [{name: x, password_file: p}]}\n    register: {aor: \"sip:x@example.net\"}\n"))
	if err == nil {
		err = c.validate(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	got := c.TrunkList()[0]
	if a := got.Challenge.Algorithms; !reflect.DeepEqual(a, digest.DefaultAlgorithms()) {
		t.Errorf("algorithms %v", a)
	}
	if got.Register.Expires != 10*time.Minute || got.Register.User != "" || got.Auth != nil {
		t.Errorf("%+v", got.Register)
	}
	if plain, err := Parse("f.yaml", []byte(contract)); err != nil || plain.TrunkList()[0].Challenge != nil || plain.TrunkList()[0].Register != nil {
		t.Error("a trunk that has no accounts got some")
	}
}

func TestPasswordsAreReadFromTheirFiles(t *testing.T) {
	dir := t.TempDir()
	c, err := Parse("f.yaml", []byte(strings.ReplaceAll(accounts, "./", dir+"/")))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"carrier.secret", "sw1.secret", "sw2.secret"} {
		key := []string{"trunks[0].auth.password_file", "trunks[0].challenge.users[0].password_file", "trunks[0].challenge.users[1].password_file"}[i]
		err := c.ReadPasswords(c.TrunkList())
		if want := fmt.Sprintf("f.yaml line %d: %s: ", []int{5, 9, 10}[i], key); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("without %s: %v, want %s", name, err, want)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("canary\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := c.ReadPasswords(c.TrunkList()); err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s for everybody to read: %v", name, err)
		}
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := c.TrunkList()
	if err := c.ReadPasswords(list); err != nil {
		t.Fatal(err)
	}
	if list[0].Auth.Password.IsZero() || list[0].Challenge.Users[0].Password.IsZero() || list[0].Challenge.Users[1].Password.IsZero() {
		t.Error("a password was not read")
	}
	if got := fmt.Sprintf("%+v", list); strings.Contains(got, "canary") {
		t.Error("the trunks print a password")
	}
}
