package sentinel

import (
	"fmt"
	"io"
)

// Verdict is what a hit turns out to be.
type Verdict uint8

// Verdicts.
const (
	Leak    Verdict = iota
	Allowed         // the receiver has it from itself, from the configuration, or it is a word of ours
	Chance          // here it is part of something else
)

// Receiver is what is known of the one whom a message is for.
type Receiver struct {
	Number string // its own, without country code; "": not known
	Shown  string // the number of an older range by which it sees the other, as a secret would have it; "": none
}

// Format implements [fmt.Formatter]: whatever the verb, no number.
func (Receiver) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "receiver of a message") }

// Judge says what a hit is. What the receiver has written itself is written back to it,
// whatever it is: a message that were held back for that would tell it that it has guessed
// right. Known gives such texts, and those of the configuration, to a function until that
// says true, and says whether it did.
func (f *Finder) Judge(h *Hit, r Receiver, known func(holds func(string) bool) bool) Verdict {
	if h.Kind == Number {
		from, to := widen(h.Text, h.Start, h.End)
		if within(h.Text[from:to], h.Start-from, h.End-from, r.Number) {
			return Chance
		}
		switch {
		case r.Shown == "":
		case h.Secret.Text == r.Shown: // the other has written it somewhere, too
			return Allowed
		case same(h.Text[from:to], r.Shown):
			return Chance
		}
	} else if ours(h.Secret.Text) {
		return Allowed
	}
	if known(func(text string) bool { return f.holds(text, h.Secret) }) {
		return Allowed
	}
	return Leak
}
