package store

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mask700/binding"
	"mask700/store/seal"
)

func TestRowsOfANumberSortNewestFirst(t *testing.T) {
	in := []place{
		{700_100_000_010_001, 300}, {700_100_000_010_001, 200}, {700_100_000_010_001, 1},
		{700_100_000_010_002, 1 << 62}, {700_100_000_010_002, 5},
	}
	older := []place{{10000, 2}, {10000, 1}, {17_000_120_034, 7}, {1 << 40, 8}, {99_999_999_999_999, 1<<63 - 1}}
	in = append(older, in...)
	for i := 1; i < len(in); i++ {
		if bytes.Compare(in[i-1].key(), in[i].key()) >= 0 {
			t.Errorf("%v does not sort before %v", in[i-1], in[i])
		}
	}
	for _, p := range in {
		if got, ok := placeOfKey(p.key()); !ok || got != p {
			t.Errorf("%v reads back as %v", p, got)
		}
		if got, ok := placeOfValue(p.value()); !ok || got != p {
			t.Errorf("%v reads back as %v from a value", p, got)
		}
		if got, ok := placeOfWho(whoKey(seal.Hash{1}, p)); !ok || got != p {
			t.Errorf("%v reads back as %v from an entry", p, got)
		}
	}
	for _, bad := range [][]byte{nil, {tableRow}, in[0].key()[:16], append(in[0].key(), 0), append([]byte{tableID}, in[0].key()[1:]...)} {
		if _, ok := placeOfKey(bad); ok {
			t.Errorf("%x was taken for a place", bad)
		}
	}
	for _, size := range []int{0, placeValueSize - 1, placeValueSize + 1, oldPlaceSize - 1, oldPlaceSize, oldPlaceSize + 1} {
		if p, ok := placeOfValue(make([]byte, size)); ok {
			t.Errorf("%d bytes were taken for place %v", size, p)
		}
	}
	entry := whoKey(seal.Hash{1}, in[len(in)-1]) // a 700 number
	for n := range len(entry) {
		if p, ok := placeOfWho(entry[:n]); ok {
			t.Errorf("%d bytes of an entry were taken for place %v", n, p)
		}
	}
	if p, ok := placeOfWho(append(entry, 0)); ok {
		t.Errorf("an entry and a byte were taken for place %v", p)
	}
	whole := append(make([]byte, 0, oldPlaceSize), binary.BigEndian.AppendUint64(nil, 700_100_000_010_001)...)
	if p, ok := placeOfValue(append(whole, make([]byte, 8)...)); ok { // it has one form
		t.Errorf("a 700 number in full was taken for place %v", p)
	}
}

// Pebble asks three things of a split (see pebble.Split); they are tried on keys of every table, whole and cut.
func TestSplitKeepsTheOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	tables := []byte{tableMeta, tableKeys, tableTenant, tableBlock, tableRow, tableID, tableWho, tableOldID, tableOldWho, tableIDWho, tableNumber, tableOrder, tableConsent, tableOpen,
		tableClosed, tableRecord, tableOf, tableSpan}
	keys := [][]byte{{}}
	for range 400 {
		key := make([]byte, 1+random.IntN(30))
		for i := range key {
			key[i] = byte(random.IntN(3)) // many that begin alike
		}
		key[0] = tables[random.IntN(len(tables))]
		keys = append(keys, key)
	}
	slices.SortFunc(keys, bytes.Compare)
	for i, a := range keys {
		prefix := a[:splitKey(a)]
		if splitKey(prefix) != len(prefix) {
			t.Errorf("the prefix of %x has a shorter one", a)
		}
		for _, b := range keys[i:] {
			if bytes.Compare(prefix, b[:splitKey(b)]) > 0 {
				t.Errorf("%x sorts before %x, their prefixes do not", a, b)
			}
		}
	}
	hash := seal.Hash{1, 2, 3}
	for _, c := range []struct{ key, prefix []byte }{
		{place{x: 700_100_000_010_001, start: 7}.key(), key64(tableRow, 700_100_000_010_001)},
		{whoKey(hash, place{700_100_000_010_001, 7}), keyHash(tableWho, hash)},
		{whoKey(hash, place{17_000_120_034, 7}), keyHash(tableWho, hash)},
		{keyHashText(tableNumber, hash, "id"), keyHash(tableNumber, hash)},
		{keyHashText(tableOrder, hash, "id"), keyHash(tableOrder, hash)},
		{keyHashText(tableConsent, hash, "id"), keyHash(tableConsent, hash)},
		{keyHash64(tableOf, hash, 5), keyHash(tableOf, hash)},
		{idKey("id"), idKey("id")},
		{keyHash(tableRecord, hash), keyHash(tableRecord, hash)},
	} {
		if got := c.key[:splitKey(c.key)]; !bytes.Equal(got, c.prefix) {
			t.Errorf("%x is cut to %x, want %x", c.key, got, c.prefix)
		}
	}
}

func TestKeyAfter(t *testing.T) {
	for in, want := range map[string]string{"a": "b", "a\xff": "b", "ab": "ac", "a\x00": "a\x01", "\xff\xff": ""} {
		if got := keyAfter([]byte(in)); string(got) != want {
			t.Errorf("after %x is %x, want %x", in, got, want)
		}
	}
}

func TestTimesThatCanBeKept(t *testing.T) {
	for name, c := range map[string]struct {
		at time.Time
		ok bool
	}{
		"none":       {time.Time{}, true},
		"now":        {time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), true},
		"zone":       {time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("CST", 8*3600)), true},
		"1970":       {time.Unix(0, 1), true},
		"too early":  {time.Unix(0, 0), false},
		"before":     {time.Unix(-1, 999), false},
		"last":       {lastTime, true},
		"too late":   {lastTime.Add(1), false},
		"far future": {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), false},
		"far past":   {time.Date(-9999, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		n, ok := nanos(c.at)
		if ok != c.ok {
			t.Errorf("%s: kept %v, want %v", name, ok, c.ok)
		} else if ok && !timeOf(n).Equal(c.at) {
			t.Errorf("%s: came back as %v", name, timeOf(n))
		}
	}
}

func TestOverlap(t *testing.T) {
	at := func(s int) time.Time {
		if s < 0 {
			return time.Time{}
		}
		return testStart.Add(time.Duration(s) * time.Second)
	}
	life := func(created, expires, ended int) *binding.Binding {
		return &binding.Binding{CreatedAt: at(created), ExpiresAt: at(expires), EndedAt: at(ended)}
	}
	for name, c := range map[string]struct {
		a, b *binding.Binding
		want bool
	}{
		"both for ever":               {life(0, -1, -1), life(9, -1, -1), true},
		"one after the other":         {life(0, 5, -1), life(5, -1, -1), false},
		"one second together":         {life(0, 6, -1), life(5, -1, -1), true},
		"unbound before":              {life(0, -1, 5), life(5, -1, -1), false},
		"unbound before it expired":   {life(0, 9, 5), life(7, -1, -1), false},
		"expired before it was ended": {life(0, 5, 9), life(7, -1, -1), false},
		"not begun yet":               {life(10, -1, -1), life(0, 5, -1), false},
		"begins within":               {life(3, -1, -1), life(0, 5, -1), true},
	} {
		if got := overlap(c.a, c.b); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := overlap(c.b, c.a); got != c.want {
			t.Errorf("%s, exchanged: %v", name, got)
		}
	}
}
