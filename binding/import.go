package binding

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Names of imports: see [Service.ReadyAs].
const maxImportName = 64

var (
	// ErrImportName: what an import is to be called cannot be its name.
	ErrImportName = fmt.Errorf("not a name of an import; write up to %d lower-case letters", maxImportName)
	// ErrImported: the binding that a row of an import has made is not, or no longer, what the row asks for now.
	ErrImported = errors.New("another row was imported under this name and number, or its binding was changed since; give the import a name of its own")
)

// CheckImportName returns ErrImportName for what is no name. Digits are none of it: it is told again where an import breaks off.
func CheckImportName(name string) error {
	if name == "" || len(name) > maxImportName || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" {
		return ErrImportName
	}
	return nil
}

// Ready checks a request of an import and returns the binding that it asks for,
// with an id: Import is to write it. Errors are those of CreateAgain that do not
// depend on what is there; *FieldError as well for a request that may be there
// already, because an import binds each of its rows anew.
func (s *Service) Ready(ctx context.Context, r Request) (Binding, error) {
	switch {
	case r.Reuse:
		return Binding{}, refuse("reuse", notImported)
	case r.IdempotencyKey != "":
		return Binding{}, refuse("idempotency_key", notImported)
	}
	r.Tenant = cmp.Or(r.Tenant, s.Tenant, DefaultTenant)
	return s.ready(r)
}

// ReadyAs is Ready for a row that can be sent again, by who does not know whether
// it arrived: the id of its binding is made of the name of the import and of the
// number of the row in it, and of nothing that the row says, so that it is the same
// each time. Import has ErrExists then for one that was bound already, and Imported
// the binding. A name is told to nobody who could want its ids: who knows it can
// tell them.
func (s *Service) ReadyAs(ctx context.Context, r Request, name string, row int) (Binding, error) {
	b, err := s.Ready(ctx, r)
	if err != nil {
		return Binding{}, err
	}
	b.ID, err = NewID(rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "import %s %d", name, row))))
	return b, err
}

// Imported returns the binding that a row has made when it was sent before; asked is
// what ReadyAs has made of it now. ErrImported: it is not what was asked for.
func (s *Service) Imported(ctx context.Context, asked *Binding) (Binding, error) {
	b, err := s.Store.Imported(ctx, asked.ID)
	if err != nil {
		return Binding{}, err
	}
	if !b.Alike(asked) {
		return Binding{}, ErrImported
	}
	return b, nil
}

const notImported = "not in an import, which binds each row anew; use `binding create --from`"

// Import writes many bindings that Ready has returned, together: into bs goes what
// numbers were drawn. Errors are in the order of bs and those of CreateAgain.
func (s *Service) Import(ctx context.Context, bs []Binding) []error {
	type numbers struct{ x, y X }
	given := make([]numbers, len(bs))
	for i := range bs {
		given[i] = numbers{bs[i].X, bs[i].Y}
	}
	errs := s.Store.Import(ctx, bs)
	for i, err := range errs {
		if err != nil {
			errs[i] = s.refused(&Binding{X: given[i].x, Y: given[i].y}, err)
		}
	}
	return errs
}
