package rule

import (
	"slices"
	"strconv"
	"strings"

	"mask700/binding"
)

// PassedOver says for the record why one of several who are called one after the other is
// not called: "no. 2 passed over: blocked, blocklist, entry 17". Place counts from 1, in
// the order of the binding.
func (v *Verdict) PassedOver(place int) string {
	words := []string{string(v.Refusal), v.Rule, v.Evidence}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return "no. " + strconv.Itoa(place) + " passed over: " + strings.Join(words, ", ")
}

// MaxCalled bounds who are called one after the other in one call or text: no caller waits longer.
const MaxCalled = 5

// MaxAsked bounds of how many who are called one after the other it is asked whether they may be: each may be a question
// to a platform, and the caller waits.
const MaxAsked = 20

// NotKnown is PassedOver where it is not known whether that one might be called.
func NotKnown(place int) string {
	v := Verdict{Refusal: binding.RefusalUnverified, Evidence: "not looked up"}
	return v.PassedOver(place)
}

// maxEvidence bounds what a record keeps of all who were asked, in bytes.
const maxEvidence = 1000

// Join puts one more piece of evidence behind what there is; what is too much is left out.
func Join(evidence, more string) string {
	switch {
	case evidence == "" || more == "":
		return evidence + more
	case len(evidence)+len(more) > maxEvidence:
		return evidence
	}
	return evidence + "; " + more
}

// Together adds names of rules that are not there yet.
func Together(names, more []string) []string {
	for _, n := range more {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}
