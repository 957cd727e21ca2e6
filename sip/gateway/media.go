package gateway

import (
	"crypto/rand"
	"net/netip"
	"sync"
	"time"

	"mask700/binding/cdr"
	"mask700/media"
	"mask700/media/sdp"
	"mask700/media/srtp"
	"mask700/sip/call"
	"mask700/sip/trunk"
)

// MediaEvents is what the media engine tells of: it calls them as options OnTimeout,
// OnSource and OnKey of the relay.
type MediaEvents struct {
	Silent func(media.Session)
	Source func(media.Session, media.Side, netip.Addr)
	Key    func(s media.Session, from media.Side, key byte, length time.Duration)
}

// mediaJob is one action of a call for its media.
type mediaJob struct {
	id     string
	action call.Action
	silent media.Session // no packet came on this session for too long
	source *mediaSource  // where a party's voice comes from
	key    *mediaKey     // a party has pressed
	told   *told         // a side has heard that it is recorded, or has not
}

// sessionKey names a media session: a call has another one after a transfer.
type sessionKey struct {
	call   string
	number int
}

// mediaSource is what the engine has learnt of where a side of a session is.
type mediaSource struct {
	session media.Session
	side    media.Side
	addr    netip.Addr
}

// mediaKey is a key that a side of a session has pressed, whose telephone events end
// here. Nobody is told of it but the call.
type mediaKey struct {
	session media.Session
	side    media.Side
	key     byte
	length  time.Duration
}

// mediaWorker carries out the media actions of one shard, in their order.
// Opening ports takes system calls that a shard's loop has no time for.
type mediaWorker struct {
	loop  *loop
	queue *mailbox[mediaJob]
	tapes map[sessionKey]*tape // of the sessions that are recorded, or are about to be

	open struct {
		sync.Mutex // protects what follows
		sessions   map[sessionKey]media.Session
		prompts    map[sessionKey]struct{} // that were admitted
		calls      map[media.Session]sessionKey
	}
}

func newMediaWorker(l *loop) *mediaWorker {
	w := &mediaWorker{loop: l, queue: newMailbox[mediaJob](0), tapes: map[sessionKey]*tape{}}
	w.open.sessions = map[sessionKey]media.Session{}
	w.open.prompts = map[sessionKey]struct{}{}
	w.open.calls = map[media.Session]sessionKey{}
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
		if key, ok := w.keyOf(j.silent); ok {
			w.loop.answer(key.call, call.MediaSilent{Session: key.number})
		}
		return
	}
	if j.source != nil {
		if key, ok := w.keyOf(j.source.session); ok {
			w.loop.answer(key.call, call.MediaSource{Session: key.number, Side: call.Side(j.source.side), Addr: j.source.addr})
		}
		return
	}
	if k := j.key; k != nil {
		if key, ok := w.keyOf(k.session); ok {
			w.loop.answer(key.call, call.KeyHeard{Session: key.number, Side: call.Side(k.side), Key: k.key, Length: k.length})
		}
		return
	}
	if j.told != nil {
		w.heardNotice(j.told)
		return
	}
	switch a := j.action.(type) {
	case call.OpenMedia:
		w.loop.answer(j.id, w.openMedia(j.id, a))
	case call.MoveMedia:
		w.loop.answer(j.id, w.moveMedia(j.id, a))
	case call.SetRemote:
		if session := w.session(j.id, a.Session); session != nil {
			if a.Side == call.Callee {
				w.dismiss(sessionKey{j.id, a.Session})
			}
			audio := media.RemoteOf(a.Remote, a.Signal)
			audio.Silent = a.Silent
			session.SetRemote(media.Side(a.Side), audio)
			if video := session.Video(); video != nil {
				picture := media.RemoteOf(a.Video, a.Signal)
				picture.Silent = a.Silent
				video.SetRemote(media.Side(a.Side), picture)
			}
			w.tellAgain(sessionKey{j.id, a.Session})
		}
	case call.SettleMedia:
		if session := w.session(j.id, a.Session); session != nil {
			settle(session)
			if video := session.Video(); video != nil {
				settle(video)
			}
		}
	case call.PlayMedia:
		w.play(j.id, a)
	case call.PressKey:
		session := w.session(j.id, a.Session)
		ok := session != nil && session.Press(media.Side(a.Side), a.Key, a.Length)
		w.loop.answer(j.id, call.KeyPressed{Tx: a.Tx, OK: ok})
	case call.RecordMedia:
		w.record(sessionKey{j.id, a.Session}, a)
	case call.CloseMedia:
		w.loop.answer(j.id, call.MediaEnded{Session: a.Session, Media: w.close(j.id, a.Session)})
	}
}

func settle(s media.Session) {
	s.Settle(media.A)
	s.Settle(media.B)
}

func (w *mediaWorker) session(id string, number int) media.Session {
	w.open.Lock()
	defer w.open.Unlock()
	return w.open.sessions[sessionKey{id, number}]
}

