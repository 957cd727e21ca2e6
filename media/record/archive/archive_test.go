package archive

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mask700/media"
	"mask700/media/record"
	"mask700/media/tone"
	"mask700/store/seal"
)

// dayOf counts days from 1970, in UTC.
func dayOf(t time.Time) uint32 { return uint32(t.Unix() / int64(wholeDay/time.Second)) }

// keys is a store's keys in memory.
type keys struct {
	sync.Mutex
	boxes map[uint32]*seal.Box
	fail  error
}

var errGone = errors.New("the key is gone")

func (k *keys) box(day uint32) *seal.Box {
	if k.boxes == nil {
		k.boxes = map[uint32]*seal.Box{}
	}
	return k.boxes[day]
}

func (k *keys) WrapRecordingKey(_ string, at time.Time, id string, key []byte) (uint32, []byte, error) {
	k.Lock()
	defer k.Unlock()
	if k.fail != nil {
		return 0, nil, k.fail
	}
	day := dayOf(at)
	if k.box(day) == nil {
		box, err := seal.NewBox(seal.NewKey())
		if err != nil {
			return 0, nil, err
		}
		k.boxes[day] = box
	}
	return day, k.boxes[day].Seal(nil, key, []byte(id)), nil
}

func (k *keys) UnwrapRecordingKey(day uint32, id string, wrapped []byte) ([]byte, error) {
	k.Lock()
	defer k.Unlock()
	if k.box(day) == nil {
		return nil, errGone
	}
	return k.boxes[day].Open(nil, wrapped, []byte(id))
}

func (k *keys) DropRecordingKeys(before time.Time) (n int, err error) {
	k.Lock()
	defer k.Unlock()
	for day := range k.boxes {
		if day < dayOf(before) {
			delete(k.boxes, day)
			n++
		}
	}
	return n, nil
}

// clock is set by the test.
type clock struct {
	sync.Mutex
	t time.Time
}

func (c *clock) now() time.Time {
	c.Lock()
	defer c.Unlock()
	return c.t
}

func (c *clock) set(t time.Time) {
	c.Lock()
	defer c.Unlock()
	c.t = t
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, o Options) *Archive {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "recordings")
	}
	if o.Keys == nil {
		o.Keys = new(keys)
	}
	if o.Now == nil {
		o.Now = (&clock{t: noon}).now
	}
	a, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// speak sends so many packets of 20 ms of either side, from a packet on.
func speak(r *Recording, from, n int) {
	left, right := tone.NewGenerator(440, -10), tone.NewGenerator(1000, -10)
	samples := make([]int16, tone.FrameSamples)
	for i := from; i < from+n; i++ {
		at := time.Hour + time.Duration(i)*20*time.Millisecond // the engine has run for an hour
		left.Samples(samples)
		r.Voice(media.A, "PCMA", uint16(i), uint32(160*i), at, tone.ALaw.Append(nil, samples))
		right.Samples(samples)
		r.Voice(media.B, "PCMA", uint16(i), uint32(9+160*i), at, tone.ALaw.Append(nil, samples))
	}
}

// until waits for the writer.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("never: " + what)
		}
	}
}

