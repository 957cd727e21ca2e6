package call

import (
	"net/netip"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// Prompt names an announcement, as the catalogue of the media does.
type Prompt string

// What calls play.
const (
	NotInService   Prompt = "not-in-service"
	OrderFinished  Prompt = "order-finished"
	CallLimit      Prompt = "call-limit"
	LastMinute     Prompt = "last-minute"
	EnterExtension Prompt = "enter-extension"
	Ringback       Prompt = "ringback"
	Busy           Prompt = "busy"
	Congestion     Prompt = "congestion"
	Unobtainable   Prompt = "unobtainable"
)

// Prompts is what callers hear of us, beside what each trunk says of refusals.
type Prompts struct {
	Attempts      int           // how often a caller is asked for an extension; 0: it is refused without
	FirstDigit    time.Duration // how long after that it may begin to press one,
	NextDigit     time.Duration // and wait before each further digit
	LastMinute    bool          // both parties, a minute before the longest duration is over
	OrderFinished time.Duration // how long a party hears that its binding has ended, and not what strangers hear
}

// Announced is a refusal that the caller hears before it gets it.
//
//	refused -> [ Opening ] ports, and the row on disk
//	              |
//	   early:  183 with our description (PRACK where it is reliable), the prompt, 404 or 403
//	   answer: 200, ACK, the prompt, BYE
//
// Everything else that happens ends it at once: a CANCEL, a BYE, no room to play.
// Nobody who gets one status can tell by what is heard, or how long it takes, for
// which of its reasons.
type Announced struct {
	Prompt  Prompt // "": none is or was played
	Former  bool   // the caller was a party until a moment ago
	Playing bool
}

// lastMinute is the time that is left when both parties are told, and shortTalk
// the least time before it: of a shorter call nobody is told.
const (
	lastMinute = time.Minute
	shortTalk  = 15 * time.Second
)

// longestPrompt ends what is not over by then: two files of a minute each, and the
// time to be acknowledged.
const longestPrompt = 150 * time.Second

// announcer stands for a party that speaks these codecs. Its address is not one that
// could be sent to (RFC 7600), and is written nowhere.
func announcer(codecs ...sdp.Codec) sdp.Description {
	return sdp.Description{Lines: []sdp.Line{{
		Media: "audio", Proto: "RTP/AVP", Port: nowhere, Addr: netip.AddrFrom4([4]byte{192, 0, 0, 8}),
		Send: true, Recv: true, Codecs: codecs,
	}}}
}

// spoken chooses the codec of a prompt from an offer: the first in G.711, else
// G.722. It is false where the offer has neither, or wants to hear nothing.
func spoken(d *sdp.Description) (sdp.Codec, bool) {
	m, err := sdp.Remote(d)
	if err != nil || !m.Recv || !m.RTP.IsValid() {
		return sdp.Codec{}, false
	}
	var wide sdp.Codec
	for _, c := range d.Lines[d.Audio].Codecs {
		switch {
		case c.Name == "PCMA" || c.Name == "PCMU":
			return c, true
		case c.Name == "G722" && wide.Name == "":
			wide = c
		}
	}
	return wide, wide.Name != ""
}

// promptFor is what a refusal says. One status has one prompt, so that it tells no
// more than the status.
func promptFor(status int) Prompt {
	switch status {
	case 404:
		return NotInService
	case 403:
		return CallLimit
	}
	return ""
}

// recall notes whether the caller was a party until a moment ago.
func (c *Call) recall(env *Env, d binding.Decision) {
	c.Announced.Former = !d.Ended.IsZero() && env.Now.Sub(d.Ended) < env.Config.Prompts.OrderFinished
}

// announce begins to tell the caller of its refusal, where its trunk says so and
// its offer allows. It is false for a refusal that goes out at once.
func (c *Call) announce(env *Env, end string, f Final) bool {
	l := c.leg(Caller)
	t := env.trunk(l)
	p := promptFor(f.Status)
	if p == NotInService && c.Announced.Former {
		p = OrderFinished
	}
	if t.Prompt != trunk.PromptEarly && t.Prompt != trunk.PromptAnswer || p == "" || end != cdr.EndRefused ||
		c.State != Deciding || c.LateOffer || c.Text.On {
		return false
	}
	d, err := sdp.Parse(c.FirstSDP)
	if err != nil {
		return false
	}
	asked := l.SDP
	asked.Receive(d)
	codec, ok := spoken(&asked.Peer)
	if !ok {
		return false
	}
	l.SDP = asked
	l.Heard = hashOf(c.FirstSDP)
	c.FirstSDP = nil
	c.leg(Callee).SDP.Peer = announcer(codec)
	c.Announced.Prompt = p
	c.State = Opening
	c.Waiting |= forMedia | forOpened
	open := OpenMedia{Session: c.Session, Prompt: true}
	open.Pools[Caller], open.Peers[Caller], open.Latch[Caller] = t.Media, l.Flow, t.Latch
	env.do(open)
	env.do(OpenRecord{Record: c.Record})
	return true
}

// announcing reports whether the call is a refusal that the caller hears.
func (c *Call) announcing() bool { return c.Announced.Prompt != "" }

// say opens the audio of a refusal.
func (c *Call) say(env *Env) {
	l := c.leg(Caller)
	body, err := c.answerFor(env, Caller)
	if err != nil {
		c.said(env)
		return
	}
	env.do(SettleMedia{c.Session})
	wait := longestPrompt
	if !c.ExpiresAt.IsZero() {
		wait = min(wait, max(c.ExpiresAt.Sub(env.Now), 0))
	}
	env.do(StartTimer{Timer{PromptTimer, Caller}, wait})
	if env.trunk(l).Prompt == trunk.PromptAnswer {
		c.State = Answered
		c.Record.AnsweredAt, c.Record.SIPStatus = env.Now, 200
		c.respond(env, Caller, attached(200, body))
		c.stopSession(env, Caller) // it is over long before
		return
	}
	c.State = Ringing
	c.inform(env, attached(183, body))
	c.heard(env)
}

// heard plays the prompt of a refusal, or of a caller that is greeted, once the caller
// is known to listen: it has acknowledged the description, where it could.
func (c *Call) heard(env *Env) {
	c.listens(env)
	s := &c.leg(Caller).Server
	if !c.announcing() || c.Announced.Playing || c.State < Ringing || c.State >= Ending || s.Reliable.Unacked || s.Unacked {
		return
	}
	c.Announced.Playing = true
	env.do(PlayMedia{Session: c.Session, Side: Caller, Prompt: c.Announced.Prompt})
}

// said ends a refusal with what it was to be without a prompt.
func (c *Call) said(env *Env) {
	c.end(env, ending{end: cdr.EndRefused, by: byPlatform, status: c.Final.Status, q850: c.Final.Q850})
}

// mediaPlayed says that a prompt is over, or could not be played.
func (c *Call) mediaPlayed(env *Env, ev MediaPlayed) {
	switch {
	case ev.Session != c.Session:
	case c.announcing() && ev.Prompt == c.Announced.Prompt:
		c.said(env)
	case c.Extension.On && c.State == Calling:
		c.extensionPlayed(env, ev.Prompt)
	case ev.Prompt == c.Greeted.Hears:
		c.farewellOver(env)
	}
}

// askedMeanwhile answers a request inside the dialog of a refusal that would go to
// the other party: there is none. It is false for what is answered as in any call.
func (c *Call) askedMeanwhile(env *Env, back Reply, m *message.Message) bool {
	if !c.announcing() || c.State >= Ending {
		return false
	}
	switch {
	case m.Method == "REFER":
		c.reply(env, back, message.Response{Status: 603})
	case m.Method == "INFO":
		c.reply(env, back, message.Response{Status: 200}) // a key that nobody hears
	case c.State >= Answered && (m.Method == "INVITE" || m.Method == "UPDATE" && len(m.Body) > 0):
		c.reply(env, back, message.Response{Status: 491})
	default:
		return false
	}
	return true
}

// warnLater starts the time after which both are told that a minute is left.
func (c *Call) warnLater(env *Env) {
	if env.Config.Prompts.LastMinute && c.MaxDuration >= lastMinute+shortTalk {
		env.do(StartTimer{Timer{MinuteTimer, Caller}, c.MaxDuration - lastMinute})
	}
}

// playBoth plays a prompt to both parties. Who cannot hear it goes on hearing the
// other.
func (c *Call) playBoth(env *Env, p Prompt) {
	if !c.MediaOpen || c.State >= Ending {
		return
	}
	for s := range c.Legs {
		env.do(PlayMedia{Session: c.Session, Side: Side(s), Prompt: p})
	}
}
