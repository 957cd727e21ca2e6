package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"mask700/binding"
)

// Bounds of one request.
const (
	maxBody      = 64 << 10 // bytes of a JSON object
	maxBatchBody = 16 << 20 // bytes of a batch
	// MaxBatchRows is how many rows a batch may have.
	MaxBatchRows = 10_000
)

// answerTime is how long an answer may take to be written, or one piece of it where it is a stream.
const answerTime = 30 * time.Second

// readBody reads a body of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		switch mt, _, err := mime.ParseMediaType(ct); {
		case err != nil, mt != "application/json" && mt != "application/jsonl" && mt != "application/x-ndjson":
			return nil, kindMediaType.problem("the body is to be JSON; send Content-Type: application/json")
		}
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if errors.As(err, new(*http.MaxBytesError)) {
		return nil, kindTooLarge.problem("the body is too large; send fewer rows at a time")
	}
	if err != nil {
		return nil, kindInvalid.problem("the body could not be read whole; send it again")
	}
	return data, nil
}

// readJSON reads one JSON object into a value.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	data, err := readBody(w, r, maxBody)
	if err != nil {
		return err
	}
	return decode(data, into)
}

// decode reads one JSON object. Its errors repeat nothing that was read: an error of the decoder would.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err := d.Token(); err != io.EOF {
			return kindInvalid.problem("something follows the JSON object; send one object alone")
		}
		return nil
	}
	var (
		field  *binding.FieldError
		kind   *json.UnmarshalTypeError
		syntax *json.SyntaxError
		moment *time.ParseError
	)
	switch {
	case errors.As(err, &field):
		return err
	case errors.As(err, &kind) && kind.Field != "":
		p := kindInvalid.problem(kind.Field + ": a value of another type is expected")
		p.Field = kind.Field
		return p
	case errors.As(err, &moment):
		return kindInvalid.problem("a time is not in RFC 3339, such as 2026-01-02T15:04:05+08:00")
	case errors.As(err, &syntax), errors.As(err, &kind), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return kindInvalid.problem("not a JSON object, or a value in it is of another type")
	}
	switch into.(type) {
	case *binding.Request, *binding.Update, *binding.Extension: // their errors are written for people and hold no value
		return kindInvalid.problem(err.Error())
	}
	return kindInvalid.problem("a field of the request is not known")
}

// answer writes a value as the body of a response.
func (a *api) answer(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		a.fail(w, err)
		return
	}
	// A recorder of tests and the offline path have no deadline to set.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // the client is gone; there is nobody left to tell
}
