package cdr_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/binding/cdr"
)

// sent is the record of a text.
func sent(t testing.TB) cdr.Record {
	t.Helper()
	return cdr.Record{
		ID: "texttexttexttext", Kind: cdr.KindText, Seq: 8, CallerIn: cdr.Party{Number: number(t, "8613800138000")}, CalleeIn: cdr.Party{X: x},
		ReceivedAt: received, ReleasedAt: received, ReleasedBy: cdr.ByCallee, SIPStatus: 202, Q850: 16, End: cdr.EndDelivered,
		Text: cdr.Text{Bytes: 90, Segments: 1, Numbers: 2, Masked: 1, FarStatus: 200},
	}
}

func TestTextInJSON(t *testing.T) {
	b, err := json.Marshal(sent(t))
	if err != nil {
		t.Fatal(err)
	}
	assertHidden(t, "JSON", string(b))
	for _, want := range []string{
		`"kind":"text"`, `"text":{"bytes":90,"segments":1,"numbers":2,"masked":1,"far_status":200}`,
		`"end":"delivered"`, `"sip_status":202`, `"why":"the far side took the text (Q.850 16 normal call clearing)"`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	var v cdr.View
	if err := json.Unmarshal(b, &v); err != nil || !reflect.DeepEqual(v.Text, sent(t).View().Text) || v.Kind != "text" {
		t.Errorf("read back as %+v, %v", v, err)
	}
}

// Why a text ended is not said in the words of a call.
func TestTextsHaveWordsOfTheirOwn(t *testing.T) {
	for _, r := range []cdr.Record{
		{End: cdr.EndDelivered, ReleasedBy: cdr.ByCallee}, {End: cdr.EndAccepted, ReleasedBy: cdr.ByCallee},
		{End: cdr.EndUnavailable, ReleasedBy: cdr.ByPlatform}, {End: cdr.EndUnavailable, ReleasedBy: cdr.ByCallee},
		{End: cdr.EndBusy, ReleasedBy: cdr.ByCallee}, {End: cdr.EndRejected, ReleasedBy: cdr.ByCallee},
		{End: cdr.EndFailed, ReleasedBy: cdr.ByCallee}, {End: cdr.EndFailed, ReleasedBy: cdr.ByPlatform}, {End: cdr.EndRestart},
		{End: cdr.EndNoAnswer, ReleasedBy: cdr.ByCallee}, {End: cdr.EndDrained}, {End: cdr.EndHangup}, {End: cdr.EndLoop},
		{End: cdr.EndRefused, SIPStatus: 413}, {End: cdr.EndRefused, SIPStatus: 415}, {End: cdr.EndRefused, SIPStatus: 400},
		{End: cdr.EndRefused, SIPStatus: 404, Refusal: binding.RefusalNoBinding}, {End: cdr.EndRefused, SIPStatus: 404, Refusal: binding.RefusalNoCaller},
		{End: cdr.EndRefused, SIPStatus: 403, Refusal: binding.RefusalOneWay}, {End: cdr.EndRefused, SIPStatus: 403, Refusal: binding.RefusalBlocked},
		{End: cdr.EndRefused, SIPStatus: 403, Refusal: binding.RefusalBlocked, Rule: cdr.RuleNumbers},
		{End: cdr.EndRefused, SIPStatus: 403, Refusal: binding.RefusalBlocked, Rule: cdr.RuleBindingTexts},
		{End: cdr.EndRefused, SIPStatus: 403, Refusal: binding.RefusalBlocked, Rule: cdr.RuleTenantTexts},
		{End: cdr.EndRefused, SIPStatus: 413, Rule: cdr.RuleBytes},
		{End: cdr.EndRefused, SIPStatus: 403, Refusal: binding.RefusalCapped}, {End: cdr.EndRefused, SIPStatus: 503, Refusal: binding.RefusalOverload},
	} {
		call := r.Why()
		r.Kind = cdr.KindText
		text := r.Why()
		both := r.End == cdr.EndDelivered || r.End == cdr.EndAccepted || r.Refusal == binding.RefusalBlocked && r.Rule == ""
		if text == "" || !both && text == call && r.Refusal != binding.RefusalNone || strings.Contains(text, "call ") && !strings.Contains(text, "normal call") {
			t.Errorf("%s, %s, %d: %q", r.End, r.Refusal, r.SIPStatus, text)
		}
		if strings.Contains(text, "INVITE") || strings.Contains(text, "dial") || strings.Contains(text, "callee") {
			t.Errorf("%s, %s, %d: %q is said of a call", r.End, r.Refusal, r.SIPStatus, text)
		}
	}
	leak := cdr.Record{End: cdr.EndLeakStopped}
	told := leak.Why()
	if leak.Kind = cdr.KindText; leak.Why() != told || told == "" {
		t.Errorf("what ends both is %q", leak.Why())
	}
}
