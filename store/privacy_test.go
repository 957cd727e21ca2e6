package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store/seal"
)

// planted numbers are long and unlike one another, so that no form of one appears in a file by chance.
var planted = []string{"8613812345679", "861059658005", "8613998765432", "8618700112233", "4915112345678", "861708881999"}

const plantedText = "an order that nobody else may read"

// forms are the ways in which a number could stand in a file.
func forms(t *testing.T, digits string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{"plain": []byte(digits)}
	national := digits
	if len(digits) > 11 && digits[:2] == "86" {
		national = digits[2:]
		out["national"] = []byte(national)
	}
	for name, d := range map[string]string{"": digits, "national ": national} {
		for pad, p := range map[string]string{"": d, "shifted ": "0" + d, "filled ": d + "f"} {
			if len(p)%2 == 1 {
				p = p[:len(p)-1]
			}
			if pad == "shifted " {
				p = p[2:] // the first half byte is whatever was before it
			}
			bcd, swapped := make([]byte, len(p)/2), make([]byte, len(p)/2)
			for i := range bcd {
				high, err := strconv.ParseUint(p[2*i:2*i+1], 16, 8)
				if err != nil {
					t.Fatal(err)
				}
				low, err := strconv.ParseUint(p[2*i+1:2*i+2], 16, 8)
				if err != nil {
					t.Fatal(err)
				}
				bcd[i], swapped[i] = byte(high<<4|low), byte(low<<4|high)
			}
			out[name+pad+"BCD"], out[name+pad+"reversed BCD"] = bcd, swapped
		}
		v, err := strconv.ParseUint(d, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		big := bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, v), "\x00")
		out[name+"big-endian"] = big
		out[name+"little-endian"] = bytes.TrimRight(binary.LittleEndian.AppendUint64(nil, v), "\x00")
		out[name+"varint"] = binary.AppendUvarint(nil, v)
		var wide []byte
		for _, c := range d {
			wide = append(wide, byte(c), 0)
		}
		out[name+"UTF-16"] = wide
	}
	for name, d := range map[string]string{"": digits, "national ": national} {
		out[name+"hex"] = []byte(hex.EncodeToString([]byte(d)))
		for shift := range 3 {
			// The characters at both ends depend on what stands beside the number.
			whole := base64.StdEncoding.EncodeToString(append(make([]byte, shift), d...))
			out[name+"base64 at "+strconv.Itoa(shift)] = []byte(strings.TrimRight(whole, "=")[2*shift:])[:12]
		}
	}
	for name, form := range out {
		if len(form) < 5 {
			delete(out, name) // would be met by chance
		}
	}
	return out
}

