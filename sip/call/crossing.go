package call

import (
	"errors"
	"time"

	"mask700/binding"
	"mask700/media/sdp"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// This file is the whole list of what may cross from one leg to the other.
// Nothing else in the program takes a value from one party's message and puts
// it into a message to the other; everything that is not here is generated.
//
//	what                     direction  where                         why, and in which form
//	Max-Forwards             to callee, INVITE, MESSAGE               loops have to end (RFC 7332): a number, one less; never more than 69
//	                         to who is
//	                         called by
//	                         a transfer
//	100rel                   to callee  INVITE                        whether the caller takes reliable responses (RFC 3262): the tag in
//	                                                                 Supported or not, where the INVITE has no offer (offerReliable, out.go)
//	the edge                 to callee  INVITE                        who is called and which 700 number is shown: from the binding,
//	                                                                 never from the message
//	the number that it       to caller  INVITE, where the platform    of an edge of the binding; the offer in it is ours (order.go)
//	could have dialled                  has asked for the call
//	progress                 to caller  1xx                           180 or 183 and nothing else (earlyStatus)
//	final status             to caller  3xx-6xx                       one of a few, by table (outcomeOf); no phrase, no header
//	final status             both       3xx-6xx of an offer in the    the same table
//	                                    dialog, of an INFO
//	Retry-After              both       500 to an offer in the dialog a number of seconds, 0-10
//	Q.850 cause              both       BYE, CANCEL, 3xx-6xx          that of a BYE, also of an early dialog: a number 1-127 (RFC 3326), no text
//	outcome of a transfer    to who     NOTIFY                        100, 180, 200 or a final status of the same table, of who was called by
//	                         asked for                                it: one status line in a sipfrag (notify, transfer.go)
//	                         it
//	SDP                      both       INVITE, 18x, 2xx, ACK, PRACK, parsed and written anew by media/sdp; our addresses and keys,
//	                                    UPDATE                        allowed attributes; telephone events where the other side takes keys
//	who calls whom           to callee  INVITE to no 700 number, where the numbers as they came, and Privacy: id (pass.go)
//	                                    a trunk says pass
//	text                     to callee  MESSAGE                       the body alone, as text/plain in UTF-8 without control characters;
//	                                                                 telephone numbers by policy, the parties' own never (text.go)
//	final status             to caller  2xx of a MESSAGE              202, whichever it was
//	DTMF                     both       INFO                          one key of 16 and a length in ms, written anew (info.go)
//	                                    RTP                           the same as a telephone event (RFC 4733), to who takes no INFO,
//	                                                                 and as an INFO, to who has agreed on no telephone events (keys.go)
//
// To add a row, add a function here and the test that plants a canary in it.

// maxForwards is the hop limit of requests that cross nothing (section 8.1.1.6).
const maxForwards = 70

// hopsLeft is the Max-Forwards of the callee's INVITE.
func hopsLeft(m *message.Message) int {
	if m.MaxForwards < 0 {
		return maxForwards
	}
	return max(min(m.MaxForwards, maxForwards)-1, 0)
}

// progressEvery is how often a caller is told again that it rings: proxies give up
// an INVITE after three minutes of silence (timer C, section 16.6).
const progressEvery = time.Minute

// earlyStatus is the provisional response that the caller gets for one of the
// callee's; 0: none. 181 would tell of a forwarding and 182 of a queue, which
// to the caller are ringing; 199 speaks of forks that the caller does not see.
func earlyStatus(status int, withMedia bool) int {
	switch status {
	case 180, 181, 182:
		if withMedia {
			return 183
		}
		return 180
	case 183:
		return 183
	}
	return 0
}

// releaseCause is the Q.850 cause of a BYE for the other leg.
func releaseCause(m *message.Message) int {
	if m.Q850 > 0 && m.Q850 <= 127 {
		return m.Q850
	}
	return causeNormal
}

// refusalStatus is the answer to a refused caller. To one who is not a party
// there is one answer, whatever the reason.
func refusalStatus(d *binding.Decision) int {
	if d.ToParty() {
		return 403
	}
	return 404
}

const sdpType = "application/sdp"

// attach puts a body of our own writing into a request.
func attach(r *message.Request, body []byte) {
	if len(body) > 0 {
		r.ContentType, r.Body = sdpType, body
	}
}

// attached returns a response with a body of our own writing.
func attached(status int, body []byte) message.Response {
	r := message.Response{Status: status}
	if len(body) > 0 {
		r.ContentType, r.Body = sdpType, body
	}
	return r
}

// description reads the session description of a message, nil when it has none or
// one of another kind that may be passed over.
func description(m *message.Message) (*sdp.Description, error) {
	if len(m.Body) == 0 {
		return nil, nil
	}
	if m.ContentType != sdpType {
		if m.Optional {
			return nil, nil
		}
		return nil, sdp.ErrNotMaskable
	}
	return sdp.Parse(m.Body)
}

// hashOf tells whether a description is the one that came before (FNV-1a). Whoever
// makes two of one hash only spares its own phone a new answer.
func hashOf(body []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range body {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}

// mediaPolicy is what a trunk lets the descriptions of its legs hold.
func mediaPolicy(t *trunk.Trunk) sdp.Policy {
	p := sdp.Policy{T38: t.T38 == trunk.T38Allow, Video: t.Video == trunk.VideoAllow, Mux: t.RTCPMux == trunk.MuxOffer}
	switch t.DTMF {
	case trunk.DTMFInfo:
		p.Keys = sdp.KeysInfo
	case trunk.DTMFEvents:
		p.Keys = sdp.KeysEvents
	}
	switch t.SRTP {
	case trunk.SRTPAllow:
		p.SRTP = sdp.SRTPAllow
	case trunk.SRTPRequire:
		p.SRTP = sdp.SRTPRequire
	}
	return p
}

// withVideo says whether a call between two trunks may have a video.
func withVideo(a, b *trunk.Trunk) bool {
	return a.Video == trunk.VideoAllow && b.Video == trunk.VideoAllow
}

// anyMedia is the policy for an offer that is declined as a whole.
var anyMedia = sdp.Policy{SRTP: sdp.SRTPAllow, T38: true}

// crossOffer takes an offer of one leg to the other: noted on its own leg,
// written anew for the other.
func (c *Call) crossOffer(from Side, d *sdp.Description) ([]byte, error) {
	c.leg(from).SDP.Receive(d)
	to := from.Other()
	return c.leg(to).SDP.Offer(&c.leg(from).SDP.Peer, c.MediaLocal[to])
}

// crossAnswer takes an answer of one leg to the other in the same way. With it
// both ends of the media are known.
func (c *Call) crossAnswer(env *Env, from Side, d *sdp.Description) ([]byte, error) {
	c.leg(from).SDP.Receive(d)
	return c.answerFor(env, from.Other())
}

// answerFor writes the answer to a leg's last offer from what the other leg last
// said.
func (c *Call) answerFor(env *Env, to Side) ([]byte, error) {
	body, err := c.leg(to).SDP.Answer(&c.leg(to.Other()).SDP.Peer, c.MediaLocal[to])
	if err == nil {
		err = c.setRemotes(env)
	}
	return body, err
}

// unwanted is the answer to a 2xx that nobody waits for any more, when that makes
// the offer: its ACK has to carry one, before the BYE (RFC 3261 section 13.2.2.4).
func (c *Call) unwanted(s Side, m *message.Message) []byte {
	l := c.leg(s)
	if l.Client.Offered || l.Answered && !l.Client.Again {
		return nil
	}
	return l.declined(c.MediaLocal[s], m)
}

// declined answers the offer of a message by rejecting all of it; nil when that
// has none that can be read.
func (d *Dialog) declined(local sdp.Local, m *message.Message) []byte {
	offer, err := description(m)
	if err != nil || offer == nil {
		return nil
	}
	d.SDP.Receive(offer)
	return d.declinedLast(local)
}

// declinedLast is declined for the offer that came last.
func (d *Dialog) declinedLast(local sdp.Local) []byte {
	nothing := sdp.Description{Lines: []sdp.Line{{Media: "audio", Proto: "RTP/AVP"}}}
	body, err := d.SDP.Answer(&nothing, local)
	if err != nil {
		return nil
	}
	return body
}

// setRemotes tells the media what both legs have agreed on.
func (c *Call) setRemotes(env *Env) error {
	var remote [2]sdp.RemoteMedia
	alone := c.announcing() || c.Greeted.Alone
	for s := range c.Legs {
		if alone && Side(s) == Callee {
			continue // nobody is there
		}
		var err error
		if remote[s], err = c.Legs[s].SDP.Remote(); err != nil {
			return err
		}
	}
	for s, r := range remote {
		if alone && Side(s) == Callee {
			continue
		}
		l := &c.Legs[s].SDP
		env.do(SetRemote{Session: c.Session, Side: Side(s), Remote: r, Video: l.RemoteVideo(), Signal: c.Legs[s].Peer, Silent: !l.Told})
		l.Told = false
	}
	c.Exchange.Applied = c.Exchange.active()
	return nil
}

// settleMedia settles the media after an offer and answer in mid-call. While it rings there is
// more to come: who is behind a NAT may say the first word when it is picked up, and
// nobody has to say any before.
func (c *Call) settleMedia(env *Env) {
	if c.State >= Answered {
		env.do(SettleMedia{c.Session})
	}
}

// undialled is the answer to one who dialled what is no 700 number: 484 while
// digits are missing (RFC 3261 section 21.4.22), else the answer that strangers
// get.
func undialled(err error) int {
	if errors.Is(err, binding.ErrIncomplete) {
		return 484
	}
	return 404
}
