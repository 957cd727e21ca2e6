package gateway

import (
	"time"

	"mask700/binding/cdr"
	"mask700/media"
	"mask700/media/prompt"
	"mask700/media/record/archive"
	"mask700/sip/call"
)

// tape is the recording of one media session: first both sides are told, then what they say is recorded. Only the
// worker's goroutine touches it.
type tape struct {
	id      string // of the recording
	tenant  string
	turned  bool // the caller of the recording is on the callee's side
	session media.Session
	heard   [2]bool // sides that have heard the notice to its end
	cut     [2]bool // sides to which it is to be played once more: it was broken off
	broken  int     // how often it was, of those that had not heard it yet
	running *archive.Recording
}

// maxBroken is how often a notice may be broken off. A party that lets it be played for ever, as by another codec every few
// seconds, would keep the call from being recorded while both talk: then they hear nothing but the notice until both have
// heard it.
const maxBroken = 3

// told is the word of a side that it has heard the notice, or has not.
type told struct {
	tape     *tape
	key      sessionKey
	side     media.Side
	finished bool
}

// record begins to record a session. A call of which both sides cannot be told is not recorded: that is counted, and
// the call goes on.
func (w *mediaWorker) record(key sessionKey, a call.RecordMedia) {
	s := w.session(key.call, key.number)
	if s == nil || w.tapes[key] != nil {
		return
	}
	g := w.loop.gateway
	if g.options.Recordings == nil {
		g.notRecorded("recordings are not kept here")
		return
	}
	t := &tape{id: a.ID, tenant: a.Tenant, turned: a.Turned, session: s}
	w.tapes[key] = t
	if g.options.Notice == nil {
		w.start(t)
		return
	}
	for _, side := range []media.Side{media.A, media.B} {
		if !w.tell(key, t, side) {
			w.giveUp(key, t, "the notice cannot be played")
			return
		}
	}
}

// tell plays the notice to one side, in the first codec that it takes. It is heard whole: a side that is held hears it
// from its beginning after the hold, and until then nothing is recorded.
func (w *mediaWorker) tell(key sessionKey, t *tape, side media.Side) bool {
	for _, codec := range prompt.Codecs {
		clip := w.loop.gateway.options.Notice(codec)
		if clip == nil {
			continue
		}
		whole := *clip
		whole.Whole = true
		if t.session.Play(side, &whole, func(finished bool) {
			w.queue.put(mediaJob{id: key.call, told: &told{t, key, side, finished}})
		}) {
			return true
		}
	}
	return false
}

// heardNotice takes the word of a side.
func (w *mediaWorker) heardNotice(n *told) {
	t := w.tapes[n.key]
	if t == nil || t != n.tape || t.running != nil {
		return // the session has ended, or it was given up, or what was repeated is not needed any more
	}
	other := n.side.Other()
	switch {
	case n.finished && t.heard[other]:
		w.start(t)
		return
	case n.finished:
		t.heard[n.side] = true
		t.cut[n.side] = t.broken >= maxBroken
	case t.heard[n.side]: // it is repeated
		t.cut[n.side] = true
	default:
		t.cut[n.side] = true
		if t.broken++; t.broken == maxBroken {
			t.cut[other] = t.heard[other]
		}
	}
	w.tellAgain(n.key)
}

// tellAgain plays the notice once more to those to whom it was broken off, as by an offer of another codec. Where
// offer and answer do not agree on any yet it waits for what they say next, and nothing is recorded until it was heard.
func (w *mediaWorker) tellAgain(key sessionKey) {
	t := w.tapes[key]
	if t == nil {
		return
	}
	for side, cut := range t.cut {
		t.cut[side] = cut && !w.tell(key, t, media.Side(side))
	}
}

// start begins to record.
func (w *mediaWorker) start(t *tape) {
	t.cut = [2]bool{}
	t.running = w.loop.gateway.options.Recordings.Start(t.id, t.tenant)
	var to media.Tap = t.running
	if t.turned {
		to = turnedTap{to}
	}
	t.session.Record(to)
	if t.broken >= maxBroken { // one side is told again meanwhile
		t.session.Play(media.A, nil, nil)
		t.session.Play(media.B, nil, nil)
	}
}

// turnedTap gives what comes from one side as the other's, for a recording whose caller is on the callee's side.
type turnedTap struct{ media.Tap }

func (t turnedTap) Voice(from media.Side, codec string, seq uint16, timestamp uint32, at time.Duration, payload []byte) {
	t.Tap.Voice(from.Other(), codec, seq, timestamp, at, payload)
}

// giveUp records nothing of a session.
func (w *mediaWorker) giveUp(key sessionKey, t *tape, why string) {
	delete(w.tapes, key)
	t.session.Play(media.A, nil, nil)
	t.session.Play(media.B, nil, nil)
	w.loop.gateway.notRecorded(why)
}

// stopRecording ends the recording of a session, before the session is closed.
func (w *mediaWorker) stopRecording(key sessionKey) cdr.Recording {
	t := w.tapes[key]
	delete(w.tapes, key)
	switch {
	case t == nil:
		return cdr.Recording{}
	case t.running == nil:
		w.loop.gateway.notRecorded("the call ended before the notice did")
		return cdr.Recording{}
	}
	t.session.Record(nil)
	s := t.running.Stop()
	return cdr.Recording{ID: s.ID, Bytes: s.Bytes, Lost: s.Lost}
}

// notRecorded counts a call that was to be recorded and is not.
func (g *Gateway) notRecorded(why string) {
	g.unrecorded.Add(1)
	if g.unrecordedSaid.ok() {
		g.log.Warn("a call that was to be recorded is not", "why", why)
	}
}
