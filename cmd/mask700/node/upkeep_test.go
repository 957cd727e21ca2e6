package node

import (
	"testing"

	"mask700/binding"
)

// TestDrainedBlocksAreGivenUp: as soon as nothing lives on them, and no others.
func TestDrainedBlocksAreGivenUp(t *testing.T) {
	n, err := startWith(t, "off")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	blocks := []string{"70010000001", "70010000002", "70010000003"}
	for _, digits := range blocks {
		if _, err := n.service.AddBlock(ctx, digits); err != nil {
			t.Fatal(err)
		}
	}
	b, err := n.service.Create(ctx, binding.Request{Mode: "axb", A: "13800000001", B: "13900000002", X: "700100000010007", Order: "T-1"})
	if err != nil {
		t.Fatal(err)
	}
	for digits, state := range map[string]string{blocks[0]: binding.BlockDraining, blocks[1]: binding.BlockDraining, blocks[2]: binding.BlockLocked} {
		block, err := binding.ParseBlock(digits)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.db.SetBlock(ctx, block, state); err != nil {
			t.Fatal(err)
		}
	}
	held := func(want ...string) {
		t.Helper()
		all, err := n.db.Blocks(ctx)
		if err != nil || len(all) != len(want) {
			t.Fatalf("%v, %v, want %v", all, err, want)
		}
		for i := range want {
			if all[i].Block.String() != want[i] {
				t.Errorf("%s is held, want %s", all[i].Block, want[i])
			}
		}
	}
	n.giveUpDrained(ctx)
	held(blocks[0], blocks[2])
	if _, err := n.service.Delete(ctx, b.ID); err != nil {
		t.Fatal(err)
	}
	n.giveUpDrained(ctx)
	held(blocks[2])
}
