package sdp

// Leg is our own side of the offer/answer exchanges of one dialog (RFC 3264).
//
// It is plain data. Assigning a Leg takes a snapshot: no method changes the
// elements of a slice that an earlier copy can see, so a rejected offer is rolled
// back by assigning the copy taken before it.
type Leg struct {
	SessionID uint64
	Version   uint64
	Lines     []Line        // the m-lines as we last wrote them
	Audio     int           // index in Lines of the relayed audio stream, -1: none yet
	Peer      Description   // what the peer last sent
	Types     []PayloadType // what the peer may send, as we last wrote it
	Sent      []byte        // the body as it was last written
}

// NewLeg begins a leg. The session id is the number in o=; RFC 8866 section 5.2
// wants it unique, and a gateway wants it to tell nothing, so it should be drawn
// at random by the caller.
func NewLeg(sessionID uint64) Leg { return Leg{SessionID: sessionID, Version: 1, Audio: -1} }

// Receive notes the peer's offer or answer on this leg.
func (l *Leg) Receive(d *Description) { l.Peer = *d }

// Offer writes an offer for this leg from the description that the other leg
// sent.
func (l *Leg) Offer(from *Description, at Local) ([]byte, error) { return nil, ErrNotMaskable }

// Answer writes the answer to this leg's last received offer, made of the other
// leg's answer.
func (l *Leg) Answer(from *Description, at Local) ([]byte, error) { return nil, ErrNotMaskable }

// Remote is what the relay must know of this leg's peer: the address of its last
// description, and the payload types that it may send given what we last wrote.
// Call it after Offer or Answer, when the mapping is known.
func (l *Leg) Remote() (RemoteMedia, error) { return Remote(&l.Peer) }
