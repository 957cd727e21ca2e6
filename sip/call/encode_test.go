package call

import (
	"encoding"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"mask700/binding"
	"mask700/media/sdp"
)

var (
	_ encoding.BinaryMarshaler   = (*Call)(nil)
	_ encoding.BinaryUnmarshaler = (*Call)(nil)
)

// fill sets everything that can be set below v to something that is not its
// zero value, and reports a field that encoding could not see.
func fill(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.9")))
		return
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.MustParseAddrPort("192.0.2.9:7000")))
		return
	case binding.Number:
		n, err := binding.NumberFromDigits("8613800000001")
		if err != nil {
			t.Fatal(err)
		}
		v.Set(reflect.ValueOf(n))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() {
				t.Errorf("%s.%s is not exported: it would be lost", path, f.Name)
				continue
			}
			fill(t, path+"."+f.Name, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, path, v.Index(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, path, v.Index(i))
		}
	case reflect.String:
		v.SetString("text of " + path)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	case reflect.Float64:
		v.SetFloat(7.5)
	default:
		t.Errorf("%s is a %s, which is no plain data", path, v.Kind())
	}
}

// TestEveryFieldIsEncoded fills every field of a call, down to the last, and
// wants it back. A field added later that cannot be encoded fails here.
func TestEveryFieldIsEncoded(t *testing.T) {
	var c, back Call
	fill(t, "Call", reflect.ValueOf(&c).Elem())
	b, err := c.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := back.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	differ(t, "Call", reflect.ValueOf(c), reflect.ValueOf(back))
}

// differ names the fields that are not the same, without printing them.
func differ(t *testing.T, path string, a, b reflect.Value) {
	t.Helper()
	if a.Kind() == reflect.Struct && !hasEqual(a) {
		for i := range a.NumField() {
			differ(t, path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
		}
		return
	}
	if !reflect.DeepEqual(a.Interface(), b.Interface()) {
		t.Errorf("%s did not come back", path)
	}
}

// hasEqual says that a type is compared as a whole.
func hasEqual(v reflect.Value) bool {
	switch v.Interface().(type) {
	case time.Time, netip.Addr, netip.AddrPort, binding.Number:
		return true
	}
	return false
}

func TestANewLegIsEncoded(t *testing.T) {
	c := Call{ID: "x"}
	for s := range c.Legs {
		c.Legs[s].SDP = sdp.NewLeg(uint64(s) + 1)
	}
	b, err := c.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back Call
	if err := back.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	differ(t, "Call", reflect.ValueOf(c), reflect.ValueOf(back))
}

func TestBadBytesChangeNothing(t *testing.T) {
	c := Call{ID: "x", State: Talking}
	good, err := (&Call{ID: "y", Record: c.Record}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{nil, {0}, []byte("not gob"), good[:len(good)-3], good[:len(good)/2]} {
		if err := c.UnmarshalBinary(b); err == nil {
			t.Errorf("%d bad bytes were decoded", len(b))
		}
		if c.ID != "x" || c.State != Talking {
			t.Fatal("an error changed the call")
		}
	}
}
