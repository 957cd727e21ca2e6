package admin

import (
	"encoding/hex"
	"errors"
	"net/http"

	"mask700/binding"
	"mask700/store/audit"
)

// AuditReport is what a look at the whole audit log found.
type AuditReport struct {
	First   uint64 `json:"first"`   // that is there; those before were deleted when their time was over
	Entries uint64 `json:"entries"` // up to which the chain holds
	Hash    string `json:"hash"`    // of the last of them
	Fault   string `json:"fault"`   // where it breaks; empty: it does not
	// Noted is the entry that the ring has noted, outside of the data directory; 0: none, and the end is known by the database alone.
	// Unnoted is why a later one could not be noted; empty: it could.
	Noted   uint64 `json:"noted"`
	Unnoted string `json:"unnoted,omitempty"`
}

// listAudit writes the audit log, a JSON object a line, as it is in the file.
func (a *api) listAudit(w http.ResponseWriter, _ *http.Request) {
	if a.Audit == nil {
		a.fail(w, errNoAudit)
		return
	}
	out := &lineWriter{w: w, control: http.NewResponseController(w)}
	if err := a.Audit.List(func(e audit.Entry) error { return out.write(e) }); err != nil {
		if !out.begun {
			a.fail(w, err)
		}
		return
	}
	out.begin()
}

var errNoAudit = errors.New("this store has no audit log")

// VerifyRequest names a line that somebody noted at an earlier time; it has to be in the log.
type VerifyRequest struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

func (a *api) verifyAudit(w http.ResponseWriter, r *http.Request) {
	if a.Audit == nil {
		a.fail(w, errNoAudit)
		return
	}
	var known []audit.Head
	if r.ContentLength != 0 {
		var req VerifyRequest
		if err := readJSON(w, r, &req); err != nil {
			a.fail(w, err)
			return
		}
		h := audit.Head{Seq: req.Seq}
		if n, err := hex.Decode(h.Hash[:], []byte(req.Hash)); req.Seq == 0 || len(req.Hash) != 2*len(h.Hash) || err != nil || n != len(h.Hash) {
			a.fail(w, &binding.FieldError{Field: "hash", Err: errors.New("seq and hash are those of a line: a number from 1 on, and 64 hexadecimal digits")})
			return
		}
		known = append(known, h)
	}
	report, err := a.Audit.Verify(known...)
	if err != nil {
		a.fail(w, err)
		return
	}
	answer := AuditReport{First: report.Base.Seq + 1, Entries: report.Head.Seq, Hash: report.Head.Hash.String(), Fault: report.Fault}
	noted, err := a.Audit.Noted()
	if answer.Noted = noted.Seq; err != nil {
		answer.Unnoted = err.Error()
	}
	a.answer(w, http.StatusOK, answer)
}
