package call

import (
	"cmp"
	"slices"
)

// order gives the hops in the order in which they are tried: those that live
// before those that do not, then by priority, and by chance inside of one, each
// with the odds of its weight (RFC 2782).
func order(hops []Hop, random func() uint64) []Hop {
	list := slices.Clone(hops)
	slices.SortStableFunc(list, func(a, b Hop) int {
		if a.Down != b.Down {
			if a.Down {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.Priority, b.Priority)
	})
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && list[to].Priority == list[from].Priority && list[to].Down == list[from].Down {
			to++
		}
		draw(list[from:to], random)
		from = to
	}
	return list
}

// draw shuffles hops of one priority by their weights. Those of weight 0 come
// first in their order, with hardly a chance (RFC 2782, page 4).
func draw(list []Hop, random func() uint64) {
	if len(list) < 2 {
		return
	}
	slices.SortStableFunc(list, func(a, b Hop) int { return cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)) })
	for i := range list[:len(list)-1] {
		sum := 0
		for _, h := range list[i:] {
			sum += h.Weight
		}
		if sum == 0 {
			return
		}
		at := int(random() % uint64(sum+1))
		for j := i; j < len(list); j++ {
			if at -= list[j].Weight; at <= 0 {
				chosen := list[j]
				copy(list[i+1:j+1], list[i:j])
				list[i] = chosen
				break
			}
		}
	}
}
