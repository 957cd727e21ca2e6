package node

import (
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

func stockOf(block binding.Block, tenant, state string, inUse int) binding.Stock {
	return binding.Stock{
		BlockState: binding.BlockState{Block: block, Tenant: tenant, State: state},
		InUse:      inUse, Free: binding.BlockSize - inUse, Fresh: binding.BlockSize - inUse,
	}
}

// TestNumbersRunOut: it is warned once for each time, of the tenant's open blocks alone.
func TestNumbersRunOut(t *testing.T) {
	var w stockWatch
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	look := func(used int, more ...binding.Stock) string {
		t.Helper()
		at = at.Add(5 * time.Minute)
		var names []string
		for _, s := range w.look(at, append(more, stockOf(70010000001, "", binding.BlockOpen, used), stockOf(70010000002, "rides", binding.BlockOpen, 5))) {
			names = append(names, s.Tenant)
		}
		return strings.Join(names, " ")
	}
	for i := range 12 {
		if warned := look(1000 + i); warned != "" {
			t.Fatalf("twelve an hour, and warned of %s", warned)
		}
	}
	if warned := look(2000); warned != binding.DefaultTenant {
		t.Errorf("a thousand in five minutes, and warned of %q", warned)
	}
	if warned := look(3000); warned != "" {
		t.Errorf("warned of %s again", warned)
	}
	all := w.status()
	if len(all) != 2 || all[0].Tenant != binding.DefaultTenant || all[0].Free != 7000 || all[0].InUse != 3000 || all[0].PerHour < 1000 || all[0].RunsOut.IsZero() {
		t.Errorf("%+v", all)
	}
	if all[1].Tenant != "rides" || !all[1].RunsOut.IsZero() || all[1].PerHour != 0 {
		t.Errorf("%+v", all[1])
	}
	if warned := look(3000, stockOf(70010000003, "", binding.BlockLocked, 0)); warned != "" || w.status()[0].Free != 7000 || w.status()[0].Blocks != 2 {
		t.Errorf("a locked block: %q, %+v", warned, w.status()[0])
	}
	decided := stockOf(70010000004, "", binding.BlockOpen, 0)
	decided.Decided = true
	if warned := look(3000, decided); warned != "" || w.status()[0].Free != 7000 || w.status()[0].Open != 1 {
		t.Errorf("a block on which an endpoint decides: %q, %+v", warned, w.status()[0])
	}
	for range 400 { // a day and more goes by
		look(3000)
	}
	if warned := look(9600); warned != binding.DefaultTenant {
		t.Errorf("one in 25 is free, and warned of %q", warned)
	}
}

// TestNumbersClosedToParties: what is free is not what a party can have. Who is refused for that counts with the tenant whose numbers
// they are.
func TestNumbersClosedToParties(t *testing.T) {
	var w stockWatch
	w.look(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), []binding.Stock{
		stockOf(70010000001, "", binding.BlockOpen, 1), stockOf(70010000002, "rides", binding.BlockOpen, 1),
	})
	all := withClosed(w.status(), map[string]uint64{"rides": 3})
	if len(all) != 2 || all[0].Closed != 0 || all[1].Tenant != "rides" || all[1].Closed != 3 || all[1].Free != binding.BlockSize-1 {
		t.Errorf("%+v", all)
	}
	if later := w.status(); later[1].Closed != 0 {
		t.Errorf("it is in the last look: %+v", later[1])
	}
}

func TestNumbersInStatus(t *testing.T) {
	n, err := startWith(t, "off")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.service.AddBlock(t.Context(), "70010000001"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.service.Create(t.Context(), binding.Request{Mode: "axb", A: "13800000001", B: "13900000002", Order: "T-1"}); err != nil {
		t.Fatal(err)
	}
	n.watchStock(t.Context())
	st, err := n.Status(t.Context())
	if err != nil || len(st.Numbers) != 1 || st.Numbers[0].InUse != 1 || st.Numbers[0].Free != binding.BlockSize-1 || st.Numbers[0].Open != 1 {
		t.Errorf("%+v, %v", st.Numbers, err)
	}
}
