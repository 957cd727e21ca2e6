package gateway

import (
	"errors"
	"slices"
	"time"

	"mask700/media"
	"mask700/media/prompt"
	"mask700/sip/call"
)

// Prompts is what callers hear of us.
type Prompts struct {
	Catalogue     *prompt.Catalogue // nil: nothing can be played
	Max           int               // refused callers that may hear one at once; the others are refused without
	LastMinute    bool              // as call.Prompts says
	OrderFinished time.Duration     // likewise
	Attempts      int               // likewise
	FirstDigit    time.Duration     // likewise
	NextDigit     time.Duration     // likewise
}

// errCrowded says that enough refused callers hear a prompt already.
var errCrowded = errors.New("as many callers as may be hear why they are refused")

// admit lets one more refused caller hear a prompt. What was admitted is let go
// with dismiss.
func (g *Gateway) admit() bool {
	if g.prompting.Add(1) > int64(g.options.Prompts.Max) {
		g.prompting.Add(-1)
		return false
	}
	return true
}

func (g *Gateway) dismiss() { g.prompting.Add(-1) }

// play plays a prompt to one side, in the codec that is heard already where it
// can be. No prompt ends what plays.
func (w *mediaWorker) play(id string, a call.PlayMedia) {
	if a.Prompt == "" {
		if s := w.session(id, a.Session); s != nil {
			s.Play(media.Side(a.Side), nil, nil)
		}
		return
	}
	over := func(bool) { w.loop.answer(id, call.MediaPlayed{Session: a.Session, Prompt: a.Prompt}) }
	if s := w.session(id, a.Session); s != nil {
		codecs := prompt.Codecs[:]
		if heard := s.Stats().Codec; slices.Contains(codecs, heard) {
			codecs = append([]string{heard}, codecs...)
		}
		for _, codec := range codecs {
			clip := w.loop.gateway.options.Prompts.Catalogue.Clip(prompt.ID(a.Prompt), codec)
			if clip != nil && s.Play(media.Side(a.Side), clip, over) {
				return
			}
		}
	}
	over(false)
}
