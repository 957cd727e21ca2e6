package gateway

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/media"
	"mask700/media/record"
	"mask700/media/record/archive"
	"mask700/sip/call"
	"mask700/store/seal"
)

// taped is a media session that plays and is recorded as the test says.
type taped struct {
	media.Session
	takes  string // the codec of clips that it plays; "": none
	deaf   bool   // side B takes none
	cut    bool   // a clip was played that a hold may cut
	played []string
	done   [2]func(bool)
	tap    media.Tap
	closed bool
}

func (s *taped) Play(to media.Side, c *media.Clip, done func(bool)) bool {
	if c == nil {
		s.played = append(s.played, "stop "+to.String())
		return true
	}
	if c.Codec != s.takes || s.deaf && to == media.B {
		return false
	}
	s.cut = s.cut || !c.Whole
	s.played = append(s.played, c.Codec+" "+to.String())
	s.done[to] = done
	return true
}

func (s *taped) Record(t media.Tap) {
	if t == nil {
		s.played = append(s.played, "off")
	}
	s.tap = t
}

func (s *taped) SetRemote(media.Side, media.Remote) {}

func (s *taped) Video() media.Session { return nil }

func (s *taped) Close() media.Stats {
	s.closed = true
	return media.Stats{}
}

// plainKeys wraps keys under one of its own.
type plainKeys struct{ box *seal.Box }

func (k plainKeys) WrapRecordingKey(_ string, _ time.Time, id string, key []byte) (uint32, []byte, error) {
	return 1, k.box.Seal(nil, key, []byte(id)), nil
}

func (k plainKeys) UnwrapRecordingKey(_ uint32, id string, wrapped []byte) ([]byte, error) {
	return k.box.Open(nil, wrapped, []byte(id))
}

func (k plainKeys) DropRecordingKeys(time.Time) (int, error) {
	return 0, errors.New("not asked for here")
}

// tapeWorld is a worker with one session, and nothing around it.
type tapeWorld struct {
	*mediaWorker
	session *taped
	archive *archive.Archive
	gateway *Gateway
}

