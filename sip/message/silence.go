package message

import (
	"log/slog"

	"github.com/emiago/sipgo/sip"
)

// Silence turns off the logger of the sipgo library, which writes whole
// messages with every number in them. It is called once, by main, before any
// message is read.
func Silence() { sip.SetDefaultLogger(slog.New(slog.DiscardHandler)) }
