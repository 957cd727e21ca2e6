package trunk

import (
	"errors"
	"strings"
	"time"

	"mask700/sip/digest"
	"mask700/sip/message"
)

// Challenge makes a trunk ask for digest credentials (RFC 3261 section 22), as an
// alternative to source addresses: its sources may be as wide as 0.0.0.0/0. A
// request that is in no dialog is answered 401 without them; one in a dialog is
// known by its tags. An INVITE that was answered 401 leaves no call record.
type Challenge struct {
	Realm      string
	Users      []digest.User
	Algorithms []string // as digest names them, the one preferred first; nil: SHA-256, MD5
}

// Register makes us register at a trunk's targets and stay registered (RFC 3261
// section 10).
type Register struct {
	AOR     string        // "sip:gw1@example.net": whom calls are for; its host is whom we ask
	Expires time.Duration // asked for
	// User is the user part of our Contact; "": a token that says nothing.
	//
	// A registrar puts the Contact into the Request-URI of calls (RFC 3261 section
	// 16.6), and the number called is the Request-URI's user: with a token there,
	// such a call is for no 700 number and answered 404. Those that serve trunks
	// keep the number dialled there; for those that do not, User is the one 700
	// number that the account is for.
	User string
}

// Bounds of Register.Expires.
const (
	MinRegister = time.Minute
	MaxRegister = 24 * time.Hour
)

// Errors repeat no value: the name of an account may be a number.
var (
	errChallenge   = errors.New("challenge has no users; give at least one")
	errUserTwice   = errors.New("challenge has two users of one name; keep one")
	errAOR         = errors.New("register needs aor: sip:USER@DOMAIN, without parameters and without a password")
	errExpires     = errors.New("register.expires must be from 1m to 24h")
	errContactUser = errors.New("register.user is up to 64 letters, digits, dots, dashes, underscores and plus signs")
	errUntargeted  = errors.New("register needs targets, which are whom we register with")
)

func (t *Trunk) validateAccounts() error {
	if a := t.Auth; a != nil {
		if err := digest.CheckUser(a.User); err != nil {
			return err
		}
		if a.Realm != "" && digest.CheckRealm(a.Realm) != nil {
			return digest.CheckRealm(a.Realm)
		}
	}
	if t.Challenge != nil {
		if err := t.Challenge.Validate(); err != nil {
			return err
		}
	}
	if t.Register == nil {
		return nil
	}
	if len(t.Targets) == 0 {
		return errUntargeted
	}
	return t.Register.Validate()
}

// Validate reports what is wrong with the challenge.
func (c *Challenge) Validate() error {
	if err := digest.CheckRealm(c.Realm); err != nil {
		return err
	}
	if len(c.Users) == 0 {
		return errChallenge
	}
	seen := map[string]bool{}
	for _, u := range c.Users {
		if err := digest.CheckUser(u.Name); err != nil {
			return err
		}
		if seen[u.Name] {
			return errUserTwice
		}
		seen[u.Name] = true
	}
	return nil
}

// Validate reports what is wrong with the registration.
func (r *Register) Validate() error {
	u, err := message.ParseURI(r.AOR)
	switch {
	case err != nil, u.Scheme != "sip" && u.Scheme != "sips", u.User == "", u.Password != "":
		return errAOR
	case u.UserParams != nil, u.Params != nil, u.Headers != "":
		return errAOR
	case r.Expires < MinRegister, r.Expires > MaxRegister:
		return errExpires
	case len(r.User) > 64, strings.Trim(r.User, contactChars) != "":
		return errContactUser
	}
	return nil
}

// contactChars need no escape in a user part.
const contactChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+"
