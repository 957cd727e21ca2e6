package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"mask700/media/record"
	"mask700/store/seal"
)

// wrappedSize is the length of a wrapped data key.
const wrappedSize = record.KeySize + seal.Overhead

const (
	syncEvery = time.Second
	// patience is how long a recording that has ended waits for a disk that does not take it.
	patience = 30 * time.Second
	// manyFiles is from how many files on one sync of the whole file system costs less than one of each.
	manyFiles = 16
	complain  = time.Minute // between two lines of the log
)

// job is a piece of work for the writer, in the order of its recording: the first of a recording has neither.
type job struct {
	recording *Recording
	buffer    *record.Buffer
	end       *record.End
}

// onDisk is a recording as the writer has it.
type onDisk struct {
	todo    []job // not done yet, oldest first
	sealed  []byte
	sealer  *record.Sealer
	file    file
	path    string
	size    int64 // of what is written whole
	dirty   bool
	entered bool      // its name in the directory is on disk
	done    bool      // the end is written, or given up
	since   time.Time // the disk has not taken anything
}

// Stats counts since the start.
type Stats struct {
	Live    uint64 // recordings under way
	Started uint64
	Failed  uint64 // that could not be made, or not to their end
	Lost    uint64 // packets that were not written
	Bytes   uint64 // written
	Errors  uint64 // of the disk; what failed is tried again
}

// writer seals and writes the recordings of all calls.
type writer struct {
	options Options
	wake    chan struct{}
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once

	queue struct {
		sync.Mutex // protects what follows; never held while anything waits
		jobs       []job
		spare      []job
		pool       []*record.Buffer
		open       map[string]bool // ids of recordings that are not done
	}
	count struct{ started, failed, lost, bytes, errors atomic.Uint64 }

	// Of writeLoop.
	unsynced  []*Recording
	stuck     []*Recording // that the disk did not take
	directory map[string]bool
	said      time.Time
}

func newWriter(o Options) *writer {
	w := &writer{options: o, wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}), directory: map[string]bool{}}
	w.queue.open = map[string]bool{}
	return w
}

func (w *writer) start(id, tenant string) *Recording {
	r := &Recording{writer: w, id: id, tenant: tenant, began: w.options.Now()}
	w.count.started.Add(1)
	w.queue.Lock()
	w.queue.open[id] = true
	w.queue.Unlock()
	w.put(job{recording: r})
	return r
}

// put queues a job. The queue is bounded by the buffers that a recording may have waiting.
func (w *writer) put(j job) {
	w.queue.Lock()
	w.queue.jobs = append(w.queue.jobs, j)
	w.queue.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take gives an empty buffer.
func (w *writer) take() *record.Buffer {
	w.queue.Lock()
	defer w.queue.Unlock()
	if n := len(w.queue.pool); n > 0 {
		b := w.queue.pool[n-1]
		w.queue.pool = w.queue.pool[:n-1]
		return b
	}
	return record.NewBuffer(bufferSize)
}

// give takes a buffer back. The pool holds no more than there are recordings, so that a busy hour is not kept for ever.
func (w *writer) give(b *record.Buffer) {
	b.Reset()
	w.queue.Lock()
	defer w.queue.Unlock()
	if len(w.queue.pool) <= len(w.queue.open) {
		w.queue.pool = append(w.queue.pool, b)
	}
}

func (w *writer) live(id string) bool {
	w.queue.Lock()
	defer w.queue.Unlock()
	return w.queue.open[id]
}

func (w *writer) stats() Stats {
	w.queue.Lock()
	live := len(w.queue.open)
	w.queue.Unlock()
	return Stats{
		Live: uint64(live), Started: w.count.started.Load(), Failed: w.count.failed.Load(), Lost: w.count.lost.Load(),
		Bytes: w.count.bytes.Load(), Errors: w.count.errors.Load(),
	}
}

func (w *writer) close() {
	w.once.Do(func() { close(w.stop) })
	<-w.stopped
}

// writeLoop is the one goroutine that waits for the disk.
func (w *writer) writeLoop() {
	defer close(w.stopped)
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.wake:
			w.work()
		case <-tick.C:
			w.again()
			w.sync()
		case <-w.stop:
			w.work()
			w.again()
			for _, r := range w.stuck {
				w.abandon(r)
			}
			w.sync()
			return
		}
	}
}

func (w *writer) work() {
	w.queue.Lock()
	jobs := w.queue.jobs
	w.queue.jobs = w.queue.spare[:0]
	w.queue.Unlock()
	for i, j := range jobs {
		jobs[i] = job{}
		r := j.recording
		if r.failed.Load() {
			w.drop(j)
			continue
		}
		r.disk.todo = append(r.disk.todo, j)
		if len(r.disk.todo) == 1 { // else an earlier one waits
			w.advance(r)
		}
	}
	w.queue.Lock()
	w.queue.spare = jobs[:0]
	w.queue.Unlock()
}

