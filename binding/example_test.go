package binding_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
)

// A binding is made, and a call along it is decided.
func Example() {
	ctx := context.Background()
	store := &bindingtest.Store{}
	service := &binding.Service{
		Store:  store,
		Now:    func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
		Random: strings.NewReader(strings.Repeat("any source of bytes will do here", 8)),
	}
	if _, err := service.AddBlock(ctx, "70010000001"); err != nil {
		fmt.Println(err)
		return
	}
	made, err := service.Create(ctx, binding.Request{
		Mode: "axb", A: "138 0000 0001", B: "+86 139-0000-0002", X: "700100000010007", Order: "order", TTL: 2 * time.Hour,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, leg := range made.View(service.Now()).Legs {
		fmt.Println(leg.Caller, "dials", leg.Dials, "and", leg.Rings, "rings")
	}

	caller, err := service.Plan.ParseNumber("+8613900000002")
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := store.OnX(ctx, made.X)
	if err != nil {
		fmt.Println(err)
		return
	}
	decision := binding.Resolve(binding.Query{Dialled: made.X, Caller: caller, At: service.Now()}, store.Holds(made.X.Block()), rows)
	fmt.Println("callee", decision.Edge.Callee, "is shown", decision.Edge.Shown)
	// Output:
	// 138****0001 dials 700100000010007 and 139****0002 rings
	// 139****0002 dials 700100000010007 and 138****0001 rings
	// callee 138****0001 is shown 700100000010007
}

func ExampleNumber() {
	var plan binding.Plan
	number, err := plan.ParseNumber("0138-0013-8000")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v %s %d %#v\n", number, number, number, number)
	_, err = plan.ParseNumber("110")
	fmt.Println(err)
	// Output:
	// 138****8000 138****8000 138****8000 binding.Number("138****8000")
	// an emergency number, which cannot be a party; give a subscriber's number
}

func ExampleExplain() {
	var plan binding.Plan
	a, _ := plan.ParseNumber("13800000001")
	b, _ := plan.ParseNumber("13900000002")
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rows := []binding.Binding{{
		ID: "firstbinding", Mode: binding.ModeAXB, X: 700100000010007, A: a, B: b, OneWay: binding.OneWayAToB, CreatedAt: noon,
	}}
	decision := binding.Explain(binding.Query{Dialled: 700100000010007, Caller: b, At: noon}, true, rows)
	fmt.Println(decision.Refusal)
	for _, c := range decision.Candidates {
		fmt.Println(c.Binding, c.Edge.Caller, "to", c.Edge.Callee, "-", c.Why)
	}
	// Output:
	// one_way
	// firstbinding 138****0001 to 139****0002 - it is for another caller
	// firstbinding 139****0002 to 138****0001 - the binding is one-way and this caller may only be called
}
