package store

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store/storetest"
)

// dial has a call to x refused, of a caller whom nothing is known of.
func dial(t testing.TB, db *DB, x binding.X, who binding.Number, at time.Time, change ...func(*cdr.Record)) {
	t.Helper()
	dials.Lock()
	dials.n++
	r := testRecord(testID(dials.n))
	dials.Unlock()
	r.ReceivedAt, r.ReleasedAt, r.End, r.Refusal = at, at, cdr.EndRefused, binding.RefusalNoBinding
	r.CallerIn.Number, r.CalleeIn.X = who, x
	for _, c := range change {
		c(&r)
	}
	if _, err := closeCall(t, db, r); err != nil {
		t.Fatalf("record: %v", err)
	}
}

var dials struct {
	sync.Mutex
	n int
}

func TestQuarantine(t *testing.T) {
	storetest.Quarantine(t, func(t *testing.T, rest time.Duration) (binding.Store, storetest.Dialled) {
		o := options(t, t.TempDir())
		o.Quarantine = rest
		db := mustOpen(t, o)
		t.Cleanup(func() {
			checked(t, db)
			mustClose(t, db)
		})
		return db, func(x binding.X, who binding.Number, at time.Time) {
			// Within an hour it is not written again.
			for i := range db.contacts.recent {
				db.contacts.recent[i].Store(0)
			}
			dial(t, db, x, who, at)
		}
	})
}

func TestClocks(t *testing.T) {
	storetest.Clocks(t, func(t *testing.T, now func() time.Time, rest time.Duration) (binding.Store, storetest.Dialled) {
		o := memOptions(t, nil)
		o.Quarantine, o.Now = rest, now
		db := mustOpen(t, o)
		t.Cleanup(func() {
			checked(t, db)
			mustClose(t, db)
		})
		return db, func(x binding.X, who binding.Number, at time.Time) {
			for i := range db.contacts.recent {
				db.contacts.recent[i].Store(0)
			}
			dial(t, db, x, who, at)
		}
	})
}

func TestClockAhead(t *testing.T) {
	t.Parallel()
	storetest.ClockAhead(t, func(t *testing.T, now func() time.Time, gone func() time.Duration, rest time.Duration) (storetest.AheadStore, storetest.Dialled) {
		o := memOptions(t, nil)
		o.Quarantine, o.Now, o.Steady = rest, now, gone
		db := mustOpen(t, o)
		t.Cleanup(func() {
			checked(t, db)
			mustClose(t, db)
		})
		return db, func(x binding.X, who binding.Number, at time.Time) { dial(t, db, x, who, at) }
	})
}