func list(t testing.TB, s *Shelf) []Info {
	t.Helper()
	var all []Info
	if err := s.List(t.Context(), func(i Info) error { all = append(all, i); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func export(t testing.TB, s *Shelf, id string) ([]byte, record.Result, error) {
	t.Helper()
	var b bytes.Buffer
	res, err := s.Export(id, record.WAV, func(record.Result, int64) (io.Writer, error) { return &b, nil })
	if err == nil && b.Len() < 44 {
		t.Errorf("%d bytes exported", b.Len())
	}
	return b.Bytes(), res, err
}

func TestARecordingIsWrittenListedAndExported(t *testing.T) {
	for _, c := range []record.Cipher{record.AES256GCM, record.SM4GCM} {
		a := open(t, Options{Cipher: c})
		r := a.Start("callA", "tenant")
		for i := range 5 { // as fast as the disk, not as life
			speak(r, 50*i, 50)
			until(t, "the disk", func() bool { return r.waiting.Load() == 0 })
		}
		sum := r.Stop()
		until(t, "the recording to be closed", func() bool { return a.Stats().Live == 0 })
		path, err := a.Find("callA")
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(a.options.Dir, "2026-03-04", "callA.m700rec"); path != want {
			t.Errorf("it is in %s", path)
		}
		stat, err := os.Stat(path)
		if err != nil || stat.Mode().Perm() != 0o600 || uint64(stat.Size()) != sum.Bytes || sum.ID != "callA" || sum.Packets != 500 || sum.Lost != 0 {
			t.Errorf("%+v, %d bytes, %v, %v", sum, stat.Size(), stat.Mode(), err)
		}
		if dir, err := os.Stat(filepath.Dir(path)); err != nil || dir.Mode().Perm() != 0o700 {
			t.Errorf("the directory: %v, %v", dir.Mode(), err)
		}
		all := list(t, a.Shelf)
		if len(all) != 1 || all[0].ID != "callA" || all[0].State != Whole || all[0].Packets != 500 || all[0].Bytes != stat.Size() ||
			all[0].Length != 4980*time.Millisecond || !all[0].Start.Equal(noon) || all[0].Cipher != c.String() {
			t.Errorf("%+v", all)
		}
		wav, res, err := export(t, a.Shelf, "callA")
		if err != nil || !res.Whole || res.Packets != [2]uint64{250, 250} || len(wav) != 44+4*250*160 {
			t.Errorf("%+v, %v, %d bytes", res, err, len(wav))
		}
		if s := a.Stats(); s.Started != 1 || s.Failed != 0 || s.Lost != 0 || s.Errors != 0 || s.Bytes != sum.Bytes {
			t.Errorf("%+v", s)
		}
	}
}

// TestNothingInClear: neither the voice nor anything but the id and the time can be read in a file.
func TestNothingInClear(t *testing.T) {
	a := open(t, Options{})
	r := a.Start("callA", "tenant")
	marks := []string{"13800000001 says hello to you", "this is what B answers to that"}
	for i := range 40 {
		r.Voice(media.A, "PCMA", uint16(i), 0, 0, []byte(marks[0]))
		r.Voice(media.B, "PCMU", uint16(i), 0, 0, []byte(marks[1]))
	}
	r.Stop()
	a.Close()
	path, err := a.Find("callA")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append(marks, "13800000001", "hello", "PCMA", "PCMU") {
		if bytes.Contains(b, []byte(m)) {
			t.Errorf("%q is in the file", m)
		}
	}
}

// TestSegmentsAreWrittenAsTheCallGoes: what is older than a segment is in the file while the call goes on.
func TestSegmentsAreWrittenAsTheCallGoes(t *testing.T) {
	a := open(t, Options{Segment: time.Second})
	r := a.Start("callA", "tenant")
	speak(r, 0, 101) // 2 s and a packet
	until(t, "two segments", func() bool { return r.waiting.Load() == 0 && a.Stats().Bytes > 30000 })
	all := list(t, a.Shelf)
	if len(all) != 1 || all[0].State != Live {
		t.Errorf("%+v", all)
	}
	_, res, err := export(t, a.Shelf, "callA")
	if err != nil || res.Whole || res.Damaged || res.Packets != [2]uint64{100, 100} {
		t.Errorf("%+v, %v", res, err)
	}
	r.Stop()
}

// TestOneSideDoesNotFillTheDisk: what a party sends beyond any voice is lost, and the other one's voice is not.
func TestOneSideDoesNotFillTheDisk(t *testing.T) {
	a := open(t, Options{})
	r := a.Start("callA", "tenant")
	large, voice := make([]byte, 8000), make([]byte, 160)
	const each, fits = 60, maxRate / 8000
	for i := range 2 * each { // two seconds
		at := time.Hour + time.Duration(i)*time.Second/each
		r.Voice(media.A, "PCMA", uint16(i), uint32(8000*i), at, large)
		r.Voice(media.B, "PCMA", uint16(i), uint32(160*i), at, voice)
		until(t, "it is written", func() bool { return r.waiting.Load() == 0 })
	}
	if got := r.end.Packets; got != [2]uint64{2 * fits, 2 * each} || r.end.Lost != 2*(each-fits) {
		t.Errorf("%v packets, %d lost", got, r.end.Lost)
	}
	sum := r.Stop()
	if limit := uint64(2*maxRate + 2*each*400); sum.Bytes > limit || sum.Lost != 2*(each-fits) {
		t.Errorf("%+v, for %d bytes", sum, limit)
	}
}

// TestVoiceDoesNotAllocate: packets within a segment, and segments for which there is a buffer.
func TestVoiceDoesNotAllocate(t *testing.T) {
	a := open(t, Options{create: func(string) (file, error) { return new(memory), nil }})
	r := a.Start("callA", "tenant")
	payload := make([]byte, 160)
	i := 0
	packet := func() {
		r.Voice(media.A, "PCMA", uint16(i), uint32(160*i), time.Duration(i)*20*time.Millisecond, payload)
		i++
	}
	packet()
	if n := testing.AllocsPerRun(90, packet); n != 0 {
		t.Errorf("%g allocations a packet", n)
	}
	r.Stop()
}

func TestIDs(t *testing.T) {
	a := open(t, Options{})
	for _, id := range []string{"", "../x", "a/b", "..", "1 2"} {
		if _, err := a.Find(id); !errors.Is(err, ErrID) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := a.Find("callA"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, _, err := export(t, a.Shelf, "callA"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	for range 2 { // the second finds a file, which is not written over
		r := a.Start("callA", "tenant")
		speak(r, 0, 5)
		r.Stop()
		until(t, "the end", func() bool { return a.Stats().Live == 0 })
	}
	if s := a.Stats(); s.Failed != 1 || s.Started != 2 {
		t.Errorf("%+v", s)
	}
	if _, res, err := export(t, a.Shelf, "callA"); err != nil || !res.Whole {
		t.Errorf("the first: %+v, %v", res, err)
	}
	if r := a.Start("not/good", "tenant"); r != nil {
		speak(r, 0, 5)
		until(t, "it to fail", func() bool { return r.failed.Load() })
		if sum := r.Stop(); sum.ID != "" || sum.Bytes != 0 || sum.Lost != 10 {
			t.Errorf("%+v", sum)
		}
	}
}

func TestUnreadable(t *testing.T) {
	k := new(keys)
	a := open(t, Options{Keys: k})
	for _, id := range []string{"callA", "callB"} {
		r := a.Start(id, "tenant")
		speak(r, 0, 5)
		r.Stop()
	}
	a.Close()
	pathA, _ := a.Find("callA")
	pathB, _ := a.Find("callB")
	if err := os.Rename(pathA, pathB); err != nil {
		t.Fatal(err)
	}
	if all := list(t, a.Shelf); len(all) != 1 || all[0].State != Unreadable {
		t.Errorf("one recording under the name of another: %+v", all)
	}
	if err := os.Rename(pathB, pathA); err != nil {
		t.Fatal(err)
	}
	if n, err := k.DropRecordingKeys(noon.Add(24 * time.Hour)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if all := list(t, a.Shelf); len(all) != 1 || all[0].State != Unreadable {
		t.Errorf("without its key: %+v", all)
	}
	if _, _, err := export(t, a.Shelf, "callA"); !errors.Is(err, errGone) {
		t.Error(err)
	}
}

func TestRetention(t *testing.T) {
	k, c := new(keys), &clock{t: noon}
	a := open(t, Options{Keys: k, Now: c.now, Retention: 48 * time.Hour})
	made := func(id string, at time.Time) *Recording {
		c.set(at)
		r := a.Start(id, "tenant")
		speak(r, 0, 5)
		return r
	}
	made("old", noon).Stop()
	made("later", noon.Add(6*time.Hour)).Stop()
	goesOn := made("goesOn", noon.Add(7*time.Hour))
	made("next", noon.Add(24*time.Hour)).Stop()
	until(t, "all to be written", func() bool { return a.Stats().Live == 1 })
	stray := filepath.Join(a.options.Dir, "2026-03-04", "notes.txt")
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ids := func() string {
		var s []string
		for _, i := range list(t, a.Shelf) {
			s = append(s, i.ID)
		}
		return strings.Join(s, " ")
	}
	sweep := func(at time.Time, files, keys int, left string) {
		t.Helper()
		c.set(at)
		done, err := a.Sweep()
		if err != nil || done.Files != files || done.Keys != keys || ids() != left || files > 0 && done.Bytes == 0 {
			t.Errorf("at %s: %+v, %v, left %q, want %q", at, done, err, ids(), left)
		}
	}
	sweep(noon.Add(47*time.Hour), 0, 0, "old later goesOn next")
	sweep(noon.Add(48*time.Hour+time.Minute), 1, 0, "later goesOn next")
	sweep(noon.Add(60*time.Hour), 1, 0, "goesOn next") // one is being written
	goesOn.Stop()
	until(t, "the last to be written", func() bool { return a.Stats().Live == 0 })
	sweep(noon.Add(60*time.Hour), 1, 1, "next")
	if _, err := os.Stat(stray); err != nil {
		t.Errorf("a file that is not ours: %v", err)
	}
	sweep(noon.Add(200*time.Hour), 1, 1, "")
	if _, err := os.Stat(filepath.Join(a.options.Dir, "2026-03-05")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty directory is left: %v", err)
	}
	a.options.Retention = 0
	made("kept", noon).Stop()
	until(t, "it to be written", func() bool { return a.Stats().Live == 0 })
	sweep(noon.Add(100000*time.Hour), 0, 0, "kept")
}
