package cdr

import "testing"

func TestMediaTurned(t *testing.T) {
	m := Media{
		Codec: "PCMA", Path: PathUser, End: MediaReleased, Recording: Recording{ID: "id"},
		AtoB: Flow{Packets: 1}, BtoA: Flow{Packets: 2}, Caller: Leg{Lost: 3}, Callee: Leg{Lost: 4},
		Video: Video{Codec: "VP8", AtoB: VideoFlow{Packets: 5}, BtoA: VideoFlow{Packets: 6}},
	}
	want := m
	want.AtoB, want.BtoA = Flow{Packets: 2}, Flow{Packets: 1}
	want.Caller, want.Callee = Leg{Lost: 4}, Leg{Lost: 3}
	want.Video.AtoB, want.Video.BtoA = VideoFlow{Packets: 6}, VideoFlow{Packets: 5}
	if got := m.Turned(); got != want || got.Turned() != m {
		t.Errorf("%+v", got)
	}
}