// contactRows is how many rows there are.
func contactRows(t testing.TB, db *DB) (n int) {
	t.Helper()
	err := scan(db.cdr, []byte{tableContact}, []byte{tableContact + 1}, func(key, value []byte) (bool, error) {
		n++
		_, err := parseContact(key, value)
		return true, err
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestWhatIsKeptOfWhoDialled(t *testing.T) {
	carried := func(r *cdr.Record) { r.Binding, r.Refusal, r.End = "some", "", cdr.EndCompleted }
	decided := func(shown binding.X) func(*cdr.Record) {
		return func(r *cdr.Record) {
			carried(r)
			r.Evidence = cdr.EvidenceRemote + "rides"
			r.CallerOut, r.CalleeOut = cdr.Party{X: shown}, cdr.Party{Number: testNumber(t, 2)}
		}
	}
	for name, c := range map[string]struct {
		options func(*Options)
		change  func(*cdr.Record)
		want    int
	}{
		"refused":                   {nil, nil, 1},
		"no quarantine":             {func(o *Options) { o.Quarantine = 0 }, nil, 0},
		"carried":                   {nil, carried, 0},
		"carried for a stranger":    {func(o *Options) { o.Strangers = true }, carried, 1},
		"refused to a party":        {nil, func(r *cdr.Record) { r.Binding, r.Refusal = "some", binding.RefusalExpired }, 1},
		"block not held":            {nil, func(r *cdr.Record) { r.CalleeIn.X = (testBlock + 1).Number(1) }, 0},
		"decided by an endpoint":    {nil, decided(testBlock.Number(2)), 2},
		"that shows no number held": {nil, decided((testBlock + 1).Number(2)), 1},
		"refused by an endpoint":    {nil, func(r *cdr.Record) { r.Evidence = cdr.EvidenceRemote + "rides: refused" }, 1},
		"no caller":                 {nil, func(r *cdr.Record) { r.CallerIn = cdr.Party{} }, 0},
		"caller shows a 700 number": {nil, func(r *cdr.Record) { r.CallerIn = cdr.Party{X: testBlock.Number(2)} }, 0},
		"nothing called":            {nil, func(r *cdr.Record) { r.CalleeIn = cdr.Party{} }, 0},
	} {
		o := options(t, t.TempDir())
		o.Quarantine = time.Hour
		if c.options != nil {
			c.options(&o)
		}
		db := mustOpen(t, o)
		holdBlock(t, db)
		dial(t, db, testBlock.Number(1), testNumber(t, 1), testStart, func(r *cdr.Record) {
			if c.change != nil {
				c.change(r)
			}
		})
		if got := contactRows(t, db); got != c.want || int(db.contacts.rows.Load()) != c.want {
			t.Errorf("%s: %d rows, %d counted, want %d", name, got, db.contacts.rows.Load(), c.want)
		}
		mustClose(t, db)
	}
}

// TestWhoWasConnectedByAnEndpointIsKeptOff: nothing is stored of whom an endpoint connects, and both may call the other's number
// when it is somebody else's.
func TestWhoWasConnectedByAnEndpointIsKeptOff(t *testing.T) {
	t.Parallel()
	o := memOptions(t, nil)
	o.Quarantine = time.Hour
	db := mustOpen(t, o)
	defer mustClose(t, db)
	holdBlock(t, db)
	x, y := testBlock.Number(1), testBlock.Number(2)
	dial(t, db, x, testNumber(t, 1), testStart, func(r *cdr.Record) {
		r.Binding, r.Refusal, r.End, r.Evidence = "none", "", cdr.EndCompleted, cdr.EvidenceRemote+"rides; allow T-1"
		r.CallerOut, r.CalleeOut = cdr.Party{X: y}, cdr.Party{Number: testNumber(t, 2)}
	})
	for i, c := range []struct {
		x    binding.X
		who  int
		kept bool
	}{{x, 1, true}, {y, 2, true}, {x, 2, false}, {y, 1, false}} {
		b := testPair(t, testID(i), 10+i)
		b.X, b.A, b.CreatedAt = c.x, testNumber(t, c.who), testStart.Add(time.Minute)
		if err := db.Bind(context.Background(), b); errors.Is(err, binding.ErrQuarantine) != c.kept || !c.kept && err != nil {
			t.Errorf("number %d on %v: %v", c.who, c.x, err)
		}
	}
}

func TestOneRowForWhoGoesOnDialling(t *testing.T) {
	o := options(t, t.TempDir())
	o.Quarantine, o.ContactLimit = 24*time.Hour, 3
	db := mustOpen(t, o)
	holdBlock(t, db)
	x := testBlock.Number(1)
	hour := testStart.Truncate(time.Hour)
	for i := range 50 {
		dial(t, db, x, testNumber(t, 1), hour.Add(time.Duration(i)*time.Minute))
	}
	if n := db.contacts.rows.Load(); n != 1 {
		t.Errorf("%d rows written within an hour", n)
	}
	dial(t, db, x, testNumber(t, 1), hour.Add(time.Hour))
	if n, rows := db.contacts.rows.Load(), contactRows(t, db); n != 2 || rows != 1 {
		t.Errorf("%d written, %d rows, an hour later", n, rows)
	}
	dial(t, db, x, testNumber(t, 2), hour)
	for range 5 {
		dial(t, db, x, testNumber(t, 3), hour) // one too many
	}
	if rows, lost := contactRows(t, db), db.contacts.lost.Load(); rows != 2 || lost != 5 {
		t.Errorf("%d rows, %d lost", rows, lost)
	}
	deleted, left, err := db.SweepContacts(context.Background(), hour.Add(time.Hour))
	if err != nil || deleted != 0 || left != 2 || db.contacts.rows.Load() != 2 {
		t.Errorf("swept %d, left %d, %v", deleted, left, err)
	}
	dial(t, db, x, testNumber(t, 3), hour)
	if rows := contactRows(t, db); rows != 3 {
		t.Errorf("%d rows after it was counted", rows)
	}
	mustClose(t, db)
}

func TestSweepOfContacts(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	o.Quarantine = 24 * time.Hour
	db := mustOpen(t, o)
	holdBlock(t, db)
	x := testBlock.Number(1)
	for n := range 20 {
		dial(t, db, x, testNumber(t, n), testStart.Add(time.Duration(n)*time.Hour))
	}
	mustClose(t, db)
	db = mustOpen(t, o) // how many there are is not known now
	asked := func(n int, at time.Time) bool {
		until, err := db.dialled(x, []binding.Number{testNumber(t, n)}, at)
		if err != nil {
			t.Error(err)
		}
		return !until.IsZero()
	}
	if !asked(5, testStart.Add(20*time.Hour)) || asked(30, testStart.Add(20*time.Hour)) {
		t.Error("another answer after a restart")
	}
	deleted, left, err := db.SweepContacts(ctx, testStart.Add(30*time.Hour))
	if err != nil || deleted != 6 || left != 14 || contactRows(t, db) != 14 || db.contacts.rows.Load() != 14 {
		t.Errorf("swept %d, left %d, %v; %d rows, %d counted", deleted, left, err, contactRows(t, db), db.contacts.rows.Load())
	}
	if n, err := db.EraseContacts(ctx, testNumber(t, 10)); err != nil || n != 1 || asked(10, testStart.Add(11*time.Hour)) {
		t.Errorf("erased %d, %v", n, err)
	}
	if n, err := db.EraseContacts(ctx, testNumber(t, 10)); err != nil || n != 0 {
		t.Errorf("erased again %d, %v", n, err)
	}
	// A damaged row is a fault of Check, and goes with the next sweep.
	key := contactKey(x, db.contactHash(testNumber(t, 77)))
	if err := db.cdr.Set(key, []byte{rowVersion}, nil); err != nil {
		t.Fatal(err)
	}
	if r, err := db.Check(ctx); err != nil || r.Faults != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	mustClose(t, db)
	o.Quarantine = 0
	db = mustOpen(t, o)
	if deleted, left, err := db.SweepContacts(ctx, testStart); err != nil || deleted != 14 || left != 0 || contactRows(t, db) != 0 {
		t.Errorf("without a quarantine: swept %d, left %d, %v", deleted, left, err)
	}
	checked(t, db)
	mustClose(t, db)
}

// TestSweepInPages: what is behind the first page is swept as well, and what is written again meanwhile stays.
func TestSweepInPages(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	o.Quarantine = time.Hour
	db := mustOpen(t, o)
	defer mustClose(t, db)
	holdBlock(t, db)
	b := db.cdr.NewBatch()
	const rows = 2*contactPage + 10
	for i := range rows {
		at := testStart
		if i%2 == 0 {
			at = testStart.Add(2 * time.Hour)
		}
		value := binary.BigEndian.AppendUint32([]byte{rowVersion}, second(at))
		if err := b.Set(contactKey(testBlock.Number(i%100), db.contactHash(testNumber(t, i))), value, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Commit(nil); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for i := 1; i < 200; i += 2 {
			dial(t, db, testBlock.Number(i%100), testNumber(t, i), testStart.Add(2*time.Hour))
		}
	})
	if _, _, err := db.SweepContacts(ctx, testStart.Add(2*time.Hour)); err != nil {
		t.Error(err)
	}
	all.Wait()
	if got := contactRows(t, db); got != rows/2+100 {
		t.Errorf("%d rows, want %d", got, rows/2+100)
	}
}

// BenchmarkBindOnOldNumber binds on a number that others were on within the quarantine.
func BenchmarkBindOnOldNumber(b *testing.B) {
	for _, old := range []int{0, 10, 100, 500} {
		b.Run(strconv.Itoa(old), func(b *testing.B) {
			o := options(b, b.TempDir())
			o.Quarantine = 90 * 24 * time.Hour
			db := mustOpen(b, o)
			defer mustClose(b, db)
			holdBlock(b, db)
			for n := range old {
				row := testPair(b, testID(n), n)
				row.X, row.CreatedAt = testBlock.Number(1), testStart.Add(time.Duration(n)*time.Minute)
				row.ExpiresAt = row.CreatedAt.Add(time.Minute)
				mustBind(b, db, row)
			}
			row := testPair(b, "new", 5000)
			row.X, row.CreatedAt = testBlock.Number(1), testStart.Add(24*time.Hour)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := db.free(&row, row.X, wish{who: row.Parties()}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
