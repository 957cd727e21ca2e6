package digest

// recent is a table that is bounded: the entry that came first goes when there
// is no room for another.
type recent[K comparable, V any] struct {
	limit   int
	entries map[K]*V
	order   []K
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{limit: limit, entries: map[K]*V{}}
}

// add makes an entry of a key that has none. The table must not be full.
func (t *recent[K, V]) add(k K, v V) *V {
	t.entries[k] = &v
	t.order = append(t.order, k)
	return &v
}

func (t *recent[K, V]) full() bool { return len(t.order) >= t.limit }

// oldest returns the entry that came first, nil for an empty table.
func (t *recent[K, V]) oldest() *V {
	if len(t.order) == 0 {
		return nil
	}
	return t.entries[t.order[0]]
}

// drop forgets the entry that came first.
func (t *recent[K, V]) drop() {
	delete(t.entries, t.order[0])
	t.order = t.order[1:]
	if len(t.order) == 0 {
		t.order = nil // what lies before it is let go
	}
}
