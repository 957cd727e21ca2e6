package digest

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	icholy "github.com/icholy/digest"

	"mask700/sip/message"
)

// Verdict is what a [Server] thinks of a request.
type Verdict uint8

// Verdicts. All but the first and the last are answered with Challenges.
const (
	Accepted Verdict = iota
	Absent           // no credentials for a challenge of ours
	Stale            // credentials under a nonce that does not serve, or no more
	Wrong            // no such user, another password, another method or Request-URI
	Barred           // the source failed too often: it gets no answer
)

// Request is what a Server looks at.
type Request struct {
	Method      string
	Target      message.URI
	Credentials []string   // every Authorization, verbatim
	Source      netip.Addr // where it came from
	// Salt tells the request from every other one of the second: it makes the
	// nonce of its challenge.
	Salt string
	// Repeatable says that the request does no harm when it comes again, as from a
	// network that doubles it: the counts of its nonce are not looked at.
	Repeatable bool
}

// Server challenges the requests of one realm. It keeps nothing for a challenge;
// what it keeps of nonces that were used and of sources that fail is bounded. It
// is not safe for concurrent use.
type Server struct {
	realm      string
	algorithms []string
	users      map[string][]string // secretHashes by algorithm
	nobody     []string            // in the place of those of a user that there is not
	key        [32]byte
	used       used
	failures   failures
}

// DefaultAlgorithms are offered where nothing else is said (RFC 8760 section
// 2.3: the one preferred comes first).
func DefaultAlgorithms() []string { return []string{SHA256, MD5} }

// NewServer makes the server of a realm, offering the algorithms in their order;
// none are the default ones. Key is random, and no other server's.
func NewServer(realm string, users []User, algorithms []string, key [32]byte) (*Server, error) {
	if len(algorithms) == 0 {
		algorithms = DefaultAlgorithms()
	}
	s := &Server{
		realm: realm, algorithms: slices.Clone(algorithms), users: map[string][]string{}, key: key,
		used:     used{windows: newRecent[string, window](maxNonces)},
		failures: failures{newRecent[netip.Prefix, failing](maxSources)},
	}
	nobody := NewSecret(string(s.sum([]byte("nobody"))))
	for _, name := range algorithms {
		if base, sess, ok := algorithm(name); !ok || sess || base != name {
			return nil, errors.New("digest: an algorithm that is not offered here")
		}
		s.nobody = append(s.nobody, secretHash(name, "", realm, nobody))
		for _, u := range users {
			s.users[u.Name] = append(s.users[u.Name], secretHash(name, u.Name, realm, u.Password))
		}
	}
	for _, u := range users {
		if u.Name == "" || u.Password.IsZero() || len(s.users[u.Name]) != len(algorithms) {
			return nil, errors.New("digest: a user without a name or a password, or one twice")
		}
	}
	return s, nil
}

// Format implements [fmt.Formatter], masked whatever the verb: what a password is
// hashed to serves as well as the password.
func (s *Server) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "digest server ***") }

// Check judges a request.
//
// The order is: credentials under a nonce that we did not give to this source are
// not looked at any further, so that nobody can try passwords by them; then the
// password; and only who knows it learns that a nonce is too old, or its count
// was used before.
func (s *Server) Check(now time.Time, r *Request) Verdict {
	source := network(r.Source)
	if s.failures.barred(now, source) {
		return Barred
	}
	c, ok := s.read(r.Credentials)
	if !ok {
		return Absent
	}
	minted, ours := s.minted(c.nonce, source)
	if !ours {
		return Stale
	}
	if good := s.knows(&c, r.Method); !sameTarget(c.uri, r.Target) || !good {
		s.failures.note(now, source)
		return Wrong
	}
	if age := now.Sub(minted); age > nonceLife || age < -nonceLife {
		return Stale
	}
	if !s.used.take(now, c.nonce, minted, c.count) && !r.Repeatable {
		return Stale
	}
	return Accepted
}

// read finds the first credentials that are for this realm and an algorithm of
// its challenges.
func (s *Server) read(values []string) (credentials, bool) {
	for _, v := range values {
		c, ok := readCredentials(v)
		if ok && c.realm == s.realm && slices.Contains(s.algorithms, c.algorithm) {
			return c, true
		}
	}
	return credentials{}, false
}

// knows reports whether the credentials are those of a user. The work is the same
// for a user that there is not.
func (s *Server) knows(c *credentials, method string) bool {
	hashes, known := s.users[c.user]
	if !known {
		hashes = s.nobody
	}
	good := c.signedWith(hashes[slices.Index(s.algorithms, c.algorithm)], method)
	return good && known
}

// Challenges are the WWW-Authenticate values of the 401 to a request, the
// algorithm preferred first. Stale tells who asks that its password was not the
// matter.
func (s *Server) Challenges(now time.Time, r *Request, stale bool) []string {
	nonce := s.nonce(now, r.Salt, network(r.Source))
	list := make([]string, len(s.algorithms))
	for i, name := range s.algorithms {
		c := icholy.Challenge{Realm: s.realm, Nonce: nonce, Stale: stale, Algorithm: name, QOP: []string{qopAuth}}
		list[i] = c.String()
	}
	return list
}

// CheckRealm refuses a realm that does not stand in a quoted-string as it is.
func CheckRealm(realm string) error {
	if realm == "" || len(realm) > 255 || !isPrintable(realm) {
		return errors.New("a realm is up to 255 characters that can be printed")
	}
	return nil
}

// CheckUser refuses the name of a user that could not be told from what stands
// beside it where it is hashed.
func CheckUser(name string) error {
	if name == "" || len(name) > 255 || !isPrintable(name) || strings.Contains(name, ":") {
		return errors.New("the name of an account is up to 255 characters that can be printed, without a colon")
	}
	return nil
}