// again tries what the disk did not take.
func (w *writer) again() {
	stuck := w.stuck
	w.stuck = nil
	for _, r := range stuck {
		w.advance(r)
	}
}

// advance does the jobs of a recording as far as the disk takes them.
func (w *writer) advance(r *Recording) {
	d := &r.disk
	for len(d.todo) > 0 {
		j := d.todo[0]
		if err := w.do(r, j); err != nil {
			w.trouble(err)
			now := w.options.Now()
			if d.since.IsZero() {
				d.since = now
			}
			if d.todo[len(d.todo)-1].end != nil && now.Sub(d.since) > patience || errors.Is(err, errForGood) {
				w.abandon(r)
				return
			}
			w.stuck = append(w.stuck, r)
			return
		}
		d.since = time.Time{}
		d.todo = append(d.todo[:0], d.todo[1:]...)
		if j.buffer != nil {
			w.give(j.buffer)
			r.waiting.Add(-1)
		}
		d.done = d.done || j.end != nil
	}
}

// errForGood marks an error that trying again does not mend.
var errForGood = errors.New("not tried again")

// do writes one piece. What was sealed is kept until the disk has taken it, and written again as it is: sealed anew, it
// could put two contents under one nonce.
func (w *writer) do(r *Recording, j job) error {
	d := &r.disk
	if len(d.sealed) == 0 {
		switch {
		case j.buffer == nil && j.end == nil:
			return w.begin(r)
		case j.end != nil:
			d.sealed = d.sealer.End(d.sealed[:0], *j.end)
		default:
			d.sealed = d.sealer.Voice(d.sealed[:0], j.buffer)
		}
	}
	return w.flush(r)
}

// begin makes the key and the file and writes the header.
func (w *writer) begin(r *Recording) error {
	d := &r.disk
	if !record.GoodID(r.id) {
		return fmt.Errorf("%w: %w", ErrID, errForGood)
	}
	if d.file == nil {
		path := filepath.Join(w.options.Dir, dayDir(r.began), r.id+suffix)
		f, err := w.options.create(path)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%w: %w", err, errForGood)
		}
		if err != nil {
			return err
		}
		d.file, d.path = f, path
	}
	key := seal.NewKey()
	under, wrapped, err := w.options.Keys.WrapRecordingKey(r.tenant, r.began, r.id, key)
	if err != nil {
		return err
	}
	h := record.Header{Cipher: w.options.Cipher, Key: under, Start: r.began, ID: r.id, Wrapped: wrapped}
	if d.sealer, d.sealed, err = record.NewSealer(h, key); err != nil {
		return fmt.Errorf("%w: %w", err, errForGood)
	}
	return w.flush(r)
}

// flush writes what is sealed behind what is written whole.
func (w *writer) flush(r *Recording) error {
	d := &r.disk
	if _, err := d.file.WriteAt(d.sealed, d.size); err != nil {
		return err
	}
	w.count.bytes.Add(uint64(len(d.sealed)))
	d.size += int64(len(d.sealed))
	d.sealed = d.sealed[:0]
	if !d.dirty {
		d.dirty = true
		w.unsynced = append(w.unsynced, r)
	}
	return nil
}

// abandon gives up the rest of a recording. What is on disk whole stays.
func (w *writer) abandon(r *Recording) {
	d := &r.disk
	r.failed.Store(true)
	w.count.failed.Add(1)
	for _, j := range d.todo {
		w.drop(j)
	}
	d.todo, d.sealed, d.done = nil, nil, true
	if d.file == nil {
		w.forget(r)
		return
	}
	w.note(d.file.Truncate(d.size))
	if !d.dirty {
		d.dirty = true
		w.unsynced = append(w.unsynced, r)
	}
}

// drop counts what will not be written.
func (w *writer) drop(j job) {
	if j.buffer != nil {
		w.count.lost.Add(uint64(j.buffer.Voice))
		w.give(j.buffer)
		j.recording.waiting.Add(-1)
	}
}

// sync has what was written since the last time on disk, and closes the recordings that are done.
func (w *writer) sync() {
	if len(w.unsynced) == 0 {
		return
	}
	w.syncFiles()
	left := w.unsynced[:0]
	for _, r := range w.unsynced {
		d := &r.disk
		if d.dirty {
			left = append(left, r) // it failed
			if !d.done {
				continue
			}
			left = left[:len(left)-1]
		}
		if d.done {
			w.note(d.file.Close())
			w.forget(r)
		}
	}
	clear(w.unsynced[len(left):])
	w.unsynced = left
}

func (w *writer) forget(r *Recording) {
	w.queue.Lock()
	defer w.queue.Unlock()
	delete(w.queue.open, r.id)
}

// trouble counts an error of the disk and tells the log of it, but not every time.
func (w *writer) trouble(err error) {
	w.count.errors.Add(1)
	if now := w.options.Now(); now.Sub(w.said) >= complain {
		w.said = now
		w.options.Logger.Error("a recording is not written, and tried again", "error", err)
	}
}

func (w *writer) note(err error) {
	if err != nil {
		w.trouble(err)
	}
}
