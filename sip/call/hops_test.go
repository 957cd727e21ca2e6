package call

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func ports(hops []Hop) []int {
	var list []int
	for _, h := range hops {
		list = append(list, int(h.Flow.Listener))
	}
	return list
}

// hop is one with a name, which is its listener.
func hop(name uint16, priority, weight int, down bool) Hop {
	h := Hop{Priority: priority, Weight: weight, Down: down}
	h.Flow.Listener = name
	return h
}

func TestOrderIsByLifeAndPriority(t *testing.T) {
	hops := []Hop{hop(1, 2, 0, false), hop(2, 1, 0, true), hop(3, 1, 0, false), hop(4, 0, 0, true), hop(5, 3, 0, false)}
	got := ports(order(hops, rand.New(rand.NewPCG(1, 1)).Uint64))
	if want := []int{3, 1, 5, 4, 2}; !slices.Equal(got, want) {
		t.Errorf("tried in the order %v, want %v", got, want)
	}
	if hops[0].Flow.Listener != 1 {
		t.Error("the list that was given is changed")
	}
}

// Each of one priority comes first as often as its weight says (RFC 2782), and all
// of them come.
func TestOrderIsByWeight(t *testing.T) {
	const rounds = 60_000
	hops := []Hop{hop(0, 1, 0, false), hop(1, 1, 10, false), hop(2, 1, 20, false), hop(3, 1, 30, false)}
	random := rand.New(rand.NewPCG(7, 7)).Uint64
	first := make([]int, len(hops))
	for range rounds {
		list := ports(order(hops, random))
		first[list[0]]++
		slices.Sort(list)
		if !slices.Equal(list, []int{0, 1, 2, 3}) {
			t.Fatalf("one is lost: %v", list)
		}
	}
	if first[0] == 0 || first[0] > rounds/30 {
		t.Errorf("weight 0 was first %d times of %d, want hardly ever", first[0], rounds)
	}
	for i := 1; i < 4; i++ {
		if want := rounds * i / 6; first[i] < want*95/100 || first[i] > want*105/100 {
			t.Errorf("weight %d was first %d times, want about %d", 10*i, first[i], want)
		}
	}
}

func TestOrderOfNothing(t *testing.T) {
	if got := order(nil, nil); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if got := order([]Hop{hop(1, 0, 0, true)}, nil); len(got) != 1 {
		t.Errorf("%v", got)
	}
}
