package archive

import (
	"sync/atomic"
	"time"

	"mask700/media"
	"mask700/media/record"
)

// bufferSize holds two seconds of two sides of G.711 in packets of 20 ms; a segment is never longer.
const bufferSize = 40 << 10

// maxRate is how many bytes of one side are taken in a second, far above any voice: a disk that is full of one call's has
// no room for the others'.
const maxRate = 400_000

// maxWaiting is how many buffers of one recording may wait for the disk.
const maxWaiting = 2

// Recording takes the voice of one call. Voice and Stop must not run at the same time: a session calls Voice under the
// lock of its shard, and Stop comes after the session was told to record no more.
type Recording struct {
	writer *writer
	id     string
	tenant string
	began  time.Time

	// Of who calls Voice.
	heard  bool
	base   time.Duration // arrival of the first packet
	until  time.Duration // the buffer's age is full then
	buffer *record.Buffer
	gap    uint32 // packets lost since the last gap that was noted
	end    record.End
	bytes  uint64
	second time.Duration // of the recording, and
	taken  [2]int        // bytes of each side in it

	waiting atomic.Int32 // buffers handed over that are not written yet
	failed  atomic.Bool  // nothing more of it will be written

	disk onDisk // of the writer's loop
}

// Voice takes a packet. It does not allocate, but for a buffer now and then while there are more recordings than ever
// before, and waits for nothing but the lock of the queue, once a segment.
func (r *Recording) Voice(from media.Side, codec string, seq uint16, timestamp uint32, at time.Duration, payload []byte) {
	if !r.heard {
		r.heard, r.base = true, at
	}
	p := record.Packet{
		Side: record.Side(from & 1), Codec: codec, Sequence: seq, Timestamp: timestamp, At: max(at-r.base, 0), Payload: payload,
	}
	if r.buffer != nil && p.At >= r.until {
		r.handOver()
	}
	if p.At > record.MaxLength || !r.affords(&p) || !r.add(&p) {
		r.gap++
		r.end.Lost++
		r.writer.count.lost.Add(1)
		return
	}
	r.end.Packets[p.Side]++
	r.end.Length = max(r.end.Length, p.At)
}

// affords says whether a packet's side has not had its bytes of this second.
func (r *Recording) affords(p *record.Packet) bool {
	if now := p.At.Truncate(time.Second); now != r.second {
		r.second, r.taken = now, [2]int{}
	}
	n := &r.taken[p.Side]
	*n += len(p.Payload)
	return *n <= maxRate
}

// add puts a packet into the buffer, or into a new one when that is full.
func (r *Recording) add(p *record.Packet) bool {
	if r.buffer != nil {
		if r.buffer.Add(p) {
			return true
		}
		if !r.buffer.Empty() {
			r.handOver()
		}
	}
	if r.buffer == nil && !r.take(p.At) {
		return false
	}
	return r.buffer.Add(p)
}

// take begins a buffer, unless too many wait.
func (r *Recording) take(at time.Duration) bool {
	if r.waiting.Load() >= maxWaiting || r.failed.Load() {
		return false
	}
	r.buffer = r.writer.take()
	r.until = at + r.writer.options.Segment
	r.noteGap()
	return true
}

func (r *Recording) noteGap() {
	if r.gap > 0 && r.buffer.Gap(r.gap) {
		r.gap = 0
	}
}

// handOver gives the buffer to the writer.
func (r *Recording) handOver() {
	r.waiting.Add(1)
	r.bytes += uint64(r.buffer.Len() + record.Overhead)
	b := r.buffer
	r.buffer = nil
	r.writer.put(job{recording: r, buffer: b})
}

// Summary is what a call's record says of its recording.
type Summary struct {
	ID      string // empty: there is none, the disk did not take it
	Bytes   uint64 // of the file, once all that was handed over is written
	Packets uint64
	Lost    uint64 // packets that were not written because the disk was too slow, or one side sent more than any voice is
}

// Stop ends the recording and says how large it will be. It does not wait for the disk.
func (r *Recording) Stop() Summary {
	if r.gap > 0 && r.buffer == nil {
		r.buffer = r.writer.take()
		r.noteGap()
	}
	if r.buffer != nil {
		r.handOver()
	}
	r.writer.put(job{recording: r, end: &r.end})
	s := Summary{
		ID: r.id, Packets: r.end.Packets[record.Caller] + r.end.Packets[record.Callee], Lost: r.end.Lost,
		Bytes: uint64(record.HeaderSize(r.id, wrappedSize)) + r.bytes + record.EndSize,
	}
	if r.failed.Load() {
		return Summary{Lost: s.Packets + s.Lost}
	}
	return s
}
