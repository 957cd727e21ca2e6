package gateway

import (
	"slices"
	"testing"
)

func TestMailboxBoundsOffersOnly(t *testing.T) {
	m := newMailbox[int](2)
	if !m.offer(1) || !m.offer(2) {
		t.Fatal("an offer within the bound was dropped")
	}
	if m.offer(3) {
		t.Error("an offer over the bound was taken")
	}
	m.put(4)
	if got := m.take(); !slices.Equal(got, []int{1, 2, 4}) {
		t.Errorf("took %v", got)
	}
	if m.dropped() != 1 {
		t.Errorf("dropped %d, want 1", m.dropped())
	}
	if !m.offer(5) {
		t.Error("there is room again after a take")
	}
	if got := m.take(); !slices.Equal(got, []int{5}) {
		t.Errorf("took %v", got)
	}
	select {
	case <-m.wake:
	default:
		t.Error("nobody was woken")
	}
}
