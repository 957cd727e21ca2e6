package cdr

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"mask700/binding"
)

// Why says in words why the call ended, with the status that the caller's phone was answered when that is a failure,
// and the Q.850 cause:
//
//	the callee's phone was busy (486, Q.850 17 user busy)
//
// It is one line, and holds no number of anybody's. It is empty while the call goes on.
func (r Record) Why() string {
	if r.End == "" {
		return ""
	}
	text := r.reason()
	if codes := r.codes(); codes != "" {
		text += " (" + codes + ")"
	}
	if heard := r.silence(); heard != "" {
		text += "; " + heard
	}
	return text
}

// words are how one end of a call is put, by who released it.
type words struct{ caller, callee, platform string }

// same is for an end that is the same whoever released the call.
func same(text string) words { return words{text, text, text} }

// endWords has every End but EndRefused, which refusalWords has.
var endWords = map[string]words{
	EndCompleted: {"the caller hung up", "the callee hung up", "the gateway ended the call"},
	EndCancelled: {"the caller gave up before the answer", "the callee hung up before the caller was connected",
		"the call was given up before the answer"},
	EndBusy:        same("the callee's phone was busy"),
	EndNoAnswer:    {"nobody answered", "nobody answered, and the callee's side stopped ringing", "nobody answered within the ring time"},
	EndRejected:    {"the caller's side declined the call", "the callee declined the call", "the call was declined"},
	EndUnavailable: {"the callee could not be reached", "the callee could not be reached", "no target of the trunk took the call"},
	EndFailed:      {"the caller's side failed the call", "the callee's side failed the call", "the gateway could not carry the call"},
	EndNoACK: {"the caller's phone never acknowledged an answer (no ACK)", "the callee's phone never acknowledged an answer (no ACK)",
		"an answer was never acknowledged (no ACK)"},
	EndMediaTimeout: {"no audio came from the caller any more", "no audio came from the callee any more", "no audio came any more"},
	EndMaxDuration:  same("the call reached the longest duration that its binding allows"),
	EndDrained:      same("the gateway was shut down"),
	EndHangup:       same("an operator ended the call"),
	EndUnbound:      same("the binding was ended, and its calls with it"),
	EndRestart:      same("the gateway stopped during the call, and closed the record when it started again"),
	EndSessionExpired: {"the caller's side did not refresh its session in time", "the callee's side did not refresh its session in time",
		"a side did not refresh its session in time"},
	EndLegLost: {"the caller's phone was lost: it no longer answered", "the callee's phone was lost: it no longer answered",
		"a phone was lost: it no longer answered"},
	EndNoPRACK: {"the caller's phone never acknowledged that it rang (no PRACK)", "the callee's phone never acknowledged that it rang (no PRACK)",
		"a phone never acknowledged that it rang (no PRACK)"},
	EndLeakStopped: same("the gateway stopped a message that would have told one party what only the other may know"),
	EndTransferred: {"the caller transferred the call", "the callee transferred the call", "the call was transferred"},
	EndLoop:        same("the call was one of the gateway's own that came back: the switch sends 700 numbers in a loop"),
	EndTrunkLimit:  same("the trunk had as many calls as it may have"),
	EndDelivered:   same("the far side took the text"),
	EndAccepted:    same("the far side accepted the text, and does not say whether it could be delivered"),
}

// dialEnds has the words for what becomes of a caller that was called because the platform asked for it.
var dialEnds = map[string]string{
	EndBusy:        "the caller's phone was busy when it was called",
	EndNoAnswer:    "the caller did not answer when it was called",
	EndUnavailable: "the caller could not be reached when it was called",
	EndRejected:    "the caller declined when it was called",
	EndCancelled:   "the caller hung up before the callee answered",
}

// refusalWords are why a call was refused.
var refusalWords = map[binding.Refusal]string{
	binding.RefusalNone:       "its INVITE cannot be served",
	binding.RefusalNoCaller:   "the call shows no caller that can be read",
	binding.RefusalNoBinding:  "no binding on the number dialled is for this caller",
	binding.RefusalExpired:    "the binding for this caller has expired",
	binding.RefusalOneWay:     "the binding does not let this caller call",
	binding.RefusalCapped:     "more calls were made than may be",
	binding.RefusalBlocked:    "the caller is blocked",
	binding.RefusalSuspended:  "the tenant is suspended",
	binding.RefusalUnverified: "the verification platform did not let it pass",
	binding.RefusalNoRoute:    "no trunk leads to the callee",
	binding.RefusalOverload:   "the gateway took no more calls: it was full, or being shut down",
}

