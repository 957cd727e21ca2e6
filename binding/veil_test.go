package binding

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

func TestVeilIsABijection(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		k := newVeil(random.Uint64(), random.Uint64())
		for _, v := range []uint64{0, 1, 2, 1 << 63, ^uint64(0), 8613800138000, random.Uint64()} {
			if got := k.show(k.hide(v)); got != v {
				t.Fatalf("%#x came back as %#x under %#v", v, got, k)
			}
		}
	}
}

func TestVeilKeepsZero(t *testing.T) {
	for range 100 {
		if k := drawVeil(); k.hide(0) != 0 || k.show(0) != 0 {
			t.Fatal("zero is not zero under the veil, so that the zero Number would be a number")
		}
	}
}

func TestVeilDependsOnItsKeys(t *testing.T) {
	const v = 8613800138000
	seen := make(map[uint64]bool)
	for range 100 {
		k := drawVeil()
		seen[k.hide(v)] = true
	}
	if len(seen) < 99 {
		t.Errorf("a hundred processes show %d different words", len(seen))
	}
}

// TestVeilSpreads: numbers that differ in the last digit must look unrelated,
// or a log of veiled words would show neighbours.
func TestVeilSpreads(t *testing.T) {
	total, pairs := 0, 0
	for range 50 {
		k := drawVeil()
		for v := uint64(8613800138000); v < 8613800138050; v++ {
			total += bits.OnesCount64(k.hide(v) ^ k.hide(v+1))
			pairs++
		}
	}
	if mean := float64(total) / float64(pairs); mean < 22 || mean > 42 {
		t.Errorf("neighbours differ in %.1f bits of 64", mean)
	}
}

func TestInverse(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		odd := random.Uint64() | 1
		if odd*inverse(odd) != 1 {
			t.Fatalf("%#x has no inverse in %#x", odd, inverse(odd))
		}
	}
}

func BenchmarkVeil(b *testing.B) {
	k := drawVeil()
	v := uint64(8613800138000)
	for b.Loop() {
		v = k.show(k.hide(v))
	}
}
