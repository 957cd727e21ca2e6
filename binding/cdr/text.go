package cdr

// What a record is of, in Record.Kind.
const (
	KindCall = ""     // an INVITE
	KindText = "text" // a MESSAGE (RFC 3428)
)

// How texts end, in Record.End, beside what calls do. Both mean that the sender has
// been answered 202 once the record was on disk.
const (
	EndDelivered = "delivered" // the far side has taken it (200)
	EndAccepted  = "accepted"  // the far side will try to deliver it (202), and does not say whether it could
)

// Rules that refuse texts alone, in Record.Rule.
const (
	RuleNumbers      = "texts.numbers"     // there is a telephone number in it
	RuleBytes        = "texts.max_bytes"   // it is too long
	RuleBindingTexts = "binding texts off" // its binding carries none
	RuleTenantTexts  = "tenant texts off"  // its tenant has none
)

// Text is what is kept of a text: how much there was of it, and nothing of what it
// says. The zero value is that of a call.
type Text struct {
	Bytes     uint64 // of the body as it came, in UTF-8
	Segments  uint64 // short messages that it would be (3GPP TS 23.040)
	Numbers   uint64 // telephone numbers in it, by their form
	Masked    uint64 // those of them that are masked whosever they are; what is as a party's own would tell that it is
	FarStatus uint64 // final status of the far side, 0: it said nothing
}

// TextView is a Text in JSON.
type TextView struct {
	Bytes     uint64 `json:"bytes"`
	Segments  uint64 `json:"segments"`
	Numbers   uint64 `json:"numbers"`
	Masked    uint64 `json:"masked"`
	FarStatus uint64 `json:"far_status"`
}

// kind is what a record is of as the interface says it.
func (r *Record) kind() string {
	if r.Kind == KindCall {
		return "call"
	}
	return r.Kind
}

// textEnds has the words for what ends texts otherwise than calls.
var textEnds = map[string]words{
	EndUnavailable: {"the receiver could not be reached", "the receiver could not be reached", "no target of the trunk took the text in time; whether one has it is not known"},
	EndNoAnswer:    same("the receiver's side had no answer in time; whether it has the text is not known"),
	EndBusy:        same("the receiver was busy"),
	EndRejected:    same("the receiver's side declined the text"),
	EndFailed:      {"the sender's side failed the text", "the receiver's side failed the text", "the gateway could not carry the text"},
	EndRestart:     same("the gateway stopped while the text was on its way, and closed the record when it started again; whether it arrived is not known"),
	EndHangup:      same("an operator ended it; whether it arrived is not known"),
	EndDrained:     same("the gateway was shut down; whether the text arrived is not known"),
	EndLoop:        same("the text was one of the gateway's own that came back: the switch sends 700 numbers in a loop"),
}

// textRefusals are why a text was refused, where other words are right than of a call.
var textRefusals = map[string]string{
	"no_caller":  "the text shows no sender that can be read",
	"no_binding": "no binding on the number it was sent to is for this sender",
	"expired":    "the binding for this sender has expired",
	"one_way":    "the binding does not let this sender write",
	"capped":     "more texts were sent than may be",
	"blocked":    "the sender is blocked",
	"no_route":   "no trunk leads to the receiver",
	"overload":   "the gateway took no more texts: it was full, or being shut down",
	"unverified": "the verification platform did not let it pass",
	"suspended":  "the tenant is suspended",

	RuleNumbers:      "there is a telephone number in the text",
	RuleBytes:        "it is longer than texts may be",
	RuleBindingTexts: "texts are off for its binding",
	RuleTenantTexts:  "texts are off for its tenant",
}

// textStatuses are why, by the status.
var textStatuses = map[int]string{
	400: "its MESSAGE is malformed, has no text, or one that is not in UTF-8",
	401: "its MESSAGE does not show the password of its trunk",
	407: "its MESSAGE does not show the password of its trunk",
	413: "it is longer than texts may be",
	415: "it is no plain text in UTF-8",
	416: "it is sent to an address of another kind",
	420: "it requires an extension that is not supported here",
	483: "it had too many hops behind it",
	484: "digits of the number it was sent to are missing",
	505: "it is of another version of SIP",
	513: "its MESSAGE is too large",
}

// textReason is reason for a text; "": in the words of calls.
func (r *Record) textReason() string {
	switch {
	case r.Kind != KindText:
		return ""
	case r.End == EndRefused:
		if text, known := textRefusals[r.Rule]; known && r.Rule != "" {
			return "refused: " + text
		}
		if text, known := textStatuses[r.SIPStatus]; known && (r.Refusal == "" || r.Refusal == "no_binding") {
			return "refused: " + text
		}
		if text, known := textRefusals[string(r.Refusal)]; known {
			return "refused: " + text
		}
		return ""
	}
	w, known := textEnds[r.End]
	switch {
	case !known:
		return ""
	case r.ReleasedBy == ByCaller:
		return w.caller
	case r.ReleasedBy == ByCallee:
		return w.callee
	}
	return w.platform
}
