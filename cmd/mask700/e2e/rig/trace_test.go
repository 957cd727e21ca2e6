package rig

import "testing"

const traced = "----------------------------------------------- 2026-01-02 03:04:05.000000\n" +
	"UDP message sent (41 bytes):\n\nOPTIONS sip:a SIP/2.0\r\nCall-ID: one\r\n\r\nxy\n" +
	"----------------------------------------------- 2026-01-02 03:04:05.100000\n" +
	"UDP message received [45] bytes :\n\nSIP/2.0 200 OK\r\nVia: a\r\nvia: b\r\nTo: <x>;tag=1\r\n\r\n\n"

func TestParseTrace(t *testing.T) {
	m := parseTrace([]byte(traced))
	if len(m) != 2 {
		t.Fatalf("%d messages, want 2", len(m))
	}
	if m[0].Received || m[0].First() != "OPTIONS sip:a SIP/2.0" || m[0].Body() != "xy" {
		t.Errorf("first: %+v", m[0])
	}
	if !m[1].Received || m[1].First() != "SIP/2.0 200 OK" {
		t.Errorf("second: %+v", m[1])
	}
	if via := m[1].Header("VIA"); len(via) != 2 || via[0] != "a" || via[1] != "b" {
		t.Errorf("Via: %v", via)
	}
}