func (w *mediaWorker) keyOf(s media.Session) (sessionKey, bool) {
	w.open.Lock()
	defer w.open.Unlock()
	key, ok := w.open.calls[s]
	return key, ok
}

func (w *mediaWorker) openMedia(id string, a call.OpenMedia) call.MediaOpened {
	if (a.Prompt || a.Asked) && !w.loop.gateway.admit() {
		return call.MediaOpened{Session: a.Session, Err: errCrowded}
	}
	s, err := w.loop.gateway.media.Open(media.OpenSpec{
		PoolA: a.Pools[call.Caller], PoolB: a.Pools[call.Callee],
		LatchA: latching(a.Latch[call.Caller]), LatchB: latching(a.Latch[call.Callee]),
		PeerA: a.Peers[call.Caller].Remote.Addr(), PeerB: a.Peers[call.Callee].Remote.Addr(),
		Video: a.Video, Alone: a.Prompt,
	})
	if err != nil {
		if a.Prompt || a.Asked {
			w.loop.gateway.dismiss()
		}
		return call.MediaOpened{Session: a.Session, Err: err, Full: w.unopened(err)}
	}
	w.open.Lock()
	key := sessionKey{id, a.Session}
	w.open.sessions[key], w.open.calls[s] = s, key
	if a.Prompt || a.Asked {
		w.open.prompts[key] = struct{}{}
	}
	w.open.Unlock()
	return call.MediaOpened{Session: a.Session, Local: [2]sdp.Local{localOf(s, media.A), localOf(s, media.B)}}
}

// unopened tells the operator of ports that could not be opened, and says whether others
// may be soon.
func (w *mediaWorker) unopened(err error) (full bool) {
	full = media.Full(err)
	switch {
	case full && w.loop.gateway.noPorts.ok():
		w.loop.gateway.log.Warn("media ports not opened", "error", err)
	case !full && w.loop.gateway.noMedia.ok():
		w.loop.gateway.log.Error("media ports cannot be opened, and calls are refused with 500: see media in the configuration",
			"error", err, "failed", w.loop.gateway.media.Stats().Failed)
	}
	return full
}

// localOf is where we are on a side, with a secret that nothing else has.
func localOf(s media.Session, side media.Side) sdp.Local {
	local := s.Local(side)
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: the process ends before
	local.Secret = srtp.NewSecret(b)
	if video := s.Video(); video != nil {
		local.Video = video.Local(side).Port
	}
	return local
}

// moveMedia opens a side toward another hop.
func (w *mediaWorker) moveMedia(id string, a call.MoveMedia) call.MediaMoved {
	moved := call.MediaMoved{Session: a.Session, Side: a.Side}
	s := w.session(id, a.Session)
	if s == nil {
		return moved
	}
	side := media.Side(a.Side)
	if moved.Moved, moved.Err = s.Move(side, a.Peer.Remote.Addr()); moved.Err != nil {
		moved.Full = w.unopened(moved.Err)
	}
	if moved.Moved {
		moved.Local = localOf(s, side)
	}
	return moved
}

// latching is a trunk's word for how a source is learnt.
func latching(word string) media.Latching {
	switch word {
	case trunk.LatchSubnet:
		return media.LatchSubnet
	case trunk.LatchOff:
		return media.LatchOff
	}
	return media.LatchStrict
}

// dismiss notes that nobody is any more who hears prompts alone.
func (w *mediaWorker) dismiss(key sessionKey) {
	w.open.Lock()
	_, admitted := w.open.prompts[key]
	delete(w.open.prompts, key)
	w.open.Unlock()
	if admitted {
		w.loop.gateway.dismiss()
	}
}

func (w *mediaWorker) close(id string, number int) cdr.Media {
	w.open.Lock()
	key := sessionKey{id, number}
	s := w.open.sessions[key]
	delete(w.open.sessions, key)
	delete(w.open.calls, s)
	w.open.Unlock()
	w.dismiss(key)
	if s == nil {
		return cdr.Media{}
	}
	recording := w.stopRecording(key)
	m := mediaRecord(s.Close())
	m.Recording = recording
	return m
}

// silent is the media engine's word that a session has gone quiet.
func (g *Gateway) silent(s media.Session) {
	for _, l := range g.loops {
		l.media.queue.put(mediaJob{silent: s})
	}
}

// source is its word that a side's voice comes from where signalling has not said.
func (g *Gateway) source(s media.Session, side media.Side, a netip.Addr) {
	for _, l := range g.loops {
		l.media.queue.put(mediaJob{source: &mediaSource{s, side, a}})
	}
}

// key is its word that a side has pressed a key.
func (g *Gateway) key(s media.Session, side media.Side, key byte, length time.Duration) {
	for _, l := range g.loops {
		l.media.queue.put(mediaJob{key: &mediaKey{s, side, key, length}})
	}
}
