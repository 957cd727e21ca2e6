package media

import "time"

// Clip is audio of ours: frames of 20 ms of one codec. It is not changed while it
// plays, and any number of sessions may play it.
type Clip struct {
	Codec  string   // as in package sdp: "PCMA", "PCMU", "G722"
	Frames [][]byte // payloads; G.711 and G.722: 160 bytes each
	Loop   bool     // again from the start until stopped
	// Whole is for what has to be heard: while a side cannot be sent to (a hold) the clip waits, for as long as the
	// session lasts, and begins over afterwards; a frame that the socket does not take is sent again. The time of
	// other clips goes on.
	Whole bool
}

// frameTime is how long a frame lasts, and frameClock its length on the RTP clock,
// which is 8 kHz for G.722 too (RFC 3551 section 4.5.2).
const (
	frameTime  = 20 * time.Millisecond
	frameClock = 160
	clipClock  = 8000
	// maxFrame bounds a frame, so that it fits into any packet.
	maxFrame = 1024
)

// Tap takes voice of a session. Voice is called on a shard's thread: it must not
// wait nor keep payload.
type Tap interface {
	// Voice is one packet as it came in, at a time since the engine started. The format is that of its payload type.
	Voice(from Side, format string, seq uint16, timestamp uint32, at time.Duration, payload []byte)
}

// playback is a clip on its way to one side of a session: plain data.
type playback struct {
	clip  *Clip
	next  int // frame
	pt    uint8
	done  func(finished bool)
	phase int  // of the shard's beat
	gap   bool // a frame was not sent
}

// frame gives the next frame, false at the end.
func (p *playback) frame() ([]byte, bool) {
	if p.next == len(p.clip.Frames) && p.clip.Loop {
		p.next = 0
	}
	if p.next == len(p.clip.Frames) {
		return nil, false
	}
	f := p.clip.Frames[p.next]
	p.next++
	return f, true
}

// muted says that the last frame was not sent, as that side is not to be sent anything.
func (p *playback) muted() {
	if p.clip.Whole {
		p.next = 0
		return
	}
	p.gap = true
}

// failed says that the last frame could not be sent.
func (p *playback) failed() {
	if p.clip.Whole {
		p.next--
		return
	}
	p.gap = true
}