// everyByte returns the content of every file under dir by name.
func everyByte(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // an open store deletes what it needs no more
		}
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if !errors.Is(err, fs.ErrNotExist) {
			all[path] = b
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// everyRow returns all keys and values of a database.
func everyRow(t *testing.T, e *engine) []byte {
	t.Helper()
	var all []byte
	err := scan(e, []byte{0}, []byte{0xff}, func(key, value []byte) (bool, error) {
		all = append(append(append(all, key...), value...), '|')
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestNoFileHoldsARealNumber(t *testing.T) {
	for _, c := range []seal.Cipher{seal.AES256GCM, seal.SM4GCM} {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			noFileHoldsARealNumber(t, c)
		})
	}
}

func noFileHoldsARealNumber(t *testing.T, c seal.Cipher) {
	ctx := context.Background()
	dir := t.TempDir() // with the keys
	o := options(t, dir)
	o.Cipher = c
	var log bytes.Buffer
	o.Logger = testLogger(&log)
	db := mustOpen(t, o)
	holdBlock(t, db)
	var numbers []binding.Number
	wanted := map[string][]byte{"text": []byte(plantedText)}
	for _, digits := range planted {
		n, err := binding.NumberFromDigits(digits)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
		for name, form := range forms(t, digits) {
			wanted[digits+" "+name] = form
		}
	}
	write := func(i int) {
		b := binding.Binding{
			ID: testID(i), Mode: binding.ModeGXYB, X: testBlock.Number(2 * i), Y: testBlock.Number(2*i + 1),
			A: numbers[i%6], B: numbers[(i+1)%6], Group: []binding.Number{numbers[(i+2)%6], numbers[(i+3)%6]},
			Order: plantedText, Consent: plantedText, IndustrialID: plantedText, Tenant: plantedText, Data: plantedText,
			Extension: planted[0], CreatedAt: testStart,
		}
		mustBind(t, db, b)
		if i%2 == 0 {
			if _, err := db.Unbind(ctx, b.ID, testStart.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		bar := binding.Bar{
			ID: "bar" + testID(i), Number: numbers[i%6], Peer: numbers[(i+1)%6], Tenant: plantedText, Direction: binding.BarBoth,
			CreatedAt: testStart, Reason: plantedText + planted[0],
		}
		if _, err := db.AddBar(ctx, bar); err != nil {
			t.Fatal(err)
		}
		r := cdr.Record{
			ID: plantedText + planted[i%6] + testID(i), Binding: b.ID, Order: plantedText, Tenant: plantedText,
			IndustrialID: plantedText, Data: plantedText + planted[0],
			TrunkIn: plantedText, TrunkOut: plantedText,
			CallerIn: cdr.Party{Number: numbers[i%6]}, CalleeIn: cdr.Party{X: b.X},
			CallerOut: cdr.Party{X: b.Y}, CalleeOut: cdr.Party{Number: numbers[(i+1)%6]}, ReceivedAt: testStart,
		}
		if err := openCall(t, db, r); err != nil {
			t.Fatal(err)
		}
		if i%3 != 0 {
			if _, err := closeCall(t, db, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	look := func(when string, content map[string][]byte) {
		t.Helper()
		sawX, sawID := false, false
		for path, content := range content {
			for name, form := range wanted {
				if bytes.Contains(content, form) {
					t.Errorf("%s: %s holds %s", when, filepath.Base(path), name)
				}
			}
			// What is not secret is seen, so that the search itself is known to see.
			sawX = sawX || bytes.Contains(content, key64(tableRow, uint64(testBlock.Number(2))))
			sawID = sawID || bytes.Contains(content, []byte(testID(1)))
		}
		if !sawX || !sawID {
			t.Errorf("%s: the search is blind: X %v, id %v", when, sawX, sawID)
		}
	}
	for i := range 60 {
		write(i)
	}
	look("open, in the log", everyByte(t, dir))
	mustClose(t, db)
	look("closed", everyByte(t, dir))
	db = mustOpen(t, o)
	for i := 60; i < 120; i++ {
		write(i)
	}
	for _, e := range []*engine{db.bind, db.cdr} {
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := e.Compact(ctx, []byte{0}, []byte{0xff}, false); err != nil {
			t.Fatal(err)
		}
	}
	// Tables are compressed and keep keys in pieces; so the rows in them are looked at besides their bytes.
	tables := everyByte(t, dir)
	for _, e := range []*engine{db.bind, db.cdr} {
		tables[e.name] = everyRow(t, e)
	}
	look("in tables", tables)
	checked(t, db)
	mustClose(t, db)
	for name, form := range wanted {
		if bytes.Contains(log.Bytes(), form) {
			t.Errorf("the log holds %s", name)
		}
	}
	if log.Len() == 0 {
		t.Error("nothing was logged")
	}
}

// The forms are what they say.
func TestFormsOfANumber(t *testing.T) {
	f := forms(t, "8613812345679")
	for name, want := range map[string]string{
		"plain": "8613812345679", "national": "13812345679",
		"BCD": "\x86\x13\x81\x23\x45\x67", "reversed BCD": "\x68\x31\x18\x32\x54\x76",
		"shifted BCD": "\x61\x38\x12\x34\x56\x79", "national filled BCD": "\x13\x81\x23\x45\x67\x9f",
		"national shifted reversed BCD": "\x83\x21\x43\x65\x97",
	} {
		if string(f[name]) != want {
			t.Errorf("%s is %x, want %x", name, f[name], want)
		}
	}
	v, err := strconv.ParseUint("8613812345679", 10, 64)
	if err != nil || !bytes.Equal(f["big-endian"], binary.BigEndian.AppendUint64(nil, v)[2:]) {
		t.Errorf("big-endian is %x", f["big-endian"])
	}
}
