package store

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mask700/binding"
	"mask700/binding/cdr"
)

// valve is a disk that hangs while it is shut, as a full one does to Pebble, or fails.
type valve struct {
	mu     sync.Mutex
	shut   chan struct{} // closed when it opens; nil: open
	broken error
}

func (v *valve) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shut = make(chan struct{})
}

func (v *valve) open() {
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.shut)
	v.shut = nil
}

func (v *valve) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.broken = err
}

// MaybeError implements errorfs.Injector for the logs.
func (v *valve) MaybeError(op errorfs.Op) error {
	if !strings.HasSuffix(op.Path, ".log") {
		return nil
	}
	switch op.Kind {
	case errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo, errorfs.OpFileFlush:
	default:
		return nil
	}
	v.mu.Lock()
	shut, broken := v.shut, v.broken
	v.mu.Unlock()
	if shut != nil {
		<-shut
	}
	return broken
}

func (v *valve) String() string { return "valve" }

// memOptions are of a store in memory behind a valve.
func memOptions(t testing.TB, v *valve) Options {
	t.Helper()
	o := options(t, t.TempDir())
	o.Dir = "/data"
	o.WriteTimeout = time.Hour
	o.fs = vfs.NewMem()
	if v != nil {
		o.fs = errorfs.Wrap(o.fs, v)
	}
	return o
}

