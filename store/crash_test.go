package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mask700/binding"
	"mask700/binding/cdr"
)

// promises is what writers were told is on disk.
type promises struct {
	mu      sync.Mutex
	bound   map[string]bool
	changed map[string]bool
	ended   map[string]bool
	opened  map[string]bool
	closed  map[string]uint64
}

func newPromises() *promises {
	return &promises{bound: map[string]bool{}, changed: map[string]bool{}, ended: map[string]bool{}, opened: map[string]bool{}, closed: map[string]uint64{}}
}

func (p *promises) copy() *promises {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := newPromises()
	for id := range p.bound {
		c.bound[id] = true
	}
	for id := range p.changed {
		c.changed[id] = true
	}
	for id := range p.ended {
		c.ended[id] = true
	}
	for id := range p.opened {
		c.opened[id] = true
	}
	for id, seq := range p.closed {
		c.closed[id] = seq
	}
	return c
}

// kept fails unless every promise is kept by db.
func (p *promises) kept(t *testing.T, db *DB) {
	t.Helper()
	ctx := context.Background()
	for id := range p.bound {
		b, err := db.Binding(ctx, id)
		if err != nil {
			t.Fatalf("binding %s is lost: %v", id, err)
		}
		if p.ended[id] && b.EndedAt.IsZero() {
			t.Fatalf("the end of binding %s is lost", id)
		}
		if p.changed[id] && (len(b.Changes) != 1 || b.Changes[0].In != b.A) {
			t.Fatalf("the change of binding %s is lost", id)
		}
	}
	for id, seq := range p.closed {
		r, err := db.Record(ctx, id)
		if err != nil || r.Seq != seq {
			t.Fatalf("record %s has seq %d and was given %d: %v", id, r.Seq, seq, err)
		}
	}
	report := checked(t, db) // no gap in seq among other things
	left, err := db.CloseAbandoned(time.Now())
	if err != nil || uint64(left) != report.Open {
		t.Fatalf("%d of %d open records were closed: %v", left, report.Open, err)
	}
	for id := range p.opened {
		if _, err := db.Record(ctx, id); err != nil {
			t.Fatalf("record %s was opened and is lost: %v", id, err)
		}
	}
	checked(t, db)
}

// lanes is how many writers there may be on one store: each has ids and subscribers of its own.
const lanes = 64

// writer binds, changes, unbinds, opens and closes in a lane of its own until stop, and writes down what it was told.
func (p *promises) writer(t *testing.T, db *DB, lane int, stop <-chan struct{}, told func(line string)) {
	ctx := context.Background()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		id := testID(i*lanes + lane)
		b := testPair(t, id, i*lanes+lane)
		b.CreatedAt, b.ExpiresAt = testStart.Add(time.Duration(i)*time.Second), testStart.Add(time.Duration(i+1)*time.Second)
		b.Data = string(bytes.Repeat([]byte{'x'}, i%7*100))
		var conflict *binding.ConflictError
		err := db.Bind(ctx, b)
		if err == nil {
			p.note(func() { p.bound[id] = true })
			told("bound " + id)
		} else if !errors.As(err, &conflict) && !errors.Is(err, binding.ErrCrowded) {
			t.Errorf("bind: %v", err)
			return
		}
		if err == nil && i%3 != 1 {
			_, err := db.Change(ctx, id, func(b *binding.Binding) error {
				b.A, b.UpdatedAt = testNumber(t, 50_000_000+i*lanes+lane), b.CreatedAt
				return nil
			})
			if err != nil {
				t.Errorf("change: %v", err)
				return
			}
			p.note(func() { p.changed[id] = true })
			told("changed " + id)
		}
		if err == nil && i%3 == 0 {
			if _, err := db.Unbind(ctx, id, b.CreatedAt.Add(1)); err != nil {
				t.Errorf("unbind: %v", err)
				return
			}
			p.note(func() { p.ended[id] = true })
			told("ended " + id)
		}
		r := testRecord(id)
		r.Binding, r.CallerIn.Number = id, b.A
		if i%4 != 0 {
			c := make(chan error, 1)
			db.Journal().Open(r, func(err error) { c <- err })
			if err := <-c; err != nil {
				t.Errorf("open: %v", err)
				return
			}
			p.note(func() { p.opened[id] = true })
			told("opened " + id)
		}
		if i%4 != 1 {
			c := make(chan error, 1)
			var seq uint64
			db.Journal().Close(r, func(n uint64, err error) { seq = n; c <- err })
			if err := <-c; err != nil {
				t.Errorf("close: %v", err)
				return
			}
			p.note(func() { p.closed[id] = seq })
			told(fmt.Sprintf("closed %s %d", id, seq))
		}
	}
}

