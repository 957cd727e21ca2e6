package binding_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

func TestRequestInJSON(t *testing.T) {
	want := binding.Request{
		Mode: "axb", A: "13800000001", B: "+8613900000002", X: "700100000010007", Y: "y", Group: []string{"1", "2"},
		Extension: "1234", TTL: 2 * time.Hour, Sliding: time.Hour, Expires: time.Date(2026, 3, 1, 12, 0, 0, 5e8, time.FixedZone("", 8*3600)),
		Order: "order", Consent: "consent", IndustrialID: "id", Tenant: "tenant", OneWay: "a-to-b", Record: true, Texts: "off", Data: "data",
		MaxDuration: 10 * time.Minute,
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"mode":"axb","a":"13800000001","b":"+8613900000002","x":"700100000010007","y":"y","group":["1","2"],` +
		`"extension":"1234","ttl":"2h","expires":"2026-03-01T12:00:00.5+08:00","sliding":"1h","order":"order","consent":"consent",` +
		`"industrial_id":"id","tenant":"tenant","max_duration":"10m","one_way":"a-to-b","record":true,"texts":"off","data":"data"}`
	if string(b) != text {
		t.Errorf("JSON is\n%s\nwant\n%s", b, text)
	}
	var got binding.Request
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if !got.Expires.Equal(want.Expires) {
		t.Errorf("expires came back as %v", got.Expires)
	}
	got.Expires = want.Expires
	if !reflect.DeepEqual(got, want) {
		t.Error("the request did not come back as it was")
	}
	if b, err := json.Marshal(binding.Request{}); err != nil || string(b) != "{}" {
		t.Errorf("an empty request is %s, %v", b, err)
	}
}

func TestRequestRefusesBadJSON(t *testing.T) {
	const n = "13800138000"
	for text, want := range map[string]string{
		`{"mode":"axb","a":13800138000}`:                  "a: ",
		`{"group":"13800138000"}`:                         "group: ",
		`{"group":[13800138000]}`:                         "group: ",
		`{"ttl":"13800138000"}`:                           "ttl: ",
		`{"ttl":13800138000}`:                             "ttl: ",
		`{"max_duration":"13800138000"}`:                  "max_duration: ",
		`{"expires":"13800138000"}`:                       "expires: ",
		`{"expires":"2026-03-01 12:00:00"}`:               "expires: ",
		`{"expires":"2026-03-01T12:00:00"}`:               "expires: ",
		`{"13800138000":"a"}`:                             "not known",
		`{"one-way":"a-to-b"}`:                            "not known",
		`{"a":"13800138000"`:                              "not one JSON object",
		`[{"a":"13800138000"}]`:                           "not one JSON object",
		`13800138000`:                                     "not one JSON object",
		`"13800138000"`:                                   "not one JSON object",
		``:                                                "not one JSON object",
		`{"a":"13800138000"}{"b":"13800138000"}`:          "not one JSON object",
		`{"a":"13800138000",}`:                            "not one JSON object",
		`{"a":"\x"}`:                                      "not one JSON object",
		`{"ttl":"2h","max_duration":"13800138000` + `h"}`: "max_duration: ",
	} {
		r := binding.Request{Mode: "kept"}
		err := r.UnmarshalJSON([]byte(text))
		if err == nil {
			t.Errorf("%s was read", text)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %q, want %q", text, err, want)
		}
		if sharedDigits(strings.Replace(err.Error(), "2026-01-02T15:04:05+08:00", "", 1), n) != "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error repeats it: %v", text, err)
		}
		if r.Mode != "kept" {
			t.Errorf("%s: the request was changed", text)
		}
	}
}

func TestRequestErrorsThroughTheDecoder(t *testing.T) {
	var r binding.Request
	err := json.Unmarshal([]byte(`{"ttl":"soon"}`), &r)
	var field *binding.FieldError
	if !errors.As(err, &field) || field.Field != "ttl" {
		t.Errorf("error is %v", err)
	}
}

func TestRequestPrintsNoNumber(t *testing.T) {
	r := binding.Request{
		Mode: "axb", A: "13800138000", B: "13800138000", Group: []string{"13800138000"}, Order: "13800138000",
		Consent: "13800138000", Data: "13800138000", Tenant: "13800138000", X: "13800138000",
	}
	type wrapped struct {
		Request *binding.Request
		Again   binding.Request
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		assertHidden(t, format, fmt.Sprintf(format, r))
		assertHidden(t, format+" of a pointer", fmt.Sprintf(format, &r))
		assertHidden(t, format+" of a struct", fmt.Sprintf(format, wrapped{&r, r}))
	}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("request", "request", r, "pointer", &r)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("request", "request", r, "pointer", &r)
	assertHidden(t, "a log", out.String())
	if got := r.String(); got != "request for a binding of mode axb" {
		t.Errorf("printed as %q", got)
	}
	r.Mode = "13800138000"
	if got := r.String(); got != "request for a binding" {
		t.Errorf("printed as %q", got)
	}
}
