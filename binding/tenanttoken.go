package binding

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"time"
)

// MaxTokensOfTenant is how many tokens a tenant may have at once: one for each
// of its systems, and a second while they are exchanged.
const MaxTokensOfTenant = 64

// TenantToken lets the platform of a tenant in, which then sees and does what
// is the tenant's own. It is plain data. The secret is shown once, when it is
// made; only its hash is kept.
type TenantToken struct {
	ID        string    `json:"id"` // letters only
	Tenant    string    `json:"tenant"`
	Name      string    `json:"name"`   // what it is for
	Reveal    bool      `json:"reveal"` // it may ask for the real numbers of the tenant's bindings
	CreatedAt time.Time `json:"created_at"`

	Hash [sha256.Size]byte `json:"-"` // of the secret
}

// TokenStore keeps the tokens of tenants. A write is on disk when the method
// returns without an error. All methods may be called from several goroutines
// at once.
type TokenStore interface {
	// AddToken adds a token. ErrManyTokens: its tenant has MaxTokensOfTenant.
	// ErrExists: the id is taken.
	AddToken(ctx context.Context, t TenantToken) error

	// RemoveToken removes a token and returns it: it lets nobody in from then
	// on. ErrNoToken: none has the id.
	RemoveToken(ctx context.Context, id string) (TenantToken, error)

	// Tokens returns those of a tenant, "": of all, in order of their ids.
	Tokens(ctx context.Context, tenant string) ([]TenantToken, error)

	// Token returns the token with an id. It reads memory only.
	Token(id string) (TenantToken, bool)
}

// Errors about tokens.
var (
	// ErrNoToken: no token has that id.
	ErrNoToken = errors.New("no token has this id; list them to find it")
	// ErrManyTokens: the tenant has as many tokens as may be.
	ErrManyTokens = errors.New("this tenant has as many tokens as one may have; revoke those that are not used")
)

// secretBytes is how long a secret is: 256 bits.
const secretBytes = 32

// AddToken makes a token of a tenant and returns it with what the client has
// to send, ID.SECRET, which is kept nowhere. A refusal is a *FieldError.
func (s *Service) AddToken(ctx context.Context, tokens TokenStore, tenant, name string, reveal bool) (TenantToken, string, error) {
	t := TenantToken{Tenant: tenant, Name: name, Reveal: reveal, CreatedAt: s.now()}
	if _, ok := s.Store.Tenant(tenant); !ok {
		return TenantToken{}, "", &FieldError{Field: "tenant", Err: ErrNoTenant}
	}
	if !goodTenant.MatchString(name) || longDigits.MatchString(name) {
		return TenantToken{}, "", refuse("name", "not the name of a token; up to 64 letters, digits, dots, dashes and underscores, "+
			"a letter or digit first, and no more than six digits in a row, also with dots, dashes and underscores between")
	}
	random := s.Random
	if random == nil {
		random = rand.Reader
	}
	var err error
	if t.ID, err = NewID(random); err != nil {
		return TenantToken{}, "", err
	}
	var secret [secretBytes]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return TenantToken{}, "", err
	}
	text := base64.RawURLEncoding.EncodeToString(secret[:])
	t.Hash = sha256.Sum256([]byte(text))
	if err := tokens.AddToken(ctx, t); err != nil {
		if errors.Is(err, ErrManyTokens) {
			err = &FieldError{Field: "tenant", Err: err}
		}
		return TenantToken{}, "", err
	}
	return t, t.ID + "." + text, nil
}

// FindToken returns the token that a client has sent as ID.SECRET. It takes the
// same work whether the id, the secret, or both are wrong.
func FindToken(tokens TokenStore, text string) (TenantToken, bool) {
	id, secret, _ := strings.Cut(text, ".")
	t, known := tokens.Token(id)
	given := sha256.Sum256([]byte(secret))
	match := subtle.ConstantTimeCompare(given[:], t.Hash[:]) == 1
	if !known || !match {
		return TenantToken{}, false
	}
	return t, true
}
