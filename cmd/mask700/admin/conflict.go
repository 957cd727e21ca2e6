package admin

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"mask700/binding"
	"mask700/store/audit"
)

// What the audit log calls a refusal that tells of somebody who was named.
const (
	ActionConflict    = "binding.conflict"
	ActionConflictEnd = "binding.conflict.end" // of a batch: how many of its rows there were
)

// telling is what a refusal tells of parties whom a request named: that one of them is, or was not long ago, on the number. Whoever
// tries numbers one after the other learns with the first such refusal what is masked everywhere else. A wrong guess is a binding that
// was made or changed, which stands in its own history; where it may be bound once more that is the other way about (ofReuse). "": it
// tells nothing of them.
func telling(err error) string {
	var conflict *binding.ConflictError
	var exhausted *binding.PoolError
	switch {
	case errors.As(err, &exhausted) && exhausted.Closed > 0, errors.Is(err, errNoneForThem):
		return "free numbers were closed to them"
	case errors.As(err, &conflict) && conflict.Anyone:
		return "" // that the number is taken, by whomsoever
	case errors.As(err, &conflict):
		return "binding " + conflict.Binding
	case errors.Is(err, errTaken):
		return "a binding of another tenant, or too many"
	case errors.Is(err, binding.ErrQuarantine):
		return "one of them, not long ago"
	case errors.Is(err, binding.ErrKeyUsed):
		return "a key that was used, with others or for something else"
	case errors.Is(err, binding.ErrImported):
		return "a row that was imported, with others or for something else"
	}
	return ""
}

// ofReuse is what the refusal of a request tells that would have been bound once more: that none of the bindings that there are is that of
// the parties whom it names. Where nothing new can be bound, a right guess is answered and a wrong one makes nothing that would be seen.
// What is wrong with the request alone, or with the store, tells nothing.
func ofReuse(req *binding.Request, err error) string {
	if !req.Reuse || problemOf(err).Status != http.StatusConflict && !errors.Is(err, binding.ErrRangeEnds) {
		return ""
	}
	return "nothing of theirs is bound that could be once more"
}

// tellingUpdate is what a refused change tells of parties that it names. All that is not about the request alone compares them with
// those whom the binding has.
func tellingUpdate(err error) string {
	switch {
	case errors.Is(err, binding.ErrNotFound), errors.Is(err, binding.ErrEnded):
		return ""
	case telling(err) != "":
		return telling(err)
	}
	return "refused"
}

// named is parties that a request names, masked; "": none that can be read, of whom nothing is told.
func (a *api) named(texts ...string) string {
	const most = 10
	var words []string
	n := 0
	for _, text := range texts {
		number, err := a.Bindings.Plan.ParseNumber(text)
		if err != nil {
			continue
		}
		if n++; n <= most {
			words = append(words, number.String())
		}
	}
	if n > most {
		words = append(words, fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(words, " ")
}

// numbers is the 700 numbers that a request asks for.
func (a *api) numbers(texts ...string) string {
	s := ""
	for _, text := range texts {
		if x, err := a.Bindings.Plan.ParseX(text); err == nil {
			s += "x " + x.String() + ", "
		}
	}
	return s
}

// refusedParties is the refusal of a request for a binding, noted where it tells of its parties. What cannot be noted is not told.
func (a *api) refusedParties(r *http.Request, req *binding.Request, err error) error {
	what, object := a.conflictOf(req, err)
	if what == "" {
		return err
	}
	if _, failed := a.note(r, ActionConflict, object+what, noReason); failed != nil {
		return failed
	}
	return err
}

// conflictOf puts a refusal into words of the audit log.
func (a *api) conflictOf(req *binding.Request, err error) (what, object string) {
	if what = cmp.Or(telling(err), ofReuse(req, err)); what == "" {
		return "", ""
	}
	parties := a.named(append([]string{req.A, req.B}, req.Group...)...)
	return what, a.numbers(req.X, req.Y) + "parties " + parties + ": "
}

// refusedChange is refusedParties for a change of a binding. A text that repeats a party's number names that party too.
func (a *api) refusedChange(r *http.Request, id string, u *binding.Update, err error) error {
	if err == nil {
		return nil
	}
	var texts []string
	for _, text := range []*string{u.A, u.B} {
		if text != nil {
			texts = append(texts, *text)
		}
	}
	parties := a.named(append(append(texts, u.GroupAdd...), u.GroupRemove...)...)
	what := tellingUpdate(err)
	object := "binding " + id + ", parties " + parties + ": "
	var field *binding.FieldError
	if parties == "" && errors.Is(err, binding.ErrRepeats) && errors.As(err, &field) { // a text named one, whom the binding has
		object, what = "binding "+id+", "+field.Field+": ", "repeats the number of a party"
	} else if parties == "" || what == "" {
		return err
	}
	if _, failed := a.note(r, ActionConflict, object+what, noReason); failed != nil {
		return failed
	}
	return err
}

// rowConflicts notes the refusals of a batch that tell of parties: the first before it is told, and behind the last how many there
// were. An entry for each would have a batch that is sent twice wait for the disk at every row.
type rowConflicts struct {
	api *api
	r   *http.Request

	mu       sync.Mutex
	begun    audit.Entry
	failed   error
	count    int
	bindings []string // of the first ones
}

// refused is the refusal of a row.
func (c *rowConflicts) refused(req *binding.Request, err error) error {
	what, object := c.api.conflictOf(req, err)
	if what == "" {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == 0 && c.failed == nil {
		c.begun, c.failed = c.api.note(c.r, ActionConflict, "a batch, "+object+what, noReason)
	}
	if c.failed != nil {
		return c.failed
	}
	if c.count++; len(c.bindings) < maxListed {
		c.bindings = append(c.bindings, what)
	}
	return err
}

// end notes how many there were. Where that fails the entry of the first stands, which says that it was a batch.
func (c *rowConflicts) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count < 2 {
		return
	}
	object := fmt.Sprintf("entry %d: %d rows: %s", c.begun.Seq, c.count, strings.Join(c.bindings, ", "))
	if c.count > len(c.bindings) {
		object += ", …"
	}
	if _, err := c.api.note(c.r, ActionConflictEnd, object, noReason); err != nil {
		c.api.log.Error("how many parties a batch has told of is not in the audit log", "entry", c.begun.Seq, "error", err)
	}
}
