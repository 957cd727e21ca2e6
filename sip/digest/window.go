package digest

import "time"

// maxNonces is how many nonces that were used are known at once. Only one who
// knows a password can add to them.
const maxNonces = 65536

// window is which counts of a nonce have been used: the highest, and the 64 up to
// it. Requests on UDP overtake one another, so one below the highest may still be
// new.
type window struct {
	minted time.Time
	high   uint32
	seen   uint64 // bit i: high-i
}

// take uses a count, and reports whether it was new.
func (w *window) take(n uint32) bool {
	switch {
	case n > w.high:
		w.seen <<= min(n-w.high, 64)
		w.high = n
		w.seen |= 1
		return true
	case w.high-n >= 64 || w.seen&(1<<(w.high-n)) != 0:
		return false
	}
	w.seen |= 1 << (w.high - n)
	return true
}

// used is the nonces under which somebody has shown to know a password. Of a nonce
// that had to make room only the time is remembered, as floor: those as old are
// refused from then on, because it is not known any more whether they were used.
type used struct {
	windows *recent[string, window]
	floor   time.Time
}

// take uses a count of a nonce, and reports whether it was new.
func (u *used) take(now time.Time, nonce string, minted time.Time, n uint32) bool {
	if w := u.windows.entries[nonce]; w != nil {
		return w.take(n)
	}
	for w := u.windows.oldest(); w != nil && (u.windows.full() || now.Sub(w.minted) > nonceLife); w = u.windows.oldest() {
		if w.minted.After(u.floor) {
			u.floor = w.minted
		}
		u.windows.drop()
	}
	if !minted.After(u.floor) {
		return false
	}
	return u.windows.add(nonce, window{minted: minted}).take(n)
}
