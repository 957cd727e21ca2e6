package gateway

import (
	"sync"

	"mask700/binding/cdr"
	"mask700/media"
	"mask700/media/sdp"
	"mask700/sip/call"
)

// mediaJob is one action of a call for its media.
type mediaJob struct {
	id     string
	action call.Action
	silent media.Session // no packet came on this session for too long
}

// mediaWorker carries out the media actions of one shard, in their order.
// Opening ports takes system calls that a shard's loop has no time for.
type mediaWorker struct {
	loop  *loop
	queue *mailbox[mediaJob]

	open struct {
		sync.Mutex // protects sessions and calls
		sessions   map[string]media.Session
		calls      map[media.Session]string
	}
}

func newMediaWorker(l *loop) *mediaWorker {
	w := &mediaWorker{loop: l, queue: newMailbox[mediaJob](0)}
	w.open.sessions = map[string]media.Session{}
	w.open.calls = map[media.Session]string{}
	return w
}

func (w *mediaWorker) run() {
	for {
		select {
		case <-w.loop.gateway.stop:
			return
		case <-w.queue.wake:
		}
		for _, j := range w.queue.take() {
			w.perform(j)
		}
	}
}

func (w *mediaWorker) perform(j mediaJob) {
	if j.silent != nil {
		w.open.Lock()
		id, ok := w.open.calls[j.silent]
		w.open.Unlock()
		if ok {
			w.loop.answer(id, call.MediaSilent{})
		}
		return
	}
	session := w.session(j.id)
	switch a := j.action.(type) {
	case call.OpenMedia:
		w.loop.answer(j.id, w.openMedia(j.id, a))
	case call.SetRemote:
		if session != nil {
			session.SetRemote(media.Side(a.Side), media.RemoteOf(a.Remote, a.Signal))
		}
	case call.SettleMedia:
		if session != nil {
			session.Settle(media.A)
			session.Settle(media.B)
		}
	case call.CloseMedia:
		w.loop.answer(j.id, call.MediaEnded{Media: w.close(j.id, session)})
	}
}

func (w *mediaWorker) session(id string) media.Session {
	w.open.Lock()
	defer w.open.Unlock()
	return w.open.sessions[id]
}

func (w *mediaWorker) openMedia(id string, a call.OpenMedia) call.MediaOpened {
	s, err := w.loop.gateway.media.Open(media.OpenSpec{
		PoolA: a.Pools[call.Caller], PoolB: a.Pools[call.Callee],
		PeerA: a.Peers[call.Caller].Remote.Addr(), PeerB: a.Peers[call.Callee].Remote.Addr(),
	})
	if err != nil {
		if w.loop.gateway.noPorts.ok() {
			w.loop.gateway.log.Warn("media ports not opened", "error", err)
		}
		return call.MediaOpened{Err: err}
	}
	w.open.Lock()
	w.open.sessions[id], w.open.calls[s] = s, id
	w.open.Unlock()
	return call.MediaOpened{Local: [2]sdp.Local{s.Local(media.A), s.Local(media.B)}}
}

func (w *mediaWorker) close(id string, s media.Session) cdr.Media {
	if s == nil {
		return cdr.Media{}
	}
	w.open.Lock()
	delete(w.open.sessions, id)
	delete(w.open.calls, s)
	w.open.Unlock()
	return mediaRecord(s.Close())
}

// silent is the media engine's word that a session has gone quiet.
func (g *Gateway) silent(s media.Session) {
	for _, l := range g.loops {
		l.media.queue.put(mediaJob{silent: s})
	}
}

// mediaRecord is what a call record says of its media.
func mediaRecord(s media.Stats) cdr.Media {
	m := cdr.Media{Codec: s.Codec, AtoB: flowRecord(s.AtoB), BtoA: flowRecord(s.BtoA)}
	switch {
	case s.TimedOut:
		m.End = "timeout"
	case s.LastSeen.IsZero():
		m.End = "none"
	default:
		m.End = "released"
	}
	return m
}

func flowRecord(f media.Flow) cdr.Flow {
	return cdr.Flow{
		Packets: f.Packets, Bytes: f.Bytes, Lost: f.Lost, Refused: f.Refused,
		JitterMS: float64(f.Jitter.Microseconds()) / 1000,
	}
}
