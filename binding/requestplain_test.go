package binding

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// alike fails where what readPlain takes is not what the decoder makes of it, and reports whether it takes it.
func alike(t *testing.T, text []byte) bool {
	t.Helper()
	var plain, decoded requestJSON
	if !readPlain(text, &plain) {
		return false
	}
	if err := readOnly(text, &decoded, errUnknown); err != nil || !reflect.DeepEqual(plain, decoded) {
		t.Errorf("%q is read as %+v, by the decoder as %+v, %v", text, plain, decoded, err)
	}
	return true
}

func TestPlainRequestsAreReadAsTheDecoderDoes(t *testing.T) {
	t.Parallel()
	for text, taken := range map[string]bool{
		`{}`: true, " {\t}\r\n": true,
		`{"mode":"axb","a":"13800000001","b":"13900000002","x":"700100000010001","order":"o 1","ttl":"2h"}`: true,
		`{"mode":"gxb","group":["1","2"],"b":"3","record":true,"reuse":false}`:                              true,
		`{"group":[]}`: true, `{ "a" : "1" , "group" : [ "1" , "2" ] }`: true,
		`{"a":"1"} {}`: false, `{"a":"1",}`: false, `{,"a":"1"}`: false, `{"group":["1",]}`: false, `{"group":[,"1"]}`: false,
		`{"a":"1""b":"2"}`: false, `{"A":"1"}`: false, `{"a":"1","a":"2"}`: false, `{"a":1}`: false, `{"a":null}`: false,
		`{"order":"b\u00e4"}`: false, `{"order":"bä"}`: false, "{\"order\":\"a\tb\"}": false, `{"ordre":"1"}`: false,
		`{"record":"true"}`: false, `{"record":trues}`: false, `[]`: false, ``: false, `{`: false, `{"a`: false, `null`: false,
	} {
		if got := alike(t, []byte(text)); got != taken {
			t.Errorf("%s: taken %v, want %v", text, got, taken)
		}
	}
}

// TestPlainRequestsOfAllFields: every field is known here that the decoder knows.
func TestPlainRequestsOfAllFields(t *testing.T) {
	t.Parallel()
	var w requestJSON
	v := reflect.ValueOf(&w).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(fmt.Sprint("value ", i))
		case reflect.Bool:
			f.SetBool(true)
		default:
			f.Set(reflect.ValueOf([]string{"one", "two"}))
		}
	}
	text, err := json.Marshal(w)
	var got requestJSON
	if err != nil || !readPlain(text, &got) || !reflect.DeepEqual(got, w) {
		t.Errorf("%s: %+v, %v", text, got, err)
	}
}

// TestPlainRequestsCutAndMixed: whatever becomes of a request on its way, nothing is read that the decoder would not.
func TestPlainRequestsCutAndMixed(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(700, 11))
	whole := `{"mode":"gxb","group":["13800000001","13800000002"],"b":"13900000002","order":"o","record":true,"ttl":"2h"}`
	bits := []string{"{", "}", "[", "]", ",", ":", `"`, `"a"`, `"record"`, "true", "false", "null", " ", `\`, "ä", `"group"`, "1"}
	taken := 0
	for range 20_000 {
		text := whole
		for range 1 + random.IntN(3) {
			at := random.IntN(len(text))
			to := min(at+random.IntN(3), len(text))
			text = text[:at] + strings.Repeat(bits[random.IntN(len(bits))], random.IntN(2)) + text[to:]
		}
		if alike(t, []byte(text)) {
			taken++
		}
	}
	if taken == 0 {
		t.Error("none was taken")
	}
}

func FuzzReadPlain(f *testing.F) {
	f.Add([]byte(`{"mode":"gxb","group":["1","2"],"b":"3","record":true}`))
	f.Fuzz(func(t *testing.T, text []byte) { alike(t, text) })
}

// BenchmarkRequest reads a request as most are, and one with an escape, which the decoder has to read.
func BenchmarkRequest(b *testing.B) {
	for name, order := range map[string]string{"plain": "order-000000000017", "decoder": `order-00000000001\u0037`} {
		text := []byte(`{"mode":"axb","a":"13800000001","b":"13900000002","x":"700100000010001","order":"` + order + `","ttl":"2h"}`)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var r Request
				if err := r.UnmarshalJSON(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
