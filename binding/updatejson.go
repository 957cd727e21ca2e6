package binding

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

var errUnknownUpdate = errors.New("a field of the request is not known; known: " +
	"a, b, group_add, group_remove, one_way, max_duration, data, consent, industrial_id, record, texts, ttl, expires, sliding, back")

var errUnknownExtension = errors.New("a field of the request is not known; known: ttl, expires")

// updateJSON is to Update what requestJSON is to Request.
type updateJSON struct {
	A            *string  `json:"a,omitempty"`
	B            *string  `json:"b,omitempty"`
	GroupAdd     []string `json:"group_add,omitempty"`
	GroupRemove  []string `json:"group_remove,omitempty"`
	OneWay       *string  `json:"one_way,omitempty"`
	MaxDuration  *string  `json:"max_duration,omitempty"`
	Data         *string  `json:"data,omitempty"`
	Consent      *string  `json:"consent,omitempty"`
	IndustrialID *string  `json:"industrial_id,omitempty"`
	Record       *bool    `json:"record,omitempty"`
	Texts        *string  `json:"texts,omitempty"`
	Sliding      *string  `json:"sliding,omitempty"`
	Back         *string  `json:"back,omitempty"`
	expiryJSON
}

// Format implements [fmt.Formatter]: that it is one and nothing else.
func (updateJSON) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "update of a binding") }

// noExpiry in the place of a time takes an expiry away.
const noExpiry = "none"

type expiryJSON struct {
	TTL     string `json:"ttl,omitempty"`
	Expires string `json:"expires,omitempty"`
}

func newExpiryJSON(ttl time.Duration, expires time.Time) expiryJSON {
	e := expiryJSON{TTL: Duration(ttl).String()}
	if !expires.IsZero() {
		e.Expires = expires.Format(time.RFC3339Nano)
	}
	return e
}

func (e expiryJSON) parse() (ttl time.Duration, expires time.Time, err error) {
	if err := (*Duration)(&ttl).UnmarshalText([]byte(e.TTL)); err != nil {
		return 0, time.Time{}, &FieldError{Field: "ttl", Err: err}
	}
	if e.Expires != "" {
		if expires, err = time.Parse(time.RFC3339, e.Expires); err != nil {
			return 0, time.Time{}, &FieldError{Field: "expires", Err: errTime}
		}
	}
	return ttl, expires, nil
}

// MarshalJSON writes the update for the server, with its numbers.
func (u Update) MarshalJSON() ([]byte, error) {
	w := updateJSON{
		A: u.A, B: u.B, GroupAdd: u.GroupAdd, GroupRemove: u.GroupRemove, OneWay: u.OneWay, MaxDuration: durationText(u.MaxDuration),
		Data: u.Data, Consent: u.Consent, IndustrialID: u.IndustrialID, Record: u.Record, Texts: u.Texts, Sliding: durationText(u.Sliding),
		Back: u.Back, expiryJSON: newExpiryJSON(u.TTL, u.Expires),
	}
	if u.NoExpiry {
		w.Expires = noExpiry
	}
	return json.Marshal(w)
}

func durationText(d *time.Duration) *string {
	if d == nil {
		return nil
	}
	s := Duration(*d).String()
	return &s
}

// UnmarshalJSON reads an update as a request is read.
func (u *Update) UnmarshalJSON(b []byte) error {
	var w updateJSON
	if err := readOnly(b, &w, errUnknownUpdate); err != nil {
		return err
	}
	parsed := Update{A: w.A, B: w.B, GroupAdd: w.GroupAdd, GroupRemove: w.GroupRemove, OneWay: w.OneWay,
		Data: w.Data, Consent: w.Consent, IndustrialID: w.IndustrialID, Record: w.Record, Texts: w.Texts, Back: w.Back, NoExpiry: w.Expires == noExpiry}
	if parsed.NoExpiry {
		w.Expires = ""
	}
	for _, t := range []struct {
		field string
		text  *string
		into  **time.Duration
	}{{"max_duration", w.MaxDuration, &parsed.MaxDuration}, {"sliding", w.Sliding, &parsed.Sliding}} {
		if t.text == nil {
			continue
		}
		var d Duration
		if err := d.UnmarshalText([]byte(*t.text)); err != nil {
			return &FieldError{Field: t.field, Err: err}
		}
		*t.into = (*time.Duration)(&d)
	}
	var err error
	if parsed.TTL, parsed.Expires, err = w.parse(); err != nil {
		return err
	}
	*u = parsed
	return nil
}

// MarshalJSON writes the extension for the server.
func (e Extension) MarshalJSON() ([]byte, error) {
	return json.Marshal(newExpiryJSON(e.TTL, e.Expires))
}

// UnmarshalJSON reads an extension as a request is read.
func (e *Extension) UnmarshalJSON(b []byte) error {
	var w expiryJSON
	err := readOnly(b, &w, errUnknownExtension)
	if err == nil {
		e.TTL, e.Expires, err = w.parse()
	}
	return err
}

// readOnly reads one JSON object and nothing else. Its errors repeat nothing
// of what was read.
func readOnly(b []byte, into any, unknown error) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return plainJSONError(err, unknown)
	}
	if _, err := d.Token(); err != io.EOF {
		return errJSON
	}
	return nil
}
