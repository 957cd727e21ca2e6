package admin

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"mask700/binding"
	"mask700/media/record"
	"mask700/media/record/archive"
)

// ExportRequest asks for a recording in clear.
type ExportRequest struct {
	Reason string `json:"reason"`           // for the audit log; needed
	Format string `json:"format,omitempty"` // "wav", which nothing is too, or "pcap"
}

// Headers of an exported recording.
const (
	HeaderState = "Mask700-Recording-State" // "whole", "cut" or "damaged": it ends where that begins
	HeaderLost  = "Mask700-Recording-Lost"  // packets that the disk was too slow for
)

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

// exportTypes are the media types of what is exported, by format.
var exportTypes = [...]string{record.WAV: "audio/wav", record.PCAP: "application/vnd.tcpdump.pcap"}

// exportRecording answers with a recording as a sound file or as a packet capture. That it was asked for, by whom and why, is on disk before
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
	format, err := record.ParseFormat(req.Format)
	if err != nil {
		a.fail(w, &binding.FieldError{Field: "format", Err: err})
		return
	}
	if !mayReveal(r.Context()) {
		a.fail(w, errMayNot)
		return
	}
	id, begun := r.PathValue("id"), false
	_, err = a.Recordings.Export(id, format, func(res record.Result, size int64) (io.Writer, error) {
		if _, err := a.note(r, ActionExport, id, req.Reason); err != nil {
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
		w.Header().Set("Content-Type", exportTypes[format])
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
