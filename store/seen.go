package store

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"mask700/binding"
	"mask700/crash"
)

// seenIDs says of most binding ids that none is in the store, without asking it: a look for a key that is not there goes
// through every table in memory and, by their filters, through all on disk, and costs more than all else of a bind. It
// is a Bloom filter of the ids that ever were there since it was made; what it does not rule out is looked for.
//
//	open -> load: ids of before, in the background -> loaded: has can say no
//	     -> add: every id, before its row is written
type seenIDs struct {
	seed   maphash.Seed
	loaded atomic.Bool
	layers atomic.Pointer[[]*idLayer] // all are asked, the last is added to

	grow sync.Mutex // held while a layer is added
}

// idLayer is a Bloom filter of which each id uses one line of the processor's cache.
type idLayer struct {
	lines []idLine
	n     atomic.Int64 // ids
	limit int64
}

type idLine [8]atomic.Uint64

const (
	idsALine  = 40 // 12.8 bits for each
	idBits    = 6  // that are set for one: about 1 of 100 ids that are not there are looked for
	leastSeen = 1 << 16
)

func newIDLayer(ids int64) *idLayer {
	ids = max(ids, leastSeen)
	return &idLayer{lines: make([]idLine, ids/idsALine+1), limit: ids}
}

func newSeenIDs() *seenIDs {
	s := &seenIDs{seed: maphash.MakeSeed()}
	s.layers.Store(&[]*idLayer{newIDLayer(0)})
	return s
}

// hash is of the key of an id.
func (s *seenIDs) hash(key []byte) uint64 { return maphash.Bytes(s.seed, key) }

// line is where an id is, bits are which of its 512 bits are its own: 9 bits of the hash for each.
func (l *idLayer) line(h uint64) *idLine { return &l.lines[(h>>32)*uint64(len(l.lines))>>32] }

func (l *idLayer) has(h uint64) bool {
	line, bits := l.line(h), h*0x9e3779b97f4a7c15
	for range idBits {
		if line[bits>>6&7].Load()&(1<<(bits&63)) == 0 {
			return false
		}
		bits >>= 9
	}
	return true
}

func (l *idLayer) add(h uint64) {
	line, bits := l.line(h), h*0x9e3779b97f4a7c15
	for range idBits {
		line[bits>>6&7].Or(1 << (bits & 63))
		bits >>= 9
	}
}

// add notes the id with a key.
func (s *seenIDs) add(key []byte) {
	layers := *s.layers.Load()
	last := layers[len(layers)-1]
	last.add(s.hash(key))
	if last.n.Add(1) == last.limit {
		s.addLayer(last, 2*last.limit)
	}
}

// addLayer puts a layer behind last, unless somebody did.
func (s *seenIDs) addLayer(last *idLayer, ids int64) {
	s.grow.Lock()
	defer s.grow.Unlock()
	layers := *s.layers.Load()
	if layers[len(layers)-1] == last {
		layers = append(layers[:len(layers):len(layers)], newIDLayer(ids))
		s.layers.Store(&layers)
	}
}

// mayHave reports whether there may be an id with a key. False: there is none.
func (s *seenIDs) mayHave(key []byte) bool {
	if !s.loaded.Load() {
		return true
	}
	h := s.hash(key)
	for _, l := range *s.layers.Load() {
		if l.has(h) {
			return true
		}
	}
	return false
}

// loadSeen notes the ids that are there. Those that are written meanwhile note themselves.
func (db *DB) loadSeen(ctx context.Context) error {
	lower := []byte{tableID}
	// There are about as many as their table has bytes for, so that one layer will do.
	const bytesOfID = 18
	if size, err := db.bind.EstimateDiskUsage(lower, keyAfter(lower)); err == nil && size/bytesOfID > leastSeen {
		layers := *db.seen.layers.Load()
		db.seen.addLayer(layers[len(layers)-1], int64(size/bytesOfID)*5/4)
	}
	err := db.each(ctx, lower, keyAfter(lower), func(key, _ []byte) (bool, error) {
		db.seen.add(key)
		return true, nil
	})
	if err == nil {
		db.seen.loaded.Store(true)
	}
	return err
}

// loadSeenLater does so in the background. What fails leaves every id to be looked for.
func (db *DB) loadSeenLater() error {
	if err := db.enter(context.Background()); err != nil {
		return err
	}
	go func() {
		defer crash.Door()
		defer db.leave()
		ctx, cancel := db.untilClosed(context.Background())
		defer cancel()
		if err := db.loadSeen(ctx); err != nil && ctx.Err() == nil {
			db.opts.Logger.Error("the ids of bindings cannot be read; each new one is looked for", "error", err)
		}
	}()
	return nil
}

// numbersSeen says of the numbers of a block which may have rows: those that have, or had since it was made.
type numbersSeen struct {
	making sync.Mutex
	made   atomic.Bool
	bits   [(binding.BlockSize + 63) / 64]atomic.Uint64
}

func (n *numbersSeen) add(serial int) { n.bits[serial/64].Or(1 << (serial % 64)) }

func (n *numbersSeen) mayHave(serial int) bool { return n.bits[serial/64].Load()&(1<<(serial%64)) != 0 }

// mayHaveRows reports whether there may be rows on a number of a block that is held. False: there are none. The first who
// asks of a block goes through it.
func (db *DB) mayHaveRows(ctx context.Context, b *heldBlock, serial int) bool {
	if b.rows.made.Load() {
		return b.rows.mayHave(serial)
	}
	b.rows.making.Lock()
	defer b.rows.making.Unlock()
	if !b.rows.made.Load() {
		first := uint64(b.block.Number(0))
		err := db.each(ctx, key64(tableRow, first), key64(tableRow, first+binding.BlockSize), func(key, _ []byte) (bool, error) {
			if p, ok := placeOfKey(key); ok {
				b.rows.add(serialOf(p.x))
			}
			return true, nil
		})
		if err != nil {
			return true
		}
		b.rows.made.Store(true)
	}
	return b.rows.mayHave(serial)
}
