package media

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// telephoneEvent is the name of the payload format of keys (RFC 4733).
const telephoneEvent = "telephone-event"

const (
	// update is the time between two packets of an event (RFC 4733 section 2.5.1.2),
	// and that between two events.
	update = int64(50 * time.Millisecond)
	// endings is how often an event's last packet is sent (section 2.5.1.4).
	endings = 3
	// maxKeys bounds the keys that wait for one side.
	maxKeys = 16
	// loudness is -10 dBm0, what a key of a phone is about.
	loudness = 10
)

// eventNames are the keys in the order of their numbers (RFC 4733 section 3.2).
const eventNames = "0123456789*#ABCD"

// keypad is the keys that one side of a session is told: plain data. While there are
// any, it hears nothing else.
//
//	first ──50 ms──▶ update … ──▶ end ──50 ms──▶ end ──50 ms──▶ end ──50 ms──▶ the next key
type keypad struct {
	session *session
	to      Side
	waiting []stroke // the first is the one that is sent
	packets int      // of it that were sent, and
	ends    int      // of these, with its end
	next    int64    // ns, when there is more to be done
}

// stroke is one key.
type stroke struct {
	event  uint8
	length int64 // ns
}

// Press sends a key to one side.
func (s *session) Press(to Side, key byte, length time.Duration) bool {
	s.shard.mu.Lock()
	defer s.shard.unlock()
	to &= 1
	l := s.legs[to]
	event := strings.IndexByte(eventNames, key)
	if s.closed || s.paused || event < 0 || length <= 0 || !l.target().IsValid() || l.remote.Fax {
		return false
	}
	if _, ok := events(l.payloads, s.legs[to.Other()].payloads, 0); !ok {
		return false
	}
	if l.keys == nil {
		s.reclaimBoth()
		s.shard.conduct()
		l.keys = &keypad{session: s, to: to, next: s.now()}
		s.dues()
		s.shard.keys = append(s.shard.keys, l.keys)
	}
	if len(l.keys.waiting) == maxKeys {
		return false
	}
	l.keys.waiting = append(l.keys.waiting, stroke{event: uint8(event), length: int64(length)})
	return true
}

// stopKeys forgets the keys of a side, if there are any.
func (s *session) stopKeys(to Side) {
	k := s.legs[to].keys
	if k == nil {
		return
	}
	s.legs[to].keys = nil
	s.dues()
	s.shard.keys = slices.DeleteFunc(s.shard.keys, func(other *keypad) bool { return other == k })
}

// cutKey ends the key that is being sent to a side, which has been heard by then. Those
// after it wait.
func (s *session) cutKey(to Side) {
	k := s.legs[to].keys
	if k == nil || k.packets == 0 {
		return
	}
	k.waiting, k.packets, k.ends = k.waiting[1:], 0, 0
	if len(k.waiting) == 0 {
		s.stopKeys(to)
	}
}

// press sends what is due of all keys.
func (sh *shard) press(now int64) {
	for i := 0; i < len(sh.keys); {
		k := sh.keys[i]
		if now >= k.next && !k.strike(now) {
			k.session.stopKeys(k.to) // moves another to this place
			continue
		}
		i++
	}
}

// strike sends the next packet, and is false when there is none any more. A key
// waits for the end of a clip.
func (k *keypad) strike(now int64) bool {
	s := k.session
	l, stream := s.legs[k.to], s.legs[k.to.Other()].in
	if l.playing != nil {
		k.next = now + update
		return true
	}
	if k.ends == endings {
		k.waiting, k.packets, k.ends = k.waiting[1:], 0, 0
	}
	to := l.target()
	if len(k.waiting) == 0 || s.paused || !to.IsValid() || l.remote.Fax {
		return false
	}
	t, ok := events(l.payloads, s.legs[k.to.Other()].payloads, stream.Clock())
	if !ok {
		return false
	}
	// The longest that 16 bits hold: longer ones would have to be cut in segments
	// (RFC 4733 section 2.5.1.3), which nobody holds a key for.
	key := k.waiting[0]
	length := min(key.length, 0xffff*int64(time.Second)/int64(t.Clock))
	passed := int64(k.packets+1) * update
	var payload [4]byte
	payload[0], payload[1] = key.event, loudness
	if passed >= length {
		passed = length
		payload[1] |= 1 << 7
		k.ends++
	}
	binary.BigEndian.PutUint16(payload[2:], uint16(passed*int64(t.Clock)/int64(time.Second)))
	packet := stream.Event(s.shard.out[:], t.Map, t.Clock, k.packets == 0, now, payload[:])
	k.packets++
	if k.next += update; k.next <= now { // a stall is not made up for
		k.next = now + update
	}
	packet, sealed := l.seal(packet)
	if !sealed || l.send(packet, to) != 0 {
		s.legs[k.to.Other()].flow.Failed++
	}
	return k.ends < endings || len(k.waiting) > 1
}
