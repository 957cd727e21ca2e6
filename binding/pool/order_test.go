package pool

import "testing"

func TestOrderIsAPermutation(t *testing.T) {
	for seed := range byte(20) {
		o := NewOrder([32]byte{seed, 1})
		var seen [Size]bool
		for p := range Size {
			s := o.Serial(p)
			if s < 0 || s >= Size || seen[s] {
				t.Fatalf("seed %d: position %d gives serial %d, twice or out of range", seed, p, s)
			}
			seen[s] = true
			if back := o.Position(s); back != p {
				t.Fatalf("seed %d: serial %d is at position %d, not %d", seed, s, back, p)
			}
		}
	}
}

// TestOrderStays: a cursor that was written down goes on in the same order.
func TestOrderStays(t *testing.T) {
	o := NewOrder([32]byte{1, 2, 3})
	want := []int{633, 5463, 4420, 3678, 6800, 5569, 8105, 1101}
	for p, serial := range want {
		if got := o.Serial(p); got != serial {
			t.Errorf("position %d gives %d, want %d", p, got, serial)
		}
	}
}

// TestOrderTellsNothing: how far it is from one number to the next is spread as if drawn anew each time. Chi square
// over 100 classes; 160 is passed by chance once in ten thousand times, and the seeds are fixed.
func TestOrderTellsNothing(t *testing.T) {
	for seed := range byte(5) {
		o := NewOrder([32]byte{seed, 9})
		var steps, firsts [100]float64
		for p := range Size - 1 {
			steps[(o.Serial(p+1)-o.Serial(p)+Size)%Size/100]++
		}
		for p := range 5000 { // of those drawn first, none are preferred
			firsts[o.Serial(p)%100]++
		}
		if chi := chiSquare(steps[:], (Size-1)/100.0); chi > 160 {
			t.Errorf("seed %d: steps have a chi square of %.0f", seed, chi)
		}
		if chi := chiSquare(firsts[:], 50); chi > 160 {
			t.Errorf("seed %d: the first half has a chi square of %.0f", seed, chi)
		}
	}
}

func chiSquare(counts []float64, each float64) (sum float64) {
	for _, n := range counts {
		sum += (n - each) * (n - each) / each
	}
	return sum
}

func TestOrdersOfTwoSeedsDiffer(t *testing.T) {
	a, b := NewOrder([32]byte{1}), NewOrder([32]byte{2})
	same := 0
	for p := range Size {
		if a.Serial(p) == b.Serial(p) {
			same++
		}
	}
	if same > 10 {
		t.Errorf("%d positions are the same", same)
	}
}

func BenchmarkOrder(b *testing.B) {
	o := NewOrder([32]byte{1})
	b.ReportAllocs()
	n := 0
	for i := 0; b.Loop(); i++ {
		n += o.Serial(i % Size)
	}
	_ = n
}