// statusWords are why, by the status, where neither a binding nor the gateway's own state stood in the way.
var statusWords = map[int]string{
	400: "its INVITE is malformed",
	401: "its INVITE does not show the password of its trunk",
	406: "it takes no session description for an answer",
	407: "its INVITE does not show the password of its trunk",
	415: "its INVITE has a body of another kind",
	416: "it dials an address of another kind",
	420: "it requires an extension that is not supported here",
	422: "it wants its session refreshed too often",
	483: "it had too many hops behind it",
	484: "digits of the number dialled are missing",
	505: "it is of another version of SIP",
	513: "its INVITE is too large",
}

// failureWords are what is known of a failure by its Q.850 cause, whoever it was by.
var failureWords = map[int]string{
	88: "there is no audio that both phones, and the gateway between them, can do",
}

// causeNames are the causes of release that telephone people know by name (ITU-T Q.850 table 1).
var causeNames = map[int]string{
	1:   "unallocated number",
	2:   "no route to transit network",
	3:   "no route to destination",
	16:  "normal call clearing",
	17:  "user busy",
	18:  "no user responding",
	19:  "no answer from user",
	20:  "subscriber absent",
	21:  "call rejected",
	22:  "number changed",
	27:  "destination out of order",
	28:  "invalid number format",
	29:  "facility rejected",
	31:  "normal, unspecified",
	34:  "no circuit available",
	38:  "network out of order",
	41:  "temporary failure",
	42:  "switching equipment congestion",
	44:  "requested circuit not available",
	47:  "resource unavailable",
	50:  "facility not subscribed",
	55:  "incoming calls barred",
	57:  "bearer capability not authorized",
	58:  "bearer capability not available",
	63:  "service not available",
	65:  "bearer capability not implemented",
	69:  "facility not implemented",
	79:  "service not implemented",
	87:  "user not in closed group",
	88:  "incompatible destination",
	95:  "invalid message",
	96:  "mandatory element missing",
	97:  "message type not implemented",
	99:  "element not implemented",
	100: "invalid element contents",
	101: "message not compatible with state",
	102: "recovery on timer expiry",
	111: "protocol error",
	127: "interworking",
}

// plainEnd is an End of a later release: a word of ours.
var plainEnd = regexp.MustCompile(`^[a-z][a-z_]{0,31}$`)

// reason is Why without the codes.
func (r Record) reason() string {
	if text := r.textReason(); text != "" {
		return text
	}
	if r.End == EndRefused {
		return "refused: " + r.refused()
	}
	if text, known := failureWords[r.Q850]; known && r.End == EndFailed {
		return text
	}
	w, known := endWords[r.End]
	if dialled, ok := dialEnds[r.End]; ok && r.Origin == OriginDial && r.ReleasedBy == ByCaller {
		return dialled
	}
	switch {
	case !known && plainEnd.MatchString(r.End):
		return "the call ended as " + strings.ReplaceAll(r.End, "_", " ")
	case !known:
		return "the call ended"
	case r.ReleasedBy == ByCaller:
		return w.caller
	case r.ReleasedBy == ByCallee:
		return w.callee
	}
	return w.platform
}

// refused is why a call was refused. What no binding is asked about is told by the status.
func (r Record) refused() string {
	if r.Rule == RuleExtension {
		return "the caller pressed no extension that there is on the number"
	}
	if r.Refusal == binding.RefusalNone || r.Refusal == binding.RefusalNoBinding {
		if text, known := statusWords[r.SIPStatus]; known {
			return text
		}
	}
	text, known := refusalWords[r.Refusal]
	switch {
	case !known && plainEnd.MatchString(string(r.Refusal)):
		return strings.ReplaceAll(string(r.Refusal), "_", " ")
	case !known:
		return refusalWords[binding.RefusalNone]
	}
	return text
}

// codes are the status of a failure and the cause with its name.
func (r Record) codes() string {
	var codes []string
	if r.SIPStatus >= 300 && r.SIPStatus < 700 {
		codes = append(codes, strconv.Itoa(r.SIPStatus))
	}
	if r.Q850 > 0 && r.Q850 < 128 { // 7 bits of Q.850 section 2.2.7
		codes = append(codes, strings.TrimSpace(fmt.Sprintf("Q.850 %d %s", r.Q850, causeNames[r.Q850])))
	}
	return strings.Join(codes, ", ")
}

// silence says what of an answered call was not heard: a party that hears nothing hangs up.
func (r Record) silence() string {
	if r.AnsweredAt.IsZero() {
		return ""
	}
	a, b := r.Media.AtoB.Packets == 0, r.Media.BtoA.Packets == 0
	switch {
	case r.Media.End == MediaNone, r.Media.End != "" && a && b:
		return "no audio ever came"
	case r.Media.End == MediaTimeout && r.End != EndMediaTimeout:
		return "the audio had stopped before"
	case r.Media.End != "" && a:
		return "no audio ever came from the caller"
	case r.Media.End != "" && b:
		return "no audio ever came from the callee"
	}
	return ""
}
