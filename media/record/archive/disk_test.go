package archive

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"mask700/media"
	"mask700/media/record"
)

// memory is a file that is full, slow or broken when the test says so.
type memory struct {
	sync.Mutex
	b       []byte
	fault   error         // of every write, half of which is written all the same
	syncing chan struct{} // a sync waits until it is closed
	waits   bool          // one does
	closed  bool
	tries   map[int64][]byte // what was written at each place, the first time
	other   bool             // something else was written there later
}

func (m *memory) WriteAt(b []byte, at int64) (int, error) {
	m.Lock()
	defer m.Unlock()
	if m.tries == nil {
		m.tries = map[int64][]byte{}
	}
	if first, again := m.tries[at]; again && !bytes.Equal(first, b) {
		m.other = true
	}
	m.tries[at] = bytes.Clone(b)
	n := len(b)
	if m.fault != nil {
		n /= 2
	}
	if need := int(at) + n; need > len(m.b) {
		m.b = append(m.b, make([]byte, need-len(m.b))...)
	}
	copy(m.b[at:], b[:n])
	return n, m.fault
}

func (m *memory) Truncate(n int64) error {
	m.Lock()
	defer m.Unlock()
	m.b = m.b[:min(n, int64(len(m.b)))]
	return nil
}

func (m *memory) Sync() error {
	m.Lock()
	wait := m.syncing
	m.waits = wait != nil
	m.Unlock()
	if wait != nil {
		<-wait
	}
	return nil
}

func (m *memory) Close() error {
	m.Lock()
	defer m.Unlock()
	m.closed = true
	return nil
}

func (m *memory) set(fault error) {
	m.Lock()
	defer m.Unlock()
	m.fault = fault
}

func (m *memory) bytes() []byte {
	m.Lock()
	defer m.Unlock()
	return bytes.Clone(m.b)
}

// read reads a recording that is in memory.
func (m *memory) read(t *testing.T, k *keys) (packets int, gap uint64, end *record.End, err error) {
	t.Helper()
	r, err := record.NewReader(bytes.NewReader(m.bytes()), func(h record.Header) ([]byte, error) {
		return k.UnwrapRecordingKey(h.Key, h.ID, h.Wrapped)
	})
	if err != nil {
		return 0, 0, nil, err
	}
	var c record.Contents
	for {
		if err = r.Next(&c); err != nil {
			return packets, gap, r.End(), err
		}
		packets += len(c.Packets)
		gap += c.Gap
	}
}

// TestFullDisk: what cannot be written is tried again as it is, what comes meanwhile is counted and is a gap, and once
// there is room again the recording goes on. Voice never waits.
func TestFullDisk(t *testing.T) {
	k, m := new(keys), new(memory)
	a := open(t, Options{Keys: k, create: func(string) (file, error) { return m, nil }, Segment: time.Second})
	r := a.Start("callA", "tenant")
	speak(r, 0, 51)
	until(t, "a segment", func() bool { return r.waiting.Load() == 0 })
	m.set(syscall.ENOSPC)
	speak(r, 51, 500) // ten seconds: two segments wait, the others are lost
	if r.end.Lost < 600 || r.end.Lost > 850 || r.waiting.Load() != maxWaiting {
		t.Errorf("%d lost, %d segments wait", r.end.Lost, r.waiting.Load())
	}
	until(t, "errors", func() bool { return a.Stats().Errors > 1 })
	if _, _, _, err := m.read(t, k); !errors.Is(err, record.ErrCut) {
		t.Errorf("in between: %v", err)
	}
	m.set(nil)
	until(t, "room", func() bool { return r.waiting.Load() == 0 })
	speak(r, 551, 100)
	sum := r.Stop()
	until(t, "the end", func() bool { return a.Stats().Live == 0 })
	packets, gap, end, err := m.read(t, k)
	if end == nil || gap != sum.Lost || uint64(packets) != sum.Packets || sum.Packets+sum.Lost != 2*651 || end.Lost != sum.Lost || uint64(len(m.bytes())) != sum.Bytes {
		t.Errorf("%d packets, a gap of %d, %+v, %v; %+v, %d bytes", packets, gap, end, err, sum, len(m.bytes()))
	}
	if s := a.Stats(); s.Lost != sum.Lost || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	if m.other {
		t.Error("another segment was written in the place of one: under the same nonce")
	}
}

