package shard

import (
	"bytes"
	"fmt"

	"mask700/sip/call"
)

// Recode replaces every live call by its decoded copy, as a restart would. What
// the encoding leaves out is then missing from the rest of the flow.
func (s *Shard) Recode() error {
	for _, l := range s.calls {
		b, err := l.call.MarshalBinary()
		if err != nil {
			return err
		}
		back := new(call.Call)
		if err := back.UnmarshalBinary(b); err != nil {
			return err
		}
		again, err := back.MarshalBinary()
		if err != nil {
			return err
		}
		if !bytes.Equal(b, again) {
			return fmt.Errorf("a %s call came back changed from its encoding", l.call.State)
		}
		l.call = back
		s.unwatch(l) // what it watches for follows from it
	}
	return nil
}

// Tables says how much is in each table.
func (s *Shard) Tables() map[string]int {
	return map[string]int{
		"calls": len(s.calls), "transactions": len(s.txs), "dialogs": len(s.dialogs),
		"merged": len(s.merged), "tokens": len(s.tokens), "timers": s.timers.Len(), "pending": len(s.pending),
	}
}

// Tamper changes what is kept to be sent again, as a fault of the program would.
func (s *Shard) Tamper(with func([]byte) []byte) {
	for _, t := range s.txs {
		if len(t.last) > 0 {
			t.last = with(t.last)
		}
		if len(t.ack) > 0 {
			t.ack = with(t.ack)
		}
		for i := range t.acks {
			t.acks[i].bytes = with(t.acks[i].bytes)
		}
	}
}
