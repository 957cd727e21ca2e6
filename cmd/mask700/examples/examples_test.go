package examples

import (
	"strings"
	"testing"

	"mask700/cmd/mask700/config"
)

func TestEveryNameHasAnExample(t *testing.T) {
	for _, name := range Names() {
		text, err := Get(name)
		if err != nil || !strings.HasSuffix(text, "\n") || !strings.Contains(text, "192.0.2.20") {
			t.Errorf("%s: %v, %d bytes", name, err, len(text))
		}
	}
	if _, err := Get("opensips"); err == nil || !strings.Contains(err.Error(), "kamailio") {
		t.Errorf("error of an unknown name: %v", err)
	}
}

func TestGatewayExampleIsValid(t *testing.T) {
	text, err := Get("mask700")
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("mask700.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(c.Trunks) != 1 || len(c.SIP.Listen) != 2 || len(c.Media.Pools) != 1 {
		t.Errorf("%d trunks, %d listeners, %d pools", len(c.Trunks), len(c.SIP.Listen), len(c.Media.Pools))
	}
}

// TestAsteriskExampleSays what the trunk depends on.
func TestAsteriskExampleSays(t *testing.T) {
	text, err := Get("asterisk")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"type=identify", "match=192.0.2.20", "send_pai=yes", "trust_id_outbound=yes", "direct_media=no",
		"[from-mask700]", "Dial(PJSIP/${EXTEN}@mask700"} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q", line)
		}
	}
}
