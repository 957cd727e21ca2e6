package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"mask700/sip/digest"
	"mask700/sip/trunk"
)

// Auth is what we answer a trunk's challenges with.
type Auth struct {
	User         Word   `yaml:"user"`
	PasswordFile string `yaml:"password_file"` // holds the password on one line, mode 0600
	Realm        string `yaml:"realm"`         // the only one that it is for; empty: any
}

// Challenge is what a trunk's requests are challenged for, in the place of its source addresses.
type Challenge struct {
	Realm      string          `yaml:"realm"`
	Users      []ChallengeUser `yaml:"users"`
	Algorithms []Algorithm     `yaml:"algorithms"` // offered in this order
}

// ChallengeUser is one who may send.
type ChallengeUser struct {
	Name         Word   `yaml:"name"`
	PasswordFile string `yaml:"password_file"`
}

// Register is an account that we register at a trunk's targets.
type Register struct {
	AOR     string   `yaml:"aor"`
	Expires Duration `yaml:"expires"` // asked for; the registrar may give less
	User    Word     `yaml:"user"`    // of our Contact; empty: a token. A number where calls come with the Contact as Request-URI
}

// UnmarshalYAML reads a group of keys.
func (c *Challenge) UnmarshalYAML(node ast.Node) error {
	type keys Challenge
	k := keys{Users: []ChallengeUser{}, Algorithms: []Algorithm{"sha-256", "md5"}}
	if err := decodeStrict(node, &k); err != nil {
		return err
	}
	*c = Challenge(k)
	return nil
}

// UnmarshalYAML reads a group of keys.
func (r *Register) UnmarshalYAML(node ast.Node) error {
	type keys Register
	k := keys{Expires: Duration(10 * time.Minute)}
	if err := decodeStrict(node, &k); err != nil {
		return err
	}
	*r = Register(k)
	return nil
}

// Word is text that may look like a number, kept as written.
type Word string

// Set takes any text.
func (w *Word) Set(s string) error { *w = Word(s); return nil }

// UnmarshalYAML reads the value of a key.
func (w *Word) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, w.Set) }

// Algorithm is a hash for digest credentials: sha-256, sha-512-256 or md5.
type Algorithm string

// Set reads the word.
func (a *Algorithm) Set(s string) error {
	return oneOf((*string)(a), s, "sha-256", "sha-512-256", "md5")
}

// UnmarshalYAML reads the value of a key.
func (a *Algorithm) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, a.Set) }

// accounts fills in what a trunk of the signalling knows of accounts. Passwords are read by ReadPasswords.
func (t *Trunk) accounts(into *trunk.Trunk) {
	if a := t.Auth; a != nil {
		into.Auth = &digest.Account{User: string(a.User), Realm: a.Realm}
	}
	if c := t.Challenge; c != nil {
		into.Challenge = &trunk.Challenge{Realm: c.Realm}
		for _, u := range c.Users {
			into.Challenge.Users = append(into.Challenge.Users, digest.User{Name: string(u.Name)})
		}
		for _, a := range c.Algorithms {
			into.Challenge.Algorithms = append(into.Challenge.Algorithms, strings.ToUpper(string(a)))
		}
	}
	if r := t.Register; r != nil {
		into.Register = &trunk.Register{AOR: r.AOR, Expires: time.Duration(r.Expires), User: string(r.User)}
	}
}

// checkAccounts looks at the accounts of a trunk and at where their passwords lie.
func (c *Config) checkAccounts(key string, t *Trunk) error {
	if a := t.Auth; a != nil {
		if err := digest.CheckUser(string(a.User)); err != nil {
			return c.errorFor(err.Error(), key+".auth.user")
		}
		if a.Realm != "" && digest.CheckRealm(a.Realm) != nil {
			return c.errorFor(digest.CheckRealm(a.Realm).Error(), key+".auth.realm")
		}
		if err := c.checkPasswordFile(a.PasswordFile, key+".auth.password_file"); err != nil {
			return err
		}
	}
	if t.Challenge != nil {
		if err := c.checkChallenge(key+".challenge", t.Challenge); err != nil {
			return err
		}
	}
	if t.Register == nil {
		return nil
	}
	if len(t.Targets) == 0 {
		return c.errorFor("a trunk registers at its targets, and this one has none", key+".register")
	}
	var v trunk.Trunk
	t.accounts(&v)
	if err := v.Register.Validate(); err != nil {
		return c.errorFor(err.Error(), key+".register")
	}
	return nil
}

func (c *Config) checkChallenge(key string, ch *Challenge) error {
	if err := digest.CheckRealm(ch.Realm); err != nil {
		return c.errorFor(err.Error(), key+".realm")
	}
	if len(ch.Users) == 0 {
		return c.errorFor("nobody could send; write users: [{name: sw1, password_file: ./sw1.secret}]", key+".users")
	}
	for i, u := range ch.Users {
		user := fmt.Sprintf("%s.users[%d]", key, i)
		if err := digest.CheckUser(string(u.Name)); err != nil {
			return c.errorFor(err.Error(), user+".name")
		}
		if err := c.checkPasswordFile(u.PasswordFile, user+".password_file"); err != nil {
			return err
		}
		for j, other := range ch.Users[:i] {
			if other.Name == u.Name {
				return c.errorFor("two users have the same name; keep one", fmt.Sprintf("%s.users[%d].name", key, j), user+".name")
			}
		}
	}
	if len(ch.Algorithms) == 0 {
		return c.errorFor("no algorithm; leave the key out for sha-256 and md5", key+".algorithms")
	}
	for i, a := range ch.Algorithms {
		if slices.Contains(ch.Algorithms[:i], a) {
			return c.errorFor("an algorithm twice; keep one", fmt.Sprintf("%s.algorithms[%d]", key, i))
		}
	}
	return nil
}

func (c *Config) checkPasswordFile(file, key string) error {
	switch {
	case file == "":
		return c.errorFor("the password is read from a file of its own; name one", key)
	case inside(c.DataDir, file):
		return c.errorFor("the password would lie inside the data directory; name a file outside", key)
	}
	return nil
}

// ReadPasswords reads the passwords of accounts into the trunks that TrunkList made. A file that cannot be read, or
// that others can, is an error.
func (c Config) ReadPasswords(list []trunk.Trunk) error {
	read := func(into *digest.Secret, file, key string) error {
		s, err := digest.ReadSecret(file)
		if err != nil {
			e := c.errorFor(err.Error(), key)
			e.cause = err
			return e
		}
		*into = s
		return nil
	}
	for i, t := range c.Trunks {
		if t.Auth != nil {
			key := fmt.Sprintf("trunks[%d].auth.password_file", i)
			if err := read(&list[i].Auth.Password, t.Auth.PasswordFile, key); err != nil {
				return err
			}
		}
		if t.Challenge == nil {
			continue
		}
		for j, u := range t.Challenge.Users {
			key := fmt.Sprintf("trunks[%d].challenge.users[%d].password_file", i, j)
			if err := read(&list[i].Challenge.Users[j].Password, u.PasswordFile, key); err != nil {
				return err
			}
		}
	}
	return nil
}
