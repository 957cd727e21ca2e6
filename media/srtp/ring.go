package srtp

import (
	"hash/maphash"
	"slices"
)

// A ring keeps the directions of so many keys, and knows that many more by a hash.
const (
	maxKept  = 32
	maxSpent = 1024
)

// Ring has the keys that one leg has used one way. The rollover counter of a key and what
// was sealed under it, or heard, must not be forgotten while the key may come back: packets
// would be sealed with a keystream that was used before (RFC 3711 section 9.1), and those
// of a listener who kept them be heard once more. So a key that comes back has its
// direction as it was, and one of which too many others came since protects nothing any
// more. The zero value is empty; it is plain data.
type Ring struct {
	kept  []*Direction // the last used at the end
	spent []uint64     // hashes of keys whose directions are forgotten
}

// seed makes the hashes nobody's to guess.
var seed = maphash.MakeSeed()

func (k Key) hash() uint64 {
	if k.material == nil {
		return 0
	}
	return maphash.String(seed, *k.material)
}

// Sealed says whether packets of a source were sealed under a key, so that its rollover
// counter goes on, or none will be; of a key with so many sources that there should be no
// more, too.
func (r *Ring) Sealed(k Key, ssrc uint32) bool {
	for _, d := range r.kept {
		if d.key.Equal(k) {
			return d.sealed[ssrc] != nil || len(d.sealed) >= maxSources
		}
	}
	return slices.Contains(r.spent, k.hash())
}

// Take gives the direction of a key, which must not be zero.
func (r *Ring) Take(k Key) (*Direction, error) {
	for i, d := range r.kept {
		if d.key.Equal(k) {
			copy(r.kept[i:], r.kept[i+1:])
			r.kept[len(r.kept)-1] = d
			return d, nil
		}
	}
	hash := k.hash()
	full := len(r.spent) == maxSpent
	for _, other := range r.spent {
		full = full || other == hash
	}
	if full {
		return &Direction{key: k}, nil
	}
	d, err := NewDirection(k)
	if err != nil {
		return nil, err
	}
	if len(r.kept) == maxKept {
		r.spent = append(r.spent, r.kept[0].key.hash())
		copy(r.kept, r.kept[1:])
		r.kept[maxKept-1] = d
		return d, nil
	}
	r.kept = append(r.kept, d)
	return d, nil
}
