package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/record/archive"
	"mask700/store/audit"
)

// plantEnv tells TestChildPlanter that it is the child, and on which directory.
const plantEnv = "MASK700_STORE_TEST_PLANTER"

// spoken is what is said in the recordings: no form of it may be in a file either.
const spoken = "what two people say to each other"

// TestNoFileHoldsARealNumberAfterKill9 kills a process, by its own id, while it binds, changes, bars, records calls and their
// voices, notes what is done and makes backups, and reads every byte that is left: recordings cut off in the middle,
// segments and tables that nothing names any more, logs, halves of backups. Then once more when all of that was taken up.
func TestNoFileHoldsARealNumberAfterKill9(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() // with the keys
	wanted := map[string][]byte{"text": []byte(plantedText), "voice": []byte(spoken)}
	for _, digits := range planted {
		for name, form := range forms(t, digits) {
			wanted[digits+" "+name] = form
		}
	}
	killPlanter(t, dir)
	look := func(when string) (kinds map[string]int) {
		t.Helper()
		kinds = make(map[string]int)
		seen := map[string]bool{}
		for path, content := range everyByte(t, dir) {
			inside, err := filepath.Rel(dir, path)
			if err != nil {
				t.Fatal(err)
			}
			kind := filepath.Ext(path)
			if strings.HasPrefix(inside, "backup") {
				kind = "backup"
			}
			kinds[kind]++
			for name, form := range wanted {
				if bytes.Contains(content, form) {
					t.Errorf("%s: %s holds %s", when, inside, name)
				}
			}
			for name, clear := range map[string][]byte{ // what is not secret, so that the search is known to see
				"a number of ours": key64(tableRow, uint64(testBlock.Number(2))), "a binding": []byte(testID(1)), "a recording": []byte("rec" + testID(1)), "the audit log": []byte("complaint 17"),
			} {
				seen[name] = seen[name] || bytes.Contains(content, clear)
			}
		}
		if len(seen) != 4 || !seen["a number of ours"] || !seen["a binding"] || !seen["a recording"] || !seen["the audit log"] {
			t.Errorf("%s: the search is blind: %v", when, seen)
		}
		return kinds
	}
	if kinds := look("killed"); kinds[".log"] == 0 || kinds[".m700rec"] < 3 || kinds[".jsonl"] != 1 || kinds["backup"] < 3 {
		t.Errorf("what is left: %v", kinds)
	}

	db := mustOpen(t, planter(t, dir))
	cut := 0
	shelf := archive.NewShelf(archive.Options{Dir: filepath.Join(dir, "data", "recordings"), Keys: db})
	if err := shelf.List(context.Background(), func(i archive.Info) error {
		if i.State == archive.Cut {
			cut++
		}
		return nil
	}); err != nil || cut == 0 {
		t.Errorf("%d recordings were cut off, %v", cut, err)
	}
	for e, tables := range map[*engine][]byte{db.bind: {tableRow, tableWho, tableBar, tableTenant}, db.cdr: {tableOpen, tableClosed, tableContact, tableOf}} {
		for _, table := range tables {
			rows := 0
			if err := scan(e, []byte{table}, keyAfter([]byte{table}), func(_, _ []byte) (bool, error) { rows++; return true, nil }); err != nil || rows == 0 {
				t.Errorf("%s has %d rows in table %c, %v", e.name, rows, table, err)
			}
		}
		all := everyRow(t, e)
		for name, form := range wanted {
			if bytes.Contains(all, form) {
				t.Errorf("a row of %s holds %s", e.name, name)
			}
		}
	}
	look("opened again")
	mustClose(t, db)
	look("closed")
}

// planter is the options of a store that remembers who dialled what, and has files soon.
func planter(t *testing.T, dir string) Options {
	t.Helper()
	o := options(t, dir)
	o.MemTableSize, o.Quarantine, o.Now = 64<<10, time.Hour, func() time.Time { return testStart.Add(2 * time.Minute) }
	return o
}

// killPlanter starts this test binary as a planter and kills it in the middle of its work.
func killPlanter(t *testing.T, dir string) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestChildPlanter$")
	child.Env = append(os.Environ(), plantEnv+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	for rounds := 0; ; {
		line, err := in.ReadString('\n')
		if err != nil {
			break // its end of the pipe is closed: it is dead
		}
		if strings.HasPrefix(line, "round ") {
			rounds++
		}
		if rounds == 40 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
}

// TestChildPlanter does nothing unless it is the child of TestNoFileHoldsARealNumberAfterKill9.
func TestChildPlanter(t *testing.T) {
	dir := os.Getenv(plantEnv)
	if dir == "" {
		return
	}
	ctx := context.Background()
	o := planter(t, dir)
	db := mustOpen(t, o)
	holdBlock(t, db)
	log, err := audit.Open(filepath.Join(o.Dir, auditFile), db)
	if err != nil {
		t.Fatal(err)
	}
	recordings, err := archive.Open(archive.Options{Dir: filepath.Join(o.Dir, "recordings"), Keys: db, Segment: 40 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	go func() { // some of them whole, one broken off
		for n := 0; ; n++ {
			if _, err := db.Backup(ctx, filepath.Join(dir, "backup", strconv.Itoa(n)), BackupOptions{Audit: log}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	number := func(i int) binding.Number {
		n, err := binding.NumberFromDigits(planted[i%len(planted)])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := 1; ; i++ {
		b := testPair(t, testID(i), i)
		b.A, b.B, b.X = number(i), number(i+1), testBlock.Number(2*i)
		b.Order, b.Consent, b.Data, b.Tenant = plantedText, plantedText, plantedText+planted[0], plantedText
		mustBind(t, db, b)
		_, err := db.Change(ctx, b.ID, func(b *binding.Binding) error { b.A, b.UpdatedAt = number(i+2), b.CreatedAt; return nil })
		if err == nil && i%3 == 0 {
			_, err = db.Unbind(ctx, b.ID, testStart.Add(time.Minute))
		}
		if err == nil {
			_, err = db.AddBar(ctx, binding.Bar{ID: "bar" + b.ID, Number: number(i), Peer: number(i + 1), Direction: binding.BarBoth, CreatedAt: testStart, Reason: plantedText})
		}
		if err == nil {
			_, err = log.Append(audit.Entry{Who: "test", What: "binding.lookup", Object: "number " + number(i).String(), Reason: "complaint 17"}, testStart)
		}
		if err != nil {
			t.Fatal(err)
		}
		dial(t, db, b.X, number(i+3), testStart)
		r := testRecord("rec" + b.ID)
		r.Binding, r.Order, r.Tenant, r.Data = b.ID, plantedText, plantedText, plantedText+planted[0]
		r.CallerIn, r.CalleeOut, r.CalleeIn.X = cdr.Party{Number: number(i)}, cdr.Party{Number: number(i + 1)}, b.X
		if err := openCall(t, db, r); err != nil {
			t.Fatal(err)
		}
		voice := recordings.Start("rec"+b.ID, plantedText)
		for n := range 8 {
			at := time.Duration(n) * 20 * time.Millisecond
			voice.Voice(0, "PCMA", uint16(n), uint32(160*n), at, []byte(spoken+planted[i%len(planted)]+spoken))
			voice.Voice(1, "PCMA", uint16(n), uint32(160*n), at, []byte(spoken+planted[(i+1)%len(planted)]))
		}
		if i%2 == 0 { // the others go on
			voice.Stop()
			if _, err := closeCall(t, db, r); err != nil && !errors.Is(err, cdr.ErrNotFound) {
				t.Fatal(err)
			}
		}
		fmt.Println("round", i)
	}
}
