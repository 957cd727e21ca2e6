package binding

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

var (
	errDuration = errors.New("not a duration; write it like 90s, 10m or 2h")
	errTime     = errors.New("not a time; write it in RFC 3339, like 2026-01-02T15:04:05+08:00")
	errFlag     = errors.New("neither true nor false; write one of them, without quotes")
	errText     = errors.New("not text; write the value in quotes")
	errUnknown  = errors.New("a field of the request is not known; known: " +
		"mode, a, b, x, y, group, extension, ttl, expires, sliding, order, consent, industrial_id, tenant, max_duration, one_way, back, record, texts, data, reuse, idempotency_key")
	errJSON = errors.New("the request is not one JSON object")
)

// Request asks for a binding. Its numbers are as they were written. JSON has
// the names of the operator's interface, durations like "2h" and times in
// RFC 3339, and carries the numbers in clear: it is for the way from a client
// to the server. Printed or logged, a Request shows none of them.
type Request struct {
	Mode         string
	A, B         string
	X, Y         string
	Group        []string
	Extension    string
	TTL          time.Duration // from now; zero: see Expires
	Expires      time.Time     // zero, and TTL and Sliding zero too: never
	Sliding      time.Duration // each call or text moves the expiry so far ahead of itself
	Order        string        // mandatory
	Consent      string
	IndustrialID string
	Tenant       string // "": DefaultTenant
	OneWay       string
	Back         string
	Data         string
	MaxDuration  time.Duration // of one call; zero: not limited
	Record       bool          // its calls are recorded
	Reuse        bool          // a binding that is all this and lives is bound once more
	Texts        string        // "on" or "off"; "": as its tenant has them

	IdempotencyKey string // the tenant's name of this request, which is done once; "": none
}

// Format implements [fmt.Formatter]: that it is one and nothing else.
func (requestJSON) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "request for a binding") }

// requestJSON has text and a flag, so that no error of the decoder can repeat a
// value.
type requestJSON struct {
	Mode         string   `json:"mode,omitempty"`
	A            string   `json:"a,omitempty"`
	B            string   `json:"b,omitempty"`
	X            string   `json:"x,omitempty"`
	Y            string   `json:"y,omitempty"`
	Group        []string `json:"group,omitempty"`
	Extension    string   `json:"extension,omitempty"`
	TTL          string   `json:"ttl,omitempty"`
	Expires      string   `json:"expires,omitempty"`
	Sliding      string   `json:"sliding,omitempty"`
	Order        string   `json:"order,omitempty"`
	Consent      string   `json:"consent,omitempty"`
	IndustrialID string   `json:"industrial_id,omitempty"`
	Tenant       string   `json:"tenant,omitempty"`
	MaxDuration  string   `json:"max_duration,omitempty"`
	OneWay       string   `json:"one_way,omitempty"`
	Back         string   `json:"back,omitempty"`
	Record       bool     `json:"record,omitempty"`
	Texts        string   `json:"texts,omitempty"`
	Data         string   `json:"data,omitempty"`
	Reuse        bool     `json:"reuse,omitempty"`

	IdempotencyKey string `json:"idempotency_key,omitempty"`
}

// MarshalJSON writes the request for the server, with its numbers.
func (r Request) MarshalJSON() ([]byte, error) {
	w := requestJSON{
		Mode: r.Mode, A: r.A, B: r.B, X: r.X, Y: r.Y, Group: r.Group, Extension: r.Extension,
		TTL: Duration(r.TTL).String(), Sliding: Duration(r.Sliding).String(), Order: r.Order, Consent: r.Consent, IndustrialID: r.IndustrialID,
		Tenant: r.Tenant, MaxDuration: Duration(r.MaxDuration).String(), OneWay: r.OneWay, Back: r.Back, Record: r.Record, Texts: r.Texts, Data: r.Data,
		Reuse: r.Reuse, IdempotencyKey: r.IdempotencyKey,
	}
	if !r.Expires.IsZero() {
		w.Expires = r.Expires.Format(time.RFC3339Nano)
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads a request. A field that is not known is an error: it
// may be a restriction that was misspelt. Errors are *FieldError where a
// field is at fault, and never repeat what was read.
func (r *Request) UnmarshalJSON(b []byte) error {
	var w requestJSON
	if !readPlain(b, &w) {
		w = requestJSON{}
		if err := readOnly(b, &w, errUnknown); err != nil {
			return err
		}
	}
	parsed := Request{
		Mode: w.Mode, A: w.A, B: w.B, X: w.X, Y: w.Y, Group: w.Group, Extension: w.Extension,
		Order: w.Order, Consent: w.Consent, IndustrialID: w.IndustrialID,
		Tenant: w.Tenant, OneWay: w.OneWay, Back: w.Back, Record: w.Record, Texts: w.Texts, Data: w.Data,
		Reuse: w.Reuse, IdempotencyKey: w.IdempotencyKey,
	}
	for _, t := range []struct {
		field string
		text  string
		into  *time.Duration
	}{{"ttl", w.TTL, &parsed.TTL}, {"sliding", w.Sliding, &parsed.Sliding}, {"max_duration", w.MaxDuration, &parsed.MaxDuration}} {
		if err := (*Duration)(t.into).UnmarshalText([]byte(t.text)); err != nil {
			return &FieldError{Field: t.field, Err: err}
		}
	}
	if w.Expires != "" {
		at, err := time.Parse(time.RFC3339, w.Expires)
		if err != nil {
			return &FieldError{Field: "expires", Err: errTime}
		}
		parsed.Expires = at
	}
	*r = parsed
	return nil
}

// plainJSONError says what a decoder's error says without what it quotes.
func plainJSONError(err, unknown error) error {
	var wrongType *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &wrongType) && (wrongType.Field == "record" || wrongType.Field == "reuse"):
		return &FieldError{Field: wrongType.Field, Err: errFlag}
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return &FieldError{Field: wrongType.Field, Err: errText}
	case errors.As(err, &wrongType), errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errJSON
	default:
		return unknown
	}
}

// String says which mode is asked for and nothing else: until the request is
// checked, any of its texts may hold a number.
func (r Request) String() string {
	if m := Mode(r.Mode); m.known() {
		return "request for a binding of mode " + r.Mode
	}
	return "request for a binding"
}

// Format implements [fmt.Formatter]: String under every verb.
func (r Request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements [slog.LogValuer] with String.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }
