package call

import (
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/sip/trunk"
)

// Extension is a caller that has dialled a number on which only those are reached who dial
// an extension behind it. Where the trunk has prompts it is asked for the digits, as
// telephone events or INFOs, and then decided like one who has dialled them at once.
//
//	decided: the number has extensions ─▶ greeted (greeted.go), "enter the extension"
//	    │ a key: the prompt ends                   none within FirstDigit of its end ─▶ wrong
//	    ▼
//	digits ── '#', the last of the longest, or none within NextDigit ──▶ the store is asked
//	    ▲                                                 │ an edge: the callee is called
//	    └─── the prompt again ◀── wrong ◀── no edge ──────┘
//	                                └─ Attempts times ─▶ "not in service", 404 or BYE
//
// The digits are the caller's own: they are in no record and no message, and forgotten
// once the store has been asked.
type Extension struct {
	On      bool
	Lengths binding.Lengths
	Refusal binding.Refusal // what it gets where it cannot be asked
	Digits  string
	Keys    int  // pressed so far
	Wrong   int  // attempts so far
	Asking  bool // the store looks it up
	Over    bool // there are no more attempts: the caller hears so
	Asked   bool // it was on once
}

// maxKeys bounds what one caller may press until an extension is found.
const maxKeys = 100

// step is what a key, or that none came, leads to.
type step uint8

const (
	stepNone  step = iota // nothing
	stepWait              // for the next key
	stepAsk               // the digits are an extension
	stepWrong             // they can be none
)

// press takes a key.
func (x *Extension) press(key byte) step {
	if !x.On || x.Asking || x.Over {
		return stepNone
	}
	if x.Keys++; x.Keys > maxKeys {
		x.Wrong = maxKeys // there are no more attempts
		return stepWrong
	}
	switch {
	case key == '*':
		x.Digits = ""
		return stepWait
	case key == '#':
		return x.lapse()
	case key < '0' || key > '9':
		return stepNone
	}
	x.Digits += string(key)
	if len(x.Digits) >= x.Lengths.Longest() {
		return x.lapse()
	}
	return stepWait
}

// lapse takes it that no more digits come.
func (x *Extension) lapse() step {
	switch {
	case !x.On || x.Asking || x.Over:
		return stepNone
	case !x.Lengths.Has(len(x.Digits)):
		return stepWrong
	}
	return stepAsk
}

// askExtension begins to ask the caller for an extension, where it lacks one that there is
// and its trunk has prompts. It is false where the call is refused as it would be without.
func (c *Call) askExtension(env *Env, d *binding.Decision) bool {
	in := env.trunk(c.leg(Caller))
	if d.Extensions == 0 || d.Guess != nil || env.Config.Prompts.Attempts == 0 || in.Prompt != trunk.PromptEarly && in.Prompt != trunk.PromptAnswer {
		return false
	}
	if c.Order.On || !c.greet(env, route(env.Config.Trunks, in), in.Prompt == trunk.PromptEarly, EnterExtension) {
		return false
	}
	c.Extension = Extension{On: true, Asked: true, Lengths: d.Extensions, Refusal: d.Refusal}
	// What it is refused by if nothing comes of it.
	c.Final = Final{Status: refusalStatus(d)}
	c.await(env, longestPrompt)
	return true
}

// unasked refuses a caller that cannot be asked after all.
func (c *Call) unasked(env *Env) {
	if c.Extension.On {
		c.Record.Refusal = c.Extension.Refusal
	}
	c.said(env)
}

// pressed takes a key of a caller that is asked for an extension.
func (c *Call) pressed(env *Env, key byte) {
	if c.State != Calling || c.LateOffer {
		return // it does not hear us yet
	}
	c.stepped(env, c.Extension.press(key))
}

// stepped goes on after a key, or after none.
func (c *Call) stepped(env *Env, s step) {
	x := &c.Extension
	if s == stepNone {
		return
	}
	c.Greeted.Prompt = ""
	switch s {
	case stepWait:
		c.plays(env, "")
		c.await(env, env.Config.Prompts.NextDigit)
	case stepAsk:
		c.plays(env, "")
		env.do(StopTimer{Timer{DigitTimer, Caller}})
		x.Asking = true
		c.Waiting |= forDecision
		env.do(Decide{Record: c.Record.ID, Query: query(env, c.Record.CalleeIn.X, x.Digits, c.leg(Caller).Number)})
		x.Digits = ""
	case stepWrong:
		c.wrongExtension(env)
	}
}

// await starts the time for the next key, no longer than the caller waits.
func (c *Call) await(env *Env, wait time.Duration) {
	if !c.ExpiresAt.IsZero() && c.Greeted.Early {
		wait = min(wait, max(c.ExpiresAt.Sub(env.Now), 0))
	}
	env.do(StartTimer{Timer{DigitTimer, Caller}, wait})
}

// digitLate says that no key came in time.
func (c *Call) digitLate(env *Env) {
	if !c.ExpiresAt.IsZero() && c.Greeted.Early && !env.Now.Before(c.ExpiresAt) {
		c.end(env, ending{end: endNoAnswer, by: byCaller, status: 487, q850: causeNoAnswer})
		return
	}
	c.stepped(env, c.Extension.lapse())
}

// wrongExtension asks once more, or no more.
func (c *Call) wrongExtension(env *Env) {
	x := &c.Extension
	x.Digits = ""
	if x.Wrong++; x.Wrong < env.Config.Prompts.Attempts {
		c.playsAgain(env, EnterExtension)
		c.await(env, longestPrompt) // whose end is told before
		return
	}
	env.do(StopTimer{Timer{DigitTimer, Caller}})
	x.Over = true
	if c.Record.Refusal == binding.RefusalNone {
		c.Record.Refusal = binding.RefusalNoBinding
	}
	if c.Record.Rule == "" {
		c.Record.Rule = cdr.RuleExtension
	}
	if !c.Greeted.Early {
		c.said(env) // which says so before the BYE
		return
	}
	c.playsAgain(env, NotInService)
	env.do(StartTimer{Timer{PromptTimer, Caller}, longestPrompt})
}

// playsAgain plays what may be playing already, from its beginning.
func (c *Call) playsAgain(env *Env, p Prompt) {
	c.Greeted.Hears = ""
	c.plays(env, p)
}

// extensionPlayed says that a prompt of ours has come to its end.
func (c *Call) extensionPlayed(env *Env, p Prompt) {
	g := &c.Greeted
	if p != g.Hears {
		return // something else plays by now
	}
	g.Hears = ""
	if c.Extension.Over {
		c.said(env)
		return
	}
	c.await(env, env.Config.Prompts.FirstDigit)
}

// extensionDecided takes the store's answer about the digits. A stranger that a rule
// refuses cannot tell that from a wrong extension.
func (c *Call) extensionDecided(env *Env, ev *Decided) {
	c.Extension.Asking = false
	if c.State != Calling {
		c.wind(env)
		return
	}
	d := &ev.Decision
	if ev.Err != nil {
		c.end(env, ending{end: endFailed, by: byPlatform, status: 500})
		return
	}
	if d.Refusal == "" || c.Record.Rule == "" {
		c.matched(d, &ev.Verdict)
	}
	if d.Refusal != "" {
		if c.Record.Refusal == "" || d.Binding != nil {
			c.Record.Refusal = d.Refusal
		}
		c.wrongExtension(env)
		return
	}
	c.Record.Refusal = ""
	c.Extension.On, c.Final = false, Final{}
	c.take(d)
	c.callGreeted(env, route(env.Config.Trunks, env.trunk(c.leg(Caller))))
}
