package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func completed(t *testing.T, source string) string {
	t.Helper()
	whole, err := Complete([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return string(whole)
}

func hasAll(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("not there: %s\nin:\n%s", w, text)
		}
	}
}

// TestCompleteCountsBack: CANCEL and the ACK of a failure repeat the branch of their INVITE, whatever lies between.
func TestCompleteCountsBack(t *testing.T) {
	whole := completed(t, `<scenario name="caller-x"><send>INVITE sdp</send><recv response="180"/><pause/>
		<send>CANCEL</send><nop/><recv response="487"/><send>ACK</send></scenario>`)
	hasAll(t, whole, "branch=[branch-3]", "CSeq: 1 CANCEL", "branch=[branch-6]", "CSeq: 1 ACK", "[last_To:]")
	if n := strings.Count(whole, `assign_to="leak"`); n != 2 {
		t.Errorf("%d messages are searched for leaks, want 2", n)
	}
	inside := completed(t, `<scenario name="caller-x"><send>INVITE sdp</send><recv response="200" rrs="true"/><send>ACK 1</send>
		<send>INVITE 7 sdp</send><recv response="488"/><send>ACK</send></scenario>`)
	hasAll(t, inside, "CSeq: 7 ACK", "branch=[branch-2]", "ACK [next_url] SIP/2.0")
}

// TestCompleteKeepsWhatIsAnsweredLater: a response by name needs the request's headers after another came in.
func TestCompleteKeepsWhatIsAnsweredLater(t *testing.T) {
	whole := completed(t, `<scenario name="callee-x"><recv request="INVITE" rrs="true"/><send>180</send>
		<recv request="PRACK"/><send>200</send><send>200 INVITE sdp tag=two</send></scenario>`)
	hasAll(t, whole, "[$via_invite]", "[$cseq_invite]", "[$to_invite];tag=callee-two-[pid]", `value="[last_CSeq:]"`,
		"      [last_To:];tag=callee-[pid]", "      [last_To:]\n", `variables="message,guarded,leak,called,`)
	if n := strings.Count(whole, "<nop>"); n != 1 {
		t.Errorf("%d requests are kept, want the INVITE", n)
	}
}

// TestCompleteDescribes: the version of a description is that of its text, and a line replaces one of its kind.
func TestCompleteDescribes(t *testing.T) {
	whole := completed(t, `<scenario name="callee-x"><recv request="INVITE"/><send>183 sdp</send><send>
		200 sdp</send><recv request="INVITE"/><send>
		200 sdp
		a=sendonly
		c=IN IP4 0.0.0.0
		</send><send>
		200 sdp
		m=audio [media_port] RTP/AVP 0
		a=inactive
		</send></scenario>`)
	var versions []string
	for _, m := range regexp.MustCompile(`o=callee-user 53655765 ([0-9]+)`).FindAllStringSubmatch(whole, -1) {
		versions = append(versions, m[1])
	}
	if got := strings.Join(versions, " "); got != "1 1 2 3" {
		t.Errorf("versions %s, want 1 1 2 3", got)
	}
	if strings.Count(whole, "a=sendrecv") != 2 || strings.Count(whole, "PCMA") != 3 || strings.Count(whole, "0.0.0.0") != 1 {
		t.Errorf("descriptions:\n%s", whole)
	}
}

// TestCompleteHeaders: in place of the usual one, besides, left out, with a body that is no description.
func TestCompleteHeaders(t *testing.T) {
	whole := completed(t, `<scenario name="caller-x"><send once="true">
		INFO 2
		Max-Forwards: 1
		-User-Agent
		Route: a
		Route: b
		Content-Type: application/dtmf-relay

		Signal=5
		Duration=160
		</send></scenario>`)
	hasAll(t, whole, "Max-Forwards: 1\n", "Route: a\n      Route: b\n", "Content-Length: [len]\n\n      Signal=5\n      Duration=160\n", "<send>")
	if strings.Contains(whole, "User-Agent") || strings.Contains(whole, "Max-Forwards: 70") {
		t.Errorf("left in:\n%s", whole)
	}
}

// TestCompleteLeavesOthersAlone: a scenario that is no phone's is plain SIPp.
func TestCompleteLeavesOthersAlone(t *testing.T) {
	const source = `<scenario name="register-x"><recv request="REGISTER"/></scenario>`
	if whole := completed(t, source); whole != source {
		t.Errorf("became\n%s", whole)
	}
}

func TestCompleteRefuses(t *testing.T) {
	for name, source := range map[string]string{
		"empty":        `<scenario name="caller-x"><send/></scenario>`,
		"unknown word": `<scenario name="caller-x"><send>BYE twice</send></scenario>`,
		"no header":    "<scenario name=\"caller-x\"><send>BYE 2\nwhat</send></scenario>",
		"no XML":       `<scenario name="caller-x"><send>`,
		"Reference":    `<scenario name="caller-x"><Reference variables="a"/></scenario>`,
	} {
		if whole, err := Complete([]byte(source)); err == nil {
			t.Errorf("%s: became\n%s", name, whole)
		}
	}
}

// TestCompleteEveryScenario: each can be played, and README says what it is for.
func TestCompleteEveryScenario(t *testing.T) {
	files, err := filepath.Glob("../../../../testdata/sipp/call*-*.xml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	readme, err := os.ReadFile("../../../../testdata/sipp/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		source, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".xml")
		switch whole, err := Complete(source); {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case !strings.Contains(string(whole), `<scenario name="`+name+`">`):
			t.Errorf("%s has another name inside", name)
		}
		role, rest, _ := strings.Cut(name, "-")
		if column := map[string]string{"caller": "\n| `%s` |", "callee": " | `%s` |"}[role]; !strings.Contains(string(readme), fmt.Sprintf(column, rest)) {
			t.Errorf("README does not say what %s is for", name)
		}
	}
}
