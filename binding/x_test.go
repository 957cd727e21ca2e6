package binding_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"mask700/binding"
)

func TestX(t *testing.T) {
	for x, want := range map[binding.X]struct {
		valid bool
		block binding.Block
		text  string
	}{
		700100000010000:  {true, 70010000001, "700100000010000"},
		700000000000000:  {true, 70000000000, "700000000000000"},
		700999999999999:  {true, 70099999999, "700999999999999"},
		0:                {false, 0, ""},
		699999999999999:  {false, 0, "699999999999999"},
		701000000000000:  {false, 0, "701000000000000"},
		70010000001000:   {false, 0, "70010000001000"},
		7001000000100001: {false, 0, "7001000000100001"},
		17000123456:      {true, 1700012, "17000123456"},
		4001234567:       {true, 400123, "4001234567"},
		1059658005:       {true, 105965, "01059658005"},
		57188881234:      {true, 5718888, "057188881234"},
		10000:            {true, 1, "10000"},
		9999:             {false, 0, "9999"},
		99999999999999:   {true, 9999999999, "99999999999999"},
		100000000000000:  {false, 0, "100000000000000"},
		70012345678:      {false, 0, "70012345678"},
	} {
		if got := x.Valid(); got != want.valid {
			t.Errorf("%d: valid is %v", uint64(x), got)
		}
		if got := x.Block(); got != want.block {
			t.Errorf("%d: block is %v, want %v", uint64(x), got, want.block)
		}
		if got := x.String(); got != want.text {
			t.Errorf("%d: text is %q", uint64(x), got)
		}
	}
	if got := fmt.Sprintf("%v", struct{ X binding.X }{700100000010000}); got != "{700100000010000}" {
		t.Errorf("a 700 number is public, and was printed as %s", got)
	}
}

func TestXInJSON(t *testing.T) {
	type row struct {
		X binding.X `json:"x"`
		Y binding.X `json:"y"`
	}
	b, err := json.Marshal(row{X: 700100000010000})
	if err != nil || string(b) != `{"x":"700100000010000","y":""}` {
		t.Fatalf("JSON is %s, %v", b, err)
	}
	var got row
	if err := json.Unmarshal(b, &got); err != nil || got.X != 700100000010000 || got.Y != 0 {
		t.Errorf("came back as %+v, %v", got, err)
	}
	b, err = json.Marshal(map[binding.X]int{700100000010000: 1})
	if err != nil || string(b) != `{"700100000010000":1}` {
		t.Errorf("as a key it is %s, %v", b, err)
	}
}

// TestLandlinesHaveTheirZero: as they are dialled, and read without it too.
func TestLandlinesHaveTheirZero(t *testing.T) {
	for _, text := range []string{"01059658005", "1059658005"} {
		var x binding.X
		if err := x.UnmarshalText([]byte(text)); err != nil || x != 1059658005 {
			t.Errorf("%s is %d, %v", text, uint64(x), err)
		}
	}
	if b, err := json.Marshal(binding.X(1059658005)); err != nil || string(b) != `"01059658005"` {
		t.Errorf("%s, %v", b, err)
	}
}

func TestXUnmarshalIsStrict(t *testing.T) {
	for _, text := range []string{"70010000001000", "7001000000100001", "013800138000", "001059658005", "04001234567", "0700100000010000", "1234", "100000000000000", "70012", "70010000001", "70010000001000a", "+86700100000010000",
		" 700100000010000", "701000000000000", "７００１０００００"} {
		x := binding.X(700100000019999)
		if err := x.UnmarshalText([]byte(text)); !errors.Is(err, binding.ErrNot700) {
			t.Errorf("%q: error is %v", text, err)
		}
		if x != 700100000019999 {
			t.Errorf("%q changed the number", text)
		}
	}
}
