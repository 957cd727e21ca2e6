package admin

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"mask700/binding"
	"mask700/media/record"
	"mask700/media/record/archive"
	"mask700/store/audit"
)

// ExportRequest asks for a recording in clear.
type ExportRequest struct {
	Reason string `json:"reason"` // for the audit log; needed
}

// Headers of an exported recording.
const (
	HeaderState = "Mask700-Recording-State" // "whole", "cut" or "damaged": it ends where that begins
	HeaderLost  = "Mask700-Recording-Lost"  // packets that the disk was too slow for
)

// ActionExport is what the audit log calls an export.
const ActionExport = "recording.export"

var errNoRecordings = errors.New("this store has no recordings")

// listRecordings writes the recordings that are there, a JSON object a line, oldest day first.
func (a *api) listRecordings(w http.ResponseWriter, r *http.Request) {
	if a.Recordings == nil {
		a.fail(w, errNoRecordings)
		return
	}
	out := &lineWriter{w: w, control: http.NewResponseController(w)}
	if err := a.Recordings.List(r.Context(), func(i archive.Info) error { return out.write(i) }); err != nil {
		if !out.begun {
			a.fail(w, err)
		}
		return // the answer has begun: that it breaks off is all that can be said
	}
	out.begin()
}

// exportRecording answers with a recording as a sound file. That it was asked for, by whom and why, is on disk before
// the first byte of it leaves.
func (a *api) exportRecording(w http.ResponseWriter, r *http.Request) {
	if a.Recordings == nil || a.Audit == nil {
		a.fail(w, errNoRecordings)
		return
	}
	var req ExportRequest
	if err := readJSON(w, r, &req); err != nil {
		a.fail(w, err)
		return
	}
	if err := a.checkReason(req.Reason); err != nil {
		a.fail(w, err)
		return
	}
	id, begun := r.PathValue("id"), false
	_, err := a.Recordings.Export(id, func(res record.Result, size int64) (io.Writer, error) {
		e := audit.Entry{Who: who(r.Context()), What: ActionExport, Object: id, Reason: req.Reason}
		if _, err := a.Audit.Append(e, a.now()); err != nil {
			return nil, err
		}
		begun = true
		state := "cut"
		switch {
		case res.Whole:
			state = "whole"
		case res.Damaged:
			state = "damaged"
		}
		w.Header().Set(HeaderState, state)
		w.Header().Set(HeaderLost, strconv.FormatUint(res.Lost, 10))
		w.Header().Set("Content-Type", "audio/wav")
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		w.WriteHeader(http.StatusOK)
		return patient{w, http.NewResponseController(w)}, nil
	})
	switch {
	case err == nil:
	case begun:
		panic(http.ErrAbortHandler) // the answer has begun: it breaks off, so that it is not taken for whole
	default:
		a.fail(w, err)
	}
}

// patient gives the client time for every piece of a long answer.
type patient struct {
	io.Writer
	control *http.ResponseController
}

func (p patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(answerTime)) // the offline path has no deadline to set
	return p.Writer.Write(b)
}

// digits is a run of them that may be a subscriber's number.
var digits = regexp.MustCompile(`\+?[0-9][0-9 ()-]{6,}[0-9]`)

// checkReason refuses a reason that is none, or that names a subscriber: the log is read by those who may not know.
func (a *api) checkReason(reason string) error {
	if err := audit.CheckReason(reason); err != nil {
		return &binding.FieldError{Field: "reason", Err: err}
	}
	for _, run := range digits.FindAllString(reason, -1) {
		if _, err := a.Bindings.Plan.ParseNumber(run); err == nil {
			return &binding.FieldError{Field: "reason", Err: errors.New("it holds what reads like a subscriber's number; name the case, not the number")}
		}
	}
	return nil
}

// AuditReport is what a look at the whole audit log found.
type AuditReport struct {
	Entries uint64 `json:"entries"` // up to which the chain holds
	Hash    string `json:"hash"`    // of the last of them
	Fault   string `json:"fault"`   // where it breaks; empty: it does not
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

func (a *api) verifyAudit(w http.ResponseWriter, _ *http.Request) {
	if a.Audit == nil {
		a.fail(w, errNoAudit)
		return
	}
	r, err := a.Audit.Verify()
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, AuditReport{Entries: r.Head.Seq, Hash: r.Head.Hash.String(), Fault: r.Fault})
}