func TestHangingDiskHangsNobody(t *testing.T) {
	ctx := context.Background()
	v := new(valve)
	o := memOptions(t, v)
	db := mustOpen(t, o)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, "before", 1))
	if _, err := closeCall(t, db, testRecord("before")); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	o.WriteTimeout = 100 * time.Millisecond // nothing has to be as fast as that from here on
	db = mustOpen(t, o)

	v.close()
	first := testPair(t, "first", 2)
	if err := db.Bind(ctx, first); !errors.Is(err, ErrStalled) {
		t.Errorf("bind: %v", err)
	}
	// Its number is still locked: nobody knows yet whether it is bound.
	if err := db.Bind(ctx, testPair(t, "second", 2)); !errors.Is(err, ErrStalled) {
		t.Errorf("bind on a number in doubt: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if err := db.Bind(short, testPair(t, "third", 3)); !errors.Is(err, ErrStalled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("bind with a deadline: %v", err)
	}
	if _, err := db.Unbind(ctx, "before", testStart.Add(time.Hour)); !errors.Is(err, ErrStalled) {
		t.Errorf("unbind: %v", err)
	}
	for name, err := range map[string]error{
		"add":        db.AddBlock(ctx, binding.BlockState{Block: testBlock + 1, State: binding.BlockOpen}),
		"add two":    db.AddBlock(ctx, binding.BlockState{Block: testBlock + 2, State: binding.BlockOpen}),
		"remove":     db.RemoveBlock(ctx, testBlock),
		"new tenant": db.AddBlock(ctx, binding.BlockState{Block: testBlock + 3, State: binding.BlockOpen, Tenant: "new"}),
		"open":       openCall(t, db, testRecord("opened")),
	} {
		if !errors.Is(err, ErrStalled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if seq, err := closeCall(t, db, testRecord("closed")); seq != 0 || !errors.Is(err, ErrStalled) {
		t.Errorf("close: %d, %v", seq, err)
	}
	if s := db.Stats(); s.Bindings.Waiting == 0 {
		t.Errorf("nothing is said to wait: %+v", s)
	}

	// Questions are answered all the time.
	if rows, err := db.OnX(ctx, testBlock.Number(1)); err != nil || len(rows) != 1 {
		t.Errorf("on a number: %d rows, %v", len(rows), err)
	}
	if !db.Holds(testBlock) || db.Holds(testBlock+1) {
		t.Error("blocks are not as they were")
	}
	if db.LastSeq() != 1 {
		t.Errorf("last seq %d is not on disk", db.LastSeq())
	}
	if _, err := db.Record(ctx, "closed"); !errors.Is(err, cdr.ErrNotFound) {
		t.Errorf("a record that is not on disk is shown: %v", err)
	}

	v.open()
	// What was handed to the disk gets there; the same number is free to be asked for again.
	bindUntilAnswered(t, db, testPair(t, "fourth", 2), "first")
	for {
		seq, err := closeCall(t, db, testRecord("closed"))
		if errors.Is(err, ErrStalled) {
			continue
		}
		if seq != 2 || err != nil && !errors.Is(err, cdr.ErrClosed) {
			t.Errorf("closed as %d, %v", seq, err)
		}
		break
	}
	checked(t, db)
	mustClose(t, db)
}

// bindUntilAnswered binds until the disk answers: with success or with a conflict with the binding that was in doubt.
func bindUntilAnswered(t *testing.T, db *DB, b binding.Binding, doubtful string) {
	t.Helper()
	for {
		var conflict *binding.ConflictError
		switch err := db.Bind(context.Background(), b); {
		case errors.Is(err, ErrStalled):
		case err == nil, errors.As(err, &conflict) && conflict.Binding == doubtful:
			return
		default:
			t.Fatalf("bind: %v", err)
		}
	}
}

func TestFullQueueIsAnError(t *testing.T) {
	v := new(valve)
	o := memOptions(t, v)
	o.QueueLimit = 8
	db := mustOpen(t, o)
	v.close()
	// At most groupsInFlight+2 groups of at least one write leave the queue before it fills.
	const n = (groupsInFlight+2)*maxGroup + 100
	answers := make(chan error, n)
	for i := range n {
		db.Journal().Open(testRecord(testID(i)), func(err error) { answers <- err })
	}
	if err := answer(t, answers); !errors.Is(err, ErrBusy) {
		t.Errorf("the first answer is %v", err)
	}
	v.open()
	written, busy := 0, 1
	for range n - 1 {
		switch err := answer(t, answers); {
		case err == nil:
			written++
		case errors.Is(err, ErrBusy):
			busy++
		default:
			t.Fatal(err)
		}
	}
	if r := checked(t, db); r.Open != uint64(written) || written < 8 || busy == 0 {
		t.Errorf("%d written, %d busy, %d there", written, busy, r.Open)
	}
	mustClose(t, db)
}

func TestQueuedWriteThatIsGivenUpIsNotWritten(t *testing.T) {
	v := new(valve)
	o := memOptions(t, v)
	db := mustOpen(t, o)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, testID(5000), 5000)) // makes the key of the month
	v.close()
	// Fill the way to the disk, so that what follows stays in the queue.
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			if err := db.Bind(ctx, testPair(t, testID(i), i)); !errors.Is(err, context.Canceled) {
				t.Errorf("bind: %v", err)
			}
		})
	}
	for s := db.Stats().Bindings; uint64(s.Queued)+s.Writes < 32; s = db.Stats().Bindings {
		runtime.Gosched()
	}
	cancel()
	all.Wait()
	if q := db.Stats().Bindings.Queued; q != 0 {
		t.Errorf("%d are still queued", q)
	}
	v.open()
	for i := range 64 {
		b := testPair(t, testID(1000+i), i)
		b.A, b.B = testNumber(t, 10000+2*i), testNumber(t, 10001+2*i)
		mustBind(t, db, b) // every lock was let go
	}
	checked(t, db)
	mustClose(t, db)
}

func TestCloseDoesNotHangOnAHangingDisk(t *testing.T) {
	v := new(valve)
	o := memOptions(t, v)
	o.WriteTimeout = 100 * time.Millisecond
	db := mustOpen(t, o)
	v.close()
	stalled := make(chan error, 1)
	db.Journal().Open(testRecord("x"), func(err error) { stalled <- err })
	if err := db.Close(); !errors.Is(err, ErrStalled) {
		t.Errorf("close: %v", err)
	}
	if err := answer(t, stalled); !errors.Is(err, ErrStalled) {
		t.Errorf("open: %v", err)
	}
	v.open()
	<-db.journal.writes.done
}

func TestBrokenLogIsFatal(t *testing.T) {
	v := new(valve)
	o := memOptions(t, v)
	fatal := make(chan error, 16)
	o.Fatal = func(err error) {
		fatal <- err
		select {} // it must not return
	}
	db := mustOpen(t, o)
	v.fail(errors.New("broken disk"))
	db.Journal().Open(testRecord("x"), func(err error) { t.Errorf("answered %v, although nothing is certain", err) })
	if err := answer(t, fatal); err == nil || !strings.Contains(err.Error(), "broken disk") {
		t.Errorf("fatal: %v", err)
	}
}
