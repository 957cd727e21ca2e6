package main

import (
	"fmt"
	"io"
	"net/netip"

	"mask700/cmd/bench/media/trial"
	"mask700/media"
)

// trialFlag makes the process of a relay one of package trial, and trialName begins its name.
const (
	trialFlag = "-trial"
	trialName = "bare "
)

// serveTrial is the process of a bare relay. It ends no calls and counts nothing.
func serveTrial(way string, in io.Reader, out io.Writer) error {
	relay, err := trial.Start(way, [2]netip.Addr{gates[0].Addr(), gates[1].Addr()}, lowestPort, topPort)
	if err != nil {
		return err
	}
	return answerAll(in, out, func(q question) (a answer, err error) {
		switch q.Do {
		case "open":
			for _, c := range q.Calls {
				if c.Relay, err = relay.Open(c.Party); err != nil {
					return a, err
				}
				a.Calls = append(a.Calls, c)
			}
		case "stats":
			a.Stats = new(media.EngineStats)
		default:
			return a, fmt.Errorf("a bare relay cannot %s", q.Do)
		}
		return a, nil
	})
}
