package binding_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"mask700/binding"
)

func TestParseBlock(t *testing.T) {
	for text, want := range map[string]binding.Block{
		"70010000001": 70010000001, "70000000000": 70000000000, "70099999999": 70099999999,
		"1700012": 1700012, "0105900": 105900, "105900": 105900, "9": 9, "9999999999": 9999999999,
	} {
		got, err := binding.ParseBlock(text)
		if err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
		if got.String() != strings.TrimPrefix(text, "0") {
			t.Errorf("%s is written as %s", text, got)
		}
	}
	for _, text := range []string{"", "7001000000", "700100000011", "70100000001", "13800138000", "7001000000a", "700 1000 0001",
		"７００１０００", "01700012", "00105900", "0400123", "0", "070010000001", "700", "10000000000", "-1", "+1700012"} {
		if got, err := binding.ParseBlock(text); !errors.Is(err, binding.ErrBlock) || got != 0 {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func TestBlockNumber(t *testing.T) {
	const block = binding.Block(70010000001)
	for serial, want := range map[int]binding.X{
		0: 700100000010000, 1: 700100000010001, 9999: 700100000019999, -1: 0, binding.BlockSize: 0,
	} {
		if got := block.Number(serial); got != want {
			t.Errorf("serial %d is %v, want %v", serial, got, want)
		}
	}
	for _, bad := range []binding.Block{0, 7001000000, 70100000000, 13800138000} {
		if got := bad.Number(0); got != 0 {
			t.Errorf("block %d has number %v", uint64(bad), got)
		}
	}
	if got := binding.Block(1700012).Number(34); got != 17000120034 {
		t.Errorf("serial 34 of an older range is %v", got)
	}
	for _, serial := range []int{0, 1, 5000, 9999} {
		if got := block.Number(serial).Block(); got != block {
			t.Errorf("serial %d is of block %v", serial, got)
		}
	}
}

func TestBlockInJSON(t *testing.T) {
	b, err := json.Marshal(binding.BlockState{Block: 70010000001, State: binding.BlockOpen, Tenant: "default"})
	if err != nil {
		t.Fatal(err)
	}
	var got binding.BlockState
	if err := json.Unmarshal(b, &got); err != nil || got.Block != 70010000001 || got.State != "open" || got.Tenant != "default" {
		t.Errorf("%s came back as %+v, %v", b, got, err)
	}
	var none binding.Block
	if b, err := json.Marshal(none); err != nil || string(b) != `""` {
		t.Errorf("no block is %s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`""`), &none); err != nil || none != 0 {
		t.Errorf("nothing was read as %v, %v", none, err)
	}
	if err := json.Unmarshal([]byte(`"13800138000"`), &none); !errors.Is(err, binding.ErrBlock) {
		t.Errorf("a number was read as a block: %v", err)
	}
}