// TestDiskThatStaysFull: a recording that has ended is given up after a while, and what was written whole stays.
func TestDiskThatStaysFull(t *testing.T) {
	k, m, c := new(keys), new(memory), &clock{t: noon}
	a := open(t, Options{Keys: k, create: func(string) (file, error) { return m, nil }, Segment: time.Second, Now: c.now})
	r := a.Start("callA", "tenant")
	speak(r, 0, 51)
	until(t, "a segment", func() bool { return r.waiting.Load() == 0 })
	m.set(syscall.ENOSPC)
	speak(r, 51, 60)
	r.Stop()
	until(t, "an error", func() bool { return a.Stats().Errors > 0 })
	if a.Stats().Live != 1 {
		t.Error("given up at once")
	}
	c.set(noon.Add(patience + time.Minute))
	until(t, "it to be given up", func() bool { return a.Stats().Live == 0 })
	packets, _, end, err := m.read(t, k)
	if packets != 100 || end != nil || !errors.Is(err, record.ErrCut) {
		t.Errorf("%d packets, %+v, %v", packets, end, err)
	}
	if s := a.Stats(); s.Failed != 1 || s.Lost != 122 || !m.closed {
		t.Errorf("%+v", s)
	}
}

// TestSlowDisk: while a sync hangs nobody waits, and no more than two segments of a call are in memory.
func TestSlowDisk(t *testing.T) {
	k, m := new(keys), &memory{syncing: make(chan struct{})}
	a := open(t, Options{Keys: k, create: func(string) (file, error) { return m, nil }, Segment: time.Second})
	r := a.Start("callA", "tenant")
	speak(r, 0, 51)
	until(t, "the writer to be held up", func() bool {
		m.Lock()
		defer m.Unlock()
		return m.waits
	})
	from := 51
	for ; r.end.Lost == 0; from += 51 {
		speak(r, from, 51)
	}
	if n := r.waiting.Load(); n != maxWaiting {
		t.Errorf("%d segments wait", n)
	}
	close(m.syncing)
	until(t, "the writer to go on", func() bool { return r.waiting.Load() == 0 })
	sum := r.Stop()
	until(t, "the end", func() bool { return a.Stats().Live == 0 })
	packets, gap, end, _ := m.read(t, k)
	if end == nil || gap != sum.Lost || uint64(packets) != sum.Packets || sum.Packets+sum.Lost != uint64(2*from) {
		t.Errorf("%d packets, a gap of %d, %+v; %+v of %d", packets, gap, end, sum, 2*from)
	}
}

// TestNoKey: no recording is begun that nobody could read.
func TestNoKey(t *testing.T) {
	k, m := &keys{fail: errors.New("the store is stalled")}, new(memory)
	a := open(t, Options{Keys: k, create: func(string) (file, error) { return m, nil }})
	r := a.Start("callA", "tenant")
	speak(r, 0, 10)
	until(t, "an error", func() bool { return a.Stats().Errors > 0 })
	if len(m.bytes()) != 0 {
		t.Error("something was written")
	}
	k.Lock()
	k.fail = nil
	k.Unlock()
	r.Stop()
	until(t, "the end", func() bool { return a.Stats().Live == 0 })
	if packets, _, end, err := m.read(t, k); packets != 20 || end == nil {
		t.Errorf("%d packets, %v", packets, err)
	}
}

func TestDirectoryThatCannotBeMade(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: file + "/recordings", Keys: new(keys)}); err == nil {
		t.Error("made under a file")
	}
}

// TestCloseInTheMiddle: what was handed over is written, the rest has no end.
func TestCloseInTheMiddle(t *testing.T) {
	k, m := new(keys), new(memory)
	a := open(t, Options{Keys: k, create: func(string) (file, error) { return m, nil }, Segment: time.Second})
	r := a.Start("callA", "tenant")
	speak(r, 0, 75)
	a.Close()
	packets, _, end, err := m.read(t, k)
	if packets != 100 || end != nil || !errors.Is(err, record.ErrCut) {
		t.Errorf("%d packets, %+v, %v", packets, end, err)
	}
}

// BenchmarkVoice is what the recording of a packet costs the thread of the media plane, with the writer beside it.
func BenchmarkVoice(b *testing.B) {
	a := open(b, Options{create: func(string) (file, error) { return nowhere{}, nil }})
	r := a.Start("callA", "tenant")
	payload := make([]byte, 160)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		r.Voice(media.A, "PCMA", uint16(i), uint32(160*i), time.Duration(i)*10*time.Millisecond, payload)
		i++
		for r.waiting.Load() == maxWaiting { // a call does not send 10^6 packets a second
		}
	}
	r.Stop()
}

type nowhere struct{}

func (nowhere) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (nowhere) Truncate(int64) error                   { return nil }
func (nowhere) Sync() error                            { return nil }
func (nowhere) Close() error                           { return nil }
