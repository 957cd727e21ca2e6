package store

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"mask700/binding"
	"mask700/binding/cdr"
)

const person = 4 // the number that is erased: A of testPair(2)

// lived fills a store with two of everything: of the person and of others.
func lived(t *testing.T, db *DB) {
	t.Helper()
	holdBlock(t, db)
	ctx := context.Background()
	end := func(id string) {
		if _, err := db.Unbind(ctx, id, testStart.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	axyb := testPair(t, testID(2), 2)
	axyb.Mode, axyb.Y, axyb.Consent = binding.ModeAXYB, testBlock.Number(5002), "consent of the person"
	mustBind(t, db, axyb)
	mustChange(t, db, axyb.ID, func(b *binding.Binding) { b.Consent = "another consent" })
	former := testPair(t, testID(7), 7) // of whom the person was a party once
	former.A = testNumber(t, person)
	mustBind(t, db, former)
	mustChange(t, db, former.ID, func(b *binding.Binding) { b.A = testNumber(t, 99) })
	group := testPair(t, testID(8), 8)
	group.Mode, group.A, group.Group = binding.ModeGXB, binding.Number{}, []binding.Number{testNumber(t, 50), testNumber(t, person)}
	mustBind(t, db, group)
	others := testPair(t, testID(3), 3)
	others.Consent = "consent of others"
	mustBind(t, db, others)
	for _, id := range []string{axyb.ID, former.ID, group.ID} {
		end(id)
	}
	for i, r := range []cdr.Record{
		{ID: "his call", Binding: axyb.ID, CallerIn: cdr.Party{Number: testNumber(t, person)}, CalleeOut: cdr.Party{Number: testNumber(t, 5)}, Media: cdr.Media{Recording: cdr.Recording{ID: "hiscall", Bytes: 1}}},
		{ID: "his text", Kind: cdr.KindText, Binding: axyb.ID, CallerIn: cdr.Party{Number: testNumber(t, 5)}, CalleeOut: cdr.Party{Number: testNumber(t, person)}},
		{ID: "his refused call", Refusal: binding.RefusalNoBinding, CallerIn: cdr.Party{Number: testNumber(t, person)}, CalleeIn: cdr.Party{X: testBlock.Number(77)}},
		{ID: "call of others", Binding: others.ID, CallerIn: cdr.Party{Number: testNumber(t, 6)}, CalleeOut: cdr.Party{Number: testNumber(t, 7)}},
		{ID: "refused call of others", Refusal: binding.RefusalNoBinding, CallerIn: cdr.Party{Number: testNumber(t, 6)}, CalleeIn: cdr.Party{X: testBlock.Number(77)}},
	} {
		r.ReceivedAt, r.ReleasedAt = testStart, testStart.Add(time.Duration(i)*time.Minute)
		if _, err := closeCall(t, db, r); err != nil {
			t.Fatal(err)
		}
	}
	for i, b := range []binding.Bar{
		{Number: testNumber(t, person)}, {Number: testNumber(t, 6), Peer: testNumber(t, person)}, {Number: testNumber(t, 6), Peer: testNumber(t, 7)},
	} {
		b.ID, b.Direction, b.CreatedAt, b.Reason = testID(i), binding.BarBoth, testStart, "asked for it"
		if _, err := db.AddBar(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
}

// erasedOptions keep who dialled what.
func erasedOptions(t *testing.T) Options {
	o := memOptions(t, nil)
	o.Quarantine, o.Now = 24*time.Hour, func() time.Time { return testStart.Add(2 * time.Hour) }
	return o
}

// nothingLeft looks for the person everywhere, and sees that what had to stay is there.
func nothingLeft(t *testing.T, db *DB) {
	t.Helper()
	ctx := context.Background()
	who := testNumber(t, person)
	for _, f := range []binding.Filter{{Number: who}, {Consent: "consent of the person"}, {Consent: "another consent"}} {
		if err := db.List(ctx, f, func(b binding.Binding) error { t.Errorf("binding %s is found", b.ID); return nil }); err != nil {
			t.Error(err)
		}
	}
	if err := db.History(ctx, binding.HistoryQuery{Number: who}, func(h binding.Holding) error { t.Errorf("%s is in the history", h.Binding.ID); return nil }); err != nil {
		t.Error(err)
	}
	stands := make(map[binding.Number]bool) // in the person's place
	if err := db.List(ctx, binding.Filter{}, func(b binding.Binding) error {
		if b.HadParty(who) || strings.Contains(b.Consent, "person") {
			t.Errorf("binding %s has the person", b.ID)
		}
		for _, n := range append(b.Parties(), changed(&b)...) {
			if n.IsErased() {
				stands[n] = true
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	records := 0
	if err := db.Records(ctx, cdr.Filter{}, func(r cdr.Record) error {
		if records++; recordHas(&r, who) {
			t.Errorf("record %d has the person", r.Seq)
		}
		for _, p := range []cdr.Party{r.CallerIn, r.CalleeIn, r.CallerOut, r.CalleeOut} {
			if p.Number.IsErased() {
				stands[p.Number] = true
			}
		}
		return nil
	}); err != nil || records != 5 {
		t.Errorf("%d records, %v", records, err)
	}
	if len(stands) != 1 {
		t.Errorf("%d numbers stand in the place of one", len(stands))
	}
	for n := range stands {
		if !strings.HasPrefix(n.String(), "erased-") {
			t.Errorf("it shows itself as %s", n)
		}
		found := 0
		if err := db.History(ctx, binding.HistoryQuery{Number: n}, func(binding.Holding) error { found++; return nil }); err != nil || found != 4 {
			t.Errorf("%d stretches are one person's still, %v", found, err)
		}
	}
	bars := 0
	if err := db.Bars(ctx, binding.BarFilter{}, func(b binding.Bar) error {
		if bars++; b.Number == who || b.Peer == who {
			t.Errorf("entry %s has the person", b.ID)
		}
		return nil
	}); err != nil || bars != 1 {
		t.Errorf("%d entries of block lists, %v", bars, err)
	}
	for _, hash := range [][]byte{hashBytes(db.numberHash(who)), hashBytes(db.barHash(who)), hashBytes(db.contactHash(who))} {
		for _, e := range []*engine{db.bind, db.cdr} {
			if err := scan(e, nil, []byte{0xff}, func(key, value []byte) (bool, error) {
				if bytes.Contains(key, hash) || bytes.Contains(value, hash) {
					t.Errorf("a row of table %c has its hash", key[0])
				}
				return true, nil
			}); err != nil {
				t.Error(err)
			}
		}
	}
	if all, err := db.erasings(ctx, nil); err != nil || len(all) != 0 {
		t.Errorf("%d erasures are left, %v", len(all), err)
	}
	// Others are as they were.
	if b, err := db.Binding(ctx, testID(3)); err != nil || b.Consent != "consent of others" || b.A != testNumber(t, 6) {
		t.Errorf("the binding of others: %v", err)
	}
	if b, err := db.Binding(ctx, testID(2)); err != nil || b.B != testNumber(t, 5) || b.Order != "order "+testID(2) {
		t.Errorf("the other side of his binding: %v", err)
	}
	if r, err := db.Record(ctx, "his call"); err != nil || r.CalleeOut.Number != testNumber(t, 5) || r.Binding != testID(2) {
		t.Errorf("the record of his call: %v", err)
	}
	if r, err := db.Check(ctx); err != nil || !r.OK() {
		t.Errorf("%v\n%s", err, r)
	}
}

func changed(b *binding.Binding) (all []binding.Number) {
	for _, c := range b.Changes {
		all = append(all, c.In, c.Out)
	}
	return all
}

func hashBytes[H ~[13]byte](h H) []byte { return h[:] }

// A person is taken out of bindings, of records of calls and texts, of block lists and of what is known of who dialled what;
// what has to be kept stays with a number in the place that is nobody's.
func TestErasePerson(t *testing.T) {
	ctx := context.Background()
	db := mustOpen(t, erasedOptions(t))
	defer func() { mustClose(t, db) }()
	lived(t, db)
	var said []string
	begin := func(id string) error { said = append(said, "begin "+id); return nil }
	done := func(p PersonErased) error { said = append(said, "done "+p.ID); return nil }
	p, err := db.ErasePerson(ctx, testNumber(t, person), "he asked", false, begin, done)
	if err != nil {
		t.Fatal(err)
	}
	if p.Bindings != 3 || p.Records != 3 || p.Contacts != 1 || p.Bars != 2 || strings.Join(p.Recordings, " ") != "hiscall" || len(p.Digest) != 64 {
		t.Errorf("%s, recordings %v", p, p.Recordings)
	}
	if strings.Join(said, ", ") != "begin "+p.ID+", done "+p.ID {
		t.Errorf("noted %v", said)
	}
	nothingLeft(t, db)
	// He may come anew, and be erased again.
	again := testPair(t, testID(20), 20)
	again.A, again.CreatedAt, again.ExpiresAt = testNumber(t, person), testStart.Add(time.Hour), testStart.Add(90*time.Minute)
	again.X = testBlock.Number(2)
	mustBind(t, db, again)
	if p, err := db.ErasePerson(ctx, testNumber(t, person), "he asked", false, begin, done); err != nil || p.Bindings != 1 || p.Records != 0 {
		t.Errorf("%s, %v", p, err)
	}
	if p, err := db.ErasePerson(ctx, testNumber(t, 4000), "he asked", false, begin, done); err != nil || p.Bindings+p.Records+p.Contacts+p.Bars != 0 {
		t.Errorf("of nobody: %s, %v", p, err)
	}
}

// What lives is in the way, and so is a call that goes on: nothing is changed then, or it is done when that is over.
func TestErasureWaits(t *testing.T) {
	ctx := context.Background()
	o := erasedOptions(t)
	o.WriteTimeout = 300 * time.Millisecond // for which it waits for calls to end
	db := mustOpen(t, o)
	defer func() { mustClose(t, db) }()
	lived(t, db)
	never := func(string) error { t.Error("it has begun"); return nil }
	undone := func(PersonErased) error { t.Error("it is done"); return nil }
	if _, err := db.ErasePerson(ctx, testNumber(t, 6), "he asked", false, never, undone); !errors.Is(err, ErrLiveBindings) {
		t.Errorf("of a party of what lives: %v", err)
	}
	refused := errors.New("no room in the audit log")
	if _, err := db.ErasePerson(ctx, testNumber(t, person), "he asked", false, func(string) error { return refused }, undone); !errors.Is(err, refused) {
		t.Errorf("what cannot be noted: %v", err)
	}
	if b, err := db.Binding(ctx, testID(2)); err != nil || b.A != testNumber(t, person) {
		t.Errorf("what was not begun has changed something: %v", err)
	}
	live := testRecord("goes on")
	live.CallerIn.Number = testNumber(t, person)
	if err := openCall(t, db, live); err != nil {
		t.Fatal(err)
	}
	begin := func(string) error { return nil }
	if _, err := db.ErasePerson(ctx, testNumber(t, person), "he asked", false, begin, undone); !errors.Is(err, ErrCallsGoOn) {
		t.Errorf("during a call: %v", err)
	}
	if err := db.FinishErasures(ctx, func(PersonErased, string) error { t.Error("it is done"); return nil }); !errors.Is(err, ErrCallsGoOn) {
		t.Errorf("during a call: %v", err)
	}
	if _, err := closeCall(t, db, live); err != nil {
		t.Fatal(err)
	}
	if err := db.FinishErasures(ctx, func(PersonErased, string) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("an account that cannot be noted: %v", err)
	}
	n := 0
	if err := db.FinishErasures(ctx, func(p PersonErased, reason string) error {
		if n++; p.Bindings != 3 || p.Records != 4 || reason != "he asked" {
			t.Errorf("%s, for %q", p, reason)
		}
		return nil
	}); err != nil || n != 1 {
		t.Errorf("%d done, %v", n, err)
	}
	if all, err := db.erasings(ctx, nil); err != nil || len(all) != 0 {
		t.Errorf("%d erasures are left, %v", len(all), err)
	}
}

// What was unbound is over, also where the clock that says so is not believed: not what it alone has expire.
func TestErasureUnderAClockThatIsNotBelieved(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := memOptions(t, nil)
	now := testStart
	o.Now, o.Steady = func() time.Time { return now }, func() time.Duration { return 0 }
	db := mustOpen(t, o)
	defer func() { mustClose(t, db) }()
	holdBlock(t, db)
	unbound, expiring := testPair(t, testID(1), 1), testPair(t, testID(2), 2)
	expiring.ExpiresAt = testStart.Add(2 * day)
	mustBind(t, db, unbound)
	mustBind(t, db, expiring)
	now = testStart.Add(40 * day)
	begin, done := func(string) error { return nil }, func(PersonErased) error { return nil }
	for _, b := range []binding.Binding{unbound, expiring} {
		if _, err := db.ErasePerson(ctx, b.A, "he asked", false, begin, done); !errors.Is(err, ErrLiveBindings) {
			t.Errorf("%s: %v", b.ID, err)
		}
	}
	if _, err := db.Unbind(ctx, unbound.ID, now); err != nil {
		t.Fatal(err)
	}
	if p, err := db.ErasePerson(ctx, unbound.A, "he asked", false, begin, done); err != nil || p.Bindings != 1 {
		t.Errorf("when it was unbound: %s, %v", p, err)
	}
	if got, err := db.Binding(ctx, unbound.ID); err != nil || !got.A.IsErased() {
		t.Errorf("it is still there: %v", err)
	}
	all := Erasure{All: true, Before: now.Add(time.Hour)}
	if _, err := db.DestroyKeys(ctx, all, func(int) error { return nil }); !errors.Is(err, ErrLiveBindings) {
		t.Errorf("keys of what expires: %v", err)
	}
	if _, err := db.Unbind(ctx, expiring.ID, now); err != nil {
		t.Fatal(err)
	}
	if _, err := db.DestroyKeys(ctx, all, func(int) error { return nil }); err != nil {
		t.Errorf("keys of what was unbound: %v", err)
	}
}

// Who has left a group is erased while the group goes on: it stays in what others have, and its calls too. Who has come back is a
// party, and in the way.
func TestErasureOfAFormerParty(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := mustOpen(t, erasedOptions(t))
	defer func() { mustClose(t, db) }()
	holdBlock(t, db)
	who := testNumber(t, person)
	shop := testPair(t, testID(1), 1)
	shop.Mode, shop.A, shop.Group, shop.Consent = binding.ModeGXB, binding.Number{}, []binding.Number{testNumber(t, 50), who}, "consent of his time"
	mustBind(t, db, shop)
	mustChange(t, db, shop.ID, func(b *binding.Binding) { b.Group, b.Consent = b.Group[:1], "consent of today" })
	want, err := db.Binding(ctx, shop.ID)
	if err != nil {
		t.Fatal(err)
	}
	begin, done := func(string) error { return nil }, func(PersonErased) error { return nil }
	if p, err := db.ErasePerson(ctx, who, "he asked", false, begin, done); err != nil || p.Bindings != 1 {
		t.Fatalf("%s, %v", p, err)
	}
	got, err := db.Binding(ctx, shop.ID)
	if err != nil || got.HadParty(who) || got.HadConsent("consent of his time") || got.Consent != "consent of today" || len(got.Changes) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if !got.Changes[0].Out.IsErased() || !slices.Equal(got.Group, want.Group) || got.B != want.B || got.State(testStart.Add(time.Hour)) != binding.StateLive {
		t.Errorf("what others have is %+v", got)
	}
	for name, f := range map[string]binding.Filter{
		"by him":                 {Number: who},
		"by the consent of then": {Consent: "consent of his time"},
		"by a member":            {Number: testNumber(t, 50), LiveAt: testStart.Add(time.Hour)},
		"by the other side":      {Number: shop.B},
		"by the order":           {Order: shop.Order},
		"by the consent of now":  {Consent: "consent of today"},
	} {
		n := 0
		if err := db.List(ctx, f, func(binding.Binding) error { n++; return nil }); err != nil || n != 1 != (f.Number == who || strings.Contains(f.Consent, "his")) {
			t.Errorf("%s: %d found, %v", name, n, err)
		}
	}
	if r, err := db.Check(ctx); err != nil || !r.OK() {
		t.Errorf("%v\n%s", err, r)
	}
	mustChange(t, db, shop.ID, func(b *binding.Binding) { b.Group = append(b.Group, who) })
	if _, err := db.ErasePerson(ctx, who, "he asked", false, begin, done); !errors.Is(err, ErrLiveBindings) {
		t.Errorf("who has come back: %v", err)
	}
}

// Whatever it was doing when the machine crashed, it is done after the next start, and the account is the whole one.
func TestErasureAfterACrash(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disk := vfs.NewCrashableMem()
	o := erasedOptions(t)
	o.fs = disk
	db := mustOpen(t, o)
	lived(t, db)
	var clones []*vfs.MemFS
	crash := func() { clones = append(clones, disk.CrashClone(vfs.CrashCloneCfg{})) }
	as, err := binding.ErasedNumber(nil)
	if err != nil {
		t.Fatal(err)
	}
	e := erasing{id: testID(900), who: testNumber(t, person), as: as, reason: "he asked"}
	row, err := db.erasingRow(ctx, &e)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		crash()
	}
	must(db.bindWrites.do(ctx, func(b *pebble.Batch) error { return b.Set(row.key, row.value, nil) }, nil))
	entries, err := db.entriesOf(ctx, e.who, nil)
	if err != nil || len(entries) < 2 {
		t.Fatal(len(entries), err)
	}
	must(db.forgetBinding(ctx, &e, entries[1]))
	must(db.forgetBindings(ctx, &e, nil))
	_, err = db.eraseContacts(ctx, e.who, nil)
	must(err)
	_, err = db.eraseBars(ctx, e.who, nil)
	must(err)
	must(db.rewriteRecords(ctx, &e, []uint64{1}, nil))
	must(db.rewriteRecords(ctx, &e, []uint64{2, 3}, nil))
	mustClose(t, db)
	digest := ""
	for i, clone := range clones {
		again := o
		again.fs, again.KeyFile = clone, copyKeys(t, o.KeyFile)
		db := mustOpen(t, again)
		n := 0
		if err := db.FinishErasures(ctx, func(p PersonErased, reason string) error {
			if n++; p.ID != e.id || p.Bindings != 3 || p.Records != 3 || reason != e.reason {
				t.Errorf("crash %d: %s, for %q", i, p, reason)
			}
			if digest == "" {
				digest = p.Digest
			}
			if p.Digest != digest {
				t.Errorf("crash %d: another digest", i)
			}
			return nil
		}); err != nil || n != 1 {
			t.Errorf("crash %d: %d done, %v", i, n, err)
		}
		nothingLeft(t, db)
		mustClose(t, db)
	}
}

// In a backup from before the person can be read still, with the keys of today, until the keys of those months go.
func TestErasureLeavesBackups(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	now := testStart.Add(2 * time.Hour)
	o.Now = func() time.Time { return now }
	db := mustOpen(t, o)
	lived(t, db)
	mustClose(t, db)
	copied, _ := backedUp(t, o)
	db = mustOpen(t, o)
	if _, err := db.ErasePerson(ctx, testNumber(t, person), "he asked", false, func(string) error { return nil }, func(PersonErased) error { return nil }); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	found := func() (n int) {
		backup := mustOpen(t, copied)
		defer mustClose(t, backup)
		if err := backup.List(ctx, binding.Filter{Number: testNumber(t, person)}, func(binding.Binding) error { n++; return nil }); err != nil {
			t.Error(err)
		}
		return n
	}
	if n := found(); n != 3 {
		t.Errorf("%d bindings in a backup", n)
	}
	db = mustOpen(t, o)
	if _, err := db.Unbind(ctx, testID(3), now); err != nil {
		t.Fatal(err)
	}
	now = testStart.AddDate(0, 2, 0)
	if _, err := db.DestroyKeys(ctx, Erasure{All: true, Before: now.AddDate(0, -1, 0)}, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	if n := found(); n != 0 {
		t.Errorf("%d bindings in a backup whose keys are gone", n)
	}
}

// That recordings are to go is kept until it is done; a row from before that was kept says that they stay.
func TestErasureKeepsWhatBecomesOfRecordings(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := mustOpen(t, erasedOptions(t))
	defer func() { mustClose(t, db) }()
	lived(t, db)
	interrupted := errors.New("interrupted")
	_, err := db.ErasePerson(ctx, testNumber(t, person), "he asked", true, func(string) error { return nil }, func(PersonErased) error { return interrupted })
	if !errors.Is(err, interrupted) {
		t.Fatal(err)
	}
	if err := db.FinishErasures(ctx, func(p PersonErased, _ string) error {
		if !p.DeleteRecordings || strings.Join(p.Recordings, " ") != "hiscall" {
			t.Errorf("%v, recordings %v", p.DeleteRecordings, p.Recordings)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	plain, err := appendNumber(nil, testNumber(t, 4000))
	if err == nil {
		plain, err = appendNumber(plain, testNumber(t, 4001))
	}
	if err != nil {
		t.Fatal(err)
	}
	box, err := db.bindKeys.box(storeKey)
	if err != nil {
		t.Fatal(err)
	}
	for version, more := range map[byte][]byte{erasingBefore: nil, erasingAllTime: {1}} {
		key, header := keyText(tableErasing, testID(1)), []byte{version}
		e, err := db.openErasing(key, box.Seal(header, append(appendText(plain, "long ago"), more...), placeOf(key, []byte{version})))
		if err != nil || e.recordings != (more != nil) || e.reason != "long ago" || e.who != testNumber(t, 4000) || e.dataKey != storeKey {
			t.Errorf("of version %d: %q, %v, %v", version, e.reason, e.recordings, err)
		}
	}
}