func (p *promises) note(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// TestNothingAcknowledgedIsLostInACrash takes the disk away at many moments under load: what was synced stays, and of
// what was not an arbitrary part. Small tables make it flush and compact meanwhile.
func TestNothingAcknowledgedIsLostInACrash(t *testing.T) {
	const seed = 700
	random := rand.New(rand.NewPCG(seed, 1))
	mem := vfs.NewCrashableMem()
	o := memOptions(t, nil)
	o.fs, o.MemTableSize = mem, 256<<10
	db := mustOpen(t, o)
	holdBlock(t, db)
	p := newPromises()
	stop := make(chan struct{})
	// Writers stand still while a crash is looked into: each round they are allowed so many answers.
	const round = 100
	allowed, progress := make(chan struct{}, round), make(chan struct{}, 2*round)
	told := func(string) {
		progress <- struct{}{}
		<-allowed
	}
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() { p.writer(t, db, w, stop, told) })
	}
	for crash := range 15 {
		for len(allowed) > 0 {
			<-allowed
		}
		for range round {
			allowed <- struct{}{}
		}
		for range random.IntN(round) {
			answer(t, progress)
		}
		before := p.copy()
		clone := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[crash%3], RNG: random})
		again := o
		again.fs = clone
		again.KeyFile = copyKeys(t, o.KeyFile)
		reopened, err := Open(again)
		if err != nil {
			t.Fatalf("crash %d: %v", crash, err)
		}
		before.kept(t, reopened)
		// And it goes on: the numbering too.
		last := reopened.LastSeq()
		if seq, err := closeCall(t, reopened, testRecord("after the crash")); err != nil || seq != last+1 {
			t.Fatalf("crash %d: closed as %d after %d, %v", crash, seq, last, err)
		}
		mustClose(t, reopened)
	}
	close(stop)
	close(allowed)
	go func() {
		for range progress {
		}
	}()
	all.Wait()
	close(progress)
	mustClose(t, db)
	if len(p.bound) < 100 || len(p.closed) < 100 {
		t.Errorf("only %d bindings and %d records were written", len(p.bound), len(p.closed))
	}
}

// TestFirstStartMayCrashAnywhere takes the disk away before each operation of the first start.
func TestFirstStartMayCrashAnywhere(t *testing.T) {
	type moment struct {
		disk *vfs.MemFS
		key  string // a copy of the key file and of the ring, as far as they were there
	}
	mem := vfs.NewCrashableMem()
	o := memOptions(t, nil)
	random := rand.New(rand.NewPCG(700, 2))
	var mu sync.Mutex // operations come from several goroutines
	var moments []moment
	recording := true
	o.fs = errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if recording && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[len(moments)%3], RNG: random}
			moments = append(moments, moment{mem.CrashClone(cfg), copyKeys(t, o.KeyFile)})
		}
		return nil
	}))
	db := mustOpen(t, o)
	holdBlock(t, db)
	mu.Lock()
	recording = false
	mu.Unlock()
	mustClose(t, db)
	if len(moments) < 20 {
		t.Fatalf("only %d moments", len(moments))
	}
	keys := 0
	for i, m := range moments {
		again := o
		again.fs = m.disk
		again.KeyFile = m.key
		_, none := os.Stat(m.key)
		if none == nil {
			keys++
		}
		db, err := Open(again)
		if err != nil {
			t.Fatalf("moment %d of %d, key file %v: %v", i, len(moments), none == nil, err)
		}
		if !db.Holds(testBlock) {
			holdBlock(t, db)
		}
		mustBind(t, db, testPair(t, "x", 1))
		if _, err := closeCall(t, db, cdr.Record{ID: "x"}); err != nil {
			t.Fatal(err)
		}
		checked(t, db)
		mustClose(t, db)
	}
	if keys == 0 || keys == len(moments) {
		t.Errorf("the key file was there in %d of %d moments", keys, len(moments))
	}
}

// copyKeys copies what there is of a key file and the ring beside it to another directory, as a crash now would leave them.
func copyKeys(t testing.TB, keyFile string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "mask700.key")
	for _, suffix := range []string{"", ".ring"} {
		b, err := os.ReadFile(keyFile + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if err := os.WriteFile(to+suffix, b, 0o600); err != nil {
			t.Error(err)
		}
	}
	return to
}
