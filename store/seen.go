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
// is a Bloom filter of the ids that ever were there since it was made; what it does not rule out is looked for. It has a
// bound: where there are more ids than that, it is given up, and each is looked for.
//
//	open -> load: ids of before, in the background -> loaded: has can say no
//	     -> add: every id, before its row is written -> more than most: given up
type seenIDs struct {
	seed   maphash.Seed
	most   int64  // ids, of all layers
	full   func() // called once, when it is given up
	loaded atomic.Bool
	layers atomic.Pointer[[]*idLayer] // all are asked, the last is added to; none: it is given up
	looked atomic.Uint64              // ids that were not ruled out

	grow sync.Mutex // held while a layer is added, or all are dropped
}

// idLayer is a Bloom filter of which each id uses one line of the processor's cache.
type idLayer struct {
	lines []idLine
	n     atomic.Int64 // ids
	limit int64
}

type idLine [8]atomic.Uint64

const (
	idLineSize = 64
	idsALine   = 40 // 12.8 bits for each
	idBits     = 6  // that are set for one: about 1 of 100 ids that are not there are looked for
	leastSeen  = 1 << 16
)

func newIDLayer(ids int64) *idLayer {
	return &idLayer{lines: make([]idLine, ids/idsALine+1), limit: ids}
}

// newSeenIDs takes so many bytes at most, or one line.
func newSeenIDs(bytes int64, full func()) *seenIDs {
	s := &seenIDs{seed: maphash.MakeSeed(), most: max(bytes/idLineSize, 1) * idsALine, full: full}
	s.layers.Store(&[]*idLayer{newIDLayer(min(leastSeen, s.most))})
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
	if len(layers) == 0 {
		return
	}
	last := layers[len(layers)-1]
	last.add(s.hash(key))
	if last.n.Add(1) == last.limit {
		s.addLayer(last, 2*last.limit)
	}
}

// addLayer puts a layer behind last, unless somebody did; without room for one, all go.
func (s *seenIDs) addLayer(last *idLayer, ids int64) {
	s.grow.Lock()
	defer s.grow.Unlock()
	layers := *s.layers.Load()
	if len(layers) == 0 || layers[len(layers)-1] != last {
		return
	}
	room := s.most
	for _, l := range layers {
		room -= l.limit
	}
	if room <= 0 {
		s.drop()
		return
	}
	layers = append(layers[:len(layers):len(layers)], newIDLayer(min(ids, room)))
	s.layers.Store(&layers)
}

// giveUp has every id looked for from here on.
func (s *seenIDs) giveUp() {
	s.grow.Lock()
	defer s.grow.Unlock()
	if len(*s.layers.Load()) > 0 {
		s.drop()
	}
}

// drop needs grow. Who asks of an id, and who added it before, have its lock in turn: after this nobody asks those layers of an id
// that is in none.
func (s *seenIDs) drop() {
	s.layers.Store(&[]*idLayer{})
	s.full()
}

// known is how many ids are noted; 0: it is given up.
func (s *seenIDs) known() (n uint64) {
	for _, l := range *s.layers.Load() {
		n += uint64(l.n.Load())
	}
	return n
}

// mayHave reports whether there may be an id with a key. False: there is none.
func (s *seenIDs) mayHave(key []byte) bool {
	rest := !s.loaded.Load() // asked before the layers: they are those that it speaks of
	layers := *s.layers.Load()
	rest = rest || len(layers) == 0
	for h, i := s.hash(key), 0; !rest && i < len(layers); i++ {
		rest = layers[i].has(h)
	}
	if rest {
		s.looked.Add(1)
	}
	return rest
}

// loadSeen notes the ids that are there. Those that are written meanwhile note themselves.
func (db *DB) loadSeen(ctx context.Context) error {
	lower := []byte{tableID}
	// There are about as many as their table has bytes for, so that one layer will do.
	const bytesOfID = 18
	if size, err := db.bind.EstimateDiskUsage(lower, keyAfter(lower)); err == nil {
		switch layers, ids := *db.seen.layers.Load(), int64(size/bytesOfID); {
		case ids > db.seen.most:
			db.seen.giveUp()
		case ids > leastSeen && len(layers) > 0:
			db.seen.addLayer(layers[len(layers)-1], ids*5/4)
		}
	}
	err := db.each(ctx, lower, keyAfter(lower), func(key, _ []byte) (bool, error) {
		db.seen.add(key)
		return len(*db.seen.layers.Load()) > 0, nil
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
