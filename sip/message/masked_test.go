package message

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestNothingPrintsANumber(t *testing.T) {
	const canary = "13800000001"
	text := strings.NewReplacer("sip:a@192.0.2.1 ", "sip:"+canary+";x="+canary+"@"+canary+".example;y="+canary+" ",
		"branch=z9hG4bKx", "branch=z9hG4bK"+canary, "sip:b@", "sip:"+canary+"@", "tag=1", "tag="+canary,
		"Call-ID: c", "Call-ID: "+canary, "OPTIONS", "M"+canary).
		Replace(request("P-Asserted-Identity: <tel:"+canary+">", "Contact: <sip:"+canary+"@x>", "Supported: "+canary))
	m := parse(t, text)
	echo := m.Echo(source)
	request := Request{Method: "M" + canary, Target: "sip:" + canary, From: canary, To: canary, CallID: canary, Body: []byte(canary)}
	response := Response{Echo: echo, Status: 200, Contact: canary, Unsupported: []string{canary}, Body: []byte(canary)}
	fault := Fault{Status: 420, Why: whyRequired, Message: m, Unsupported: []string{canary}}
	for _, v := range []any{
		*m, m, m.Target, &m.Target, m.Target.Params[0], m.Target.Params, m.From, &m.From, m.Asserted, m.Via, m.Via[0],
		echo, &echo, request, &request, response, &response, fault, &fault,
		struct{ M *Message }{m}, map[string]any{"x": m.From}, []any{m, echo},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v"} {
			args := []any{v}
			if strings.Contains(verb, "%T") {
				args = []any{v, v}
			}
			if got := fmt.Sprintf(verb, args...); leaks(got, canary) {
				t.Errorf("%s of %T is %s", verb, v, got)
			}
		}
		if got, err := json.Marshal(v); err != nil || leaks(string(got), canary) {
			t.Errorf("JSON of %T is %s, %v", v, got, err)
		}
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		if leaks(b.String(), canary) {
			t.Errorf("a log of %T is %s", v, b.String())
		}
	}
	if got := m.masked(); got != "unknown sip:***" {
		t.Errorf("a message prints %q", got)
	}
}

func leaks(s, canary string) bool {
	return strings.Contains(s, canary) || strings.Contains(strings.ToLower(s), fmt.Sprintf("%x", canary))
}

func TestFaultsRepeatNothing(t *testing.T) {
	const canary = "13800000001"
	for _, text := range []string{
		strings.ReplaceAll(request(), "sip:a@", "sip:"+canary+"@"+canary+"@"), // target and To
		strings.ReplaceAll(request(), "sip:b@", "\""+canary),
		strings.ReplaceAll(request(), "CSeq: 1", "CSeq: "+canary+canary),
		request("Nonsense " + canary), request(canary + " x: y"), request("Content-Length: x" + canary),
		strings.ReplaceAll(request(), "OPTIONS", "OPT "+canary),
	} {
		_, fault := Parse([]byte(text))
		if fault == nil {
			t.Fatalf("it was read:\n%s", text)
		}
		if strings.Contains(fault.Error(), canary) || strings.Contains(fault.Why, canary) {
			t.Errorf("the fault is %s", fault.Why)
		}
	}
}

// A call keeps the Echo of its INVITE in state that is encoded.
func TestEchoIsPlainData(t *testing.T) {
	want := fullResponse().Echo
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(want); err != nil {
		t.Fatal(err)
	}
	var got Echo
	if err := gob.NewDecoder(&b).Decode(&got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("came back as %s, %v", bare(reflect.ValueOf(got)), err)
	}
}

// Parse gives the library nothing to log: no header is read lazily, where it
// logs what it could not read. Silence takes care of the rest.
func TestParserIsSilent(t *testing.T) {
	var b bytes.Buffer
	sip.SetDefaultLogger(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer Silence()
	for _, text := range []string{invite, request("Contact: <sip:x", "Max-Forwards: x", "Via: y", "To: <"), "noise", "SIP/2.0 2"} {
		m, fault := Parse([]byte(text))
		if fault != nil {
			m = fault.Message
		}
		if m != nil && m.IsRequest() {
			Check(m)
			m.Echo(source)
		}
	}
	if b.Len() > 0 {
		t.Errorf("logged %s", b.String())
	}
	Silence()
	sip.DefaultLogger().Error("x")
	if b.Len() > 0 {
		t.Errorf("after Silence logged %s", b.String())
	}
}
