package call_test

import (
	"encoding"
	"encoding/gob"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/media/srtp"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
)

// fill gives every field that it can reach a value that is not zero.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1_700_000_000+int64(*n), 5).UTC()))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{192, 0, 2, byte(*n)})))
		return
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(*n)}), uint16(*n))))
		return
	case binding.Number:
		number, _ := binding.NumberFromDigits("8613800000001")
		v.Set(reflect.ValueOf(number))
		return
	}
	if k, ok := v.Addr().Interface().(gob.GobDecoder); ok { // a key, with fields of its own
		b := make([]byte, 32)
		if _, key := k.(*srtp.Key); key {
			b = append([]byte{byte(srtp.AES128GCM)}, b[:28]...)
		}
		b[len(b)-1] = byte(*n)
		if err := k.GobDecode(b); err != nil {
			panic(err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString("text " + string(rune('a'+*n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n%3 + 1))
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 2)
	}
}

func TestEveryFieldOfACallIsCarried(t *testing.T) {
	var c call.Call
	n := 0
	fill(reflect.ValueOf(&c).Elem(), &n)
	b, err := c.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back call.Call
	if err := back.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, back) {
		t.Error("a call with every field set came back changed")
	}
}

// A field that gob passes over in silence would be lost by a restart.
func TestNoFieldOfACallIsHiddenFromTheEncoding(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type, string)
	walk = func(typ reflect.Type, path string) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		if path != "Call" {
			if _, ok := reflect.New(typ).Interface().(gob.GobEncoder); ok {
				return
			}
			if _, ok := reflect.New(typ).Interface().(encoding.BinaryMarshaler); ok {
				return
			}
		}
		switch typ.Kind() {
		case reflect.Struct:
			for i := range typ.NumField() {
				f := typ.Field(i)
				if !f.IsExported() {
					t.Errorf("%s.%s is not exported", path, f.Name)
				}
				walk(f.Type, path+"."+f.Name)
			}
		case reflect.Slice, reflect.Array:
			walk(typ.Elem(), path+"[]")
		case reflect.Pointer, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan:
			t.Errorf("%s is no plain data: %s", path, typ.Kind())
		}
	}
	walk(reflect.TypeFor[call.Call](), "Call")
}

func TestWhatIsNoCallIsRefused(t *testing.T) {
	whole, err := (&call.Call{ID: "one", State: call.Talking}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	other := append([]byte{whole[0] + 1}, whole[1:]...)
	beyond, err := (&call.Call{State: call.Over + 1}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"nothing":         nil,
		"version only":    whole[:1],
		"cut":             whole[:len(whole)-3],
		"another version": other,
		"no such state":   beyond,
	} {
		c := call.Call{ID: "kept"}
		if err := c.UnmarshalBinary(b); !errors.Is(err, call.ErrEncoding) {
			t.Errorf("%s: got %v, want ErrEncoding", name, err)
		}
		if c.ID != "kept" {
			t.Errorf("%s: the call was changed", name)
		}
	}
}

func TestACallKeepsItsNumbersAcrossTheEncoding(t *testing.T) {
	a, _ := binding.NumberFromDigits("8613800000001")
	c := call.Call{ID: "one", Record: cdr.Record{CallerIn: cdr.Party{Number: a}}}
	c.Legs[call.Callee].SDP = sdp.NewLeg(7, sdp.Policy{})
	c.Legs[call.Callee].Flow = flow.Flow{Network: flow.TLS, Remote: netip.MustParseAddrPort("192.0.2.10:5061")}
	c.Legs[call.Caller].Server.Echo = message.Echo{Via: []string{"SIP/2.0/UDP 192.0.2.10"}, CSeq: 1}
	b, err := c.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back call.Call
	if err := back.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if back.Record.CallerIn.Number != a || !back.Record.CalleeIn.Number.IsZero() {
		t.Error("the numbers of the record came back changed")
	}
	if !reflect.DeepEqual(c, back) {
		t.Error("the call came back changed")
	}
}
