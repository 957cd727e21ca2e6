package main

import (
	"testing"

	"mask700/cmd/mask700/admin"
)

func TestBars(t *testing.T) {
	seconds := func(packets ...uint32) (s []admin.Second) {
		for _, p := range packets {
			s = append(s, admin.Second{Packets: p})
		}
		return s
	}
	for _, tt := range []struct {
		in   []admin.Second
		want string
	}{
		{nil, ""},
		{seconds(0, 0), ""},
		{seconds(50, 50, 25, 1, 0, 49), "██▄▁·▇  of the caller, up to 50 packets a second"},
		{seconds(1), "█  of the caller, up to 1 packet a second"},
		{seconds(65535), "█  of the caller, up to 65535 packets a second"},
	} {
		if got := bars("the caller", tt.in); got != tt.want {
			t.Errorf("%d seconds: %q, want %q", len(tt.in), got, tt.want)
		}
	}
}
