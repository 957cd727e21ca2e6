package gateway

import (
	"context"
	"log/slog"
	"time"
)

// slideLimit bounds the bindings that wait to be told of a call. One that finds
// no room is told later in that call, or of its next.
const slideLimit = 4096

// slideTime is how long the store may take for one.
const slideTime = 5 * time.Second

// slides tells the store which bindings carry calls, of those whose expiry
// slides: beside the loops, so that no call waits for a disk. It is the store's
// to write only what is due.
type slides struct {
	slide  func(context.Context, string) error
	log    *slog.Logger
	box    *mailbox[string]
	failed seldom
}

func newSlides(slide func(context.Context, string) error, log *slog.Logger) *slides {
	return &slides{slide: slide, log: log, box: newMailbox[string](slideLimit)}
}

func (s *slides) put(id string) {
	if s.slide != nil {
		s.box.offer(id)
	}
}

// run tells until stop.
func (s *slides) run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-s.box.wake:
		}
		told := make(map[string]bool)
		for _, id := range s.box.take() {
			select {
			case <-stop:
				return
			default:
			}
			if told[id] {
				continue
			}
			told[id] = true
			s.tell(id)
		}
	}
}

func (s *slides) tell(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), slideTime)
	defer cancel()
	if err := s.slide(ctx, id); err != nil && s.failed.ok() {
		s.log.Warn("the expiry of a binding is not moved by its call", "binding", id, "error", err)
	}
}
