package shard_test

import (
	"math/rand/v2"
	"time"

	"mask700/sip/phone"
)

// joint is the number under which the first caller of a run reaches the second
// callee, where there is one: to whom a REFER can transfer a call.
const joint = "700100000010002"

// inTurn is the number under which it reaches both callees, one after the other.
const inTurn = "700100000010003"

// extended is the number under which it reaches the first callee with an extension behind it,
// which it is asked for where its trunk has prompts.
const extended, extension = "700100000010004", "12"

// fate draws what a phone is like.
type fate struct{ *rand.Rand }

// maybe happens one time in so many.
func (f fate) maybe(in int) bool { return f.IntN(in) == 0 }

// soon is within the first seconds of a call.
func (f fate) soon() time.Duration { return time.Duration(1+f.IntN(8000)) * time.Millisecond }

// level draws how far a phone goes with an extension.
func (f fate) level() phone.Level {
	switch f.IntN(16) {
	case 0:
		return phone.Required
	case 1, 2, 3, 4, 5, 6, 7:
		return phone.Supported
	}
	return phone.Off
}

// behave draws a behaviour: mostly a good one, with each fault now and then, and
// any of them together.
func behave(r *rand.Rand) phone.Behaviour {
	var b phone.Behaviour
	f := fate{r}
	f.basics(&b)
	f.extensions(&b)
	f.habits(&b.Habits)
	if f.maybe(2) {
		for range 1 + f.IntN(4) {
			b.Acts = append(b.Acts, f.act())
		}
	}
	if f.maybe(5) {
		b.Doubt = phone.Doubt(1 + f.IntN(phone.Doubts-1))
	}
	return b
}

// basics are those of a phone of RFC 3261.
func (f fate) basics(b *phone.Behaviour) {
	b.Silent, b.Early, b.Abrupt = f.maybe(20), f.maybe(4), f.maybe(10)
	b.NeverAnswer, b.AnswerCancelled = f.maybe(12), f.maybe(12)
	b.LateOffer, b.LateReinvite = f.maybe(6), f.maybe(3)
	b.NoACK, b.DeafACK = f.maybe(25), f.maybe(25)
	if f.maybe(8) {
		b.Reject = []int{302, 401, 403, 404, 480, 486, 488, 491, 500, 503, 600, 603}[f.IntN(12)]
	}
	if f.maybe(6) {
		b.CancelAfter = f.soon()
	}
	if f.maybe(10) {
		b.LateACK = f.soon()
	}
	if f.maybe(3) {
		b.ByeAfter = 2 * f.soon()
	}
	if f.maybe(4) {
		b.ReinviteAfter = f.soon()
	}
	if f.maybe(8) {
		b.Refuse = []int{403, 408, 481, 488, 491, 500}[f.IntN(6)]
	}
	b.Stall = f.maybe(12)
	if f.maybe(10) {
		b.SlowReinvite = f.soon()
	}
	if f.maybe(15) {
		b.DeadAfter = f.soon()
	}
	if f.maybe(6) {
		at := time.Duration(0)
		for range 1 + f.IntN(12) {
			b.Progress = append(b.Progress, phone.Notice{
				After: at, Status: []int{180, 180, 181, 182, 183, 183, 183, 199}[f.IntN(8)], SDP: f.maybe(2),
			})
			if f.maybe(2) {
				at += time.Duration(f.IntN(2000)) * time.Millisecond
			}
		}
	}
}

// extensions are reliable provisional responses, UPDATE and session timers.
func (f fate) extensions(b *phone.Behaviour) {
	b.Reliable = f.level()
	b.NoPRACK, b.WrongRAck, b.OfferInPRACK = f.maybe(15), f.maybe(12), f.maybe(6)
	if f.maybe(10) {
		b.LosePRACK = 1 + f.IntN(3)
	}
	b.NoUpdate = f.maybe(5)
	if f.maybe(10) {
		b.RefuseUpdate = []int{403, 408, 481, 488, 491, 500, 501, 504}[f.IntN(8)]
	}
	if f.maybe(10) {
		b.SlowUpdate = f.soon()
	}
	b.Timer = f.level()
	b.Expires = []int{0, 90, 120, 1800}[f.IntN(4)]
	b.MinSE = []int{0, 0, 0, 120}[f.IntN(4)]
	b.Refresher = []string{"", "uac", "uas"}[f.IntN(3)]
	b.NoRefresh = f.maybe(10)
}

func (f fate) habits(h *phone.Habits) {
	if f.maybe(15) {
		h.CSeqJump = uint32(1 + f.IntN(1000))
	}
	h.LateProvisional, h.OtherTag, h.ACKBranch = f.maybe(20), f.maybe(40), f.maybe(20)
	h.Narrow = f.maybe(12)
	h.CancelLate, h.EagerReinvite, h.EagerBye = f.maybe(20), f.maybe(20), f.maybe(20)
}

// act draws something that a phone does within a call.
func (f fate) act() phone.Act {
	a := phone.Act{
		After: f.soon(), Early: f.maybe(3),
		Method: []string{"INVITE", "INVITE", "UPDATE", "UPDATE", "UPDATE", "INFO", "INFO", "OPTIONS", "REFER", "BYE",
			"JUMP", "MESSAGE"}[f.IntN(12)],
		Change: phone.Change(f.IntN(phone.Changes)),
		Digit:  "0123456789*#"[f.IntN(12)],
		To:     []string{"", "700100000019999", joint, joint, joint}[f.IntN(5)],
	}
	switch f.IntN(12) {
	case 0:
		a.Stale = a.Method != "BYE" // where it comes first it would count
	case 1:
		a.Repeat = true
	}
	return a
}

// patient draws a phone of a run that takes its time: it does little else than to keep
// its session alive, and one may transfer the call, but it may be slow to take an offer
// of ours, or put off every one.
func patient(r *rand.Rand, transfers bool) phone.Behaviour {
	var b phone.Behaviour
	f := fate{r}
	b.NoUpdate, b.Narrow = f.maybe(2), f.maybe(2)
	b.Timer, b.Expires = phone.Level(f.IntN(2)), []int{0, 90, 1800}[f.IntN(3)]
	if f.maybe(3) {
		b.Refuse = []int{491, 500}[f.IntN(2)]
	}
	if f.maybe(2) {
		b.SlowReinvite = f.soon()
	}
	if transfers {
		b.Acts = []phone.Act{{After: f.soon(), Method: "REFER", To: joint}}
		if f.maybe(2) {
			b.ByeAfter = 100*time.Second + 4*f.soon()
		}
	}
	return b
}