func newTapeWorld(t *testing.T, s *taped, notice bool) *tapeWorld {
	t.Helper()
	box, err := seal.NewBox(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(archive.Options{Dir: filepath.Join(t.TempDir(), "r"), Keys: plainKeys{box}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	g := &Gateway{log: slog.New(slog.DiscardHandler)}
	g.options.Recordings = a
	if notice {
		g.options.Notice = func(codec string) *media.Clip {
			if codec == "G722" {
				return nil
			}
			return &media.Clip{Codec: codec}
		}
	}
	w := &tapeWorld{newMediaWorker(&loop{gateway: g, inbox: newMailbox[item](0)}), s, a, g}
	key := sessionKey{"call", 0}
	w.open.sessions[key], w.open.calls[s] = s, key
	return w
}

// do performs an action and whatever has been told since.
func (w *tapeWorld) do(a call.Action) {
	w.perform(mediaJob{id: "call", action: a})
	w.settle()
}

func (w *tapeWorld) settle() {
	for _, j := range w.queue.take() {
		w.perform(j)
	}
}

// end closes the session and returns what the record says of its recording.
func (w *tapeWorld) end(t *testing.T) cdr.Recording {
	t.Helper()
	w.do(call.CloseMedia{})
	for _, it := range w.loop.inbox.take() {
		if ev, ok := it.event.(call.MediaEnded); ok && w.session.closed {
			return ev.Media.Recording
		}
	}
	t.Fatal("the session was not closed")
	return cdr.Recording{}
}

func (w *tapeWorld) saysVoice() {
	w.session.tap.Voice(media.A, "PCMA", 1, 0, time.Second, make([]byte, 160))
}

var recordIt = call.RecordMedia{ID: "record-1"}

func TestRecordedOnceBothWereTold(t *testing.T) {
	w := newTapeWorld(t, &taped{takes: "PCMU"}, true)
	w.do(recordIt)
	w.do(recordIt) // told twice
	if !slices.Equal(w.session.played, []string{"PCMU A", "PCMU B"}) {
		t.Errorf("played %q", w.session.played)
	}
	if w.session.cut {
		t.Error("the notice is said to be heard when a hold has cut it")
	}
	w.session.done[media.B](true)
	if w.settle(); w.session.tap != nil {
		t.Fatal("recorded before both were told")
	}
	w.session.done[media.A](true)
	if w.settle(); w.session.tap == nil {
		t.Fatal("not recorded")
	}
	w.saysVoice()
	r := w.end(t)
	if r.ID != "record-1" || r.Bytes == 0 || r.Lost != 0 || w.session.tap != nil || w.gateway.unrecorded.Load() != 0 {
		t.Errorf("%+v", r)
	}
	w.archive.Close()
	path, err := w.archive.Find("record-1")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(path, "record-1.m700rec") {
		t.Error(path)
	}
}

// TestTheNoticeIsToldAgainInAnotherCodec: an offer breaks it off at one side, and until that one has heard it in the
// codec that is agreed on in the end, nothing is recorded.
func TestTheNoticeIsToldAgainInAnotherCodec(t *testing.T) {
	w := newTapeWorld(t, &taped{takes: "PCMU"}, true)
	w.do(recordIt)
	w.session.done[media.A](true)
	w.session.takes = "" // offered, and not answered yet
	w.session.done[media.B](false)
	w.settle()
	w.do(call.SetRemote{Side: call.Callee})
	w.session.takes = "PCMA"
	w.do(call.SetRemote{Side: call.Caller})
	w.do(call.SetRemote{Side: call.Callee})
	if want := []string{"PCMU A", "PCMU B", "PCMA B"}; !slices.Equal(w.session.played, want) || w.session.tap != nil {
		t.Fatalf("played %q, want %q; recorded: %t", w.session.played, want, w.session.tap != nil)
	}
	w.session.done[media.B](false) // once more, in the same codec
	w.settle()
	w.session.done[media.B](true)
	if w.settle(); w.session.tap == nil || len(w.session.played) != 4 {
		t.Fatalf("not recorded, played %q", w.session.played)
	}
	w.saysVoice()
	if r := w.end(t); r.ID != "record-1" || w.gateway.unrecorded.Load() != 0 {
		t.Errorf("%+v, %d calls not recorded", r, w.gateway.unrecorded.Load())
	}
}

// TestWhoBreaksTheNoticeOffIsHeardByNobody: a party whose codec changes again and again keeps the call from being recorded,
// and talks meanwhile to one that has heard the notice. After some times both hear nothing else until both have heard it.
func TestWhoBreaksTheNoticeOffIsHeardByNobody(t *testing.T) {
	w := newTapeWorld(t, &taped{takes: "PCMA"}, true)
	s := w.session
	says := func(side media.Side, finished bool, then ...string) {
		t.Helper()
		s.played = nil
		s.done[side](finished)
		w.settle()
		if !slices.Equal(s.played, then) || s.tap != nil {
			t.Fatalf("played %q, want %q; recorded: %t", s.played, then, s.tap != nil)
		}
	}
	w.do(recordIt)
	says(media.B, false, "PCMA B")
	says(media.A, true)
	says(media.B, false, "PCMA B")
	says(media.B, false, "PCMA A", "PCMA B") // from now on
	says(media.B, false, "PCMA B")
	says(media.A, true, "PCMA A")
	says(media.A, false, "PCMA A") // by the other's offer
	s.takes = ""                   // not answered yet
	says(media.A, false)
	says(media.B, false)
	s.takes = "PCMU"
	w.do(call.SetRemote{Side: call.Caller})
	if want := []string{"PCMU A", "PCMU B"}; !slices.Equal(s.played, want) {
		t.Fatalf("played %q, want %q", s.played, want)
	}
	again := s.done[media.A]
	s.done[media.B](true)
	w.settle()
	again(false) // it is stopped
	w.settle()
	w.do(call.SetRemote{Side: call.Caller})
	if want := []string{"PCMU A", "PCMU B", "stop A", "stop B"}; !slices.Equal(s.played, want) || s.tap == nil {
		t.Fatalf("played %q, want %q; recorded: %t", s.played, want, s.tap != nil)
	}
	w.saysVoice()
	if r := w.end(t); r.ID != "record-1" || w.gateway.unrecorded.Load() != 0 {
		t.Errorf("%+v, %d calls not recorded", r, w.gateway.unrecorded.Load())
	}
}

// TestBothBreakTheNoticeOff: whoever has heard it while the other has not is told again, from the third time on.
func TestBothBreakTheNoticeOff(t *testing.T) {
	w := newTapeWorld(t, &taped{takes: "PCMA"}, true)
	s := w.session
	w.do(recordIt)
	for range maxBroken {
		s.done[media.A](false)
		s.done[media.B](false)
		w.settle()
	}
	s.played = nil
	s.done[media.A](true)
	if w.settle(); !slices.Equal(s.played, []string{"PCMA A"}) || s.tap != nil {
		t.Fatalf("played %q; recorded: %t", s.played, s.tap != nil)
	}
	s.done[media.B](true)
	if w.settle(); s.tap == nil {
		t.Fatal("not recorded")
	}
	w.saysVoice()
	if r := w.end(t); r.ID != "record-1" {
		t.Errorf("%+v", r)
	}
}

func TestRecordedWithoutNoticeOnlyWhereNoneIsWanted(t *testing.T) {
	w := newTapeWorld(t, &taped{}, false)
	w.do(recordIt)
	if w.session.tap == nil || len(w.session.played) != 0 {
		t.Fatalf("%q", w.session.played)
	}
	w.saysVoice()
	if r := w.end(t); r.ID != "record-1" {
		t.Errorf("%+v", r)
	}
}

func TestNotRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		session *taped
		then    func(*tapeWorld)
	}{
		"no codec of ours":       {&taped{takes: "opus"}, func(*tapeWorld) {}},
		"one side takes none":    {&taped{takes: "PCMA", deaf: true}, func(w *tapeWorld) { w.session.done[media.A](false) }},
		"broken off":             {&taped{takes: "PCMA"}, func(w *tapeWorld) { w.session.done[media.A](true); w.session.done[media.B](false) }},
		"hung up while it plays": {&taped{takes: "PCMA"}, func(w *tapeWorld) { w.session.done[media.A](true) }},
		"told when it has ended": {&taped{takes: "PCMA"}, func(w *tapeWorld) {
			w.do(call.CloseMedia{})
			w.session.done[media.A](true)
			w.session.done[media.B](true)
		}},
		"nowhere to record to": {&taped{takes: "PCMA"}, nil},
	} {
		w := newTapeWorld(t, c.session, true)
		if c.then == nil {
			w.gateway.options.Recordings, c.then = nil, func(*tapeWorld) {}
		}
		w.do(recordIt)
		c.then(w)
		w.settle()
		if w.session.tap != nil {
			t.Errorf("%s: it is recorded", name)
		}
		if r := w.end(t); r != (cdr.Recording{}) {
			t.Errorf("%s: %+v", name, r)
		}
		if n := w.gateway.unrecorded.Load(); n != 1 || len(w.tapes) != 0 {
			t.Errorf("%s: %d calls counted, %d tapes left", name, n, len(w.tapes))
		}
		if s := w.archive.Stats(); s.Started != 0 {
			t.Errorf("%s: a recording was begun", name)
		}
	}
}

// TestNoSuchSession: an action for a session that could not be opened, or is gone.
func TestNoSuchSession(t *testing.T) {
	w := newTapeWorld(t, &taped{takes: "PCMA"}, true)
	w.do(call.RecordMedia{Session: 7, ID: "record-1"})
	if len(w.tapes) != 0 || len(w.session.played) != 0 {
		t.Error("another session is told")
	}
}

// TestTheCallerOfARecordingIsTheRecords: after a transfer by the caller's side the caller of the new record is on the
// callee's, and is the left channel of its recording all the same.
func TestTheCallerOfARecordingIsTheRecords(t *testing.T) {
	for _, turned := range []bool{false, true} {
		w := newTapeWorld(t, &taped{takes: "PCMU"}, true)
		w.do(call.RecordMedia{ID: "record-1", Turned: turned})
		w.session.done[media.A](true)
		w.session.done[media.B](true)
		w.settle()
		w.saysVoice() // on the caller's side
		w.end(t)
		w.archive.Close()
		res, err := w.archive.Export("record-1", record.WAV, func(record.Result, int64) (io.Writer, error) { return io.Discard, nil })
		want := [2]uint64{record.Caller: 1}
		if turned {
			want = [2]uint64{record.Callee: 1}
		}
		if err != nil || res.Packets != want {
			t.Errorf("turned %t: %v packets, %v", turned, res.Packets, err)
		}
	}
}
